//! The hub as its owner sees it: the real program in a real Chromium, with a script and without.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod chat;
mod door;
mod looks;
mod pages;
mod people;
mod picture;
mod rules;
mod visit;

//! The pages, driven as a browser would, over a house of cardboard.

mod browser;
mod cluster;
mod commands;
mod doors;
mod pages;
mod people;
mod pretend;
mod rules;

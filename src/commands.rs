//! What each command does, one file a command.

pub(crate) mod bench;
pub(crate) mod chat;
pub(crate) mod cluster;
pub(crate) mod command;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod inspect;
pub(crate) mod key;
pub(crate) mod login;
pub(crate) mod migrate;
pub(crate) mod module;
pub(crate) mod openapi;
pub(crate) mod rules;
pub(crate) mod run;

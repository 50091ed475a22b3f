//! The JSON API: who may come in, how errors look, and the routes that belong to no other part.

pub(crate) mod actors;
mod admitted;
pub(crate) mod auth;
pub(crate) mod cluster;
pub(crate) mod communities;
pub(crate) mod error;
mod failures;
pub(crate) mod guard;
pub(crate) mod health;
pub(crate) mod local;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod overlays;
mod patience;
pub(crate) mod rates;
pub(crate) mod router;

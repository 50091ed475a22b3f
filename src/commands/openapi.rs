//! `waddlebot openapi`: prints the description of the API.

use anyhow::Result;

use crate::api::openapi;
use crate::terminal;

/// Prints the OpenAPI document.
pub(crate) fn run() -> Result<()> {
    let document = openapi::document(&openapi::described());
    terminal::text(&format!("{document:#}\n"))
}

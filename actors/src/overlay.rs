//! What viewers see on the stream: one overlay for each community and kind of content.

mod card;
pub mod frame;
mod html;
pub mod item;
pub mod queue;

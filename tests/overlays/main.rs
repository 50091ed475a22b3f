//! The overlays as OBS sees them: the real program, a real Chromium, real pixels.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod again;
mod forms;
mod general;
mod media;
mod secret;
mod sizes;
mod stage;
mod ticker;
mod walk;

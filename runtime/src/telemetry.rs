//! What the house tells about itself: log lines in one form, to several places, and metrics.

mod hidden;

pub use hidden::Hidden;

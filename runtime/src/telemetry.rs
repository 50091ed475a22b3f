//! What the house tells about itself: log lines in one form, to several places, and metrics.

pub mod aaa;
mod hidden;
mod layer;
mod line;
pub mod metrics;
pub mod sinks;

pub use hidden::Hidden;
pub use sinks::{Logging, LoggingError, Options, SyslogPlace, start};

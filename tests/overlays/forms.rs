//! A form on the stream: filled in at the page, and its answers arrive.

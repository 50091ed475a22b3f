//! The pages, driven as a browser would.

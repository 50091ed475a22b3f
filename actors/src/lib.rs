//! Who lives here: channels, communities, module hosts, accounts, delivery, overlays, and the modules.

pub mod overlay;

//! THE LIST of modules. A new one is a file in `modules/` and one line here.

use crate::seat::{Entry, entry};

macro_rules! modules {
    ($($file:ident :: $name:ident),* $(,)?) => {
        $(pub mod $file;)*

        /// Every module, in the order in which help and the hub show them.
        #[must_use]
        pub fn list() -> Vec<Entry> {
            vec![$(entry::<$file::$name>()),*]
        }
    };
}

modules! {
    basics::Basics,
    alias::Alias,
    shoutout::Shoutout,
    inventory::Inventory,
    memories::Memories,
}

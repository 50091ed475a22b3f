//! What stands in this life's hands, or may, and nobody works on: it is found at the next look, as what nobody holds is.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

/// Entries or lines by their id, and how often each was looked for in vain.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<HashMap<String, u32>>);

/// The shelves of a journal.
#[derive(Debug, Default)]
pub(super) struct Loose {
    pub(super) entries: Shelf,
    pub(super) lines: Shelf,
    /// One takes up at a time, so that nobody takes what another has.
    pub(super) taking: tokio::sync::Mutex<()>,
}

/// Looked for this often in vain, it was never written.
const LOOKS: u32 = 60;
/// The most that are looked for together.
const TOGETHER: usize = 500;
/// The most that are remembered; what is beyond is found when this life is over.
const MOST: usize = 100_000;

impl Shelf {
    pub(super) fn put(&self, ids: impl IntoIterator<Item = String>) {
        let mut shelf = self.0.lock();
        shelf.extend(ids.into_iter().map(|id| (id, 0)));
        if shelf.len() > MOST {
            tracing::error!("too much is in nobody's hands: it is found at the next start");
            shelf.clear();
        }
    }

    /// Some of what lies here, to be looked for.
    pub(super) fn some(&self) -> Vec<String> {
        self.0.lock().keys().take(TOGETHER).cloned().collect()
    }

    /// Those of `ids` that lie here.
    pub(super) fn among(&self, ids: &[String]) -> HashSet<String> {
        let shelf = self.0.lock();
        ids.iter().filter(|id| shelf.contains_key(*id)).cloned().collect()
    }

    /// These are in somebody's hands now.
    pub(super) fn taken(&self, ids: &[String]) {
        let mut shelf = self.0.lock();
        ids.iter().for_each(|id| _ = shelf.remove(id));
    }

    /// These were looked for and not found. A commit may come late; what does not come for long was never made.
    pub(super) fn missed<'a>(&self, ids: impl Iterator<Item = &'a String>) {
        let mut shelf = self.0.lock();
        for id in ids {
            if let Some(looks) = shelf.get_mut(id) {
                *looks += 1;
                if *looks > LOOKS {
                    shelf.remove(id);
                }
            }
        }
    }
}

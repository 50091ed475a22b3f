//! What is known of whoever ran as this node before: the data folder keeps the last life that was lived in it.

use std::fs;
use std::path::{Path, PathBuf};

use waddlebot_runtime::membership::{Before, Here};
use waddlebot_runtime::store::Store;

/// The file that says which life it was, as `NODE INCARNATION`.
const FILE: &str = "life";

/// What may be taken for granted of the node's last life. `held` says that this process alone has
/// the data folder: whoever wrote there has ended.
pub(super) fn known(data: &Path, node_id: &str, store: &Store, held: bool) -> Before {
    match (held, store.is_file()) {
        (false, _) => Before::Unknown,
        (true, true) => Before::Alone,
        (true, false) => fs::read_to_string(path(data)).ok().and_then(|text| read(&text, node_id)).map_or(Before::Unknown, Before::Ended),
    }
}

/// Writes this life down for the next start. A life that is not written down is only followed more slowly.
pub(super) fn note(data: &Path, here: &Here) {
    let Some(me) = here.identity() else { return };
    if let Err(error) = fs::write(path(data), format!("{} {}\n", me.node_id, me.incarnation)) {
        tracing::warn!(%error, path = %path(data).display(), "this node's life is not written down: a restart will take longer");
    }
}

fn path(data: &Path) -> PathBuf {
    data.join(FILE)
}

fn read(text: &str, node_id: &str) -> Option<i64> {
    let (node, incarnation) = text.trim_end().rsplit_once(' ')?;
    (node == node_id).then(|| incarnation.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_life_of_this_very_node_counts() {
        assert_eq!(read("n1 7\n", "n1"), Some(7));
        assert_eq!(read("a node 7\n", "a node"), Some(7));
        for text in ["n2 7\n", "n1 seven\n", "n1\n", "", "n1 7 8\n"] {
            assert_eq!(read(text, "n1"), None, "{text:?}");
        }
    }
}

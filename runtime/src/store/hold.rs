//! The hold on a data folder: of two processes that would serve it, the second is refused.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::StoreError;

/// The file that carries the lock and the number of the process that has it.
const FILE: &str = "waddlebot.lock";

/// A hold on a data folder, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Hold {
    _file: File,
}

impl Hold {
    /// Takes the hold on a folder, making the folder when it is missing.
    ///
    /// # Errors
    /// [`StoreError::Held`] when another process has it, [`StoreError::Denied`] when the folder cannot be written.
    pub fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let denied = |error: std::io::Error| StoreError::Denied { path: path.clone(), why: error.to_string() };
        std::fs::create_dir_all(folder).map_err(denied)?;
        // Not emptied here: it tells who holds it. Not removed at the end: somebody may have opened it by then.
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(denied)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Held { folder: folder.to_owned(), pid: holder(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(denied(error)),
        }
        let told = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        told.map_err(denied)?;
        Ok(Self { _file: file })
    }
}

/// The process that says that it holds the file.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_hold_is_refused_with_the_folder_and_the_process_and_given_once_the_first_ends() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = folder.path().join("data");
        let first = Hold::take(&place).expect("nobody has it");
        let refused = Hold::take(&place).expect_err("somebody has it");
        assert!(matches!(&refused, StoreError::Held { pid: Some(pid), .. } if *pid == std::process::id()), "{refused:?}");
        let told = refused.to_string();
        assert!(told.contains(&place.display().to_string()) && told.contains(&std::process::id().to_string()), "{told}");
        drop(first);
        drop(Hold::take(&place).expect("nobody has it any more"));
    }

    #[test]
    fn another_folder_is_no_bar_and_a_folder_that_cannot_be_is_denied() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let _one = Hold::take(&folder.path().join("one")).expect("nobody has it");
        let _two = Hold::take(&folder.path().join("two")).expect("nobody has it");
        std::fs::write(folder.path().join("file"), "no folder").expect("a file");
        let denied = Hold::take(&folder.path().join("file")).expect_err("it is a file");
        assert!(matches!(denied, StoreError::Denied { .. }), "{denied:?}");
    }

    #[test]
    fn what_a_killed_process_left_holds_nobody_up() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join(FILE), "4000000000 and more than a number").expect("a file");
        let _mine = Hold::take(folder.path()).expect("nobody has it");
        let text = std::fs::read_to_string(folder.path().join(FILE)).expect("the file");
        assert_eq!(text, format!("{}\n", std::process::id()));
    }
}

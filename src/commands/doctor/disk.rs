//! The data folder: whether it can be written, who else may read it, and how much room is left.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::Verdict;

/// With less room than this nothing can be kept, with less than the other it is time to look; in MB.
const TOO_LITTLE: u64 = 50;
const LITTLE: u64 = 1024;

/// Whether everything can be kept in it, and by us alone.
pub(super) fn folder(data: &Path) -> Verdict {
    let shown = data.display();
    let metadata = match fs::metadata(data) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return to_be_made(data),
        Err(error) => return Verdict::Error(format!("{shown} cannot be looked at ({error}): choose another with --data")),
    };
    if !metadata.is_dir() {
        return Verdict::Error(format!("{shown} is a file: choose a folder with --data"));
    }
    if let Err(error) = written(data) {
        return Verdict::Error(format!("{shown} cannot be written ({error}): give this user the right to, or choose another with --data"));
    }
    match metadata.mode() & 0o777 {
        mode if mode & 0o007 != 0 => {
            Verdict::Warning(format!("{shown} is open to everybody on this machine (mode {mode:o}), and holds secrets: chmod 700 {shown}"))
        }
        _ => Verdict::Fine(format!("{shown} can be written")),
    }
}

/// A folder that is not there yet is fine where it can be made. Looking at it does not make it.
fn to_be_made(data: &Path) -> Verdict {
    let shown = data.display();
    let Some(above) = data.ancestors().skip(1).find(|above| above.exists()) else {
        return Verdict::Error(format!("{shown} has no folder above it: choose another with --data"));
    };
    match written(above) {
        Ok(()) => Verdict::Fine(format!("{shown} is made at the first start")),
        Err(error) => Verdict::Error(format!("{shown} cannot be made in {} ({error}): choose another with --data", above.display())),
    }
}

/// Tries it: what the mode says is not what a read-only file system or a quota says.
fn written(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    fs::write(&probe, b"1")?;
    fs::remove_file(&probe)
}

/// How much room there is for what is kept.
pub(super) fn space(data: &Path) -> Verdict {
    let Some(there) = data.ancestors().find(|there| there.is_dir()) else {
        return Verdict::Warning("unknown, as there is no data folder".to_owned());
    };
    let free = match rustix::fs::statvfs(there) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize) >> 20,
        Err(error) => return Verdict::Warning(format!("unknown ({error})")),
    };
    let told = format!("{free} MB where {} is", there.display());
    match free {
        none if none < TOO_LITTLE => Verdict::Error(format!("{told}: make room, nothing more can be kept")),
        little if little < LITTLE => Verdict::Warning(format!("{told}: make room before it is full")),
        _ => Verdict::Fine(told),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_is_looked_at_and_not_made() {
        let above = tempfile::tempdir().unwrap();
        let data = above.path().join("a/b");
        assert!(matches!(folder(&data), Verdict::Fine(told) if told.contains("first start")));
        assert!(!above.path().join("a").exists());
        fs::write(above.path().join("a"), "").unwrap();
        assert!(matches!(folder(&data), Verdict::Error(_)));
        assert!(matches!(folder(&above.path().join("a")), Verdict::Error(_)));
        assert!(matches!(space(&data), Verdict::Fine(_) | Verdict::Warning(_)));
    }

    #[test]
    fn a_folder_for_everybody_is_told() {
        let data = tempfile::tempdir().unwrap();
        let opened = |mode| fs::set_permissions(data.path(), fs::Permissions::from_mode(mode)).unwrap();
        opened(0o700);
        assert!(matches!(folder(data.path()), Verdict::Fine(_)));
        opened(0o755);
        assert!(matches!(folder(data.path()), Verdict::Warning(told) if told.contains("chmod 700")));
    }
}

//! The node's secret: one key in the data folder that cookies, forms and overlay tokens are derived from, and fresh randomness.

mod seal;

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::rngs::OsRng;
use rand::{RngCore as _, TryRngCore as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

pub use seal::Unsealed;

/// The name of the key's file in a data folder.
pub const FILE: &str = "secret.key";

/// The shortest key that is taken, in characters.
const SHORTEST: usize = 32;

/// The longest key file that is read, in bytes.
const LONGEST: u64 = 1024;

/// A key nobody else has. Everything derived from it is lost when it is: log-ins, overlay addresses.
#[derive(Clone)]
pub struct Secret([u8; 32]);

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Too short to be safe: no start.
    #[error("the secret key in {place} is shorter than {SHORTEST} characters. Make one with: openssl rand -base64 32")]
    Short {
        /// `WADDLEBOT_SECRET_KEY`, or the file.
        place: String,
    },
    /// The file cannot be read or made.
    #[error("the secret key {}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: String,
    },
}

impl Secret {
    /// The key that was given (`WADDLEBOT_SECRET_KEY`), else the one in the data folder, which is
    /// made when it is missing. Several processes may do so at once: all get the same key.
    ///
    /// # Errors
    /// When the key is shorter than 32 characters, or its file cannot be read or made.
    pub fn open(data: &Path, given: Option<&str>) -> Result<Self, SecretError> {
        if let Some(given) = given {
            return Self::from_text(given, "WADDLEBOT_SECRET_KEY");
        }
        let path = data.join(FILE);
        let failed = |error: io::Error| SecretError::File { path: path.clone(), why: error.to_string() };
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&path).map_err(failed)?;
                read(&path).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        Self::from_text(&text, &path.display().to_string())
    }

    /// A key that ends with this process: for a house that keeps nothing.
    #[must_use]
    pub fn passing() -> Self {
        Self(random_bytes())
    }

    fn from_text(text: &str, place: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        if text.chars().count() < SHORTEST {
            return Err(SecretError::Short { place: place.to_owned() });
        }
        Ok(Self(Sha256::digest(text.as_bytes()).into()))
    }

    /// 32 bytes that only this key gives for this purpose and these parts, in this order (HMAC-SHA256).
    #[must_use]
    pub fn derive(&self, purpose: &str, parts: &[&str]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for part in std::iter::once(&purpose).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// The same as 43 letters that may stand in a URL.
    #[must_use]
    pub fn derive_text(&self, purpose: &str, parts: &[&str]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.derive(purpose, parts))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(hidden)")
    }
}

/// Bytes from the system's randomness.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).expect("the system gives randomness");
    bytes
}

/// Bytes nobody can guess, from this thread's own generator, which the system seeds and seeds again: for names that are
/// made with every request.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that draws names; nothing depends on which")]
pub fn fresh_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// 256 random bits as 43 letters that may stand in a URL.
#[must_use]
pub fn random_text() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

/// What is stored in the place of a token: its SHA-256 in 64 hexadecimal letters.
#[must_use]
pub fn fingerprint(token: &str) -> String {
    hexadecimal("", &digest(token))
}

/// Bytes as letters from 0 to f, two each, behind a prefix.
#[must_use]
pub fn hexadecimal(prefix: &str, bytes: &[u8]) -> String {
    const LETTERS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(prefix.len() + bytes.len() * 2);
    text.push_str(prefix);
    for byte in bytes {
        text.push(char::from(LETTERS[usize::from(byte >> 4)]));
        text.push(char::from(LETTERS[usize::from(byte & 15)]));
    }
    text
}

/// The SHA-256 of a token, as it is kept in memory.
#[must_use]
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Whether two tokens are equal, in a time that does not tell where they differ.
#[must_use]
pub fn equal(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn read(path: &Path) -> io::Result<String> {
    let file = fs::File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(file = %path.display(), "the secret key could be read by others; its permissions are narrowed");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a new key beside the file, then gives it its name: nobody ever reads half a key, and who
/// comes second uses the first one's.
fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(&fingerprint(&random_text())[..16]);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file.write_all(random_text().as_bytes()).and_then(|()| file.sync_all());
    let named = written.and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match named {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = Secret::open(&data, None).unwrap();
        let again = Secret::open(&data, None).unwrap();
        assert_eq!(first.derive("x", &[]), again.derive("x", &[]));
        assert_eq!(fs::metadata(data.join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn processes_that_start_at_once_share_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| Secret::open(folder.path(), None).unwrap().derive("x", &[]))).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_key_given_by_the_environment_wins_and_a_copied_file_gives_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let own = Secret::open(folder.path(), None).unwrap();
        let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
        let copied = Secret::open(Path::new("/nowhere"), Some(&text)).unwrap();
        assert_eq!(own.derive("x", &[]), copied.derive("x", &[]));
    }

    #[test]
    fn a_short_key_is_refused() {
        let error = Secret::open(Path::new("/nowhere"), Some("default-key")).unwrap_err();
        assert!(error.to_string().contains("WADDLEBOT_SECRET_KEY is shorter than 32"));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "short").unwrap();
        assert!(matches!(Secret::open(folder.path(), None), Err(SecretError::Short { .. })));
    }

    #[test]
    fn a_key_that_others_could_read_is_narrowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, "0123456789012345678901234567890123456789").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        Secret::open(folder.path(), None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn purposes_and_parts_do_not_run_into_each_other() {
        let secret = Secret::from_text(&random_text(), "test").unwrap();
        assert_ne!(secret.derive("a", &["bc"]), secret.derive("ab", &["c"]));
        assert_ne!(secret.derive("a", &["b", "c"]), secret.derive("a", &["bc"]));
        assert_eq!(secret.derive_text("a", &[]).len(), 43);
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
    }

    #[test]
    fn a_fingerprint_is_the_sha_256_of_the_token() {
        assert_eq!(fingerprint("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(equal("abc", "abc") && !equal("abc", "abd") && !equal("abc", "ab"));
    }
}

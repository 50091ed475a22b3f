//! Seals what is stored and must be read again: AES-256-GCM under a key derived for its purpose.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::{Secret, random_bytes};

/// The first byte of everything sealed this way.
const VERSION: u8 = 1;

/// What was sealed cannot be read: another key, another place, or changed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed here was sealed with another secret key, or was changed")]
pub struct Unsealed;

impl Secret {
    /// Seals bytes for a purpose and a place: they open nowhere else.
    #[must_use]
    pub fn seal(&self, purpose: &str, place: &str, open: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random_bytes();
        let mut text = open.to_vec();
        let key = self.sealing(purpose);
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.as_bytes()), &mut text)
            .expect("what is sealed here is far from the cipher's bound");
        [&[VERSION][..], &nonce, &text].concat()
    }

    /// Opens what [`Secret::seal`] sealed for the same purpose and place.
    ///
    /// # Errors
    /// [`Unsealed`].
    pub fn unseal(&self, purpose: &str, place: &str, sealed: &[u8]) -> Result<Vec<u8>, Unsealed> {
        let (nonce, text) = match sealed.split_first() {
            Some((&VERSION, rest)) => rest.split_first_chunk::<NONCE_LEN>().ok_or(Unsealed)?,
            _ => return Err(Unsealed),
        };
        let mut text = text.to_vec();
        let key = self.sealing(purpose);
        let opened = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(place.as_bytes()), &mut text);
        opened.map(|open| open.to_vec()).map_err(|_| Unsealed)
    }

    fn sealing(&self, purpose: &str) -> LessSafeKey {
        let key = self.derive("seal", &[purpose]);
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("32 bytes are a key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(letter: &str) -> Secret {
        Secret::from_text(&letter.repeat(40), "test").unwrap()
    }

    #[test]
    fn what_is_sealed_opens_only_with_its_key_for_its_purpose_and_in_its_place() {
        let sealed = secret("a").seal("headers", "command 7", b"token");
        assert_ne!(sealed, secret("a").seal("headers", "command 7", b"token"));
        assert_eq!(secret("a").unseal("headers", "command 7", &sealed), Ok(b"token".to_vec()));
        for (letter, purpose, place) in [("b", "headers", "command 7"), ("a", "other", "command 7"), ("a", "headers", "command 8")] {
            assert_eq!(secret(letter).unseal(purpose, place, &sealed), Err(Unsealed));
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(secret("a").unseal("headers", "command 7", &changed), Err(Unsealed), "{at}");
        }
        assert_eq!(secret("a").unseal("headers", "command 7", b""), Err(Unsealed));
    }
}

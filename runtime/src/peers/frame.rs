//! What travels between two nodes: a length, a kind, a number, and bytes; limits before anything is allocated.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::gateway::LARGEST;

/// Kind and number.
const HEAD: usize = 9;

/// What a frame is. New kinds get new numbers; an unknown one ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// Who speaks, as JSON.
    Hello = 1,
    /// That the speaker knows the cookie.
    Proof = 2,
    /// Why the other side is not let in, as text.
    Refused = 3,
    /// An envelope.
    Bring = 4,
    /// What became of an envelope at once.
    Taken = 5,
    /// What came of it later.
    Outcome = 6,
    /// Are you there?
    Ping = 7,
    /// I am.
    Pong = 8,
}

impl Kind {
    fn read(byte: u8) -> Option<Self> {
        let all = [Self::Hello, Self::Proof, Self::Refused, Self::Bring, Self::Taken, Self::Outcome, Self::Ping, Self::Pong];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// Which envelope it is about.
    pub(super) number: u64,
    pub(super) body: Vec<u8>,
}

/// The most bytes of a frame's body while the two do not know each other.
pub(super) const GREETING: usize = 4096;

/// A frame as bytes.
pub(super) fn written(kind: Kind, number: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + HEAD + body.len());
    let length = u32::try_from(HEAD + body.len()).expect("an envelope is smaller than 4 GiB");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.push(kind as u8);
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Reads the next frame with a body of at most `largest` bytes.
pub(super) async fn read<R: AsyncRead + Unpin>(from: &mut R, largest: usize) -> io::Result<Frame> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let length = u32::from_le_bytes(length) as usize;
    if !(HEAD..=HEAD + largest.min(LARGEST)).contains(&length) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
    }
    let mut head = [0; HEAD];
    from.read_exact(&mut head).await?;
    let kind = Kind::read(head[0]).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a frame of an unknown kind"))?;
    let number = u64::from_le_bytes(head[1..].try_into().expect("eight bytes are left"));
    let mut body = vec![0; length - HEAD];
    from.read_exact(&mut body).await?;
    Ok(Frame { kind, number, body })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ready<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
    }

    #[test]
    fn a_frame_is_read_as_it_was_written_and_no_more_is_taken() {
        let mut bytes = written(Kind::Bring, 7, b"hello");
        bytes.extend(written(Kind::Ping, 8, b""));
        let mut from = bytes.as_slice();
        let first = ready(read(&mut from, LARGEST)).expect("a frame");
        assert_eq!(first, Frame { kind: Kind::Bring, number: 7, body: b"hello".to_vec() });
        assert_eq!(ready(read(&mut from, LARGEST)).expect("a frame").kind, Kind::Ping);
    }

    #[test]
    fn a_length_that_is_too_large_is_refused_before_anything_is_read() {
        let mut bytes = written(Kind::Hello, 0, &[0; 5000]);
        assert!(ready(read(&mut bytes.as_slice(), GREETING)).is_err());
        bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(ready(read(&mut bytes.as_slice(), LARGEST)).is_err());
    }

    proptest! {
        #[test]
        fn whatever_arrives_is_a_frame_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ready(read(&mut bytes.as_slice(), LARGEST));
        }
    }
}

//! Frames that wait together leave in one write per page.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::{Bytes, BytesMut};

use super::super::socket::Socket;
use super::{Group, STRIDE};

/// Frames that leave in one write.
#[derive(Default)]
pub(super) struct Batch {
    frames: Vec<Bytes>,
}

impl Batch {
    /// More than this is not copied together: a page takes it in several writes.
    const LARGEST: usize = 64 * 1024;

    pub(super) fn add(&mut self, frame: Bytes) {
        self.frames.push(frame);
    }

    pub(super) async fn send(&mut self, group: &Group, sockets: &[Arc<Socket>]) {
        let frames = std::mem::take(&mut self.frames);
        if sockets.is_empty() {
            return;
        }
        group.frames.fetch_add((frames.len() * sockets.len()) as u64, Relaxed);
        for chunk in joined(frames) {
            for stride in sockets.chunks(STRIDE) {
                for socket in stride {
                    socket.broadcast(&chunk);
                }
                tokio::task::yield_now().await;
            }
        }
    }
}

/// The frames in as few pieces as [`Batch::LARGEST`] allows; a single frame is not copied.
fn joined(frames: Vec<Bytes>) -> Vec<Bytes> {
    let mut chunks: Vec<Bytes> = Vec::new();
    let mut open = BytesMut::new();
    let mut whole: Option<Bytes> = None;
    for frame in frames {
        let held = open.len() + whole.as_ref().map_or(0, Bytes::len);
        if held + frame.len() > Batch::LARGEST && held > 0 {
            chunks.extend(whole.take());
            if !open.is_empty() {
                chunks.push(open.split().freeze());
            }
        }
        if open.is_empty() && whole.is_none() {
            whole = Some(frame);
        } else {
            if let Some(first) = whole.take() {
                open.extend_from_slice(&first);
            }
            open.extend_from_slice(&frame);
        }
    }
    chunks.extend(whole);
    if !open.is_empty() {
        chunks.push(open.freeze());
    }
    chunks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn joining_frames_keeps_every_byte_in_order(sizes in prop::collection::vec(prop_oneof![0usize..50, 30_000usize..70_000], 0..12)) {
            let frames: Vec<Bytes> = sizes.iter().enumerate().map(|(at, size)| Bytes::from(vec![at as u8; *size])).collect();
            let wanted: Vec<u8> = frames.concat();
            let chunks = joined(frames);
            prop_assert_eq!(chunks.concat(), wanted);
        }
    }
}

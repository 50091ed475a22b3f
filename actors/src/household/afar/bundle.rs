//! What is heard for a channel elsewhere, gathered and cut so that it fits into envelopes.

use tokio::sync::mpsc;
use waddlebot_runtime::chat::ChatMessage;
use waddlebot_runtime::gateway::Payload;
use waddlebot_runtime::intake::Heard;

use crate::channel::resolve;

/// What is said goes together, up to so many messages and bytes.
const MESSAGES: usize = 100;
const BYTES: usize = 64 * 1024;

/// Much that was said, in pieces that fit into an envelope.
pub(super) fn pieces(messages: Vec<ChatMessage>) -> Vec<Vec<ChatMessage>> {
    let (mut pieces, mut bytes) = (Vec::new(), BYTES);
    for message in messages {
        let more = cost(&message);
        if bytes + more > BYTES || pieces.last().is_none_or(|piece: &Vec<_>| piece.len() >= MESSAGES) {
            pieces.push(Vec::new());
            bytes = 0;
        }
        bytes += more;
        if let Some(piece) = pieces.last_mut() {
            piece.push(message);
        }
    }
    pieces
}

/// Whether something must not be lost, and so goes through the inbox where it must.
pub(super) fn weighs(payload: &Payload) -> bool {
    match payload {
        Payload::Said(messages) => messages.iter().any(|message| resolve::is_command(&message.text)),
        Payload::Asked(message) => resolve::is_command(&message.text),
        Payload::Happened(_) => true,
        Payload::Errand(_) => false,
    }
}

/// About how many bytes a message takes.
fn cost(message: &ChatMessage) -> usize {
    200 + message.text.len() + message.by.name.len() + message.by.id.len() + message.id.len()
}

/// Adds what was said meanwhile; gives what came behind it and is something else.
pub(super) fn gather(messages: &mut Vec<ChatMessage>, heard: &mut mpsc::Receiver<Heard>) -> Option<Heard> {
    let size = |messages: &[ChatMessage]| messages.iter().map(cost).sum::<usize>();
    let mut bytes = size(messages);
    while messages.len() < MESSAGES && bytes < BYTES {
        match heard.try_recv() {
            Ok(Heard::Said(more)) => {
                bytes += size(&more);
                messages.extend(more);
            }
            Ok(other) => return Some(other),
            Err(_) => return None,
        }
    }
    None
}

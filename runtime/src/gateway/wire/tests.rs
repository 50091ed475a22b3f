//! What is written is read again, and nothing else is.

use proptest::prelude::*;

use super::*;
use crate::chat::{Role, User};
use crate::event::EventKind;
use crate::intake::{Outcome, Verdict};
use crate::response::Response;

fn message(text: &str) -> ChatMessage {
    ChatMessage { id: "m1".into(), by: User { id: "7".into(), name: "ana".into(), role: Role::Moderator }, text: text.into(), at: 12 }
}

fn envelope(payload: Payload) -> Envelope {
    Envelope { entity: "local:lobby".into(), under: "community:2".into(), epoch: 3, id: "local:lobby|m1".into(), payload }
}

fn garbled<T: std::fmt::Debug>(read: Result<T, WireError>) -> bool {
    matches!(read, Err(WireError::Garbled(_)))
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(text in "\\PC{0,80}", epoch in any::<i64>(), amount in any::<i64>(), kind in 0usize..33) {
        let event = Event { id: "e".into(), kind: EventKind::ALL[kind], by: message("").by, amount, text: text.as_str().into() };
        for payload in [Payload::Said(vec![message(&text), message("!so bob")]), Payload::Asked(message(&text)), Payload::Happened(event)] {
            let sent = Envelope { epoch, ..envelope(payload) };
            prop_assert_eq!(Envelope::read(&sent.write(VERSION).unwrap()).unwrap(), sent);
        }
    }

    #[test]
    fn whatever_arrives_is_read_or_refused_and_never_breaks_anything(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        Envelope::read(&bytes).ok();
        Answer::read(&bytes).ok();
        let mut told = VERSION.to_le_bytes().to_vec();
        told.extend(&bytes);
        Envelope::read(&told).ok();
        Answer::read(&told).ok();
    }

    #[test]
    fn an_envelope_with_one_byte_changed_breaks_nothing(at in 0usize..60, to in any::<u8>()) {
        let mut bytes = envelope(Payload::Asked(message("!ping"))).write(VERSION).unwrap();
        let at = at % bytes.len();
        bytes[at] = to;
        Envelope::read(&bytes).ok();
    }
}

#[test]
fn every_answer_is_read_again() {
    let outcome = Outcome { responses: vec![Response::say("pong")], ran: vec![], verdict: Verdict::Done };
    let moved = Answer::Moved { owner: Some("n2".into()), epoch: 9 };
    for answer in [Answer::Taken, Answer::outcome(&outcome), moved, Answer::Busy, Answer::Unsupported { version: VERSION }] {
        assert_eq!(Answer::read(&answer.write(VERSION)), Ok(answer));
    }
    let Answer::Outcome(json) = Answer::outcome(&outcome) else { panic!("an outcome") };
    assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), outcome);
}

#[test]
fn another_version_is_named_in_the_refusal() {
    let mut bytes = envelope(Payload::Asked(message("!ping"))).write(VERSION).unwrap();
    bytes[0] = 9;
    assert_eq!(Envelope::read(&bytes), Err(WireError::Version(9)));
    assert_eq!(Envelope::read(&bytes).unwrap_err().to_string(), "it is of version 9; this program reads 1 to 1");
    assert!(garbled(Envelope::read(&bytes[..1])));
}

#[test]
fn what_is_too_large_is_neither_written_nor_read() {
    let long = "x".repeat(LARGEST);
    assert!(matches!(envelope(Payload::Asked(message(&long))).write(VERSION), Err(WireError::Large(_))));
    assert!(matches!(Envelope::read(&vec![1; LARGEST + 1]), Err(WireError::Large(_))));
    assert_eq!(Answer::read(&Answer::Outcome(long).write(VERSION)), Ok(Answer::Taken));
    // A length that only claims to be there: a list of 2^60 messages in eleven bytes.
    let mut liar = VERSION.to_le_bytes().to_vec();
    liar.extend([1, b'a', 0, 1, b'a', 0, 253]);
    liar.extend((1u64 << 60).to_le_bytes());
    assert!(garbled(Envelope::read(&liar)));
}

#[test]
fn an_envelope_for_nobody_without_an_id_or_with_more_behind_it_is_refused() {
    let good = envelope(Payload::Said(vec![]));
    for bad in [
        Envelope { entity: String::new(), ..good.clone() },
        Envelope { entity: "no-platform".into(), ..good.clone() },
        Envelope { entity: format!("a:{}", "b".repeat(600)), ..good.clone() },
        Envelope { id: String::new(), ..good.clone() },
        Envelope { id: "i".repeat(600), ..good.clone() },
    ] {
        assert!(garbled(Envelope::read(&bad.write(VERSION).unwrap())), "{bad:?}");
    }
    let mut more = good.write(VERSION).unwrap();
    more.push(0);
    assert!(garbled(Envelope::read(&more)));
}

#[test]
fn a_node_speaks_with_the_version_before_and_after_its_own_and_with_no_other() {
    assert_eq!(agreed(6..=7, 6..=7), Some(7));
    assert_eq!((agreed(6..=7, 5..=6), agreed(5..=6, 6..=7)), (Some(6), Some(6)));
    assert_eq!((agreed(6..=7, 4..=5), agreed(4..=5, 6..=7)), (None, None));
    assert_eq!(agreed(RangeInclusive::new(7, 6), 6..=7), None, "nonsense is no version");
    let bytes = Answer::Taken.write(6);
    assert_eq!(bytes[..2], 6u16.to_le_bytes(), "what was agreed on is what is written");
    const { assert!(OLDEST + 1 >= VERSION, "a node reads at least the version before its own") };
}

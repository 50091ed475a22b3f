//! What a channel answered lately to messages with an id: who sends one again gets the first answer, and is not judged twice.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use waddlebot_runtime::intake::{Outcome, Verdict};

/// So many messages are remembered at most, and none for longer than [`super::SEEN`].
const MOST: usize = 512;

/// Stands for a message's id: two hashes that nobody can foresee.
type Key = (u64, u64);

/// Who waits for what comes of a message.
pub struct Asker {
    to: oneshot::Sender<Arc<Outcome>>,
    /// Nothing where the message has no id.
    key: Option<Key>,
    /// The speaker may: they were told so before, under this message's id.
    is_admitted: bool,
}

/// What was answered lately. Cloning shares it: the channel asks, its delivery fills.
#[derive(Clone, Default)]
pub struct Before {
    hashes: (RandomState, RandomState),
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    known: HashMap<Key, Known, RandomState>,
    order: VecDeque<(Duration, Key)>,
}

enum Known {
    /// Its speaker may; the journal knows, or will, what came of it.
    Admitted,
    /// It was answered, and stands in no journal.
    Answered(Arc<Outcome>),
}

impl Before {
    /// Who asks, unless the message was answered before: then they are told, and nothing is left to do.
    pub(super) fn asks(&self, id: &str, to: oneshot::Sender<Arc<Outcome>>) -> Option<Asker> {
        if id.is_empty() {
            return Some(Asker::new(to));
        }
        let key = (self.hashes.0.hash_one(id), self.hashes.1.hash_one(id));
        let is_admitted = match self.memory.lock().known.get(&key) {
            Some(Known::Answered(first)) => {
                to.send(again(first).into()).ok();
                return None;
            }
            known => known.is_some(),
        };
        Some(Asker { to, key: Some(key), is_admitted })
    }

    /// Notes that the speaker may: whatever is decided about them later, this message is not judged again.
    pub(super) fn admit(&self, asker: Option<&Asker>, now: Duration) {
        if let Some(key) = asker.and_then(|asker| asker.key) {
            self.memory.lock().note(key, Known::Admitted, now);
        }
    }

    /// Forgets what is too old.
    pub(super) fn sweep(&self, now: Duration) {
        let mut memory = self.memory.lock();
        while memory.order.front().is_some_and(|(at, _)| *at + super::SEEN <= now) {
            memory.forget_one();
        }
    }

    /// How many messages are remembered.
    pub(super) fn len(&self) -> usize {
        self.memory.lock().order.len()
    }

    /// Tells who asked what came of it, and remembers that where no journal does.
    pub(crate) fn answer(&self, asker: Asker, outcome: Outcome, in_journal: bool, now: Duration) {
        let Asker { to, key, .. } = asker;
        let outcome = Arc::new(outcome);
        if let Some(key) = key
            && !in_journal
            && outcome.verdict != Verdict::Unavailable
        {
            self.memory.lock().note(key, Known::Answered(outcome.clone()), now);
        }
        to.send(outcome).ok();
    }
}

impl Asker {
    /// Who asks for what the journal remembers in any case.
    pub(super) fn new(to: oneshot::Sender<Arc<Outcome>>) -> Self {
        Self { to, key: None, is_admitted: false }
    }

    /// Whether [`Before::admit`] was told of this message.
    pub(super) fn is_admitted(&self) -> bool {
        self.is_admitted
    }

    /// Tells who asked, and remembers nothing.
    pub(super) fn tell(self, outcome: Outcome) {
        self.to.send(outcome.into()).ok();
    }
}

impl Memory {
    fn note(&mut self, key: Key, what: Known, now: Duration) {
        if self.known.insert(key, what).is_none() {
            self.order.push_back((now, key));
        }
        if self.order.len() > MOST {
            self.forget_one();
        }
    }

    fn forget_one(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.known.remove(&key);
        }
    }
}

/// The first answer as it is given again: what was refused or failed is so still, what was done is not done again.
fn again(first: &Outcome) -> Outcome {
    let verdict = if first.verdict == Verdict::Done { Verdict::Duplicate } else { first.verdict };
    Outcome { verdict, ..first.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1000 + seconds)
    }

    /// Asks under an id; what is answered from memory, if anything.
    fn asks(before: &Before, id: &str) -> Result<Asker, Arc<Outcome>> {
        let (sender, mut receiver) = oneshot::channel();
        before.asks(id, sender).ok_or_else(|| receiver.try_recv().expect("told at once"))
    }

    #[test]
    fn the_first_answer_is_given_again_and_a_refusal_stays_one() {
        let before = Before::default();
        for (id, verdict, then) in [("a", Verdict::Done, Verdict::Duplicate), ("b", Verdict::Limited, Verdict::Limited)] {
            let asker = asks(&before, id).expect("new");
            before.answer(asker, Outcome { verdict, ..Outcome::default() }, false, at(0));
            assert_eq!(asks(&before, id).err().expect("known").verdict, then);
        }
        let asker = asks(&before, "c").expect("new");
        before.answer(asker, Outcome { verdict: Verdict::Unavailable, ..Outcome::default() }, false, at(0));
        assert!(asks(&before, "c").is_ok() && asks(&before, "").is_ok(), "nothing came of it yet");
    }

    #[test]
    fn memory_is_bounded_in_number_and_time() {
        let before = Before::default();
        for id in 0..2 * MOST {
            let asker = asks(&before, &id.to_string()).ok();
            before.admit(asker.as_ref(), at(0));
            assert!(
                asks(&before, &id.to_string()).is_ok_and(|again| again.is_admitted()) && asker.is_some_and(|first| !first.is_admitted())
            );
        }
        assert_eq!((before.len(), before.memory.lock().known.len()), (MOST, MOST));
        before.sweep(at(900));
        assert_eq!((before.len(), before.memory.lock().known.len()), (0, 0));
    }
}

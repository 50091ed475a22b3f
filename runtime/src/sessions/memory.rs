//! Sessions in this process: a bounded map, and the order in which they expire.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use parking_lot::Mutex;

use super::{Session, SessionError, Sessions, Statistics, is_id, noted};
use crate::clock::Clock;
use crate::platform::Boxed;

/// So many sessions are kept at most; a further one takes the place of the one nearest its end.
const MOST: usize = 100_000;

/// Sessions that end with the process.
pub struct MemorySessions {
    clock: Clock,
    ttl: Duration,
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_id: HashMap<String, (Duration, Session)>,
    by_end: BTreeSet<(Duration, String)>,
}

impl MemorySessions {
    /// An empty keeper whose sessions live for `ttl` after their last use.
    #[must_use]
    pub fn new(clock: Clock, ttl: Duration) -> Self {
        Self { clock, ttl, most: MOST, kept: Mutex::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept, Duration) -> T) -> T {
        let now = self.clock.since_boot();
        let mut kept = self.kept.lock();
        kept.sweep(now);
        work(&mut kept, now)
    }

    fn begin(&self, id: String, entity: &str, facts: &[(&str, &str)]) -> Result<Session, SessionError> {
        let at = self.clock.now();
        let facts = noted(facts)?;
        let session = Session { id, entity: entity.to_owned(), created_at: at, last_activity: at, request_count: 0, facts };
        self.with(|kept, now| {
            kept.delete(&session.id);
            while kept.by_id.len() >= self.most {
                kept.drop_first();
            }
            kept.by_end.insert((now + self.ttl, session.id.clone()));
            kept.by_id.insert(session.id.clone(), (now + self.ttl, session.clone()));
        });
        Ok(session)
    }
}

impl Kept {
    fn sweep(&mut self, now: Duration) {
        while self.by_end.first().is_some_and(|(end, _)| *end <= now) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some((_, id)) = self.by_end.pop_first() {
            self.by_id.remove(&id);
        }
    }

    fn touch(&mut self, id: &str, end: Duration, at: crate::chat::Millis) -> Option<Session> {
        let (old_end, session) = self.by_id.get_mut(id)?;
        self.by_end.remove(&(*old_end, id.to_owned()));
        self.by_end.insert((end, id.to_owned()));
        *old_end = end;
        session.last_activity = at;
        session.request_count += 1;
        Some(session.clone())
    }

    fn delete(&mut self, id: &str) -> bool {
        let Some((end, session)) = self.by_id.remove(id) else {
            return false;
        };
        self.by_end.remove(&(end, session.id))
    }
}

impl Sessions for MemorySessions {
    fn open<'a>(&'a self, id: String, entity: &'a str, facts: &'a [(&'a str, &'a str)]) -> Boxed<'a, Result<Session, SessionError>> {
        Box::pin(async move { self.begin(id, entity, facts) })
    }

    fn get<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<Option<Session>, SessionError>> {
        Box::pin(async move { Ok(self.with(|kept, _| kept.by_id.get(id).map(|(_, session)| session.clone()))) })
    }

    fn touch<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<Option<Session>, SessionError>> {
        Box::pin(async move {
            let at = self.clock.now();
            Ok(if is_id(id) { self.with(|kept, now| kept.touch(id, now + self.ttl, at)) } else { None })
        })
    }

    fn delete<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<bool, SessionError>> {
        Box::pin(async move { Ok(self.with(|kept, _| kept.delete(id))) })
    }

    fn statistics(&self) -> Boxed<'_, Result<Statistics, SessionError>> {
        Box::pin(async move {
            let at = self.clock.now();
            let mut all = Statistics::default();
            self.with(|kept, _| {
                for (_, session) in kept.by_id.values() {
                    all.count(session.last_activity, session.request_count, at);
                }
            });
            Ok(all)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_keeper_lets_the_one_nearest_its_end_go() {
        let clock = Clock::turned();
        let sessions = MemorySessions { most: 2, ..MemorySessions::new(clock.clone(), Duration::from_secs(60)) };
        let first = sessions.create("a", &[]).await.unwrap();
        clock.turn(Duration::from_secs(1));
        let second = sessions.create("b", &[]).await.unwrap();
        clock.turn(Duration::from_secs(1));
        sessions.touch(&first.id).await.unwrap();
        sessions.create("c", &[]).await.unwrap();
        assert!(sessions.get(&first.id).await.unwrap().is_some());
        assert!(sessions.get(&second.id).await.unwrap().is_none());
        let kept = sessions.kept.lock();
        assert_eq!((kept.by_id.len(), kept.by_end.len()), (2, 2));
    }

    #[tokio::test]
    async fn what_is_over_takes_no_room() {
        let clock = Clock::turned();
        let sessions = MemorySessions::new(clock.clone(), Duration::from_secs(60));
        for _ in 0..10 {
            sessions.create("a", &[]).await.unwrap();
        }
        clock.turn(Duration::from_secs(60));
        sessions.create("b", &[]).await.unwrap();
        let kept = sessions.kept.lock();
        assert_eq!((kept.by_id.len(), kept.by_end.len()), (1, 1));
    }
}

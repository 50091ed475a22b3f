//! Which streams are on air: gathered for a second, then written to the claims, so that what is live is served first and stays.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::Placement;
use crate::spawn;
use crate::store::claims;

/// How long news is gathered.
const GATHER: Duration = Duration::from_secs(1);
/// The pause after the database did not take it.
const PAUSE: Duration = Duration::from_secs(5);
/// How much waits; beyond, an entity keeps what it had.
const MOST: usize = 100_000;

/// News that is not written yet: by leader, then by entity.
#[derive(Default)]
pub(super) struct Airing(Mutex<Gathered>);

#[derive(Default)]
struct Gathered {
    news: BTreeMap<String, BTreeMap<String, (bool, i64)>>,
    many: usize,
    writing: bool,
}

impl Airing {
    /// Takes a piece of news; `true` when somebody must be sent to write it.
    fn note(&self, entity: &str, beside: &str, news: (bool, i64)) -> bool {
        let mut gathered = self.0.lock();
        if gathered.many >= MOST {
            return false;
        }
        if gathered.news.entry(beside.to_owned()).or_default().insert(entity.to_owned(), news).is_none() {
            gathered.many += 1;
        }
        !std::mem::replace(&mut gathered.writing, true)
    }

    /// What is gathered for one leader; when there is nothing, whoever writes may go.
    fn next(&self) -> Option<(String, Vec<(String, bool, i64)>)> {
        let mut gathered = self.0.lock();
        let Some((leader, news)) = gathered.news.pop_first() else {
            gathered.writing = false;
            return None;
        };
        gathered.many -= news.len();
        Some((leader, news.into_iter().map(|(entity, (is_live, viewers))| (entity, is_live, viewers)).collect()))
    }

    /// Gives back what was not written, unless there is newer.
    fn give_back(&self, leader: String, news: Vec<(String, bool, i64)>) {
        let mut gathered = self.0.lock();
        let mut added = 0;
        let known = gathered.news.entry(leader).or_default();
        for (entity, is_live, viewers) in news {
            known.entry(entity).or_insert_with(|| {
                added += 1;
                (is_live, viewers)
            });
        }
        gathered.many += added;
    }
}

impl Placement {
    /// Notes that an entity's stream is on air or not, and how many watch. Written within a second or two.
    pub fn note_airing(&self, entity: &str, beside: &str, is_live: bool, viewers: i64) {
        if !self.0.airing.note(entity, beside, (is_live, viewers)) {
            return;
        }
        let placement = self.clone();
        spawn::task("airing", async move {
            let clock = placement.0.clock.clone();
            clock.sleep(GATHER).await;
            while let Some((leader, news)) = placement.0.airing.next() {
                if let Err(error) = claims::air(&placement.0.store, &leader, &news, clock.now()).await {
                    tracing::warn!(leader, %error, "what is on air was not written down yet");
                    placement.0.airing.give_back(leader, news);
                    clock.sleep(PAUSE).await;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_news_of_an_entity_is_written_once_and_by_one() {
        let airing = Airing::default();
        assert!(airing.note("x::a", "community:2", (true, 5)));
        assert!(!airing.note("x::a", "community:2", (true, 9)), "somebody writes already");
        assert!(!airing.note("x::b", "community:2", (false, 0)));
        let (leader, news) = airing.next().expect("there is news");
        assert_eq!(leader, "community:2");
        assert_eq!(news, [("x::a".to_owned(), true, 9), ("x::b".to_owned(), false, 0)]);
        airing.note("x::a", "community:2", (false, 0));
        airing.give_back(leader, news);
        let (_, news) = airing.next().expect("there is news");
        assert_eq!(news, [("x::a".to_owned(), false, 0), ("x::b".to_owned(), false, 0)], "newer news stays");
        assert!(airing.next().is_none());
        assert!(airing.note("x::a", "community:2", (true, 1)), "nobody writes any more");
    }
}

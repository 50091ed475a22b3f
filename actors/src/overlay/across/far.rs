//! A node's view of an overlay that another node keeps: which frame its pages have, and what they have said.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::secret::random_text;
use waddlebot_runtime::spawn;

use super::super::group::{Deed, Group};
use super::super::overlays::{Overlays, ShowError};
use super::super::socket::Sight;
use super::super::{Order, frame};
use super::{Call, Frames, Heard, Place, Say, Saying, Shown, Stamp, Taken, Way, Word};
use crate::household::afar::Missed;

/// How often a node says that it looks on.
const RENEW: Duration = Duration::from_secs(5);
/// How often it looks whether the owner can be reached.
const WATCH: Duration = Duration::from_millis(500);
/// The pause after nobody answered.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the owner may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How much of what pages say waits, and how much goes together.
const SAYS: usize = 512;
const TOGETHER: usize = 96 * 1024;

/// An overlay that another node keeps, as the pages of this node have it.
pub(in crate::overlay) struct Far {
    view: Mutex<View>,
    says: Mutex<VecDeque<Say>>,
    /// Some page must be told what shows.
    wanted: AtomicBool,
    /// Whoever was the owner is it no longer.
    astray: AtomicBool,
    roused: Notify,
    over: CancellationToken,
}

impl Far {
    /// Looks on from now on, until this node keeps the overlay itself or has no pages any more.
    pub(in crate::overlay) fn open(overlays: &Overlays, group: &Arc<Group>, way: Arc<dyn Way>, place: Place) -> Arc<Self> {
        let far = Arc::new(Self {
            view: Mutex::default(),
            says: Mutex::default(),
            wanted: AtomicBool::new(true),
            astray: AtomicBool::new(false),
            roused: Notify::new(),
            over: CancellationToken::new(),
        });
        let looker = Looker { overlays: overlays.clone(), group: group.clone(), far: far.clone(), way, place: Some(place) };
        spawn::task("overlay afar", looker.run());
        far
    }

    /// A page must be told what shows.
    pub(in crate::overlay) fn want(&self) {
        self.wanted.store(true, SeqCst);
        self.roused.notify_one();
    }

    /// How many pages there are has changed.
    pub(in crate::overlay) fn rouse(&self) {
        self.roused.notify_one();
    }

    /// A page said something for the owner. What does not fit is given up.
    pub(in crate::overlay) fn say(&self, what: Saying) {
        let mut says = self.says.lock();
        if says.len() >= SAYS || size(&what) > TOGETHER {
            metrics::counter!("waddlebot_overlay_says_lost_total").increment(1);
            return;
        }
        says.push_back(Say { id: random_text(), what });
        drop(says);
        self.roused.notify_one();
    }

    /// It is over: this node keeps the overlay itself.
    pub(in crate::overlay) fn end(&self) {
        self.over.cancel();
    }

    /// The stamp its pages have.
    pub(in crate::overlay) fn stamp(&self) -> Option<Stamp> {
        self.view.lock().0
    }

    /// Frames from the owner for the pages of this node.
    pub(super) fn frames(&self, group: &Group, frames: Frames) -> Taken {
        let mut view = self.view.lock();
        if frames.over {
            self.astray.store(true, SeqCst);
            self.roused.notify_one();
            return Taken::Shown;
        }
        match view.take(frames.first, frames.frames.len() as u64) {
            Fit::From(skip) => {
                for leaf in frames.frames.into_iter().skip(skip) {
                    let Some(frame) = leaf.frame.frame() else { continue };
                    group.await_acknowledgement(leaf.awaits.as_deref());
                    group.add(Deed::Broadcast(frame));
                }
                Taken::Shown
            }
            Fit::Old => Taken::Shown,
            Fit::Gap => {
                metrics::counter!("waddlebot_overlay_gaps_total").increment(1);
                self.want();
                Taken::Missing
            }
        }
    }

    /// The owner's answer: what shows.
    fn heard(&self, group: &Group, heard: Heard, now: i64) {
        let mut view = self.view.lock();
        let before = view.0;
        if heard.sight == Shown::Same || !view.synced(heard.stamp) {
            return;
        }
        let shows = match &heard.sight {
            Shown::Frame(packed) => packed.frame(),
            Shown::Nothing | Shown::Same => None,
        };
        group.await_acknowledgement(heard.awaits.as_deref());
        let sight = Sight { shows, clear: frame::clear(now) };
        // Who is up to date is left alone when nothing is new.
        group.add(if before == Some(heard.stamp) { Deed::Catch(sight) } else { Deed::Replace(sight) });
    }
}

fn size(what: &Saying) -> usize {
    match what {
        Saying::Acknowledged(id) => id.len(),
        Saying::Told(kind, data) => kind.len() + data.to_string().len(),
        Saying::Submitted(id, answers) => id.len() + Value::Object(Map::clone(answers)).to_string().len(),
    }
}

/// The frame that the pages of a node have.
#[derive(Debug, Default)]
struct View(Option<Stamp>);

/// How frames fit what is there.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    /// All after so many are new.
    From(usize),
    /// None is.
    Old,
    /// Something is missing before them.
    Gap,
}

impl View {
    /// Takes frames, of which `first` is the first.
    fn take(&mut self, first: Stamp, many: u64) -> Fit {
        let Some(at) = &mut self.0 else { return Fit::Gap };
        let (theirs, mine) = ((first.epoch, first.life), (at.epoch, at.life));
        let last = first.seq.saturating_add(many).saturating_sub(1);
        if theirs < mine || (theirs == mine && last <= at.seq) {
            return Fit::Old;
        }
        if theirs > mine || first.seq > at.seq + 1 {
            return Fit::Gap;
        }
        let skip = usize::try_from(at.seq + 1 - first.seq).unwrap_or(usize::MAX);
        at.seq = last;
        Fit::From(skip)
    }

    /// Takes what shows as a whole. `false` when something newer is there.
    fn synced(&mut self, stamp: Stamp) -> bool {
        let new = self.0.is_none_or(|at| stamp >= at);
        if new {
            self.0 = Some(stamp);
        }
        new
    }
}

/// Keeps a view up to date.
struct Looker {
    overlays: Overlays,
    group: Arc<Group>,
    far: Arc<Far>,
    way: Arc<dyn Way>,
    place: Option<Place>,
}

/// What came of a call.
enum Called {
    Heard,
    /// This node keeps the overlay itself.
    Here,
    Failed,
}

impl Looker {
    async fn run(mut self) {
        let clock = self.overlays.clock().clone();
        loop {
            let pages = self.group.pages();
            let called = self.call(pages).await;
            if self.far.over.is_cancelled() {
                return self.hand_over();
            }
            match called {
                Called::Here => return self.hand_over(),
                Called::Heard if pages == 0 && self.group.end_far() => return,
                Called::Heard => {}
                Called::Failed => {
                    self.place = None;
                    if pages == 0 && self.group.end_far() {
                        return;
                    }
                    clock.sleep(PAUSE).await;
                    continue;
                }
            }
            let renewed = clock.since_boot();
            loop {
                let roused = tokio::select! {
                    () = self.far.roused.notified() => true,
                    () = self.far.over.cancelled() => true,
                    () = clock.sleep(WATCH) => false,
                };
                let gone = self.place.as_ref().is_none_or(|place| !self.way.reaches(&place.owner));
                if roused || gone || clock.since_boot().saturating_sub(renewed) >= RENEW {
                    break;
                }
            }
        }
    }

    /// Tells the owner what there is to tell, and takes its answer.
    async fn call(&mut self, pages: usize) -> Called {
        if self.far.astray.swap(false, SeqCst) {
            self.place = None;
        }
        let Some(place) = self.found().await else { return Called::Here };
        let Ok(place) = place else { return Called::Failed };
        let wanted = self.far.wanted.swap(false, SeqCst);
        let says = self.says();
        let have = if wanted { None } else { self.far.stamp() };
        let (community, source) = (self.group.community, self.group.source);
        let call = Call { community, source, node: self.way.me(), pages, have, says: says.clone() };
        let answer = tokio::time::timeout(ANSWER, self.way.to_owner(community, &place, Word::Call(call))).await;
        let answer = answer.unwrap_or_else(|_| Err(Missed::Unknown("no answer in time".into())));
        match answer.map_err(|missed| missed.to_string()).and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())) {
            Ok(heard) => {
                self.far.heard(&self.group, heard, self.overlays.clock().now());
                Called::Heard
            }
            Err(why) => {
                tracing::debug!(community, source = source.name(), owner = place.owner, why, "an overlay's owner does not answer");
                // Told again, with the same ids.
                let mut waiting = self.far.says.lock();
                says.into_iter().rev().for_each(|say| waiting.push_front(say));
                self.far.wanted.fetch_or(wanted, SeqCst);
                Called::Failed
            }
        }
    }

    /// Who keeps the overlay: `None` when that is this node.
    async fn found(&mut self) -> Option<Result<Place, ()>> {
        if let Some(place) = &self.place {
            return Some(Ok(place.clone()));
        }
        match self.overlays.overlay(self.group.community, self.group.source).await {
            Ok(_) => None,
            Err(ShowError::Elsewhere { owner, epoch }) => {
                let place = Place { owner, epoch };
                self.place = Some(place.clone());
                Some(Ok(place))
            }
            Err(_) => Some(Err(())),
        }
    }

    fn says(&self) -> Vec<Say> {
        let mut waiting = self.far.says.lock();
        let mut bytes = 0;
        let fits = waiting.iter().take_while(|say| {
            bytes += size(&say.what) + 64;
            bytes <= TOGETHER + 64
        });
        let many = fits.count().max(usize::from(!waiting.is_empty()));
        waiting.drain(..many).collect()
    }

    /// This node keeps the overlay now: what was said goes to it.
    fn hand_over(self) {
        let Some(overlay) = self.group.overlay() else { return };
        for say in std::mem::take(&mut *self.far.says.lock()) {
            overlay.offer(Order::said(say.what)).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(epoch: i64, life: u64, seq: u64) -> Stamp {
        Stamp { epoch, life, seq }
    }

    #[test]
    fn frames_are_taken_in_order_and_once() {
        let mut view = View::default();
        assert_eq!(view.take(stamp(1, 1, 1), 1), Fit::Gap, "nothing is known yet");
        assert!(view.synced(stamp(1, 1, 4)));
        assert_eq!(view.take(stamp(1, 1, 5), 2), Fit::From(0));
        assert_eq!(view.take(stamp(1, 1, 5), 2), Fit::Old);
        assert_eq!(view.take(stamp(1, 1, 6), 3), Fit::From(1));
        assert_eq!(view.take(stamp(1, 1, 10), 1), Fit::Gap, "9 is missing");
        assert!(view.synced(stamp(1, 1, 10)));
        assert!(!view.synced(stamp(1, 1, 9)), "an answer that was overtaken");
        assert!(view.synced(stamp(1, 1, 10)), "the same again");
    }

    #[test]
    fn what_an_older_owner_shows_is_dropped_and_a_newer_one_must_be_asked() {
        let mut view = View::default();
        assert!(view.synced(stamp(7, 3, 4)));
        assert_eq!(view.take(stamp(6, 9, 99), 1), Fit::Old);
        assert_eq!(view.take(stamp(7, 2, 99), 1), Fit::Old);
        assert!(!view.synced(stamp(6, 9, 99)));
        assert_eq!(view.take(stamp(8, 0, 5), 1), Fit::Gap);
        assert!(view.synced(stamp(8, 0, 1)));
        assert_eq!(view.take(stamp(8, 0, 2), 1), Fit::From(0));
    }
}

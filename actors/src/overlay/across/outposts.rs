//! The nodes that look on at an overlay of this one: each gets every frame once, in a short line; who is too slow is cut.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::spawn;

use super::super::Order;
use super::super::group::Group;
use super::super::item::Source;
use super::{Call, Frames, Leaf, Packed, Say, Stamp, Taken, Way, Word};

/// How much may wait for one node.
const LINE: usize = 64;
const BYTES: usize = 1024 * 1024;
/// How much goes together.
const TOGETHER: usize = 200 * 1024;
/// A node that has not called for this long looks on no longer, in milliseconds.
const LEASE: i64 = 15_000;
/// How long a node may take to take frames.
const TAKES: Duration = Duration::from_secs(3);
/// So many things that pages said are remembered, so that none counts twice.
const SAID: usize = 1024;

/// The nodes that look on, and the number of the last frame.
#[derive(Default)]
pub(in crate::overlay) struct Outposts {
    nodes: Mutex<BTreeMap<String, Arc<Outpost>>>,
    pages: AtomicUsize,
    seq: AtomicU64,
    said: Mutex<VecDeque<String>>,
}

struct Outpost {
    pages: AtomicUsize,
    /// When it called last, in milliseconds since boot.
    called: AtomicI64,
    line: Mutex<Line>,
    roused: Notify,
    over: CancellationToken,
    /// The owner ends: it is told so.
    dismissed: CancellationToken,
}

#[derive(Default)]
struct Line {
    /// The number of the first.
    first: u64,
    leaves: VecDeque<Leaf>,
    bytes: usize,
}

impl Line {
    fn empty(&mut self) {
        *self = Self::default();
    }
}

impl Outposts {
    /// How many pages they have.
    pub(in crate::overlay) fn pages(&self) -> usize {
        self.pages.load(Relaxed)
    }

    /// Which they are, each with its pages.
    pub(in crate::overlay) fn nodes(&self) -> BTreeMap<String, usize> {
        self.nodes.lock().iter().map(|(node, outpost)| (node.clone(), outpost.pages.load(Relaxed))).collect()
    }

    /// The number of the last frame.
    pub(in crate::overlay) fn seq(&self) -> u64 {
        self.seq.load(Relaxed)
    }

    /// A frame for all of them.
    pub(in crate::overlay) fn push(&self, frame: &[u8], awaits: Option<&str>) {
        let seq = self.seq.fetch_add(1, Relaxed) + 1;
        let mut nodes = self.nodes.lock();
        if nodes.is_empty() {
            return;
        }
        let Some(frame) = Packed::of(frame) else {
            tracing::warn!(bytes = frame.len(), "an item is too large to be shown by other nodes");
            return;
        };
        let leaf = Leaf { frame, awaits: awaits.map(str::to_owned) };
        nodes.retain(|node, outpost| {
            let mut line = outpost.line.lock();
            if line.leaves.len() >= LINE || line.bytes + leaf.frame.len() > BYTES {
                tracing::warn!(node, "a node is too slow for an overlay: it will be told anew what shows");
                metrics::counter!("waddlebot_overlay_nodes_cut_total").increment(1);
                outpost.over.cancel();
                return false;
            }
            if line.leaves.is_empty() {
                line.first = seq;
            }
            line.bytes += leaf.frame.len();
            line.leaves.push_back(leaf.clone());
            drop(line);
            outpost.roused.notify_one();
            true
        });
        self.count(&nodes);
    }

    /// A node calls: it looks on with so many pages, or no longer.
    pub(in crate::overlay) fn attend(&self, call: &Call, group: &Arc<Group>, epoch: i64, way: Option<Arc<dyn Way>>, now: i64) {
        let mut nodes = self.nodes.lock();
        if call.pages == 0 {
            if let Some(outpost) = nodes.remove(&call.node) {
                outpost.over.cancel();
            }
        } else if let Some(way) = way {
            let outpost = nodes.entry(call.node.clone()).or_insert_with(|| {
                let outpost = Arc::new(Outpost {
                    pages: AtomicUsize::new(0),
                    called: AtomicI64::new(now),
                    line: Mutex::default(),
                    roused: Notify::new(),
                    over: CancellationToken::new(),
                    dismissed: CancellationToken::new(),
                });
                let (community, source) = (group.community, group.source);
                let carrier =
                    Carrier { node: call.node.clone(), outpost: outpost.clone(), group: group.clone(), community, source, epoch, way };
                spawn::task("overlay outpost", carrier.run());
                outpost
            });
            outpost.pages.store(call.pages, Relaxed);
            outpost.called.store(now, Relaxed);
        }
        self.count(&nodes);
    }

    /// What waits for a node is part of what it is told now.
    pub(in crate::overlay) fn skip(&self, node: &str) {
        if let Some(outpost) = self.nodes.lock().get(node) {
            outpost.line.lock().empty();
        }
    }

    /// Whether a page's word was not heard before.
    pub(in crate::overlay) fn is_new(&self, say: &Say) -> bool {
        let mut said = self.said.lock();
        if said.contains(&say.id) {
            return false;
        }
        if said.len() >= SAID {
            said.pop_front();
        }
        said.push_back(say.id.clone());
        true
    }

    /// Forgets who has not called for long; whether somebody was.
    pub(in crate::overlay) fn sweep(&self, now: i64) -> bool {
        let mut nodes = self.nodes.lock();
        let before = nodes.len();
        nodes.retain(|_, outpost| {
            let stays = now - outpost.called.load(Relaxed) < LEASE;
            if !stays {
                outpost.over.cancel();
            }
            stays
        });
        self.count(&nodes);
        nodes.len() < before
    }

    /// Sends all away: whoever keeps the overlay next is to be looked for.
    pub(in crate::overlay) fn dismiss(&self) {
        let mut nodes = self.nodes.lock();
        std::mem::take(&mut *nodes).into_values().for_each(|outpost| outpost.dismissed.cancel());
        self.count(&nodes);
    }

    fn lost(&self, node: &str, lost: &Arc<Outpost>) -> bool {
        let mut nodes = self.nodes.lock();
        let was_there = nodes.get(node).is_some_and(|outpost| Arc::ptr_eq(outpost, lost));
        if was_there {
            nodes.remove(node);
            self.count(&nodes);
        }
        was_there
    }

    fn count(&self, nodes: &BTreeMap<String, Arc<Outpost>>) {
        self.pages.store(nodes.values().map(|outpost| outpost.pages.load(Relaxed)).sum(), Relaxed);
    }
}

/// Brings the frames to one node, one envelope after the other.
struct Carrier {
    node: String,
    outpost: Arc<Outpost>,
    group: Arc<Group>,
    community: CommunityId,
    source: Source,
    epoch: i64,
    way: Arc<dyn Way>,
}

impl Carrier {
    async fn run(self) {
        loop {
            tokio::select! {
                biased;
                () = self.outpost.over.cancelled() => return,
                () = self.outpost.dismissed.cancelled() => {
                    self.send(Frames { over: true, ..self.frames(0, Vec::new()) }).await;
                    return;
                }
                () = self.outpost.roused.notified() => {}
            }
            while let Some(frames) = self.next() {
                let many = frames.frames.len() as u64;
                let taken = tokio::select! {
                    taken = self.send(frames) => taken,
                    () = self.outpost.over.cancelled() => return,
                };
                metrics::counter!("waddlebot_overlay_node_frames_total").increment(many);
                if !matches!(taken, Some(Taken::Shown | Taken::Missing)) {
                    // It calls again when it has pages and is there.
                    if self.group.outposts().lost(&self.node, &self.outpost)
                        && let Some(overlay) = self.group.overlay()
                    {
                        overlay.send(Order::Room).ok();
                    }
                    return;
                }
            }
        }
    }

    fn next(&self) -> Option<Frames> {
        let mut line = self.outpost.line.lock();
        let first = line.first;
        let mut leaves = Vec::new();
        let mut bytes = 0;
        while let Some(leaf) = line.leaves.front() {
            if !leaves.is_empty() && bytes + leaf.frame.len() > TOGETHER {
                break;
            }
            bytes += leaf.frame.len();
            leaves.extend(line.leaves.pop_front());
        }
        line.bytes -= bytes;
        line.first += leaves.len() as u64;
        (!leaves.is_empty()).then(|| self.frames(first, leaves))
    }

    fn frames(&self, seq: u64, frames: Vec<Leaf>) -> Frames {
        let first = Stamp { epoch: self.epoch, life: self.group.life(), seq };
        Frames { community: self.community, source: self.source, first, frames, over: false }
    }

    async fn send(&self, frames: Frames) -> Option<Taken> {
        let answer = tokio::time::timeout(TAKES, self.way.to_node(&self.node, Word::Frames(frames))).await;
        match answer {
            Ok(Ok(answer)) => serde_json::from_str(&answer).ok(),
            Ok(Err(why)) => {
                tracing::debug!(node = self.node, %why, "frames were not brought");
                None
            }
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use waddlebot_runtime::clock::Clock;
    use waddlebot_runtime::platform::Boxed;

    use super::super::Place;
    use super::*;
    use crate::household::afar::Missed;

    /// A node that takes nothing and never says so.
    struct Hung(Arc<AtomicUsize>);

    impl Way for Hung {
        fn me(&self) -> String {
            "one".into()
        }

        fn reaches(&self, _: &str) -> bool {
            true
        }

        fn to_owner<'a>(&'a self, _: CommunityId, _: &'a Place, _: Word) -> Boxed<'a, Result<String, Missed>> {
            Box::pin(std::future::pending())
        }

        fn to_node<'a>(&'a self, _: &'a str, _: Word) -> Boxed<'a, Result<String, Missed>> {
            self.0.fetch_add(1, Relaxed);
            Box::pin(std::future::pending())
        }

        fn to_all(&self, _: Word) -> Boxed<'_, Vec<(String, Missed)>> {
            Box::pin(std::future::pending())
        }
    }

    fn call(node: &str, pages: usize) -> Call {
        Call { community: 2, source: Source::General, node: node.into(), pages, have: None, says: Vec::new() }
    }

    #[tokio::test]
    async fn a_node_that_takes_nothing_is_cut_and_what_waits_for_it_is_bounded() {
        let group = Group::open(2, Source::General, &Clock::turned(), 1);
        let asked = Arc::new(AtomicUsize::new(0));
        let way: Arc<dyn Way> = Arc::new(Hung(asked.clone()));
        let outposts = group.outposts();
        outposts.attend(&call("two", 5), &group, 1, Some(way.clone()), 0);
        assert_eq!((outposts.pages(), group.audience()), (5, 5));
        let largest = vec![b'x'; 100 * 1024];
        let mut pushed = 0;
        while outposts.pages() > 0 {
            outposts.push(&largest, None);
            tokio::task::yield_now().await;
            pushed += 1;
            assert!(pushed < 20, "it is cut");
        }
        assert!(asked.load(Relaxed) <= 1, "one envelope is on its way and no more");
        // It may come back, and goes when it is silent for too long.
        outposts.attend(&call("two", 3), &group, 1, Some(way), 1000);
        assert!(!outposts.sweep(1000 + LEASE - 1));
        assert_eq!(outposts.pages(), 3);
        assert!(outposts.sweep(1000 + LEASE));
        assert_eq!(outposts.pages(), 0);
    }

    #[tokio::test]
    async fn what_a_page_says_counts_once_however_often_it_arrives() {
        let outposts = Outposts::default();
        let say = |id: &str| Say { id: id.into(), what: super::super::Saying::Acknowledged("x".into()) };
        assert!(outposts.is_new(&say("a")));
        assert!(!outposts.is_new(&say("a")));
        (0..SAID).for_each(|number| assert!(outposts.is_new(&say(&number.to_string()))));
        assert!(outposts.is_new(&say("a")), "what is long ago is forgotten");
    }
}

//! Where a channel is found: the open one on this node, or opened now, by one caller for all who ask at once.

use std::fmt;
use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::Mutex;

use crate::chat::ChannelKey;
use crate::intake::{Ear, Unheard};
use crate::platform::Boxed;

/// Opens channels for a directory: claims one and opens its actor, or says where it is served.
pub trait Opener<E>: Send + Sync {
    /// Opens a channel.
    fn open<'a>(&'a self, key: &'a ChannelKey) -> Boxed<'a, Result<E, Unheard>>;
}

/// The channels that are open on this node. The fast path is one look into a concurrent table;
/// nothing of it is locked while a channel is being opened.
pub struct Directory<E> {
    open: DashMap<ChannelKey, Arc<E>>,
    opening: DashMap<ChannelKey, Arc<Mutex<()>>>,
}

impl<E> Default for Directory<E> {
    fn default() -> Self {
        Self { open: DashMap::new(), opening: DashMap::new() }
    }
}

impl<E: Ear> Directory<E> {
    /// The channel, if it is open here.
    #[must_use]
    pub fn here(&self, key: &ChannelKey) -> Option<Arc<E>> {
        self.open.get(key).filter(|ear| ear.is_open()).map(|ear| ear.clone())
    }

    /// The channel: the open one, or opened now.
    ///
    /// # Errors
    /// What the opener says: it is served elsewhere, or cannot be opened now.
    pub async fn find(&self, key: &ChannelKey, opener: &dyn Opener<E>) -> Result<Arc<E>, Unheard> {
        if let Some(ear) = self.here(key) {
            return Ok(ear);
        }
        let turn = self.opening.entry(key.clone()).or_default().clone();
        let _turn = turn.lock().await;
        if let Some(ear) = self.here(key) {
            return Ok(ear);
        }
        let opened = opener.open(key).await.map(Arc::new);
        if let Ok(ear) = &opened {
            self.open.insert(key.clone(), ear.clone());
        }
        // After the table knows it: who comes now finds it there.
        self.opening.remove(key);
        opened
    }

    /// Forgets the channels that have ended.
    pub fn sweep(&self) {
        self.open.retain(|_, ear| ear.is_open());
    }

    /// How many are known, open or ended since.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl<E> fmt::Debug for Directory<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Directory({})", self.open.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;
    use crate::intake::Heard;

    struct Listener(AtomicBool);

    impl Ear for Listener {
        fn hear(&self, heard: Heard) -> Result<(), (Unheard, Heard)> {
            Err((Unheard::Busy, heard))
        }

        fn ready(&self) -> Boxed<'_, ()> {
            Box::pin(async {})
        }

        fn is_open(&self) -> bool {
            self.0.load(Ordering::SeqCst)
        }
    }

    #[derive(Default)]
    struct Slow(AtomicUsize, AtomicBool);

    impl Opener<Listener> for Slow {
        fn open<'a>(&'a self, _: &'a ChannelKey) -> Boxed<'a, Result<Listener, Unheard>> {
            Box::pin(async {
                self.0.fetch_add(1, Ordering::SeqCst);
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                if self.1.load(Ordering::SeqCst) { Err(Unheard::Elsewhere) } else { Ok(Listener(AtomicBool::new(true))) }
            })
        }
    }

    #[tokio::test]
    async fn whoever_asks_at_once_gets_the_same_and_one_that_ended_is_opened_anew() {
        let (directory, opener, key) = (Directory::default(), Slow::default(), ChannelKey::new("local", "", "lobby"));
        let found = join_all((0..20).map(|_| directory.find(&key, &opener))).await;
        let first = found[0].as_ref().expect("it opens").clone();
        assert!(found.iter().all(|ear| Arc::ptr_eq(ear.as_ref().expect("it opens"), &first)));
        assert_eq!(opener.0.load(Ordering::SeqCst), 1);
        first.0.store(false, Ordering::SeqCst);
        assert!(directory.here(&key).is_none());
        let second = directory.find(&key, &opener).await.expect("it opens");
        assert!(!Arc::ptr_eq(&second, &first));
        directory.sweep();
        assert_eq!(directory.len(), 1);
    }

    #[tokio::test]
    async fn one_that_is_served_elsewhere_is_asked_for_again_each_time() {
        let (directory, opener, key) = (Directory::default(), Slow::default(), ChannelKey::new("local", "", "lobby"));
        opener.1.store(true, Ordering::SeqCst);
        for round in 1..=2 {
            assert_eq!(directory.find(&key, &opener).await.err(), Some(Unheard::Elsewhere));
            assert_eq!(opener.0.load(Ordering::SeqCst), round);
        }
        assert!(directory.is_empty());
    }
}

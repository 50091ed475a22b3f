//! What a module is: a behaviour that gets typed messages and returns what to do.

use std::fmt;

use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{MappedMutexGuard, Mutex as AsyncMutex, MutexGuard};

use crate::chat::{ChannelKey, CommunityId, Millis, User};
use crate::command::{CommandInfo, Spec};
use crate::event::{Event, EventKind};
use crate::offer::{Offer, Stored};
use crate::platform::Profiles;
use crate::response::Response;
use crate::store::{Claim, FencedTx, Sql, Store, StoreError};

/// A feature: one file, one line in the list of modules. The value is its memory in one community:
/// loaded when its host opens, saved when it changed.
pub trait Module: Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name in settings, storage and the hub.
    const NAME: &'static str;
    /// One line for the hub.
    const ABOUT: &'static str;
    /// What chat may ask, as the module understands it.
    type Command: Send + 'static;
    /// What chat may ask, as chat writes it.
    const COMMANDS: &'static [Spec<Self::Command>];
    /// What else wakes it.
    const WAKES_ON: &'static [EventKind] = &[];
    /// Whether a community teaches it words ([`Module::expansions`]): it is opened with its community then.
    const TAUGHT: bool = false;
    /// What a community can set; the field docs are the labels in the hub.
    type Settings: Default + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Called once after its memory was loaded, to read its own tables.
    fn open(&mut self, cx: &Context<'_, Self>) -> impl Future<Output = Result<(), ModuleError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Somebody used one of its commands, and may.
    fn command(&mut self, command: Self::Command, by: &User, cx: &Context<'_, Self>) -> impl Future<Output = Answer> + Send;

    /// Something in [`Module::WAKES_ON`] happened.
    fn event(&mut self, event: &Event, cx: &Context<'_, Self>) -> impl Future<Output = Answer> + Send {
        let _ = (event, cx);
        async { Ok(vec![]) }
    }

    /// When it wants to be woken next, asked after every call. Kept in the database: a restart
    /// wakes it late rather than never.
    fn wakes_at(&self) -> Option<Millis> {
        None
    }

    /// The time of [`Module::wakes_at`] has come. `cx.channel` names no channel: what is returned
    /// says where each answer goes.
    fn woken(&mut self, cx: &Context<'_, Self>) -> impl Future<Output = Result<Vec<Posted>, ModuleError>> + Send {
        let _ = cx;
        async { Ok(vec![]) }
    }

    /// Words this community taught it, and what each one stands for. Asked after every call; the
    /// channel puts the text in the word's place and resolves it anew, with the speaker's rights.
    fn expansions(&self) -> Vec<Expansion> {
        Vec::new()
    }

    /// One of its expansions was used.
    fn expanded(&mut self, word: &str, now: Millis) {
        let _ = (word, now);
    }
}

/// What a module answers.
pub type Answer = Result<Vec<Response>, ModuleError>;

/// An answer that goes to a channel of its own choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// Where to.
    pub channel: ChannelKey,
    /// What.
    pub response: Response,
}

/// A word that stands for a longer command. `{user}`, `{args}`, `{all_args}`, `{arg1}` … are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// What is typed, with its prefix and in lower case.
    pub word: String,
    /// What it stands for.
    pub text: String,
}

/// Why a module did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// Tell the person, as it stands.
    #[error("{0}")]
    Refused(String),
    /// Another service did not answer: tell the person that it is not available now.
    #[error("{service} is not available: {why}")]
    Unavailable {
        /// Which one.
        service: &'static str,
        /// For the log.
        why: String,
    },
    /// The store refused: tell the person that something went wrong here.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ModuleError {
    /// A refusal in the module's own words.
    #[must_use]
    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }
}

/// What a module may look at and use. There is no other way out of it.
pub struct Context<'a, M: Module> {
    /// The community it works for.
    pub community: CommunityId,
    /// Where it was said or happened.
    pub channel: &'a ChannelKey,
    /// Wall time in milliseconds.
    pub now: Millis,
    /// The community's IANA time zone.
    pub timezone: &'a str,
    /// What the community set.
    pub settings: &'a M::Settings,
    /// The commands that are switched on in this community, of all modules.
    pub commands: &'a [CommandInfo],
    /// The commands that this community or the house stored, by word; also those that are off in this channel.
    pub stored: &'a [Stored],
    /// What the channel counted.
    pub counts: Counts,
    /// Look-ups on platforms.
    pub profiles: &'a dyn Profiles,
    desk: &'a Desk,
}

/// What a channel counts for `!stats` and the hub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Counts {
    /// Messages heard since the channel opened.
    pub messages: u64,
    /// Commands run since the channel opened.
    pub commands: u64,
    /// People who spoke in the last quarter of an hour.
    pub chatters: u64,
    /// When the channel opened.
    pub since: Millis,
}

impl<'a, M: Module> Context<'a, M> {
    /// Composed by the module's host.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "one value each of what a module may see; the host is the only caller")]
    pub fn new(
        community: CommunityId,
        channel: &'a ChannelKey,
        now: Millis,
        timezone: &'a str,
        settings: &'a M::Settings,
        offer: &'a Offer,
        counts: Counts,
        profiles: &'a dyn Profiles,
        desk: &'a Desk,
    ) -> Self {
        let Offer { commands, stored } = offer;
        Self { community, channel, now, timezone, settings, commands, stored, counts, profiles, desk }
    }

    /// The transaction of this call: opened on first use, committed by the host together with the
    /// record that the command ran and its replies. Hold it only while using it.
    ///
    /// # Errors
    /// When the store is gone or the claim was lost.
    pub async fn tx(&self) -> Result<MappedMutexGuard<'_, FencedTx>, StoreError> {
        let mut slot = self.desk.tx.lock().await;
        if slot.is_none() {
            *slot = Some(self.desk.store.begin_fenced_late(&self.desk.claim).await?);
        }
        Ok(MutexGuard::map(slot, |slot| slot.as_mut().expect("opened just now")))
    }

    /// Writes rows ([`Sql::rows`]) at the end of this call, together with the record that the command ran and its replies:
    /// where a call needs no answer from the database, that is far cheaper than [`Context::tx`]. Each row is to be new,
    /// or written over by its own `ON CONFLICT`. Nothing this call reads sees them.
    pub fn write(&self, rows: Sql) {
        self.desk.writes.lock().push(rows);
    }

    /// The store, for reading outside the transaction.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.desk.store
    }

    /// A random number below `end`; 0 when `end` is 0.
    #[must_use]
    pub fn random_below(&self, end: usize) -> usize {
        use rand::Rng as _;
        if end == 0 { 0 } else { self.desk.rng.lock().random_range(0..end) }
    }
}

/// The part of a context that lives as long as the host: store, claim, randomness, open transaction.
pub struct Desk {
    store: Store,
    claim: Claim,
    tx: AsyncMutex<Option<FencedTx>>,
    writes: Mutex<Vec<Sql>>,
    rng: Mutex<StdRng>,
}

impl Desk {
    /// A desk for one host; `seed` makes its randomness.
    #[must_use]
    pub fn new(store: Store, claim: Claim, seed: u64) -> Self {
        Self { store, claim, tx: AsyncMutex::new(None), writes: Mutex::default(), rng: Mutex::new(StdRng::seed_from_u64(seed)) }
    }

    /// The transaction the module opened, if it did; the host commits it.
    #[must_use]
    pub fn take_tx(&self) -> Option<FencedTx> {
        self.tx.try_lock().ok().and_then(|mut slot| slot.take())
    }

    /// What the module writes at the end; the host does.
    #[must_use]
    pub fn take_writes(&self) -> Vec<Sql> {
        std::mem::take(&mut *self.writes.lock())
    }

    /// Undoes what the module wrote, and what it would.
    pub fn forget(&self) {
        drop(self.take_tx());
        drop(self.take_writes());
    }

    /// The claim every write is made under.
    #[must_use]
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Desk").field("claim", &self.claim).finish_non_exhaustive()
    }
}

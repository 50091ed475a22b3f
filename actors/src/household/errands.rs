//! What is asked of a community from anywhere: done here, or by the node that serves it.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::gateway::Errands;
use waddlebot_runtime::platform::{Boxed, Budget};

use super::afar::Missed;
use super::changes::Change;
use super::{Absent, Arrived, Household};
use crate::community::{self, ModuleState};
use crate::kept::Deed;
use crate::node::community_key;
use crate::overlay::across::Word;

/// What one node asks another for. New kinds go at the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Errand {
    /// Which modules are on.
    Modules(CommunityId),
    /// Switch one on or off.
    Switch(CommunityId, String, bool),
    /// Do something on a platform whose connection is kept here.
    Platform(Deed),
    /// Commands that run elsewhere changed: of this community, or everybody's.
    Commands(CommunityId),
    /// Take an answer that comes later, for this community.
    Answer(CommunityId, Box<Arrived>),
    /// Change something in this community, on whose word.
    Change(CommunityId, Change, String),
    /// Something about what is shown.
    Overlay(Word),
    /// A platform tells itself at other nodes of something.
    News(String, String),
    /// Lend of an account's budget: so many at once, then one in this time; who asks may have sent alone.
    Lend(String, u32, Duration, bool),
    /// Hand everything over and stay, or take part again.
    Drain(bool),
    /// Hand a community that is served here to another node.
    Move(String, String),
    /// Who lives here, from the so-manieth on.
    Actors(usize),
    /// One of them, with its memory.
    Actor(String),
}

/// How long it is tried while a community changes hands, or its node cannot be reached, and the pause between.
const PATIENCE: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(100);

impl Household {
    /// A community's modules, on or off.
    ///
    /// # Errors
    /// When the community cannot be opened or reached.
    pub async fn modules(&self, id: CommunityId) -> Result<Vec<ModuleState>, String> {
        let states: Vec<(String, bool)> = self.where_served(id, Errand::Modules(id)).await?;
        let is_on = |name: &str| states.iter().find(|(known, _)| known == name).map(|(_, enabled)| *enabled);
        let state = |entry: &crate::seat::Entry| Some(ModuleState { name: entry.name, about: entry.about, enabled: is_on(entry.name)? });
        Ok(self.0.on.modules.iter().filter_map(state).collect())
    }

    /// Switches a module on or off, at once and for good.
    ///
    /// # Errors
    /// When there is no such module, the change cannot be written, or the community cannot be reached.
    pub async fn switch(&self, id: CommunityId, module: &str, on: bool) -> Result<(), String> {
        self.where_served(id, Errand::Switch(id, module.to_owned(), on)).await
    }

    /// Tells every other node that commands changed. One that is not reached reads them anew in its own time.
    pub(super) async fn tell_nodes_of_commands(&self, community: CommunityId) {
        let Some(afar) = self.0.afar.get() else { return };
        let errand = serde_json::to_string(&Errand::Commands(community)).unwrap_or_default();
        for (node, failure) in afar.errand_everywhere(&errand).await {
            tracing::warn!(node, %failure, "a node was not told that commands changed");
        }
    }

    /// Has whoever serves a community do something, this node or another; asks anew while it changes hands.
    pub(super) async fn where_served<T: DeserializeOwned>(&self, id: CommunityId, errand: Errand) -> Result<T, String> {
        let began = self.world().clock.since_boot();
        let elsewhere = Absent::Elsewhere.to_string();
        loop {
            let mut done = self.do_here(errand.clone()).await;
            if let (Err(why), Some(afar)) = (&done, self.0.afar.get())
                && *why == elsewhere
            {
                let key = community_key(id);
                done = match afar.errand(&key, &key, written(&errand)?).await {
                    Ok(answer) => Ok(answer),
                    Err(Missed::NotBrought(_)) => Err(elsewhere.clone()),
                    Err(Missed::Refused(why)) => Err(why),
                    Err(Missed::Unknown(why)) => Err(format!("{why}: it may have been done, look before you ask again")),
                };
            }
            match done {
                Ok(answer) => return serde_json::from_str(&answer).map_err(|error| format!("the answer cannot be read: {error}")),
                // Whoever was asked serves it no longer, or not yet, and has done nothing.
                Err(why)
                    if why == elsewhere
                        && self.0.afar.get().is_some()
                        && self.world().clock.since_boot().saturating_sub(began) < PATIENCE =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(why) => return Err(why),
            }
        }
    }

    async fn run_here(&self, errand: &str) -> Result<String, String> {
        self.do_here(serde_json::from_str(errand).map_err(|_| "this node does not know how to do that".to_owned())?).await
    }

    pub(super) async fn do_here(&self, errand: Errand) -> Result<String, String> {
        let here = async |id| self.community(id).await.map(|(address, _)| address).map_err(|why: Absent| why.to_string());
        match errand {
            Errand::Modules(id) => {
                let states = here(id).await?.ask(community::Order::Modules).await.map_err(|gone| gone.to_string())?;
                written(&states.iter().map(|state| (state.name, state.enabled)).collect::<Vec<_>>())
            }
            Errand::Platform(deed) => {
                let platform = self.0.on.platforms.of(deed.channel()).ok_or("there is no such platform here")?.clone();
                written(&deed.done(platform.as_ref()).await)
            }
            Errand::Switch(id, module, on) => {
                let done = here(id).await?.ask(|reply| community::Order::Switch(module, on, reply)).await;
                written(&done.map_err(|gone| gone.to_string())??)
            }
            Errand::Answer(_, arrived) => written(&self.answer_here(*arrived).await.map_err(|why| why.to_string())?),
            Errand::Lend(account, burst, every, alone) => written(&self.lend_here(&account, Budget { burst, every }, alone).await?),
            Errand::News(platform, news) => written(&self.learn(&platform, &news)?),
            Errand::Overlay(word) => self.heard_of_overlays(word).await,
            Errand::Commands(id) => {
                self.reread_commands(id).await;
                written(&())
            }
            Errand::Drain(go) => written(&self.drain_here(go).await?),
            Errand::Move(entity, to) => written(&self.move_here(entity, to).await?),
            Errand::Actors(from) => written(&self.some_residents(from)),
            Errand::Actor(key) => written(&self.resident_told(&key).await),
            Errand::Change(id, change, by) => written(&self.change_here(id, change, by).await?),
        }
    }
}

pub(super) fn written<T: Serialize>(answer: &T) -> Result<String, String> {
    serde_json::to_string(answer).map_err(|error| error.to_string())
}

impl Errands for Household {
    fn run<'a>(&'a self, _: &'a str, errand: &'a str) -> Boxed<'a, Result<String, String>> {
        Box::pin(self.run_here(errand))
    }
}

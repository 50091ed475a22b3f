//! What is asked of a community from anywhere: done here, or by the node that serves it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::gateway::Errands;
use waddlebot_runtime::platform::Boxed;

use super::{Absent, Arrived, Household};
use crate::community::{self, ModuleState};
use crate::kept::Deed;
use crate::node::community_key;

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
}

impl Household {
    /// A community's modules, on or off.
    ///
    /// # Errors
    /// When the community cannot be opened or reached.
    pub async fn modules(&self, id: CommunityId) -> Result<Vec<ModuleState>, String> {
        match self.community(id).await {
            Ok((address, _)) => address.ask(community::Order::Modules).await.map_err(|gone| gone.to_string()),
            Err(why) => {
                let states: Vec<(String, bool)> = self.elsewhere(id, why, &Errand::Modules(id)).await?;
                let is_on = |name: &str| states.iter().find(|(known, _)| known == name).map(|(_, enabled)| *enabled);
                let known = self.0.on.modules.iter();
                let known =
                    known.filter_map(|entry| Some(ModuleState { name: entry.name, about: entry.about, enabled: is_on(entry.name)? }));
                Ok(known.collect())
            }
        }
    }

    /// Switches a module on or off, at once and for good.
    ///
    /// # Errors
    /// When there is no such module, the change cannot be written, or the community cannot be reached.
    pub async fn switch(&self, id: CommunityId, module: &str, on: bool) -> Result<(), String> {
        match self.community(id).await {
            Ok((address, _)) => {
                address.ask(|reply| community::Order::Switch(module.to_owned(), on, reply)).await.map_err(|gone| gone.to_string())?
            }
            Err(why) => self.elsewhere(id, why, &Errand::Switch(id, module.to_owned(), on)).await,
        }
    }

    /// Has the node that serves a community take an answer that comes later.
    pub(super) async fn answer_elsewhere(&self, id: CommunityId, why: Absent, arrived: Arrived) -> Result<String, String> {
        self.elsewhere(id, why, &Errand::Answer(id, Box::new(arrived))).await
    }

    /// Tells every other node that commands changed. One that is not reached reads them anew in its own time.
    pub(super) async fn tell_nodes_of_commands(&self, community: CommunityId) {
        let Some(afar) = self.0.afar.get() else { return };
        let errand = serde_json::to_string(&Errand::Commands(community)).unwrap_or_default();
        for (node, failure) in afar.errand_everywhere(&errand).await {
            tracing::warn!(node, %failure, "a node was not told that commands changed");
        }
    }

    /// Has the node that serves a community do something, when that is why it cannot be had here.
    async fn elsewhere<T: DeserializeOwned>(&self, id: CommunityId, why: Absent, errand: &Errand) -> Result<T, String> {
        let (Absent::Elsewhere, Some(afar)) = (&why, self.0.afar.get()) else { return Err(why.to_string()) };
        let key = community_key(id);
        let errand = serde_json::to_string(errand).map_err(|error| error.to_string())?;
        let answer = afar.errand(&key, &key, errand).await.map_err(|missed| missed.to_string())?;
        serde_json::from_str(&answer).map_err(|error| format!("the answer cannot be read: {error}"))
    }

    async fn run_here(&self, errand: &str) -> Result<String, String> {
        let errand = serde_json::from_str(errand).map_err(|_| "this node does not know how to do that".to_owned())?;
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
            Errand::Commands(id) => {
                self.reread_commands(id).await;
                written(&())
            }
        }
    }
}

fn written<T: Serialize>(answer: &T) -> Result<String, String> {
    serde_json::to_string(answer).map_err(|error| error.to_string())
}

impl Errands for Household {
    fn run<'a>(&'a self, _: &'a str, errand: &'a str) -> Boxed<'a, Result<String, String>> {
        Box::pin(self.run_here(errand))
    }
}

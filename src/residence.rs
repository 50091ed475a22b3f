//! The hub's view of the house, over the real thing: household, local rooms, overlays, roster.

mod clusterbook;
mod commandbook;
mod peoplebook;
mod rulebook;

use waddlebot_actors::household::{Gathered, Household, Resident};
use waddlebot_actors::overlay::Overlays;
use waddlebot_actors::overlay::item::Source;
use waddlebot_actors::{modules, registry};
use waddlebot_platforms::local::{self, Happen, Local, Refused, Say};
use waddlebot_runtime::chat::{ChannelKey, CommunityId, Role};
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::store::StoreError;

use crate::hub::house::{Answer, Command, Community, Happening, House, Module, Overlay, Room, Said, Unanswered};

/// The house as it is.
#[derive(Clone)]
pub(crate) struct Residence {
    pub(crate) household: Household,
    pub(crate) local: Local,
    pub(crate) overlays: Overlays,
    pub(crate) base_url: String,
}

/// A page is never sent more lines than this at once.
const LINES: usize = 200;

impl House for Residence {
    fn communities<'a>(&'a self, like: &'a str, most: i64, skipped: i64) -> Boxed<'a, Answer<(Vec<Community>, u64)>> {
        Box::pin(async move {
            let kept = self.household.store();
            let some = registry::page(kept, like, most, skipped).await.map_err(store)?;
            let found = registry::count(kept, like).await.map_err(store)?;
            Ok((some.into_iter().map(|one| Community { id: one.id, name: one.name }).collect(), found))
        })
    }

    fn community(&self, id: CommunityId) -> Boxed<'_, Answer<Option<Community>>> {
        Box::pin(async move {
            let one = registry::community(self.household.store(), id).await.map_err(store)?;
            Ok(one.map(|one| Community { id: one.id, name: one.name }))
        })
    }

    fn modules(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Module>>> {
        Box::pin(async move {
            let states = self.household.modules(community).await.map_err(|why| unavailable("the community", &why))?;
            let list = modules::list();
            let module = |state: waddlebot_actors::community::ModuleState| {
                let entry = list.iter().find(|entry| entry.name == state.name);
                let infos = entry.map(|entry| (entry.commands)()).unwrap_or_default();
                let command = |info: &waddlebot_runtime::command::CommandInfo| Command {
                    usage: info.usage(),
                    about: info.about.to_owned(),
                    role: info.role,
                };
                Module {
                    name: state.name.to_owned(),
                    about: state.about.to_owned(),
                    on: state.enabled,
                    commands: infos.iter().map(command).collect(),
                }
            };
            Ok(states.into_iter().map(module).collect())
        })
    }

    fn set_module<'a>(&'a self, community: CommunityId, module: &'a str, on: bool) -> Boxed<'a, Answer<()>> {
        Box::pin(async move { self.household.switch(community, module, on).await.map_err(Unanswered::Refused) })
    }

    fn overlays(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Overlay>>> {
        Box::pin(async move {
            let stats = self.overlays.stats();
            let tokens = self.overlays.tokens().ensure(community).await.map_err(store)?;
            let overlay = |token: waddlebot_actors::overlay::Token| {
                let source = token.grant.source;
                let (width, height) = source.size();
                let (about, place) = described(source);
                let mine = |one: &&waddlebot_actors::overlay::OverlayStats| one.community_id == community && one.source_type == source;
                let open = stats.overlays.iter().find(mine).map_or(0, |one| one.counts.pages as u64);
                let url = format!("{}/browser/source/{}/{}", self.base_url, token.text, source.name());
                Overlay { kind: source.name().into(), about: about.into(), url, width, height, place: place.into(), open }
            };
            Ok(tokens.into_iter().map(overlay).collect())
        })
    }

    fn regenerate<'a>(&'a self, community: CommunityId, kind: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            let source = Source::parse(kind).ok_or(Unanswered::Unknown("overlay"))?;
            let all = self.overlays.tokens().ensure(community).await.map_err(store)?;
            let grant = all.iter().find(|token| token.grant.source == source).map(|token| token.grant);
            // Pages that came with the old address are sent away, too.
            self.overlays.regenerate(grant.ok_or(Unanswered::Unknown("overlay"))?).await.map_err(store)?;
            Ok(())
        })
    }

    fn rooms(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Room>>> {
        Box::pin(async move {
            let channels = registry::channels(self.household.store(), community).await.map_err(store)?;
            let rooms = channels.into_iter().filter(|key| key.platform() == local::NAME);
            Ok(rooms.map(|key| Room { key: key.to_string(), name: key.channel() }).collect())
        })
    }

    fn lines<'a>(&'a self, room: &'a str, after: u64) -> Boxed<'a, Answer<Vec<Said>>> {
        Box::pin(async move {
            let mut lines = self.local.room(&name(room)?).map_err(refused)?.since(after);
            let lines = lines.split_off(lines.len().saturating_sub(LINES));
            Ok(lines.into_iter().map(said).collect())
        })
    }

    fn news<'a>(&'a self, room: &'a str, after: u64) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            let room = self.local.room(&name(room)?).map_err(refused)?;
            let mut told = room.listen();
            if room.since(after).is_empty() {
                // A reader that fell behind has news all the more.
                told.recv().await.ok();
            }
            Ok(())
        })
    }

    fn say<'a>(&'a self, room: &'a str, user: &'a str, role: Role, text: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            let say = Say { user: user.to_owned(), role: Some(role.name().to_owned()), text: text.to_owned(), id: None };
            self.local.say(&self.household, &name(room)?, say).await.map(drop).map_err(refused)
        })
    }

    fn happen<'a>(&'a self, room: &'a str, what: Happening<'a>) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            let kind = what.kind.name().to_owned();
            let happen = Happen { kind, user: what.user.to_owned(), amount: Some(what.amount), ..Happen::default() };
            self.local.happen(&self.household, &name(room)?, happen).await.map(drop).map_err(refused)
        })
    }

    fn actors(&self) -> Boxed<'_, Answer<Gathered>> {
        Box::pin(async move { Ok(self.household.residents(None).await) })
    }

    fn actor<'a>(&'a self, key: &'a str, node: Option<&'a str>) -> Boxed<'a, Answer<(Resident, serde_json::Value)>> {
        Box::pin(async move { self.household.resident(key, node).await.ok_or(Unanswered::Unknown("actor")) })
    }
}

fn said(line: local::Shown) -> Said {
    Said {
        number: line.seq + 1,
        name: line.name.to_string(),
        role: Role::parse(line.role),
        text: line.text.to_string(),
        event: line.kind == "event",
        at: line.at,
    }
}

/// The room's own name behind its channel key.
fn name(room: &str) -> Answer<String> {
    let key = ChannelKey::parse(room).filter(|key| key.platform() == local::NAME);
    key.map(|key| key.channel()).ok_or(Unanswered::Unknown("room"))
}

fn refused(why: Refused) -> Unanswered {
    match why {
        Refused::Unheard(_) => Unanswered::Unavailable("the room"),
        other => Unanswered::Refused(other.to_string()),
    }
}

fn store(error: StoreError) -> Unanswered {
    unavailable("the database", &error.to_string())
}

fn unavailable(what: &'static str, why: &str) -> Unanswered {
    tracing::warn!(what, why, "the hub was not answered");
    Unanswered::Unavailable(what)
}

fn described(source: Source) -> (&'static str, &'static str) {
    match source {
        Source::Ticker => ("Scrolling text", "along the bottom"),
        Source::Media => ("Music, video and pictures", "bottom right"),
        Source::General => ("Shout-outs, announcements, alerts and forms", "the whole picture"),
    }
}

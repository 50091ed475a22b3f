//! A house of cardboard: answers like the real one, from memory.

mod clusterbook;
mod commandbook;
mod peoplebook;
mod rulebook;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use waddlebot_actors::commands;
use waddlebot_actors::household::{Gathered, Resident};
use waddlebot_actors::roles::audit::RoleChange;
use waddlebot_actors::roles::table::Member;
use waddlebot_actors::rules::{Rule, Settings};
use waddlebot_runtime::chat::{CommunityId, Role};
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::store::{Held, Known, Shown};

use crate::hub::house::{Answer, Command, Community, Happening, House, Module, Overlay, Room, Said, Unanswered};

/// The name of somebody who means harm.
pub(super) const HOSTILE: &str = "<script>alert('x')</script>\"&";

#[derive(Default)]
pub(super) struct Pretend {
    pub(super) state: Mutex<State>,
    told: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) communities: Vec<Community>,
    pub(super) lines: Vec<Said>,
    pub(super) off: Vec<String>,
    pub(super) regenerated: u32,
    pub(super) away: bool,
    pub(super) rules: Vec<Rule>,
    pub(super) commands: Vec<commands::Command>,
    pub(super) settings: Settings,
    pub(super) erased: Vec<String>,
    pub(super) people: Vec<Member>,
    pub(super) role_changes: Vec<RoleChange>,
    pub(super) nodes: Vec<Known>,
    pub(super) claims: Vec<Shown>,
    pub(super) history: Vec<Held>,
}

impl Pretend {
    pub(super) fn furnished() -> Self {
        let house = Self::default();
        house.state.lock().communities =
            vec![Community { id: 1, name: "waddlebot-global".into() }, Community { id: 7, name: "Ducks & <b>friends</b>".into() }];
        house
    }

    fn known(&self, community: CommunityId) -> Answer<()> {
        let state = self.state.lock();
        if state.away {
            return Err(Unanswered::Unavailable("The community"));
        }
        state.communities.iter().any(|one| one.id == community).then_some(()).ok_or(Unanswered::Unknown("community"))
    }

    fn add(&self, name: &str, role: Option<Role>, text: &str, event: bool) {
        let mut state = self.state.lock();
        let number = state.lines.len() as u64 + 1;
        state.lines.push(Said { number, name: name.into(), role, text: text.into(), event, at: 1_767_225_600_000 });
        drop(state);
        self.told.notify_waiters();
    }
}

fn room(key: &str) -> Answer<()> {
    (key == "local:lobby").then_some(()).ok_or(Unanswered::Unknown("room"))
}

fn reading(key: &str, parent: Option<&str>, error: Option<&str>) -> Resident {
    Resident {
        node: "n1".into(),
        key: key.into(),
        kind: "Channel".into(),
        parent: parent.map(Into::into),
        state: "idle".into(),
        mailbox: 3,
        handled: 1234,
        rate: 2.5,
        p50_us: 12.4,
        p99_us: 1234.0,
        restarts: 1,
        last_error: error.map(Into::into),
        epoch: Some(4),
    }
}

impl House for Pretend {
    fn communities<'a>(&'a self, like: &'a str, most: i64, skipped: i64) -> Boxed<'a, Answer<(Vec<Community>, u64)>> {
        let all = self.state.lock().communities.clone();
        let found: Vec<_> = all.into_iter().filter(|one| one.name.to_lowercase().contains(like.trim_matches('%'))).collect();
        let (most, skipped) = (usize::try_from(most).unwrap(), usize::try_from(skipped).unwrap_or(usize::MAX));
        let many = found.len() as u64;
        Box::pin(async move { Ok((found.into_iter().skip(skipped).take(most).collect(), many)) })
    }

    fn community(&self, id: CommunityId) -> Boxed<'_, Answer<Option<Community>>> {
        Box::pin(async move { Ok(self.state.lock().communities.iter().find(|one| one.id == id).cloned()) })
    }

    fn modules(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Module>>> {
        Box::pin(async move {
            self.known(community)?;
            let command = Command { usage: "!so <streamer>".into(), about: "Introduces a streamer".into(), role: Role::Moderator };
            let on = !self.state.lock().off.contains(&"shoutout".to_owned());
            Ok(vec![Module { name: "shoutout".into(), about: "Sends your chat".into(), on, commands: vec![command] }])
        })
    }

    fn set_module<'a>(&'a self, community: CommunityId, module: &'a str, on: bool) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            self.known(community)?;
            if module != "shoutout" {
                return Err(Unanswered::Unknown("module"));
            }
            let mut state = self.state.lock();
            state.off.retain(|name| name != module);
            if !on {
                state.off.push(module.to_owned());
            }
            Ok(())
        })
    }

    fn overlays(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Overlay>>> {
        Box::pin(async move {
            self.known(community)?;
            let number = self.state.lock().regenerated;
            let url = format!("http://127.0.0.1/browser/source/TOKEN{number}/ticker");
            let (kind, about, place) = ("ticker".into(), "Scrolling text".into(), "bottom".into());
            Ok(vec![Overlay { kind, about, url, width: 1920, height: 100, place, open: 2 }])
        })
    }

    fn regenerate<'a>(&'a self, community: CommunityId, kind: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            self.known(community)?;
            if kind != "ticker" {
                return Err(Unanswered::Unknown("overlay"));
            }
            self.state.lock().regenerated += 1;
            Ok(())
        })
    }

    fn rooms(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Room>>> {
        Box::pin(async move {
            self.known(community)?;
            Ok(if community == 7 { vec![Room { key: "local:lobby".into(), name: "lobby".into() }] } else { Vec::new() })
        })
    }

    fn lines<'a>(&'a self, key: &'a str, after: u64) -> Boxed<'a, Answer<Vec<Said>>> {
        Box::pin(async move {
            room(key)?;
            Ok(self.state.lock().lines.iter().filter(|line| line.number > after).cloned().collect())
        })
    }

    fn news<'a>(&'a self, key: &'a str, after: u64) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            room(key)?;
            loop {
                let told = self.told.notified();
                if self.state.lock().lines.len() as u64 > after {
                    return Ok(());
                }
                told.await;
            }
        })
    }

    fn say<'a>(&'a self, key: &'a str, user: &'a str, role: Role, text: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            room(key)?;
            self.add(user, Some(role), text, false);
            match text {
                "!ping" => self.add("WaddleBot", None, "pong", false),
                "chatter" => {}
                _ => self.add("WaddleBot", None, "what?", false),
            }
            Ok(())
        })
    }

    fn happen<'a>(&'a self, key: &'a str, what: Happening<'a>) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            room(key)?;
            self.add(what.user, None, &format!("{} with {}", what.kind.name(), what.amount), true);
            self.add("WaddleBot", None, "welcome", false);
            Ok(())
        })
    }

    fn actors(&self) -> Boxed<'_, Answer<Gathered>> {
        let actors = vec![reading("local:lobby", Some("node"), Some(HOSTILE)), reading("node", None, None)];
        Box::pin(async { Ok(Gathered { actors, nodes: Vec::new() }) })
    }

    fn actor<'a>(&'a self, key: &'a str, _: Option<&'a str>) -> Boxed<'a, Answer<(Resident, Value)>> {
        Box::pin(async move {
            let known = matches!(key, "node" | "local:lobby" | "a/b?c");
            let memory = json!({"topic": HOSTILE, "access_token": "geheim"});
            known.then(|| (reading(key, Some("node"), None), memory)).ok_or(Unanswered::Unknown("actor"))
        })
    }
}

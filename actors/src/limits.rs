//! How often a command may be used: what a community says for it, for everybody or for a role. Pure.

pub mod table;

use std::collections::HashMap;
use std::time::Duration;

use foldhash::quality::RandomState;
use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::Role;

use crate::channel::admit::Rate;

/// What a community says about its commands; where it says nothing, the command or the house does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits(HashMap<String, Entry, RandomState>);

/// One command: a rate for everybody, and one for each role that has its own.
#[derive(Clone, Debug, Default, PartialEq)]
struct Entry {
    everybody: Option<Rate>,
    roles: [Option<Rate>; 6],
}

/// One line of what a community says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The command without its prefix.
    pub command: String,
    /// For this role only.
    pub role: Option<Role>,
    /// So often; no use at all means any number, and `None` that nothing is said.
    pub rate: Option<Rate>,
}

impl Limits {
    /// What is said of this command for somebody of this role.
    #[must_use]
    pub fn rate(&self, command: &str, role: Role) -> Option<Rate> {
        let entry = self.0.get(command)?;
        entry.roles[role as usize].or(entry.everybody)
    }

    /// Takes a line in.
    pub fn set(&mut self, setting: &Setting) {
        let entry = self.0.entry(setting.command.clone()).or_default();
        match setting.role {
            Some(role) => entry.roles[role as usize] = setting.rate,
            None => entry.everybody = setting.rate,
        }
        if *entry == Entry::default() {
            self.0.remove(&setting.command);
        }
    }

    /// Every line, by command and role.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        let mut all = Vec::new();
        for (command, entry) in &self.0 {
            let mut add =
                |role, rate: Option<Rate>| all.extend(rate.map(|rate| Setting { command: command.clone(), role, rate: Some(rate) }));
            add(None, entry.everybody);
            for role in Role::RANKS {
                add(Some(role), entry.roles[role as usize]);
            }
        }
        all.sort_by(|a, b| (&a.command, a.role).cmp(&(&b.command, b.role)));
        all
    }
}

/// Up to so many uses of a window each is remembered by itself.
pub const EACH: usize = 1000;
/// Into so many parts the window of a larger limit is divided; uses of one part are remembered together.
const PARTS: u32 = 500;

/// Uses that are not further apart than this are remembered together, as of the last of them: so a larger limit never
/// grants too many, and takes no more room than [`EACH`] uses do.
#[must_use]
pub fn step(rate: Rate) -> Duration {
    if rate.uses <= EACH { Duration::ZERO } else { rate.window / PARTS }
}

/// How many uses a channel may grant before they are written down: the most that a crash can make forgotten,
/// and so what its successor counts as used until the window is over.
#[must_use]
pub fn reserve(uses: usize) -> usize {
    if uses > EACH { uses / 50 } else { (uses / 6).clamp(1, 20) }
}

/// What a person did with a command lately, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Their id on the channel's platform; empty where the whole channel rests after a use.
    pub user: String,
    /// The command without its prefix.
    pub command: String,
    /// When, in milliseconds since 1970, and how often then; oldest first.
    pub uses: Vec<(i64, u32)>,
    /// The length of the window, or of the rest.
    pub window: Duration,
}

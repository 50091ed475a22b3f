//! Whether this person may, here and now: role, rest and rate. Pure; the time is passed in.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{Role, Text, User};

use super::resolve::Row;
use super::windows::Windows;
use crate::limits::Limits;

/// What admission says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// They may.
    Go,
    /// Its module is switched off here.
    Disabled,
    /// It takes this role.
    Denied(Role),
    /// The channel rests between two uses.
    Resting(Duration),
    /// They asked too often within the window.
    Limited(Duration),
}

/// How often one person may use one command in one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// So many times …
    pub uses: usize,
    /// … within this time. Sliding, not in steps (spec 01 section 11).
    pub window: Duration,
}

impl Default for Rate {
    fn default() -> Self {
        Self { uses: 60, window: Duration::from_secs(60) }
    }
}

/// What somebody wants to do, as far as it decides whether they may.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// What is counted.
    pub word: &'a Text,
    /// Who may.
    pub role: Role,
    /// The rest between two uses in one channel.
    pub cooldown: Duration,
    /// Uses per window and person; what the house says when `None`, any number when 0.
    pub uses: Option<usize>,
}

/// What a channel remembers to decide. All times on the boot clock.
#[derive(Debug, Default)]
pub struct Gatekeeper {
    rate: Rate,
    pub(super) windows: Windows,
    limits: Arc<Limits>,
}

impl Gatekeeper {
    /// One with this rate.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, ..Self::default() }
    }

    /// Decides, and counts the use when they may. Admins and owners need not rest.
    pub fn admit(&mut self, row: &Row, by: &User, now: Duration) -> Admission {
        if !row.enabled {
            return Admission::Disabled;
        }
        let word = Text::from_static(row.info.word);
        self.judge(Wish { word: &word, role: row.info.role, cooldown: row.info.cooldown, uses: None }, by, now)
    }

    /// The same for what stands in no module's table.
    pub fn judge(&mut self, wish: Wish<'_>, by: &User, now: Duration) -> Admission {
        if by.role < wish.role {
            return Admission::Denied(wish.role);
        }
        self.windows.sweep(now);
        let Wish { word, cooldown, .. } = wish;
        if by.role < Role::Admin
            && let Some(left) = self.windows.resting(word, now)
        {
            return Admission::Resting(left);
        }
        let usual = Rate { uses: wish.uses.unwrap_or(self.rate.uses), ..self.rate };
        let rate = self.limits.rate(word, by.role).unwrap_or(usual);
        if rate.uses > 0
            && let Err(wait) = self.windows.take(&by.id, word, rate, now)
        {
            return Admission::Limited(wait);
        }
        if !cooldown.is_zero() {
            self.windows.rest(word, cooldown, now);
        }
        Admission::Go
    }

    /// Whether uses are counted here at all, whatever single commands say.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.rate.uses > 0 || *self.limits != Limits::default()
    }

    /// From now on the community says this about its commands.
    pub fn limit(&mut self, limits: Arc<Limits>) {
        self.limits = limits;
    }

    /// Forgets one person's uses, of one command, or all where they are empty; a rest that is forgotten is over.
    pub fn forget(&mut self, user: &str, command: &str) {
        self.windows.forget(user, command);
    }

    /// How many people's uses are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.windows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waddlebot_runtime::command::CommandInfo;

    fn row(role: Role, cooldown: u64) -> Row {
        let info = CommandInfo {
            module: "m",
            word: "so",
            about: "",
            takes: &[],
            aliases: &[],
            role,
            cooldown: Duration::from_secs(cooldown),
            examples: &[],
            given: &[],
            writes: false,
        };
        Row { info, index: 0, enabled: true }
    }

    fn user(name: &str, role: Role) -> User {
        User { id: name.into(), name: name.into(), role }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1000 + seconds)
    }

    #[test]
    fn who_lacks_the_role_may_not() {
        let mut gate = Gatekeeper::default();
        let row = row(Role::Moderator, 0);
        assert_eq!(gate.admit(&row, &user("bob", Role::Vip), at(0)), Admission::Denied(Role::Moderator));
        assert_eq!(gate.admit(&row, &user("ana", Role::Owner), at(0)), Admission::Go);
    }

    #[test]
    fn the_room_rests_between_two_uses_but_not_for_those_who_run_it() {
        let mut gate = Gatekeeper::default();
        let row = row(Role::Viewer, 30);
        assert_eq!(gate.admit(&row, &user("bob", Role::Viewer), at(0)), Admission::Go);
        assert_eq!(gate.admit(&row, &user("eve", Role::Viewer), at(10)), Admission::Resting(Duration::from_secs(20)));
        assert_eq!(gate.admit(&row, &user("ana", Role::Admin), at(10)), Admission::Go);
        assert_eq!(gate.admit(&row, &user("eve", Role::Viewer), at(40)), Admission::Go);
    }

    #[test]
    fn one_person_may_use_a_command_so_often_in_any_minute() {
        let mut gate = Gatekeeper::new(Rate { uses: 2, window: Duration::from_secs(60) });
        let row = row(Role::Viewer, 0);
        let bob = user("bob", Role::Viewer);
        assert_eq!(gate.admit(&row, &bob, at(0)), Admission::Go);
        assert_eq!(gate.admit(&row, &bob, at(50)), Admission::Go);
        assert_eq!(gate.admit(&row, &bob, at(59)), Admission::Limited(Duration::from_secs(1)));
        assert_eq!(gate.admit(&row, &user("eve", Role::Viewer), at(59)), Admission::Go);
        assert_eq!(gate.admit(&row, &bob, at(60)), Admission::Go);
        assert_eq!(gate.admit(&row, &bob, at(61)), Admission::Limited(Duration::from_secs(49)));
    }
}

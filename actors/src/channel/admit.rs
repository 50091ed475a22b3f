//! Whether this person may, here and now: role, rest and rate. Pure; the time is passed in.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::quality::RandomState;
use waddlebot_runtime::chat::{Role, Text, User};

use super::resolve::Row;

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
#[derive(Clone, Copy, Debug)]
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

/// When one person used which command, oldest first.
type Uses = Vec<(Text, VecDeque<Duration>)>;

/// What a channel remembers to decide. All times on the boot clock.
#[derive(Debug, Default)]
pub struct Gatekeeper {
    rate: Rate,
    rested: HashMap<Text, Duration, RandomState>,
    used: HashMap<Text, Uses, RandomState>,
    swept: Duration,
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
        self.sweep(now);
        let Wish { word, cooldown, .. } = wish;
        if by.role < Role::Admin
            && let Some(until) = self.rested.get(word)
            && *until > now
        {
            return Admission::Resting(*until - now);
        }
        let most = wish.uses.unwrap_or(self.rate.uses);
        if most > 0 {
            let uses = uses_of(&mut self.used, &by.id, word);
            while uses.front().is_some_and(|at| *at + self.rate.window <= now) {
                uses.pop_front();
            }
            if uses.len() >= most {
                let free = uses.front().map_or(now, |at| *at + self.rate.window);
                return Admission::Limited(free.saturating_sub(now));
            }
            uses.push_back(now);
        }
        if !cooldown.is_zero() {
            self.rested.insert(word.clone(), now + cooldown);
        }
        Admission::Go
    }

    /// How many people's uses are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.used.len()
    }

    /// Forgets idle windows once a minute.
    fn sweep(&mut self, now: Duration) {
        if now < self.swept + Duration::from_secs(60) {
            return;
        }
        self.swept = now;
        let window = self.rate.window;
        self.used.retain(|_, uses| {
            uses.retain(|(_, uses)| uses.back().is_some_and(|at| *at + window > now));
            !uses.is_empty()
        });
        self.rested.retain(|_, until| *until > now);
    }
}

fn uses_of<'u>(used: &'u mut HashMap<Text, Uses, RandomState>, id: &Text, word: &Text) -> &'u mut VecDeque<Duration> {
    if !used.contains_key(id) {
        // A copy: a slice would keep the whole chunk alive that it was read from.
        used.insert(Text::from(id.to_string()), Vec::with_capacity(1));
    }
    let uses = used.get_mut(id).expect("it was put there if it was missing");
    let at = uses.iter().position(|(known, _)| known == word).unwrap_or_else(|| {
        uses.push((word.clone(), VecDeque::with_capacity(1)));
        uses.len() - 1
    });
    &mut uses[at].1
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

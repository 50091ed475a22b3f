//! When each person used which command: sliding windows, what of them must be written down, and what a crash made unsure. Pure.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::quality::RandomState;
use waddlebot_runtime::chat::{Millis, Text};

use super::admit::Rate;
use crate::limits::table::Found;
use crate::limits::{KEPT, Used, reserve};

/// The windows of one channel. All times on the boot clock.
#[derive(Debug, Default)]
pub(super) struct Windows {
    used: HashMap<Text, Vec<Window>, RandomState>,
    /// Since when it is known what was used before this channel was opened.
    begun: bool,
    /// When the counts of somebody who ended without a word were taken over.
    crashed: Option<Duration>,
    urgent: bool,
    swept: Duration,
}

/// One person's uses of one command, oldest first.
#[derive(Debug)]
struct Window {
    word: Text,
    uses: VecDeque<Duration>,
    length: Duration,
    unsaved: usize,
    /// Whether what a crash may have made forgotten is counted.
    made_up: bool,
}

impl Windows {
    /// Counts a use, or says how long to wait for the next.
    pub(super) fn take(&mut self, id: &Text, word: &Text, rate: Rate, now: Duration) -> Result<(), Duration> {
        let kept = rate.uses <= KEPT;
        let crashed = self.crashed.filter(|at| kept && *at + rate.window > now);
        let window = window(&mut self.used, id, word);
        window.length = rate.window;
        if let Some(at) = crashed
            && !window.made_up
        {
            let place = window.uses.partition_point(|used| *used <= at);
            (0..reserve(rate.uses)).for_each(|_| window.uses.insert(place, at));
        }
        window.made_up = true;
        while window.uses.front().is_some_and(|at| *at + rate.window <= now) {
            window.uses.pop_front();
        }
        if window.uses.len() >= rate.uses {
            // Room comes when so many are left that one more fits: fewer may be allowed now than were before.
            let last = window.uses.len() - rate.uses;
            return Err(window.uses.get(last).map_or(now, |at| *at + rate.window).saturating_sub(now));
        }
        window.uses.push_back(now);
        if kept {
            window.unsaved += 1;
            self.urgent |= window.unsaved > reserve(rate.uses);
        }
        Ok(())
    }

    /// Whether it was found out what was used before.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether uses must be written down before another command runs.
    pub(super) fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// Begins with what was written down before.
    pub(super) fn begin(&mut self, found: Found, (now, millis): (Duration, Millis)) {
        self.begun = true;
        self.crashed = found.crashed.then_some(now);
        for Used { user, command, uses, window: length } in found.used {
            let window = window(&mut self.used, &user.into(), &command.into());
            let ages = uses.into_iter().map(|at| Duration::from_millis(u64::try_from(millis - at).unwrap_or(0)));
            // A use from before this machine started counts as of its start.
            window.uses = ages.map(|age| now.saturating_sub(age)).collect();
            window.length = length;
        }
    }

    /// Begins with nothing known, because nothing could be read: as after a crash.
    pub(super) fn begin_blind(&mut self, now: Duration) {
        self.begun = true;
        self.crashed = Some(now);
    }

    /// What has to be written down, for [`crate::limits::table::save`].
    pub(super) fn unsaved(&mut self, (now, millis): (Duration, Millis)) -> Vec<Used> {
        self.urgent = false;
        let mut unsaved = Vec::new();
        for (user, windows) in &mut self.used {
            for window in windows.iter_mut().filter(|window| window.unsaved > 0) {
                window.unsaved = 0;
                let age = |at: &Duration| i64::try_from(now.saturating_sub(*at).as_millis()).unwrap_or(i64::MAX);
                unsaved.push(Used {
                    user: user.to_string(),
                    command: window.word.to_string(),
                    uses: window.uses.iter().map(|at| millis - age(at)).collect(),
                    window: window.length,
                });
            }
        }
        unsaved
    }

    /// What could not be written down has to be the next time.
    pub(super) fn not_saved(&mut self, which: &[Used]) {
        for one in which {
            let windows = self.used.get_mut(one.user.as_str()).into_iter().flatten();
            windows.filter(|window| *window.word == one.command).for_each(|window| window.unsaved += 1);
        }
    }

    /// Forgets one person's uses, of one command, or all where they are empty.
    pub(super) fn forget(&mut self, user: &str, command: &str) {
        for (id, windows) in &mut self.used {
            if user.is_empty() || **id == *user {
                windows.retain(|window| !command.is_empty() && *window.word != *command);
            }
        }
        self.crashed = self.crashed.filter(|_| !user.is_empty() || !command.is_empty());
    }

    /// How many people's uses are remembered.
    pub(super) fn len(&self) -> usize {
        self.used.len()
    }

    /// Forgets idle windows once a minute.
    pub(super) fn sweep(&mut self, now: Duration) {
        if now < self.swept + Duration::from_secs(60) {
            return;
        }
        self.swept = now;
        self.used.retain(|_, windows| {
            windows.retain(|window| window.unsaved > 0 || window.uses.back().is_some_and(|at| *at + window.length > now));
            !windows.is_empty()
        });
    }
}

fn window<'u>(used: &'u mut HashMap<Text, Vec<Window>, RandomState>, id: &Text, word: &Text) -> &'u mut Window {
    if !used.contains_key(id) {
        // A copy: a slice would keep the whole chunk alive that it was read from.
        used.insert(Text::from(id.to_string()), Vec::with_capacity(1));
    }
    let windows = used.get_mut(id).expect("it was put there if it was missing");
    let at = windows.iter().position(|window| window.word == *word).unwrap_or_else(|| {
        windows.push(Window { word: word.clone(), uses: VecDeque::with_capacity(1), length: Duration::ZERO, unsaved: 0, made_up: false });
        windows.len() - 1
    });
    &mut windows[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { uses: 12, window: Duration::from_secs(60) };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1000 + seconds)
    }

    fn moment(seconds: u64) -> (Duration, Millis) {
        (at(seconds), i64::try_from(seconds * 1000).expect("small"))
    }

    fn granted(windows: &mut Windows, who: &'static str, seconds: u64) -> usize {
        let (who, word) = (Text::from_static(who), Text::from_static("so"));
        (0..100).take_while(|_| windows.take(&who, &word, RATE, at(seconds)).is_ok()).count()
    }

    #[test]
    fn what_was_used_travels_to_who_counts_next() {
        let (mut first, mut second) = (Windows::default(), Windows::default());
        first.begin(Found::default(), moment(0));
        assert_eq!((granted(&mut first, "bob", 0), granted(&mut first, "bob", 59)), (12, 0));
        let used = first.unsaved(moment(59));
        assert_eq!((used.len(), used[0].uses.len(), first.unsaved(moment(59)).len()), (1, 12, 0));
        second.begin(Found { used, crashed: false }, (Duration::from_secs(70_000), 59_500));
        let word = Text::from_static("so");
        assert_eq!(second.take(&"bob".into(), &word, RATE, Duration::from_secs(70_000)), Err(Duration::from_millis(500)));
        assert_eq!(second.take(&"bob".into(), &word, RATE, Duration::from_millis(70_000_500)), Ok(()));
    }

    #[test]
    fn after_a_crash_nobody_gets_more_than_the_limit_and_nobody_is_shut_out() {
        let mut first = Windows::default();
        first.begin(Found::default(), moment(0));
        let (bob, word) = (Text::from_static("bob"), Text::from_static("so"));
        let (mut ran, mut saved) = (0, Vec::new());
        // It dies at the worst moment: just before it would have to write.
        while first.take(&bob, &word, RATE, at(10)).is_ok() {
            if first.is_urgent() {
                if ran >= 7 {
                    break;
                }
                saved = first.unsaved(moment(10));
            }
            ran += 1;
        }
        assert!(saved[0].uses.len() < ran, "some were not written down");
        let mut second = Windows::default();
        second.begin(Found { used: saved, crashed: true }, moment(13));
        let again = granted(&mut second, "bob", 13);
        assert!(ran + again <= RATE.uses && again > 0, "{ran} before and {again} after");
        assert_eq!(granted(&mut second, "eve", 14), RATE.uses - reserve(RATE.uses));
        assert_eq!(granted(&mut second, "fay", 80), RATE.uses);
    }

    #[test]
    fn uses_are_forgotten_as_asked() {
        let mut windows = Windows::default();
        windows.begin(Found::default(), moment(0));
        granted(&mut windows, "bob", 0);
        granted(&mut windows, "eve", 0);
        windows.forget("bob", "other");
        assert_eq!(granted(&mut windows, "bob", 1), 0);
        windows.forget("bob", "");
        assert_eq!((granted(&mut windows, "bob", 1), granted(&mut windows, "eve", 1)), (12, 0));
        windows.forget("", "");
        assert_eq!(granted(&mut windows, "eve", 1), 12);
    }
}

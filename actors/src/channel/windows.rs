//! When each person used which command, and which commands rest: sliding windows, what of them must be written down, and what a
//! crash made unsure. Pure.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::quality::RandomState;
use waddlebot_runtime::chat::{Millis, Text};

use super::admit::Rate;
use crate::limits::table::Found;
use crate::limits::{EACH, Used, reserve, step};

/// The windows of one channel. All times on the boot clock.
#[derive(Debug, Default)]
pub(super) struct Windows {
    used: HashMap<Text, Vec<Window>, RandomState>,
    rests: HashMap<Text, Rest, RandomState>,
    /// Since when it is known what was used before this channel was opened.
    begun: bool,
    /// When the counts of somebody who ended without a word were taken over.
    crashed: Option<Duration>,
    urgent: bool,
    swept: Duration,
}

/// How long the channel rests from a command.
#[derive(Debug)]
struct Rest {
    until: Duration,
    length: Duration,
    unsaved: bool,
}

/// One person's uses of one command, oldest first.
#[derive(Debug)]
struct Window {
    word: Text,
    /// When, and how often then.
    uses: VecDeque<(Duration, u32)>,
    count: usize,
    length: Duration,
    unsaved: usize,
    /// So many uses need not be written down before the end: none of a small limit, few of a large one.
    spared: usize,
    /// Whether what a crash may have made forgotten is counted.
    made_up: bool,
}

impl Windows {
    /// Counts a use, or says how long to wait for the next.
    pub(super) fn take(&mut self, id: &Text, word: &Text, rate: Rate, now: Duration) -> Result<(), Duration> {
        let crashed = self.crashed.filter(|at| *at + rate.window > now);
        let window = window(&mut self.used, id, word);
        window.length = rate.window;
        window.spared = if rate.uses > EACH { reserve(rate.uses) } else { 0 };
        if let Some(at) = crashed
            && !window.made_up
        {
            let place = window.uses.partition_point(|(used, _)| *used <= at);
            window.uses.insert(place, (at, u32::try_from(reserve(rate.uses)).unwrap_or(u32::MAX)));
            window.count += reserve(rate.uses);
        }
        window.made_up = true;
        while let Some((_, times)) = window.uses.pop_front_if(|(at, _)| *at + rate.window <= now) {
            window.count -= times as usize;
        }
        if window.count >= rate.uses {
            // Room comes when so many are left that one more fits: fewer may be allowed now than were before.
            let mut left = window.count;
            let last = window.uses.iter().find(|(_, times)| {
                left -= *times as usize;
                left < rate.uses
            });
            return Err(last.map_or(now, |(at, _)| *at + rate.window).saturating_sub(now));
        }
        window.add(now, step(rate));
        window.unsaved += 1;
        self.urgent |= window.unsaved > reserve(rate.uses);
        Ok(())
    }

    /// How long the channel still rests from a command.
    pub(super) fn resting(&self, word: &Text, now: Duration) -> Option<Duration> {
        self.rests.get(word).and_then(|rest| rest.until.checked_sub(now)).filter(|left| !left.is_zero())
    }

    /// From now on the channel rests from a command for so long.
    pub(super) fn rest(&mut self, word: &Text, length: Duration, now: Duration) {
        self.rests.insert(word.clone(), Rest { until: now + length, length, unsaved: true });
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
            // A use from before this machine started counts as of its start.
            let at = |at: Millis| now.saturating_sub(Duration::from_millis(u64::try_from(millis - at).unwrap_or(0)));
            if user.is_empty() {
                let until = uses.last().map_or(now, |(last, _)| at(*last)) + length;
                self.rests.insert(command.into(), Rest { until, length, unsaved: false });
                continue;
            }
            let window = window(&mut self.used, &user.into(), &command.into());
            window.uses = uses.into_iter().map(|(used, times)| (at(used), times)).collect();
            window.count = window.uses.iter().map(|(_, times)| *times as usize).sum();
            window.length = length;
        }
    }

    /// Begins with nothing known, because nothing could be read: as after a crash.
    pub(super) fn begin_blind(&mut self, now: Duration) {
        self.begun = true;
        self.crashed = Some(now);
    }

    /// What has to be written down, for [`crate::limits::table::save`]; all there is when it is the `last` time.
    pub(super) fn unsaved(&mut self, last: bool, (now, millis): (Duration, Millis)) -> Vec<Used> {
        self.urgent = false;
        let mut unsaved = Vec::new();
        let wall = |at: &Duration| millis - i64::try_from(now.saturating_sub(*at).as_millis()).unwrap_or(i64::MAX);
        for (word, rest) in self.rests.iter_mut().filter(|(_, rest)| rest.unsaved) {
            rest.unsaved = false;
            let uses = vec![(wall(&rest.until.saturating_sub(rest.length)), 1)];
            unsaved.push(Used { user: String::new(), command: word.to_string(), uses, window: rest.length });
        }
        for (user, windows) in &mut self.used {
            for window in windows.iter_mut().filter(|window| window.unsaved > if last { 0 } else { window.spared }) {
                window.unsaved = 0;
                unsaved.push(Used {
                    user: user.to_string(),
                    command: window.word.to_string(),
                    uses: window.uses.iter().map(|(at, times)| (wall(at), *times)).collect(),
                    window: window.length,
                });
            }
        }
        unsaved
    }

    /// What could not be written down has to be the next time.
    pub(super) fn not_saved(&mut self, which: &[Used]) {
        for one in which {
            if one.user.is_empty() {
                self.rests.get_mut(one.command.as_str()).into_iter().for_each(|rest| rest.unsaved = true);
            }
            let windows = self.used.get_mut(one.user.as_str()).into_iter().flatten();
            windows.filter(|window| *window.word == one.command).for_each(|window| window.unsaved += window.spared + 1);
        }
    }

    /// Forgets one person's uses, of one command, or all where they are empty; a rest that is forgotten is over.
    pub(super) fn forget(&mut self, user: &str, command: &str) {
        if user.is_empty() {
            self.rests.retain(|word, _| !command.is_empty() && **word != *command);
        }
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

    /// Forgets idle windows and rests once a minute.
    pub(super) fn sweep(&mut self, now: Duration) {
        if now < self.swept + Duration::from_secs(60) {
            return;
        }
        self.swept = now;
        self.rests.retain(|_, rest| rest.until > now);
        self.used.retain(|_, windows| {
            windows.retain(|window| window.uses.back().is_some_and(|(at, _)| *at + window.length > now));
            !windows.is_empty()
        });
    }
}

impl Window {
    /// Adds a use, to those of the same step where there are any.
    fn add(&mut self, now: Duration, step: Duration) {
        let part = |at: Duration| if step.is_zero() { at.as_nanos() } else { at.as_nanos() / step.as_nanos() };
        match self.uses.back_mut() {
            Some((at, times)) if part(*at) == part(now) && *times < u32::MAX => {
                *at = now;
                *times += 1;
            }
            _ => self.uses.push_back((now, 1)),
        }
        self.count += 1;
    }
}

fn window<'u>(used: &'u mut HashMap<Text, Vec<Window>, RandomState>, id: &Text, word: &Text) -> &'u mut Window {
    if !used.contains_key(id) {
        // A copy: a slice would keep the whole chunk alive that it was read from.
        used.insert(Text::from(id.to_string()), Vec::with_capacity(1));
    }
    let windows = used.get_mut(id).expect("it was put there if it was missing");
    let at = windows.iter().position(|window| window.word == *word).unwrap_or_else(|| {
        let uses = VecDeque::with_capacity(1);
        windows.push(Window { word: word.clone(), uses, count: 0, length: Duration::ZERO, unsaved: 0, spared: 0, made_up: false });
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
        let used = first.unsaved(false, moment(59));
        assert_eq!((used.len(), used[0].uses[0].1, first.unsaved(false, moment(59)).len()), (1, 12, 0));
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
                saved = first.unsaved(false, moment(10));
            }
            ran += 1;
        }
        assert!((saved[0].uses[0].1 as usize) < ran, "some were not written down");
        let mut second = Windows::default();
        second.begin(Found { used: saved, crashed: true }, moment(13));
        let again = granted(&mut second, "bob", 13);
        assert!(ran + again <= RATE.uses && again > 0, "{ran} before and {again} after");
        assert_eq!(granted(&mut second, "eve", 14), RATE.uses - reserve(RATE.uses));
        assert_eq!(granted(&mut second, "fay", 80), RATE.uses);
    }

    #[test]
    fn a_large_limit_is_never_exceeded_in_any_window_takes_little_room_and_travels() {
        let rate = Rate { uses: 9_000, window: Duration::from_secs(60) };
        let (bob, word) = (Text::from_static("bob"), Text::from_static("so"));
        let mut windows = Windows::default();
        windows.begin(Found::default(), moment(0));
        let mut granted = Vec::new();
        for tick in 0..180_000u64 {
            // Two windows of 1,000 tries a second, the windows handed on in the middle of it.
            let (now, millis) = (at(0) + Duration::from_millis(tick), i64::try_from(tick).expect("small"));
            if tick == 90_000 {
                let used = windows.unsaved(true, (now, millis));
                assert!(used[0].uses.len() <= 502, "{}", used[0].uses.len());
                windows = Windows::default();
                windows.begin(Found { used, crashed: false }, (now, millis));
            }
            if windows.take(&bob, &word, rate, now).is_ok() {
                granted.push(tick);
            }
            assert!(windows.used[&bob][0].uses.len() <= 502);
        }
        assert!((0..rate.uses / 50).all(|_| windows.take(&"eve".into(), &word, rate, at(181)).is_ok()));
        assert!(!windows.unsaved(false, moment(181)).iter().any(|used| used.user == "eve"), "a few of many are spared");
        windows.take(&"eve".into(), &word, rate, at(181)).expect("one more");
        assert!(windows.is_urgent() && windows.unsaved(false, moment(181)).iter().any(|used| used.user == "eve"));
        for (first, tick) in granted.iter().enumerate() {
            let within = granted.partition_point(|other| *other < tick + 60_000) - first;
            assert!(within <= rate.uses, "{within} from {tick} on");
        }
        assert!(granted.len() > 26_500, "{} of 27,000", granted.len());
    }

    #[test]
    fn a_rest_travels_too() {
        let (mut first, mut second) = (Windows::default(), Windows::default());
        let word = Text::from_static("so");
        first.begin(Found::default(), moment(0));
        first.rest(&word, Duration::from_secs(30), at(0));
        let used = first.unsaved(false, moment(10));
        assert_eq!((used.len(), first.unsaved(false, moment(10)).len()), (1, 0));
        first.not_saved(&used);
        assert_eq!(first.unsaved(false, moment(10)), used);
        second.begin(Found { used, crashed: false }, (Duration::from_secs(7_000), 12_000));
        assert_eq!(second.resting(&word, Duration::from_secs(7_000)), Some(Duration::from_secs(18)));
        assert_eq!(second.resting(&word, Duration::from_secs(7_018)), None);
        second.forget("", "so");
        assert_eq!(second.resting(&word, Duration::from_secs(7_000)), None);
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

//! What the tags of a line say about a message and its speaker: ids, times, accounts, Twitch's badges.

use std::borrow::Cow;

use waddlebot_runtime::chat::{Millis, Role};

use super::line::{Tags, unescape};

/// The tags we know, picked out in one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks<'a> {
    /// `msgid`, or Twitch's `id`: the message.
    pub id: &'a str,
    /// `time`, or Twitch's `tmi-sent-ts`.
    pub at: Option<Millis>,
    /// The services account of the speaker.
    pub account: &'a str,
    /// Twitch's number of the speaker.
    pub user: &'a str,
    /// The name as the speaker writes it.
    pub shown: Cow<'a, str>,
    /// What the badges say; `None` where there is no badge tag.
    pub role: Option<Role>,
    /// Bits that came with the message.
    pub bits: i64,
    /// Which kind of USERNOTICE it is (its `msg-id`).
    pub notice: &'a str,
}

impl<'a> Marks<'a> {
    /// Reads the tags of one line. `twitch` is whether the server was granted Twitch's tags; without it
    /// nobody is believed about badges and numbers.
    pub fn read(tags: Tags<'a>, twitch: bool) -> Self {
        let mut marks = Self::default();
        if tags.is_empty() {
            return marks;
        }
        for (key, value) in tags.iter() {
            match key {
                "msgid" => marks.id = value,
                "time" => marks.at = millis(value),
                "account" => marks.account = value,
                _ if twitch => marks.twitch(key, value),
                _ => {}
            }
        }
        marks
    }

    fn twitch(&mut self, key: &str, value: &'a str) {
        match key {
            "id" => self.id = value,
            "tmi-sent-ts" => self.at = value.parse().ok(),
            "user-id" => self.user = value,
            "display-name" => self.shown = unescape(value),
            "badges" => {
                let best = value.split(',').filter_map(badge).max().unwrap_or_default();
                self.role = Some(self.role.unwrap_or_default().max(best));
            }
            "mod" if value == "1" => self.role = Some(self.role.unwrap_or_default().max(Role::Moderator)),
            "vip" if value == "1" => self.role = Some(self.role.unwrap_or_default().max(Role::Vip)),
            "bits" => self.bits = value.parse().unwrap_or(0),
            "msg-id" => self.notice = value,
            _ => {}
        }
    }
}

/// What one badge, such as `moderator/1`, is worth.
fn badge(badge: &str) -> Option<Role> {
    match badge.split('/').next()? {
        "broadcaster" => Some(Role::Owner),
        "moderator" | "lead_moderator" => Some(Role::Moderator),
        "vip" => Some(Role::Vip),
        "subscriber" | "founder" => Some(Role::Subscriber),
        _ => None,
    }
}

/// Milliseconds since 1970 of `2026-01-31T23:59:59.999Z`; `None` if it is written otherwise.
fn millis(time: &str) -> Option<Millis> {
    let bytes = time.as_bytes();
    let sound = bytes.len() >= 20 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[10] == b'T' && time.ends_with('Z');
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let mut total = 0;
        for byte in bytes.get(range)? {
            total = total * 10 + i64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
        }
        Some(total)
    };
    if !sound || bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let within = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !within {
        return None;
    }
    let fraction = if bytes[19] == b'.' { number(20..bytes.len().min(24) - 1).unwrap_or(0) } else { 0 };
    let digits = bytes.len().min(24).saturating_sub(21);
    let thousandths = fraction * 10_i64.pow(3_u32.saturating_sub(u32::try_from(digits).unwrap_or(3)));
    Some((days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) * 1000 + thousandths)
}

/// Days since 1970-01-01 of a date in the Gregorian calendar. The year is counted from March, so that
/// the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line::Line;
    use super::*;

    fn marks(line: &str, twitch: bool) -> Marks<'_> {
        Marks::read(Line::parse(line).expect("a line").tags, twitch)
    }

    #[test]
    fn times_are_read_to_the_millisecond() {
        assert_eq!(millis("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(millis("2026-01-01T00:00:00.123Z"), Some(1_767_225_600_123));
        assert_eq!(millis("2024-02-29T23:59:59Z"), Some(1_709_251_199_000));
        assert_eq!(millis("2024-02-29T23:59:59.5Z"), Some(1_709_251_199_500));
        assert_eq!(millis("2024-02-29T23:59:59.123456Z"), Some(1_709_251_199_123));
        for wrong in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00.000Z", "2026-01-0äT00:00:00Z"] {
            assert_eq!(millis(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn twitch_badges_give_a_role_and_only_on_twitch() {
        let line =
            r"@badges=subscriber/12,vip/1;display-name=Ana\sB;id=m1;mod=0;tmi-sent-ts=1767225600123;user-id=77;bits=100 PRIVMSG #a :x";
        let seen = marks(line, true);
        assert_eq!((seen.role, seen.id, seen.user, seen.bits), (Some(Role::Vip), "m1", "77", 100));
        assert_eq!((seen.shown.as_ref(), seen.at), ("Ana B", Some(1_767_225_600_123)));
        assert_eq!(marks(line, false), Marks::default());
        assert_eq!(marks("@badges=broadcaster/1;mod=1 X", true).role, Some(Role::Owner));
        assert_eq!(marks("@badges=;mod=1 X", true).role, Some(Role::Moderator));
        assert_eq!(marks("@badges= X", true).role, Some(Role::Viewer));
    }

    #[test]
    fn ids_and_accounts_of_ircv3_are_read_everywhere() {
        let seen = marks("@time=1970-01-01T00:00:01.000Z;msgid=abc;account=Ana :a!b@c PRIVMSG #a :x", false);
        assert_eq!((seen.id, seen.account, seen.at), ("abc", "Ana", Some(1000)));
    }

    proptest! {
        #[test]
        fn no_time_makes_it_panic(time in "[0-9TZ:.ä-]{0,30}") {
            let _ = millis(&time);
        }

        #[test]
        fn later_is_later(a in 0i64..4_102_444_800_000, step in 1i64..100_000_000) {
            prop_assert_eq!(millis(&written(a)), Some(a));
            prop_assert!(millis(&written(a + step)) > millis(&written(a)));
        }
    }

    /// The other way round, counted day by day in years.
    fn written(at: Millis) -> String {
        let (mut left, rest) = (at / 86_400_000, at % 86_400_000);
        let leap = |y: i64| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
        let mut year = 1970;
        while left >= 365 + i64::from(leap(year)) {
            left -= 365 + i64::from(leap(year));
            year += 1;
        }
        let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut month = 0;
        while left >= lengths[month] {
            left -= lengths[month];
            month += 1;
        }
        let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
        format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", month + 1, left + 1, rest % 1000)
    }
}

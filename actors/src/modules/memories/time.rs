//! Reads when somebody wants to be reminded, and finds the next time of what comes again.

use jiff::civil::Date;
use jiff::fmt::friendly::SpanParser;
use jiff::{Span, ToSpan as _, Zoned};
use waddlebot_runtime::chat::Millis;
use waddlebot_runtime::command::Missing;

use crate::moment;

/// A reminder may be this far away.
const FARTHEST_YEARS: i64 = 5;

/// When somebody wants to be reminded.
#[derive(Clone, Debug)]
pub struct When {
    /// From now.
    span: Span,
    /// And again.
    pub(super) every: Option<Every>,
    /// Until the end of that day.
    until: Option<Date>,
}

/// How often something comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Every {
    Day,
    Week,
    Month,
}

impl Every {
    /// As it is kept and shown.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
        }
    }

    /// Reads what was kept; nothing for what does not come again.
    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Day, Self::Week, Self::Month].into_iter().find(|every| every.name() == name)
    }

    fn times(self, number: i64) -> Span {
        match self {
            Self::Day => number.days(),
            Self::Week => number.weeks(),
            Self::Month => number.months(),
        }
    }

    /// The first time after `now`, counted from the very first one: the 31st of January is followed
    /// by the last of February and then by the 31st of March.
    pub(super) fn next(self, first: Millis, now: Millis, timezone: &str) -> Option<Millis> {
        const DAY: i64 = 86_400_000;
        let longest = match self {
            Self::Day => DAY + DAY / 12,
            Self::Week => 7 * DAY + DAY / 12,
            Self::Month => 31 * DAY + DAY / 12,
        };
        let first_moment = moment::zoned(first, timezone);
        let mut number = (now - first).max(0) / longest;
        loop {
            number += 1;
            let at = first_moment.checked_add(self.times(number)).ok()?.timestamp().as_millisecond();
            if at > now {
                return Some(at);
            }
        }
    }
}

impl When {
    /// The moment itself, and the last moment for what comes again.
    pub(super) fn moments(&self, now: Millis, timezone: &str) -> Result<(Millis, Option<Millis>), Missing> {
        let start = moment::zoned(now, timezone);
        let far = || Missing::new(format!("that is more than {FARTHEST_YEARS} years away"));
        let at = start.checked_add(self.span).map_err(|_| far())?;
        if at.timestamp() <= start.timestamp() {
            return Err(Missing::new("a reminder is for later"));
        }
        if start.checked_add(FARTHEST_YEARS.years()).is_ok_and(|farthest| at > farthest) {
            return Err(far());
        }
        let end = self.until.map(|day| end_of(day, &at)).transpose()?;
        if end.is_some_and(|end| end < at.timestamp().as_millisecond()) {
            return Err(Missing::new("it ends before it begins"));
        }
        Ok((at.timestamp().as_millisecond(), end))
    }
}

fn end_of(day: Date, near: &Zoned) -> Result<Millis, Missing> {
    let next = day.tomorrow().and_then(|day| day.to_zoned(near.time_zone().clone()));
    next.map(|next| next.timestamp().as_millisecond() - 1).map_err(|_| Missing::new("that day does not exist"))
}

/// Reads `in 10 minutes`, `1h30m`, `2 weeks and 3 days`, `an hour`, `in 1 day weekly until 2026-12-31`, `daily`.
pub(super) fn when(text: &str) -> Result<When, Missing> {
    let folded = text.to_lowercase().replace(',', " ");
    let mut words: Vec<_> = folded.split_whitespace().collect();
    if words.first() == Some(&"in") {
        words.remove(0);
    }
    let mut until = None;
    if let [.., "until", day] = words[..] {
        until = Some(day.parse().map_err(|_| Missing::new("the last day is written like 2026-12-31"))?);
        words.truncate(words.len() - 2);
    }
    let every = match words[..] {
        [.., "daily"] => Some((Every::Day, 1)),
        [.., "weekly"] => Some((Every::Week, 1)),
        [.., "monthly"] => Some((Every::Month, 1)),
        [.., "every", "day"] => Some((Every::Day, 2)),
        [.., "every", "week"] => Some((Every::Week, 2)),
        [.., "every", "month"] => Some((Every::Month, 2)),
        _ => None,
    };
    if let Some((_, taken)) = every {
        words.truncate(words.len() - taken);
    }
    let every = every.map(|(every, _)| every);
    if until.is_some() && every.is_none() {
        return Err(Missing::new("only what comes daily, weekly or monthly has a last day"));
    }
    let span = match every {
        Some(every) if words.is_empty() => every.times(1),
        _ => span(&words)?,
    };
    Ok(When { span, every, until })
}

fn span(words: &[&str]) -> Result<Span, Missing> {
    if words.is_empty() {
        return Err(Missing::new("a time is missing"));
    }
    let words = if let ["half", "an" | "a", "hour"] | ["half", "hour"] = words { &["30", "minutes"] } else { words };
    let mut counted = String::new();
    for word in words.iter().filter(|word| **word != "and") {
        counted.push_str(if matches!(*word, "a" | "an") { "1" } else { word });
        counted.push(' ');
    }
    let counted = counted.trim_end();
    // Its ISO 8601 form (`PT10M`) and its sign are no words of chat.
    let plain = counted.starts_with(|letter: char| letter.is_ascii_digit()) && counted.ends_with(char::is_alphabetic);
    let span = if plain { SpanParser::new().parse_span(counted).ok() } else { None };
    let unknown = || Missing::new("that is no time I understand; try \"10 minutes\", \"1h30m\", \"2 weeks\" or \"1 month\"");
    span.ok_or_else(unknown).and_then(|span| if span.is_negative() { Err(Missing::new("a reminder is for later")) } else { Ok(span) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-31 10:00 UTC.
    const NOW: Millis = 1_769_853_600_000;
    const MINUTE: Millis = 60_000;
    const DAY: Millis = 24 * 60 * MINUTE;

    fn after(text: &str) -> Millis {
        when(text).and_then(|when| when.moments(NOW, "UTC")).unwrap_or_else(|why| panic!("{text}: {why}")).0 - NOW
    }

    #[test]
    fn a_time_is_read_as_people_write_it() {
        for (text, minutes) in [
            ("10 minutes", 10),
            ("in 10 Minutes", 10),
            ("10m", 10),
            ("10 min", 10),
            ("1h30m", 90),
            ("1h 30m", 90),
            ("1 hour, 30 minutes", 90),
            ("1 hour and 30 mins", 90),
            ("an hour", 60),
            ("a minute", 1),
            ("half an hour", 30),
            ("2 days", 2 * 1440),
            ("a week", 7 * 1440),
            ("2 weeks 1 day", 15 * 1440),
            ("1 month", 28 * 1440),
            ("90 seconds and", 0),
        ] {
            if minutes > 0 {
                assert_eq!(after(text), minutes * MINUTE, "{text}");
            }
        }
        assert_eq!(after("90 seconds"), 90_000);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "in",
            "soon",
            "10",
            "ten minutes",
            "-5 minutes",
            "5 minutes ago",
            "0 minutes",
            "PT5M",
            "6 years",
            "99999999999999 weeks",
            "1e9 days",
            "10 parsecs",
            "1 day until 2026-12-31",
            "daily until tomorrow",
            "daily until 2026-01-01",
            "10 🦆",
        ] {
            assert!(when(text).and_then(|when| when.moments(NOW, "UTC")).is_err(), "{text}");
        }
    }

    #[test]
    fn what_comes_again_keeps_its_day_of_the_month() {
        let when = when("monthly").expect("a time");
        assert_eq!(when.every, Some(Every::Month));
        let texts: Vec<_> = std::iter::successors(Some(NOW), |at| Every::Month.next(NOW, *at, "UTC"))
            .take(4)
            .map(|at| moment::written(at, "UTC"))
            .collect();
        assert_eq!(texts, ["2026-01-31 10:00 UTC", "2026-02-28 10:00 UTC", "2026-03-31 10:00 UTC", "2026-04-30 10:00 UTC"]);
    }

    #[test]
    fn what_was_missed_comes_once_and_then_in_time() {
        assert_eq!(Every::Day.next(NOW, NOW + 10 * DAY + 1, "UTC"), Some(NOW + 11 * DAY));
        assert_eq!(Every::Week.next(NOW, NOW + 700 * DAY, "UTC"), Some(NOW + 707 * DAY));
        assert_eq!(Every::Day.next(NOW, NOW, "UTC"), Some(NOW + DAY));
    }

    #[test]
    fn a_day_has_the_hours_its_zone_gives_it() {
        // Clocks go forward in Berlin on 2026-03-29: the next day's same hour is 23 hours away.
        let before = 1_774_688_400_000;
        assert_eq!(moment::written(before, "Europe/Berlin"), "2026-03-28 10:00 CET");
        assert_eq!(Every::Day.next(before, before, "Europe/Berlin"), Some(before + 23 * 60 * MINUTE));
    }

    #[test]
    fn the_last_day_counts_to_its_end() {
        let (at, end) = when("1 hour daily until 2026-02-01").and_then(|when| when.moments(NOW, "UTC")).expect("a time");
        assert_eq!(at, NOW + 60 * MINUTE);
        assert_eq!(moment::written(end.expect("an end"), "UTC"), "2026-02-01 23:59 UTC");
    }
}

//! Times as people say them: how long ago, and on which day.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use waddlebot_runtime::chat::Millis;

/// A moment in a community's time zone; UTC when the zone or the moment is unknown.
pub(crate) fn zoned(at: Millis, timezone: &str) -> Zoned {
    let zone = TimeZone::get(timezone).unwrap_or(TimeZone::UTC);
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone)
}

/// `2026-01-31 18:00 UTC`.
pub(crate) fn written(at: Millis, timezone: &str) -> String {
    let moment = zoned(at, timezone);
    format!("{} {}", moment.strftime("%Y-%m-%d %H:%M"), moment.strftime("%Z"))
}

/// `just now`, `5 minutes ago`, `2 hours ago`, `3 days ago`.
pub(crate) fn ago(at: Millis, now: Millis) -> String {
    match now - at {
        ..60_000 => "just now".to_owned(),
        time => format!("{} ago", length(time)),
    }
}

/// A length of time in its largest unit: `1 minute`, `2 hours`, `3 days`.
pub(crate) fn length(time: Millis) -> String {
    let seconds = time / 1_000;
    let (number, unit) = match seconds {
        ..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_told_in_its_largest_unit() {
        assert_eq!(ago(1_000, 60_999), "just now");
        assert_eq!(ago(0, 60_000), "1 minute ago");
        assert_eq!(ago(0, 7_300_000), "2 hours ago");
        assert_eq!(ago(0, 86_400_000 * 45), "45 days ago");
        assert_eq!(ago(5_000, 0), "just now");
    }

    #[test]
    fn a_moment_is_told_in_the_zone_of_the_community() {
        assert_eq!(written(1_767_225_600_000, "UTC"), "2026-01-01 00:00 UTC");
        assert_eq!(written(1_767_225_600_000, "Europe/Berlin"), "2026-01-01 01:00 CET");
        assert_eq!(written(1_767_225_600_000, "Nowhere/Atall"), "2026-01-01 00:00 UTC");
    }
}

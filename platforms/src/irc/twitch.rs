//! What happens on Twitch-like servers besides talk: raids, subscriptions, gifts, bans.

use waddlebot_runtime::chat::{Role, Text, User};
use waddlebot_runtime::event::{Event, EventKind};

use super::line::Line;
use super::tags::Marks;

/// The event in a USERNOTICE, if it is one we know. A gift to many is told again gift by gift, so the
/// announcement of all of them is none.
pub fn notice(line: &Line<'_>) -> Option<Event> {
    let marks = Marks::read(line.tags, true);
    let tag = |key: &str| line.tags.get(key).unwrap_or_default();
    let number = |key: &str| tag(key).parse().unwrap_or(0);
    let words = || line.params().nth(1).unwrap_or_default().to_owned();
    let (kind, amount, text) = match marks.notice {
        "raid" => (EventKind::Raid, number("msg-param-viewerCount"), String::new()),
        "sub" => (EventKind::Subscription, number("msg-param-cumulative-months").max(1), words()),
        "resub" => (EventKind::Resub, number("msg-param-cumulative-months").max(1), words()),
        "subgift" | "anonsubgift" => {
            let shown = tag("msg-param-recipient-display-name");
            let name = if shown.is_empty() { tag("msg-param-recipient-user-name") } else { shown };
            (EventKind::Subgift, 1, name.into_owned())
        }
        _ => return None,
    };
    let login = tag("login");
    let name = if marks.shown.is_empty() { login.clone() } else { marks.shown.clone() };
    let id = if marks.user.is_empty() { &*login } else { marks.user };
    let by = User { id: id.into(), name: (*name).into(), role: marks.role.unwrap_or_default() };
    Some(Event { id: marks.id.into(), kind, by, amount, text: text.into() })
}

/// The cheer in a message with bits; the message itself is heard as well.
pub fn cheer(id: &str, by: User, bits: i64, text: Text) -> Event {
    Event { id: format!("cheer:{id}").into(), kind: EventKind::Cheer, by, amount: bits, text }
}

/// The ban or time-out in a CLEARCHAT; `None` where the whole chat was cleared.
pub fn clear(line: &Line<'_>) -> Option<Event> {
    let name = line.params().nth(1)?;
    let seconds = line.tags.get("ban-duration").and_then(|seconds| seconds.parse().ok());
    let user = line.tags.get("target-user-id").unwrap_or(name.into());
    let sent = line.tags.get("tmi-sent-ts").unwrap_or_default();
    Some(Event {
        id: format!("clear:{user}:{sent}").into(),
        kind: if seconds.is_some() { EventKind::Timeout } else { EventKind::Ban },
        by: User { id: (*user).into(), name: name.into(), role: Role::Viewer },
        amount: seconds.unwrap_or(0),
        text: Text::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noticed(line: &str) -> Option<Event> {
        notice(&Line::parse(line).expect("a line"))
    }

    #[test]
    fn a_raid_says_who_comes_with_how_many() {
        let event = noticed(r"@display-name=Ninja;id=n1;login=ninja;msg-id=raid;msg-param-viewerCount=12;user-id=9;system-msg=12\sraiders :tmi.twitch.tv USERNOTICE #ducks").expect("an event");
        assert_eq!((event.kind, event.amount, event.id.as_ref()), (EventKind::Raid, 12, "n1"));
        assert_eq!((event.by.name.as_ref(), event.by.id.as_ref()), ("Ninja", "9"));
    }

    #[test]
    fn subscriptions_come_with_months_and_words() {
        let event =
            noticed("@id=n2;login=ana;msg-id=resub;msg-param-cumulative-months=7;user-id=3;badges=vip/1 :tmi USERNOTICE #d :still here")
                .expect("an event");
        assert_eq!((event.kind, event.amount, event.text.as_ref()), (EventKind::Resub, 7, "still here"));
        assert_eq!((event.by.name.as_ref(), event.by.role), ("ana", Role::Vip));
        let event = noticed("@id=n3;login=bob;msg-id=sub :tmi USERNOTICE #d").expect("an event");
        assert_eq!((event.kind, event.amount, event.by.id.as_ref()), (EventKind::Subscription, 1, "bob"));
    }

    #[test]
    fn gifts_are_told_one_by_one_and_their_announcement_is_none() {
        let event = noticed("@id=n4;login=bob;msg-id=subgift;msg-param-recipient-display-name=Ana :tmi USERNOTICE #d").expect("an event");
        assert_eq!((event.kind, event.text.as_ref()), (EventKind::Subgift, "Ana"));
        assert_eq!(noticed("@id=n5;login=bob;msg-id=submysterygift;msg-param-mass-gift-count=5 :tmi USERNOTICE #d"), None);
        assert_eq!(noticed("@msg-id=announcement :tmi USERNOTICE #d :hello"), None);
    }

    #[test]
    fn bans_and_timeouts_are_told_apart() {
        let cleared = |line: &str| clear(&Line::parse(line).expect("a line"));
        let timeout = cleared("@ban-duration=60;target-user-id=5;tmi-sent-ts=1 :tmi CLEARCHAT #d :bob").expect("an event");
        assert_eq!((timeout.kind, timeout.amount, timeout.by.id.as_ref()), (EventKind::Timeout, 60, "5"));
        assert_eq!(cleared(":tmi CLEARCHAT #d :bob").expect("an event").kind, EventKind::Ban);
        assert_eq!(cleared(":tmi CLEARCHAT #d"), None);
    }
}

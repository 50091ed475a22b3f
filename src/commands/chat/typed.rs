//! What a person types in the terminal: something to say, or an order that begins with a slash.

use waddlebot_runtime::chat::Role;
use waddlebot_runtime::event::EventKind;

/// What can be typed, for `/help`.
pub(super) const HELP: &str = "\
/raid ninja 12     somebody raids with their viewers
/follow ana        somebody follows
/sub ana 3         somebody subscribes, for so many months
/cheer ana 100     somebody cheers with so many bits
/as bob moderator  go on as somebody else: viewer, vip, moderator, admin or owner
/quit              leave (so does Ctrl-D)
//text             say /text";

/// One line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// To be said.
    Say(String),
    /// To happen: who, and how much.
    Happen(EventKind, String, i64),
    /// Who types from now on.
    As(String, Role),
    /// What can be typed.
    Help,
    /// The end.
    Quit,
}

/// Understands a line; nothing for an empty one.
///
/// # Errors
/// With what to type instead.
pub(super) fn read(line: &str) -> Result<Option<Typed>, String> {
    let line = line.trim();
    let Some(order) = line.strip_prefix('/') else {
        return Ok((!line.is_empty()).then(|| Typed::Say(line.to_owned())));
    };
    if order.starts_with('/') {
        return Ok(Some(Typed::Say(order.to_owned())));
    }
    let mut words = order.split_whitespace();
    let word = words.next().unwrap_or_default();
    let (who, more) = (words.next(), words.next());
    let kind = match word {
        "raid" => EventKind::Raid,
        "follow" => EventKind::Follow,
        "sub" => EventKind::Subscription,
        "cheer" => EventKind::Cheer,
        "as" => return person(who, more).map(Some),
        "help" => return Ok(Some(Typed::Help)),
        "quit" | "exit" => return Ok(Some(Typed::Quit)),
        _ => return Err(format!("there is no /{word}; /help shows what there is, //{order} says it as it stands")),
    };
    let who = who.ok_or_else(|| format!("who? For example: /{word} ninja 12"))?;
    let amount = more.map_or(Ok(0), str::parse).ok().filter(|amount| *amount >= 0);
    let amount = amount.ok_or_else(|| format!("how much? A number is expected, for example: /{word} ninja 12"))?;
    Ok(Some(Typed::Happen(kind, who.trim_start_matches('@').to_owned(), amount)))
}

fn person(who: Option<&str>, role: Option<&str>) -> Result<Typed, String> {
    let who = who.ok_or("who? For example: /as bob, or /as ana moderator")?;
    let role = role.map_or(Some(Role::Viewer), Role::parse);
    let role = role.ok_or("the role is viewer, vip, moderator, admin or owner")?;
    Ok(Typed::As(who.trim_start_matches('@').to_owned(), role))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Typed {
        read(line).unwrap().unwrap()
    }

    #[test]
    fn what_begins_with_a_slash_is_an_order() {
        assert_eq!(typed(" !so @ninja "), Typed::Say("!so @ninja".into()));
        assert_eq!(typed("/raid @ninja 12"), Typed::Happen(EventKind::Raid, "ninja".into(), 12));
        assert_eq!(typed("/follow ana"), Typed::Happen(EventKind::Follow, "ana".into(), 0));
        assert_eq!(typed("/as bob"), Typed::As("bob".into(), Role::Viewer));
        assert_eq!(typed("/as ana mod"), Typed::As("ana".into(), Role::Moderator));
        assert_eq!(typed("//shrug"), Typed::Say("/shrug".into()));
        assert_eq!(typed("/quit"), Typed::Quit);
        assert_eq!(read("  "), Ok(None));
    }

    #[test]
    fn what_is_not_understood_is_told_with_what_would_be() {
        for line in ["/", "/dance", "/raid", "/raid ninja many", "/raid ninja -3", "/as", "/as bob king"] {
            assert!(read(line).is_err(), "{line}");
        }
        assert!(read("/dance").unwrap_err().contains("/help"));
    }
}

//! The small stream that is played: who says what, and what happens, in order.

use waddlebot_runtime::chat::Role;
use waddlebot_runtime::event::EventKind;

/// One thing in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// Somebody says something.
    Says(&'static str, Role, String),
    /// Something happens: what, to whom, how much.
    Happens(EventKind, &'static str, i64),
    /// A line runs over the ticker.
    Ticker(String),
    /// A card with what is playing: title, artist, seconds.
    Card(&'static str, &'static str, u32),
}

/// Who raids in which round: the same person is introduced only now and then.
const RAIDERS: [&str; 6] = ["ninja", "pixelfox", "mossgarden", "captain_kelp", "latenightlara", "tinywizard"];
const SONGS: [(&str, &str); 3] = [("Cold Feet Waltz", "The Rookery"), ("Slide", "Adelie"), ("Long Way to the Sea", "Krill")];

/// The scenes of one round, counted from nought.
pub(super) fn round(number: usize) -> Vec<Scene> {
    use Role::{Admin, Moderator, Viewer, Vip};
    let raider = RAIDERS[number % RAIDERS.len()];
    let (song, artist) = SONGS[number % SONGS.len()];
    let game = format!("chess{}", number + 1);
    let says = |who, role, text: &str| Scene::Says(who, role, text.to_owned());
    vec![
        says("bob", Viewer, "hello everybody"),
        says("ana", Moderator, "welcome in! type !help to see what the bot can do"),
        says("bob", Viewer, "!help"),
        says("carl", Viewer, "!ping is this thing on?"),
        Scene::Card(song, artist, 20),
        says("dora", Vip, "oh, I like this song"),
        Scene::Happens(EventKind::Follow, "carl", 0),
        Scene::Ticker("carl follows. Welcome!".to_owned()),
        says("ana", Moderator, "!memories add quote \"I meant to do that\" \"the streamer\""),
        says("dora", Vip, "!memories quotes"),
        says("eve", Viewer, "lol"),
        says("ana", Moderator, &format!("!inventory add {game} \"A fine wooden board\" board,game")),
        says("ana", Moderator, &format!("!inventory checkout {game} @bob")),
        says("carl", Viewer, &format!("!inventory checkout {game} @carl")),
        says("eve", Viewer, &format!("!inventory status {game}")),
        Scene::Happens(EventKind::Subscription, "dora", 3),
        Scene::Ticker("dora is with us for 3 months. Thank you!".to_owned()),
        says("ana", Moderator, &format!("!so @{}", RAIDERS[(number + 3) % RAIDERS.len()])),
        says("bob", Viewer, "going to have a look"),
        Scene::Happens(EventKind::Raid, raider, 42 + i64::try_from(number % 50).unwrap_or_default()),
        says("eve", Viewer, "RAID! hello raiders"),
        says("bob", Viewer, "waddle waddle"),
        says("ana", Moderator, &format!("!inventory checkin {game}")),
        says("streamer", Admin, &format!("!inventory delete {game}")),
        says("streamer", Admin, "!stats"),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_round_has_talk_commands_and_all_that_moves_an_overlay() {
        let round = round(0);
        assert!(round.iter().filter(|scene| matches!(scene, Scene::Says(_, _, text) if text.starts_with('!'))).count() >= 8);
        for kind in [EventKind::Follow, EventKind::Subscription, EventKind::Raid] {
            assert!(round.iter().any(|scene| matches!(scene, Scene::Happens(happened, ..) if *happened == kind)), "{kind:?}");
        }
        assert!(round.iter().any(|scene| matches!(scene, Scene::Ticker(_))));
        assert!(round.iter().any(|scene| matches!(scene, Scene::Card(..))));
    }

    #[test]
    fn several_rounds_bring_other_raiders() {
        let raider = |scene: &Scene| if let Scene::Happens(EventKind::Raid, who, _) = scene { Some(*who) } else { None };
        let raiders: BTreeSet<_> = (0..6).filter_map(|number| round(number).iter().find_map(raider)).collect();
        assert_eq!(raiders.len(), RAIDERS.len());
    }
}

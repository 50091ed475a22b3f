//! Lending, told as chat.

use std::time::Duration;

use waddlebot_runtime::chat::Role;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::response::Response;
use waddlebot_runtime::store::{Place, file_in};
use waddlebot_testbed::Postgres;

use super::Inventory;
use crate::modules;
use crate::play::{examples_of, on_postgres, play, play_at};
use crate::stage::Stage;

#[tokio::test]
async fn every_example_is_true() {
    examples_of::<Inventory>().await;
}

const LENDING: &str = r#"
    bob(viewer): !inventory list
    bot: The inventory is empty. A moderator adds things with !inventory add <item> <description>
    ana(moderator): !inventory add "Chess Set" "A fine board"
    bot: Chess Set is in the inventory now
    ana(moderator): !inventory add "chess  SET" "Another"
    bot to ana: there is a chess SET in the inventory already
    ana(moderator): !inventory checkout chess set @bob
    bot: bob has Chess Set now
    bob(viewer): !inventory status "chess set"
    bot: Chess Set is out: bob has it since 2026-01-01 00:00 UTC (just now) – A fine board
    (2 hours pass)
    ana(moderator): !inventory checkout "Chess Set" carl
    bot to ana: Chess Set is out: bob has it since 2026-01-01 00:00 UTC (2 hours ago)
    bob(viewer): !inventory list checked_out
    bot: Out (1): Chess Set (with bob)
    bob(viewer): !inventory list available
    bot: Nothing is free
    ana(moderator): !inventory checkin chess set
    bot: Chess Set is back from bob
    ana(moderator): !inventory checkin chess set
    bot to ana: Chess Set is not out
    bob(viewer): !inventory list checkedout
    bot: Nothing is out
    ana(moderator): !inventory checkout chess set carl
    bot: carl has Chess Set now
    olga(admin): !inventory delete chess set
    bot: Chess Set is no longer in the inventory; carl had it
    bob(viewer): !inventory status chess set
    bot to bob: there is no chess set in the inventory
    bob(viewer): !inventory stats
    bot: 0 items, 0 free, 0 out · no labels · last: delete Chess Set (olga), checkout Chess Set (ana), checkin Chess Set (ana), checkout Chess Set (ana), add Chess Set (ana)
"#;

#[tokio::test]
async fn a_thing_is_lent_and_comes_back() {
    play::<Inventory>(LENDING).await;
}

const LABELS: &str = r#"
    ana(moderator): !inventory add chess "A fine board" "Board, GAME ,, game"
    bot: chess is in the inventory now
    bob(viewer): !inventory status chess
    bot: chess is free – A fine board [board, game]
    ana(moderator): !inventory labels chess add Game
    bot to ana: chess is labelled game already
    ana(moderator): !inventory labels chess add "Party   Fun"
    bot: chess is labelled party fun
    ana(moderator): !inventory labels chess remove game
    bot: chess lost the label game
    ana(moderator): !inventory labels chess remove game
    bot to ana: chess has no label game
    ana(moderator): !inventory labels chess add a
    bot: chess is labelled a
    ana(moderator): !inventory labels chess add b
    bot: chess is labelled b
    ana(moderator): !inventory labels chess add c
    bot: chess is labelled c
    ana(moderator): !inventory labels chess add d
    bot to ana: chess has 5 labels already, and no more are allowed
    ana(moderator): !inventory labels chess
    bot to ana: say whether to add or remove the label. Usage: !inventory labels <item> <add|remove> <label>
    ana(moderator): !inventory labels chess add
    bot to ana: a label is missing. Usage: !inventory labels <item> <add|remove> <label>
    ana(moderator): !inventory add dice "Six of them" a b c d e f
    bot to ana: an item has at most 5 labels
    ana(moderator): !inventory add dice "Six of them" a "board"
    bot: dice is in the inventory now
    bob(viewer): !inventory stats
    bot: 2 items, 2 free, 0 out · 5 labels: a 2×, board 2×, b 1×, c 1×, party fun 1× · last: add dice (ana), label_add chess (ana), …
"#;

#[tokio::test]
async fn labels_are_folded_counted_and_limited() {
    play::<Inventory>(LABELS).await;
}

const SEARCH: &str = r#"
    ana(moderator): !inventory add "Bücher 100%" "Über Ärger und ÖL" Größe
    bot: Bücher 100% is in the inventory now
    ana(moderator): !inventory add plain "nothing here"
    bot: plain is in the inventory now
    bob(viewer): !inventory search BÜCHER
    bot: Found: Bücher 100%
    bob(viewer): !inventory search über ärger
    bot: Found: Bücher 100%
    bob(viewer): !inventory search GRÖßE
    bot: Found: Bücher 100%
    bob(viewer): !inventory search %
    bot: Found: Bücher 100%
    bob(viewer): !inventory search _
    bot: Nothing found for _
    bob(viewer): !inventory search !
    bot: Nothing found for !
    bob(viewer): !inventory search 'x' OR 1=1 --
    bot: Nothing found for 'x' OR 1=1 --
    bob(viewer): !inventory search
    bot to bob: a word is missing. Usage: !inventory search <query>
    bob(viewer): !inventory search "  "
    bot to bob: a word is missing. Usage: !inventory search <query>
"#;

#[tokio::test]
async fn a_search_knows_no_case_and_takes_wildcards_as_letters() {
    play::<Inventory>(SEARCH).await;
}

#[tokio::test]
async fn viewers_may_look_and_only_admins_delete() {
    play::<Inventory>(
        "
        bob(viewer): !inventory add chess board
        bot to bob: !inventory add is for moderators and above
        bob(viewer): !inventory checkout chess bob
        bot to bob: !inventory checkout is for moderators and above
        bob(viewer): !inventory checkin chess
        bot to bob: !inventory checkin is for moderators and above
        bob(viewer): !inventory labels chess add x
        bot to bob: !inventory labels is for moderators and above
        ana(moderator): !inventory delete chess
        bot to ana: !inventory delete is for admins and above
        bob(viewer): !inventory
        bot to bob: Usage: !inventory list [all|available|checkedout] [page] · !inventory search <query> · !inventory status <item> · !inventory stats
        ",
    )
    .await;
}

#[tokio::test]
async fn what_is_missing_or_too_long_is_said() {
    let (name, text, label) = ("n".repeat(256), "d".repeat(2_001), "l".repeat(51));
    play::<Inventory>(&format!(
        r#"
        ana(moderator): !inventory add
        bot to ana: an item is missing. Usage: !inventory add <item> <description> [labels]
        ana(moderator): !inventory add chess
        bot to ana: a description is missing. Usage: !inventory add <item> <description> [labels]
        ana(moderator): !inventory add chess ""
        bot to ana: a description is missing. Usage: !inventory add <item> <description> [labels]
        ana(moderator): !inventory add {name} x
        bot to ana: a name has at most 255 characters
        ana(moderator): !inventory add chess {text}
        bot to ana: a description has at most 2000 characters
        ana(moderator): !inventory add chess board {label}
        bot to ana: a label has at most 50 characters
        ana(moderator): !inventory checkout chess
        bot to ana: a name is missing. Usage: !inventory checkout <item> <user>
        ana(moderator): !inventory checkout chess @
        bot to ana: a name is missing. Usage: !inventory checkout <item> <user>
        bob(viewer): !inventory list nonsense
        bot to bob: the filter is all, available or checkedout. Usage: !inventory list [all|available|checkedout] [page]
        "#
    ))
    .await;
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let mut log: String =
        (1..=12).map(|n| format!("ana(moderator): !inventory add thing{n:02} x\nbot: thing{n:02} is in the inventory now\n")).collect();
    log.push_str("bob(viewer): !inventory list\nbot: Items (12): thing01 · … · thing10 (page 1 of 2, next: !inventory list all 2)\n");
    log.push_str("bob(viewer): !inventory list all 2\nbot: Items (12): thing11 · thing12 (page 2 of 2)\n");
    log.push_str("bob(viewer): !inventory list available 99\nbot: Free (12): thing11 · thing12 (page 2 of 2)\n");
    log.push_str("bob(viewer): !inventory search thing\nbot: Found: thing01 · … · thing10 · and more\n");
    play::<Inventory>(&log).await;
}

#[tokio::test]
async fn the_same_message_heard_twice_is_one_deed() {
    play::<Inventory>(
        "
        ana(moderator): !inventory add chess board
        bot: chess is in the inventory now
        (heard again)
        ana(moderator): !inventory checkout chess bob
        bot: bob has chess now
        (restart)
        (heard again)
        bob(viewer): !inventory stats
        bot: 1 items, 0 free, 1 out · no labels · last: checkout chess (ana), add chess (ana)
        ",
    )
    .await;
}

/// Two houses on one database: nothing but the database stands between two who ask at once.
async fn two_at_once(place: &Place) {
    let modules = modules::list();
    let (one, two) = (Stage::open(&modules, place, Clock::turned()).await, Stage::open(&modules, place, Clock::turned()).await);
    one.say("room", "ana", Role::Owner, "!inventory add chess board", "add").await;
    for round in 0..10 {
        let (first, second) = (format!("first {round}"), format!("second {round}"));
        let (a, b) = tokio::join!(
            one.say("room", "ana", Role::Owner, "!inventory checkout chess bob", &first),
            two.say("room", "ana", Role::Owner, "!inventory checkout chess carl", &second),
        );
        let mut texts: Vec<_> = [a, b].iter().flat_map(|outcome| &outcome.responses).map(text).collect();
        texts.sort_by_key(|text| text.starts_with("chess is out"));
        let winner = if texts[0] == "bob has chess now" { "bob" } else { "carl" };
        assert_eq!(texts[0], format!("{winner} has chess now"), "{texts:?}");
        assert!(texts[1].starts_with(&format!("chess is out: {winner} has it")), "{texts:?}");
        one.say("room", "ana", Role::Owner, "!inventory checkin chess", &format!("in {round}")).await;
    }
    one.close().await;
    two.close().await;
}

fn text(response: &Response) -> String {
    match response {
        Response::Chat(line) => line.text.to_string(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn of_two_who_check_out_at_once_one_wins() {
    let folder = tempfile::tempdir().expect("a folder");
    tokio::time::timeout(Duration::from_secs(60), two_at_once(&Place::Sqlite(file_in(folder.path())))).await.expect("in time");
}

#[tokio::test]
async fn all_of_it_holds_on_postgresql() {
    let server = Postgres::start();
    for log in [LENDING, LABELS, SEARCH] {
        play_at::<Inventory>(&on_postgres(&server), log).await;
    }
    two_at_once(&on_postgres(&server)).await;
}

//! String rules as chat: what is said, what comes back, and what is written down.

use std::time::Duration;

use waddlebot_runtime::chat::{ChannelKey, CommunityId, Role};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::intake::Verdict;
use waddlebot_runtime::store::{Place, file_in};

use crate::modules;
use crate::modules::basics::Basics;
use crate::play::{on_postgres, play, play_at};
use crate::registry;
use crate::rules::history::Erased;
use crate::rules::table::{self, Wanted};
use crate::rules::{Action, Kind, Rule, Settings, blocked, history};
use crate::stage::Stage;

const WARNS_BLOCKS_RUNS: &str = r##"
    bob(viewer): hello spam
    (rule {"string": "spam", "match_type": "word", "action": "warn", "warning_message": "no {match}, please"})
    bob(viewer): hello SPAM!
    bot to bob: no SPAM, please
    bob(viewer): spam and spam again
    bob(viewer): spammer
    (6 seconds pass)
    bob(viewer): spam
    bot to bob: no spam, please
    (rule {"string": "buy (\\w+)", "match_type": "regex", "action": "block", "timeout_seconds": 60, "priority": 5})
    eve(viewer): Buy followers, spam
    platform deletes: line-6
    platform silences: eve 60 string rule 2
    bot to eve: your message was blocked, it breaks the rules here
    (heard again)
    (rule {"string": "is the bot alive?", "match_type": "exact", "action": "command", "command_to_execute": "!ping", "command_parameters": ""})
    dan(viewer): Is the bot alive?
    bot: pong…
    dan(viewer): is the bot alive? really
    dan(viewer): !nothing buy it
    platform deletes: line-9
    platform silences: dan 60 string rule 2
    bot to dan: your message was blocked, it breaks the rules here
    dan(viewer): !ping spam
    bot: pong…
    (restart)
    fay(viewer): spam
    bot to fay: no spam, please
"##;

#[tokio::test]
async fn rules_warn_block_and_run_commands_and_outlive_a_restart() {
    play::<Basics>(WARNS_BLOCKS_RUNS).await;
}

#[tokio::test]
async fn rules_do_the_same_on_a_server_database() {
    let server = waddlebot_testbed::Postgres::start();
    play_at::<Basics>(&on_postgres(&server), WARNS_BLOCKS_RUNS).await;
}

#[tokio::test]
async fn a_rule_that_runs_a_command_gives_nobody_more_rights_and_is_not_matched_again() {
    play::<Basics>(
        r##"
        (rule {"string": "*", "action": "command", "command_to_execute": "!nothing", "priority": 500})
        (rule {"string": "make me", "action": "command", "command_to_execute": "!alias", "command_parameters": "add !x !ping"})
        bob(viewer): make me
        bot to bob: !alias add is for moderators and above
        bob(viewer): anything
        bot to bob: I know no command !nothing. Try !help
        "##,
    )
    .await;
}

struct House {
    stage: Stage,
    home: CommunityId,
    _folder: tempfile::TempDir,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let stage = Stage::open(&modules::list(), &Place::Sqlite(file_in(folder.path())), Clock::turned()).await;
        stage.clock.turn(Duration::from_secs(40 * 24 * 3600));
        let home = registry::home(stage.household.store(), stage.clock.now()).await.expect("a community").id;
        Self { stage, home, _folder: folder }
    }

    async fn said(&self, room: &str, text: &str) -> Verdict {
        self.stage.say(room, "bob", Role::Viewer, text, "").await.verdict
    }

    async fn saved(&self, pattern: &str, action: Action) -> i64 {
        let rule = Rule { kind: Kind::Word, pattern: pattern.into(), action, ..Rule::default() };
        self.stage.household.save_rule(self.home, rule, "ana").await.expect("saved")
    }

    /// Turns the clock until what was counted is written.
    async fn until(&self, mut holds: impl AsyncFnMut() -> bool) {
        for _ in 0..500 {
            if holds().await {
                return;
            }
            self.stage.clock.turn(Duration::from_millis(500));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it did not come true");
    }
}

fn warn() -> Action {
    Action::Warn { message: String::new() }
}

#[tokio::test]
async fn a_change_is_in_every_open_channel_at_once_and_a_deleted_rule_is_out() {
    let house = House::open().await;
    house.said("one", "hi").await;
    house.said("two", "hi").await;
    let id = house.saved("bad", warn()).await;
    for room in ["one", "two"] {
        assert_eq!(house.said(room, "bad").await, Verdict::Done);
    }
    let rule = table::one(house.stage.household.store(), id).await.expect("store").expect("kept").rule;
    let only_one = Rule { entities: vec![ChannelKey::new("stage", "", "one").to_string()], ..rule };
    house.stage.household.save_rule(house.home, only_one, "dan").await.expect("saved");
    assert_eq!((house.said("one", "bad").await, house.said("two", "bad").await), (Verdict::Done, Verdict::Chatter));
    let kept = table::one(house.stage.household.store(), id).await.expect("store").expect("kept");
    assert_eq!((kept.created_by.as_str(), kept.updated_by.as_str()), ("ana", "dan"));
    house.stage.household.remove_rule(house.home, id, "ana").await.expect("removed");
    assert_eq!(house.said("one", "bad").await, Verdict::Chatter);
    assert!(house.stage.household.remove_rule(house.home, id, "ana").await.is_err());
}

#[tokio::test]
async fn a_line_that_comes_again_gets_its_first_answer_also_when_its_rule_is_out_by_then() {
    let house = House::open().await;
    let said = async |text, id| house.stage.say("one", "bob", Role::Viewer, text, id).await;
    assert_eq!(said("hello", "m0").await.verdict, Verdict::Chatter);
    let id = house.saved("bad", warn()).await;
    let first = said("bad", "m1").await;
    house.stage.household.remove_rule(house.home, id, "ana").await.expect("removed");
    let again = said("bad", "m1").await;
    assert_eq!((again.verdict, &again.responses, &again.ran), (Verdict::Duplicate, &first.responses, &first.ran));
    assert_eq!(said("bad", "m2").await.verdict, Verdict::Chatter, "another line is judged as rules are now");
}

#[tokio::test]
async fn what_may_not_be_saved_changes_nothing() {
    let house = House::open().await;
    let save = |kind, pattern: &str, action| {
        let rule = Rule { kind, pattern: pattern.into(), action, ..Rule::default() };
        house.stage.household.save_rule(house.home, rule, "ana")
    };
    let told = save(Kind::Regex, "(bad", warn()).await.expect_err("it is not closed").to_string();
    assert_eq!(told, "the regular expression cannot be read: unclosed group");
    assert!(save(Kind::Word, "bad", Action::Webhook { url: "nowhere".into() }).await.is_err());
    let (kept, total) = table::find(house.stage.household.store(), Wanted::default()).await.expect("store");
    assert_eq!((kept.len(), total), (0, 0));
}

#[tokio::test]
async fn matches_are_counted_and_what_was_blocked_is_told_to_the_moderators() {
    let house = House::open().await;
    let store = house.stage.household.store();
    let settings = Settings { moderators: "stage:mods".into(), ..Settings::default() };
    house.stage.household.set_rules(house.home, settings, "ana").await.expect("set");
    let id = house.saved("bad", Action::Block { message: "no".into(), timeout: 0 }).await;
    house.said("room", "a bad word").await;
    house.said("room", "bad again").await;
    house.until(async || table::one(store, id).await.expect("store").expect("kept").matches == 2).await;
    let kept = table::one(store, id).await.expect("store").expect("kept");
    assert!(kept.last_matched.is_some());
    let lines: Vec<_> = house.stage.seen.lines().into_iter().filter(|(room, _)| room == "mods").map(|(_, text)| text).collect();
    assert_eq!(lines[0], format!("Rule {id} blocked bob in stage:room: a bad word"));
    let blocked = blocked::last(store, house.home, 10).await.expect("store");
    assert_eq!(blocked.iter().map(|one| one.said.text.as_str()).collect::<Vec<_>>().len(), 2);
}

#[tokio::test]
async fn chat_is_kept_only_where_it_is_asked_for_until_its_time_is_over_or_somebody_asks() {
    let house = House::open().await;
    let store = house.stage.household.store();
    let kept = async || history::last(store, house.home, "", 100).await.expect("store").len();
    house.said("room", "before").await;
    let on = Settings { keeps_history: true, history_days: 2, ..Settings::default() };
    house.stage.household.set_rules(house.home, on, "ana").await.expect("set");
    house.said("room", "one").await;
    house.said("room", "two").await;
    house.stage.say("room", "eve", Role::Viewer, "three", "").await;
    house.until(async || kept().await == 3).await;
    let bob = Erased { user: Some("bob".into()), ..Erased::default() };
    assert_eq!(house.stage.household.erase_chat(house.home, bob).await.expect("erased"), 2);
    assert_eq!(kept().await, 1);
    house.stage.clock.turn(Duration::from_secs(3 * 24 * 3600));
    house.until(async || kept().await == 0).await;
}

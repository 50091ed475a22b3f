//! Plays a chat log to the whole house: what is said and what comes back, in the order it happens.
//!
//! ```text
//! bob(viewer): !so ninja
//! bot to bob: !so is for moderators and above
//! ana(moderator): !so ninja
//! bot: Go check out ninja, last seen playing Chess! https://twitch.tv/ninja
//! overlay: ninja, Chess
//! (5 seconds pass)
//! raid: ninja with 12 viewers
//! bot: Thanks for the raid with 12 viewers, ninja! …
//! overlay: ninja
//! (setting smallest_raid: 20)
//! (rule {"string": "spam", "match_type": "word", "action": "block"})
//! (restart)
//! (heard again)
//! (2 hours pass asleep)
//! ```
//! All that comes back must be in the log, and nothing else may come. `…` stands for any text, the
//! commas of an `overlay` line divide pieces that must all be in one item. `(heard again)` is the
//! line before, with the same message id. `asleep` is the time between a stop and the next start. In every room a streamer called ninja is known.

mod log;
mod room;

use waddlebot_runtime::chat::Role;
use waddlebot_runtime::command::Example;
use waddlebot_runtime::intake::Verdict;
use waddlebot_runtime::module::Module;
use waddlebot_runtime::response::Response;
use waddlebot_runtime::store::{Place, file_in};

use log::{Line, Step, fits};
use room::Room;

/// Plays a log in a fresh house with a SQLite file of its own, in which all modules are on.
///
/// # Panics
/// Where the log and the house differ, with the line.
pub async fn play<M: Module>(log: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    play_at::<M>(&Place::Sqlite(file_in(folder.path())), log).await;
}

/// Plays a log in a fresh house on an empty database.
///
/// # Panics
/// Where the log and the house differ, with the line.
pub async fn play_at<M: Module>(place: &Place, log: &str) {
    let mut room = Room::open::<M>(place).await;
    for line in log::read(log) {
        let came = step::<M>(&mut room, &line).await;
        line.compare(&came);
    }
    let left = room.close().await;
    assert!(left.is_empty(), "after the last line came {left:?}");
}

/// Plays every example of a module's commands, each in a fresh room after what is given, said by
/// somebody with just the role it takes.
///
/// # Panics
/// Where the answer is another one.
pub async fn examples_of<M: Module>() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut rooms = 0;
    examples_at::<M>(|| {
        rooms += 1;
        Place::Sqlite(file_in(&folder.path().join(format!("{rooms}"))))
    })
    .await;
}

/// The same, each on an empty database that `fresh` makes.
///
/// # Panics
/// Where the answer is another one.
pub async fn examples_at<M: Module>(mut fresh: impl FnMut() -> Place) {
    for spec in M::COMMANDS {
        for Example(typed, answer) in spec.examples {
            let mut room = Room::open::<M>(&fresh()).await;
            for given in spec.given {
                let outcome = room.say("ana", Role::Owner, given).await;
                assert_eq!(outcome.verdict, Verdict::Done, "{given} is given before {typed}: {outcome:?}");
            }
            let outcome = room.say("ana", spec.role, typed).await;
            let first = outcome.responses.iter().find_map(|response| match response {
                Response::Chat(line) => Some(line.text.to_string()),
                _ => None,
            });
            let first = first.unwrap_or_default();
            if answer.is_empty() {
                assert_eq!(outcome.verdict, Verdict::Done, "{typed} is refused: {first}");
            } else {
                assert!(fits(answer, &first), "{typed}\n  should be answered: {answer}\n  but is answered:    {first}");
            }
            room.close().await;
        }
    }
}

/// An empty database of a server for tests.
#[cfg(test)]
pub(crate) fn on_postgres(server: &waddlebot_testbed::Postgres) -> Place {
    Place::Postgres { url: server.database(), replica: None }
}

async fn step<M: Module>(room: &mut Room, line: &Line) -> Vec<String> {
    match &line.step {
        Step::Say { name, role, text } => drop(room.say(name, *role, text).await),
        Step::Happen { kind, name, amount } => room.happen(*kind, name, *amount).await,
        Step::Again => room.again().await,
        Step::Pass(time) => room.pass(*time).await,
        Step::Sleep(time) => room.sleep(*time).await,
        Step::Restart => room.restart().await,
        Step::Setting(key, value) => room.set::<M>(key, value.clone()).await,
        Step::Rule(rule) => room.rule(rule.clone()).await,
        Step::Begin => {}
    }
    room.came(line.expected.len()).await
}

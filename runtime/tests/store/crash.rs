//! A process that dies while it writes loses nothing that it was given a receipt for.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use waddlebot_runtime::store::{Place, sql};

use crate::place::opened;

/// Where the child finds its database; unset in a usual run of the suite.
const PLACE: &str = "WADDLEBOT_TEST_CRASH_PLACE";

pub(crate) async fn what_was_receipted_survives_kill_9(place: Place) {
    let store = opened(&place).await;
    for round in 0..5 {
        let receipted = killed_while_writing(&place, round);
        let rows = store.all(sql("SELECT message_id FROM inbox")).await.expect("the database is whole");
        let there: std::collections::HashSet<String> = rows.iter().map(|row| row.get("message_id").expect("an id")).collect();
        let lost: Vec<_> = receipted.iter().filter(|id| !there.contains(*id)).collect();
        assert!(lost.is_empty(), "round {round}: {} of {} receipted rows are gone: {lost:?}", lost.len(), receipted.len());
        assert!(receipted.len() >= 40);
    }
}

/// Runs this very program as a writer, kills it in the middle of its work, and tells what it was given receipts for.
fn killed_while_writing(place: &Place, round: usize) -> Vec<String> {
    let place = match place {
        Place::Sqlite(path) => format!("file {}", path.display()),
        Place::Postgres { url, .. } => format!("server {url}"),
    };
    let mut child = Command::new(std::env::current_exe().expect("this test's own program"))
        .args(["--exact", "crash::the_child_that_writes", "--nocapture"])
        .env(PLACE, format!("{round} {place}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let mut receipted = Vec::new();
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    for line in lines.by_ref() {
        receipted.extend(line.expect("its output is text").strip_prefix("safe ").map(str::to_owned));
        if receipted.len() == 40 + 37 * round {
            child.kill().expect("kill -9");
            break;
        }
    }
    // What it had said before it died counts too; a line that was cut short does not.
    for line in lines {
        let line = line.expect("its output is text");
        receipted.extend(line.strip_prefix("safe ").filter(|id| id.ends_with('.')).map(str::to_owned));
    }
    child.wait().expect("the child ends");
    receipted
}

/// No promise of its own: the writer that [`killed_while_writing`] starts and kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_child_that_writes() {
    let Ok(order) = std::env::var(PLACE) else {
        return;
    };
    let mut words = order.splitn(3, ' ');
    let (round, kind, at) = (words.next().expect("round"), words.next().expect("kind"), words.next().expect("place"));
    let place = if kind == "file" { Place::Sqlite(at.into()) } else { Place::Postgres { url: at.into(), replica: None } };
    let store = opened(&place).await;
    let writers = (0..8).map(|writer| {
        let store = store.clone();
        let round = round.to_owned();
        waddlebot_runtime::spawn::task("test", async move {
            for n in 0..100_000 {
                let id = format!("{round}/{writer}/{n}.");
                let mut tx = store.begin().await.expect("a transaction");
                let insert =
                    sql("INSERT INTO inbox (message_id, entity_id, seq, body, received_at) VALUES ($1, 'local:lobby', $2, '{}', 0)");
                tx.run(insert.bind(&id).bind(i64::from(n))).await.expect("a row");
                tx.commit().await.expect("a receipt");
                println!("safe {id}");
            }
        })
    });
    futures_util::future::join_all(writers).await;
}

//! What the database alone takes: one thread that writes the rows of the same commands in groups of the same size.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rusqlite::{Connection, params};
use waddlebot_runtime::clock::Clock;

use super::super::process::own_cpu;
use super::house::Measured;

const ACCEPTED: &str = "INSERT INTO inbox (message_id, entity_id, seq, body, received_at) VALUES (?1, ?2, ?3, ?4, ?5)";
const KEPT: &str = "INSERT INTO memories (community_id, id, entity_id, memory_type, content, author, search_text, created_by, \
                    created_by_name, created_at, updated_at) \
                    SELECT ?1, COALESCE(MAX(id), 0) + 1, ?2, 'quote', ?3, 'Hamlet', ?3, 'p', 'p', ?4, ?4 FROM memories WHERE community_id = ?1";
const RAN: &str = "INSERT INTO executions (execution_id, entity_id, community_id, module, command, user_id, user_name, status, answer, \
                   epoch, created_at) VALUES (?1, ?2, ?3, 'memories', 'memories add quote', 'p', 'p', 'success', ?4, 1, ?5)";
const TO_SEND: &str = "INSERT INTO outbox (id, execution_id, entity_id, community_id, effect, body, epoch, created_at) \
                       VALUES (?1, ?1, ?2, ?3, 0, ?4, 1, ?5)";
const SENDING: &str = "UPDATE outbox SET state = 'sending' WHERE id = ?1";
const SENT: &str = "DELETE FROM outbox WHERE id = ?1";
const DONE: &str = "DELETE FROM inbox WHERE message_id = ?1";

/// About as long as what the house writes.
const BODY: &str = "{\"Message\":{\"id\":\"p0-1000\",\"by\":{\"id\":\"p0\",\"name\":\"p0\",\"role\":\"moderator\"},\
                    \"text\":\"!memories add quote \\\"To be or not to be, for the 1000th time\\\" Hamlet\",\"at\":1767225600000}}";
const ANSWER: &str = "[{\"action\":\"chat\",\"text\":\"Kept as #1000: \\\"To be or not to be, for the 1000th time\\\" – Hamlet\"}]";

/// Writes into a file that has the tables. Each commit accepts a group, does the one before, marks the replies of the
/// one before that, and forgets the one before that: as a house under steady load does.
pub(super) fn run(file: &Path, group: u64, time: Duration) -> Result<Measured> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", 16_384)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    let clock = Clock::real();
    let (from, cpu) = (clock.since_boot(), own_cpu());
    let (mut commits, mut commands) = (0, 0);
    while clock.since_boot() - from < time {
        let write = connection.unchecked_transaction()?;
        for number in commits * group..(commits + 1) * group {
            step(&connection, number, group)?;
        }
        write.commit()?;
        commits += 1;
        commands += group;
    }
    Ok(Measured { commands, took: clock.since_boot() - from, cpu: own_cpu() - cpu, commits })
}

fn step(on: &Connection, number: u64, group: u64) -> Result<()> {
    let number = i64::try_from(number)?;
    let group = i64::try_from(group)?;
    let (id, channel, _) = named(number);
    on.prepare_cached(ACCEPTED)?.execute(params![id, channel, number, BODY, number])?;
    if number >= group {
        let (id, channel, community) = named(number - group);
        on.prepare_cached(KEPT)?.execute(params![community, channel, "To be or not to be", number])?;
        on.prepare_cached(RAN)?.execute(params![id, channel, community, ANSWER, number])?;
        on.prepare_cached(TO_SEND)?.execute(params![id, channel, community, ANSWER, number])?;
    }
    if number >= 2 * group {
        on.prepare_cached(SENDING)?.execute([named(number - 2 * group).0])?;
    }
    if number >= 3 * group {
        let (id, ..) = named(number - 3 * group);
        on.prepare_cached(SENT)?.execute([&id])?;
        on.prepare_cached(DONE)?.execute([&id])?;
    }
    Ok(())
}

/// Message, channel and community of a command: the same spread as the house's.
fn named(number: i64) -> (String, String, i64) {
    let (community, channel) = (number % 64 + 2, number / 64 % 8);
    (format!("bare:c{community}-{channel}|p{}-{number}", number / 512 % 2), format!("bare:c{community}-{channel}"), community)
}

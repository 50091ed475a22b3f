//! Three nodes on one database, measured: claiming, take-over, rest, memory, and what it costs to ask the wrong node.

mod nodes;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::net::TcpStream;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::placement::choice;
use waddlebot_runtime::store::{Place, Sql, Store, sql};

use super::process::Measured;
use super::router::caller::{Asked, Caller, post};
use super::row::{Row, Target};
use nodes::Nodes;

/// How long nodes settle before their memory is read, or writes are counted.
const REST: Duration = Duration::from_secs(10);
/// How long writes at rest are counted.
const QUIET: Duration = Duration::from_secs(20);
/// How long each node is asked; and before it, until caches are warm.
const TIME: Duration = Duration::from_secs(4);
const WARM: Duration = Duration::from_secs(1);
/// The longest wait for all to be claimed.
const PATIENCE: Duration = Duration::from_secs(300);
/// How many channels are woken to see what one weighs; a batch of the API at a time.
const CHANNELS: usize = 5_000;
const BATCH: usize = 100;
/// The numbers of the communities begin above those that are made by themselves.
const FIRST: i64 = 1_000;

/// The rows of the table; `database` is filled.
pub(super) async fn rows(program: &Path, database: &str, redis: &str, claims: u32) -> Result<Vec<Row>> {
    let (clock, claims) = (Clock::real(), i64::from(claims));
    let store = Store::open(&Place::Postgres { url: database.to_owned(), replica: None }).await?;
    ensure!(store.lacks().await? == store.migrate().await?, "the database is in use already: name an empty one");
    let mut nodes = Nodes::new(program, database, redis, claims)?;

    // Once without any claims, to know what they weigh.
    nodes.start(&clock).await?;
    clock.sleep(REST).await;
    let bare = nodes.resident()?;
    nodes.stop(&clock).await?;

    filled(&store, claims).await?;
    let from = clock.since_boot();
    nodes.start(&clock).await?;
    let claimed = until_claimed(&store, &clock, claims, 3).await? - from;
    until_even(&store, &clock, claims).await?;
    clock.sleep(REST).await;
    let idle = (nodes.resident()? - bare) / claims as f64;

    let (before, from) = (writes(&store).await?, clock.since_boot());
    clock.sleep(QUIET).await;
    let at_rest = (writes(&store).await? - before) / (clock.since_boot() - from).as_secs_f64() / 3.0;

    let key = nodes.key()?;
    let owner = awake(&store, &nodes, &key).await?;
    let (near, near_slow) = asked(&nodes, owner, &key, &clock).await?;
    let (far, far_slow) = asked(&nodes, (owner + 1) % 3, &key, &clock).await?;
    let weight = of_channels(&nodes, owner, &key, &clock).await?;

    let from = clock.since_boot();
    nodes.kill((owner + 1) % 3);
    let taken_over = until_claimed(&store, &clock, claims, 2).await? - from;
    nodes.stop(&clock).await?;

    let row = |name: &str, ours, bare, target| Row { name: format!("3 nodes, {claims} claims: {name}"), ours, bare, target };
    Ok(vec![
        row("s from start to all claimed", claimed.as_secs_f64(), None, Target::AtMost(60.0)),
        row("s from a death to all claimed again", taken_over.as_secs_f64(), None, Target::AtMost(40.0)),
        row("rows written per second and node at rest", at_rest, None, Target::AtMost(1.0)),
        row("KiB resident per idle claim", idle / 1024.0, None, Target::AtMost(1.0)),
        row("KiB resident per active channel", weight / 1024.0, None, Target::AtMost(24.0)),
        row("chat through another node: events per second", far, Some(near), Target::Share(0.4)),
        row("chat through another node: ms for 99 of 100", far_slow, Some(near_slow), Target::AtMost(100.0)),
    ])
}

/// Communities that nobody serves yet.
async fn filled(store: &Store, claims: i64) -> Result<()> {
    let communities = "INSERT INTO communities (id, name, created_at) SELECT g, 'community ' || g, 0 FROM generate_series($1, $2) g";
    let claimable = "INSERT INTO coordination (entity_id, platform, channel_id) \
                     SELECT 'community:' || g, 'community', g FROM generate_series($1, $2) g";
    let mut tx = store.begin().await?;
    for text in [communities, claimable] {
        tx.run(sql(text).bind(FIRST).bind(FIRST + claims - 1)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Waits until so many living nodes hold all of them; when that was.
async fn until_claimed(store: &Store, clock: &Clock, claims: i64, nodes: i64) -> Result<Duration> {
    let text = "SELECT COUNT(*) AS claimed, COUNT(DISTINCT c.claimed_by) AS owners FROM coordination c JOIN nodes n \
                ON n.node_id = c.claimed_by AND n.incarnation = c.incarnation AND n.state = 'up' WHERE c.platform = 'community'";
    let until = clock.since_boot() + PATIENCE;
    loop {
        let row = store.one(sql(text)).await?.context("a count has a row")?;
        let (claimed, owners): (i64, i64) = (row.get("claimed")?, row.get("owners")?);
        if claimed >= claims && owners == nodes {
            return Ok(clock.since_boot());
        }
        if clock.since_boot() > until {
            bail!("{claimed} of {claims} were claimed, by {owners} of {nodes} nodes, after {} s", PATIENCE.as_secs());
        }
        clock.sleep(Duration::from_millis(250)).await;
    }
}

/// Waits until no node holds so much more than the others that it gives some away: before that nothing rests.
async fn until_even(store: &Store, clock: &Clock, claims: i64) -> Result<()> {
    let text = "SELECT COUNT(*) AS most FROM coordination WHERE platform = 'community' GROUP BY claimed_by ORDER BY most DESC LIMIT 1";
    let (fair, until) = (usize::try_from(claims)?.div_ceil(3), clock.since_boot() + PATIENCE);
    while clock.since_boot() < until {
        let most: i64 = store.one(sql(text)).await?.context("somebody holds something")?.get("most")?;
        if !choice::is_too_much(usize::try_from(most)?, fair) {
            break;
        }
        clock.sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// How many rows were written so far, by anybody.
async fn writes(store: &Store) -> Result<f64> {
    let text: Sql = sql("SELECT CAST(SUM(n_tup_ins + n_tup_upd + n_tup_del) AS BIGINT) AS written FROM pg_stat_user_tables");
    Ok(store.one(text).await?.context("a sum has a row")?.get::<i64>("written")? as f64)
}

/// Wakes the channels that are asked, and finds the node that serves them.
async fn awake(store: &Store, nodes: &Nodes, key: &str) -> Result<usize> {
    Caller::new(nodes.address(0), Asked::Chat, key).call_for(&Clock::real(), WARM).await?;
    let row = store.one(sql("SELECT claimed_by FROM coordination WHERE entity_id = 'tube:ducks0'")).await?;
    let owner: String = row.context("the channel was heard of")?.get("claimed_by")?;
    nodes.position(&owner).with_context(|| format!("{owner} is none of the bench's nodes"))
}

/// Events per second through one node, and the milliseconds 99 of 100 requests took at most.
async fn asked(nodes: &Nodes, at: usize, key: &str, clock: &Clock) -> Result<(f64, f64)> {
    let caller = Caller::new(nodes.address(at), Asked::Chat, key);
    caller.call_for(clock, WARM).await?;
    let from = clock.since_boot();
    let answered = caller.call_for(clock, TIME).await?;
    let rate = answered.events as f64 / (clock.since_boot() - from).as_secs_f64();
    Ok((rate, answered.slow().as_secs_f64() * 1000.0))
}

/// Bytes that a channel adds in which somebody spoke.
async fn of_channels(nodes: &Nodes, owner: usize, key: &str, clock: &Clock) -> Result<f64> {
    let before = resident(nodes.one(owner)?)?;
    let mut stream = TcpStream::connect(nodes.address(owner)).await?;
    for batch in 0..CHANNELS / BATCH {
        let events: Vec<_> = (0..BATCH)
            .map(|one| {
                let number = batch * BATCH + one;
                format!(
                    r#"{{"platform":"tube","server_id":"pond{number}","user_id":"u{number}","user_name":"Ana","message_type":"chatMessage","message_content":"hello","message_id":"p{number}"}}"#
                )
            })
            .collect();
        post(&mut stream, "/router/events/batch", key, &format!(r#"{{"events":[{}]}}"#, events.join(","))).await?;
    }
    clock.sleep(Duration::from_secs(3)).await;
    Ok((resident(nodes.one(owner)?)? - before) / CHANNELS as f64)
}

fn resident(process: &Measured) -> Result<f64> {
    Ok(process.resident()? as f64)
}

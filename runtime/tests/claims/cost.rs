//! What a node asks of the database at rest costs the same however much it holds, as the database's own count of read
//! blocks has it.

use std::collections::BTreeMap;

use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::membership::Before;
use waddlebot_runtime::store::sql;
use waddlebot_testbed::Postgres;

use crate::house::{House, pass_until};
use crate::place::{self, opened};

/// How much is held at first, and later.
const FEW: usize = 100;
const MANY: usize = 20_000;
/// How often everything is asked.
const ROUNDS: usize = 6;
/// How many more blocks of 8 KiB a statement may read for two hundred times as much: an index is a level or two deeper. All rows of it
/// fill some four hundred.
const DEEPER: f64 = 12.0;

/// Has a server count what each statement reads.
fn counts(server: &mut Postgres) {
    server.sql("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
    server.kill_9();
    server.start_again();
    server.sql("CREATE EXTENSION pg_stat_statements");
}

/// Has nodes hold so much in all.
async fn hold(nodes: &[House], many: usize) {
    let text = "INSERT INTO coordination (entity_id, platform, channel_id) SELECT 'community:' || g, 'community', g FROM generate_series($1, $2) g \
                ON CONFLICT DO NOTHING";
    let mut tx = nodes[0].store.begin().await.expect("a transaction");
    tx.run(sql(text).bind(1_i64).bind(i64::try_from(many).expect("a small number"))).await.expect("rows");
    tx.commit().await.expect("a commit");
    // A fifth is the second node's.
    for (node, share) in [(&nodes[1], many / 5), (&nodes[0], many)] {
        node.placement.take(share - node.placement.load().min(share)).await.expect("nobody has them");
    }
    assert_eq!(nodes.iter().map(|node| node.placement.load()).sum::<usize>(), many);
}

/// What each statement that was made meanwhile read, in blocks a call.
async fn at_rest(server: &Postgres, nodes: &[House], clock: &Clock) -> BTreeMap<String, f64> {
    for node in nodes {
        node.placement.learn().await.expect("a node that acts");
    }
    server.sql("SELECT pg_stat_statements_reset()");
    for round in 0..ROUNDS {
        let text = "SELECT CAST(SUM(seq) AS BIGINT) AS sum FROM nodes";
        let sum = async || nodes[0].store.one(sql(text)).await.expect("a query").expect("a row").get::<i64>("sum").expect("a number");
        let before = sum().await;
        pass_until("leases are renewed", clock, &nodes.iter().collect::<Vec<_>>(), async || sum().await >= before + 2).await;
        for node in nodes {
            let why = format!("{} in round {round}", node.here.node_id());
            assert!(node.placement.learn().await.expect(&why).is_empty());
            assert_eq!(node.placement.untaken().await.expect(&why), 0);
            node.placement.fair_share(0).await.expect(&why);
            assert_eq!(node.placement.nodes().await.expect(&why).len(), 2);
            assert!(node.placement.whose("community:1").await.expect(&why).is_some());
        }
    }
    let lines = server.sql(
        "SELECT calls || '|' || shared_blks_hit + shared_blks_read || '|' || regexp_replace(query, '\\s+', ' ', 'g') FROM pg_stat_statements \
         WHERE query LIKE '%nodes%' OR query LIKE '%coordination%'",
    );
    let mut read = BTreeMap::new();
    for line in lines.lines() {
        let mut parts = line.splitn(3, '|');
        let mut number = || parts.next().and_then(|part| part.parse::<f64>().ok()).expect("a number");
        let (calls, blocks) = (number(), number());
        read.insert(parts.next().expect("a statement").to_owned(), blocks / calls);
    }
    read
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_at_rest_reads_more_where_more_is_held() {
    let mut server = place::Server::start();
    counts(server.postgres());
    let (store, clock) = (opened(&server.place()).await, Clock::turned());
    let mut nodes = Vec::new();
    for name in ["n1", "n2"] {
        nodes.push(House::joined(name, &store, &clock, Before::Unknown, 2 * MANY).await.expect("the node joins"));
    }
    let mut measured = Vec::new();
    for many in [FEW, MANY] {
        hold(&nodes, many).await;
        // As the server does by itself within a minute.
        for database in server.postgres().sql("SELECT datname FROM pg_database WHERE datname LIKE 'test%'").lines() {
            server.postgres().sql_in(database, "VACUUM ANALYZE");
        }
        measured.push(at_rest(server.postgres(), &nodes, &clock).await);
    }
    let (few, many) = (&measured[0], &measured[1]);
    for (statement, before) in few {
        println!("{before:>6.1} {:>6.1} {statement}", many.get(statement).copied().unwrap_or(f64::NAN));
    }
    for (part, what) in [
        ("UPDATE nodes SET seq", "the renewal"),
        ("silence FROM nodes", "watching others"),
        ("AND handed LIMIT", "learning"),
        ("AS untaken", "looking what nobody serves"),
        ("entity_id = $1", "asking who serves one"),
    ] {
        assert!(many.keys().any(|statement| statement.contains(part)), "{what} was made: {many:#?}");
    }
    let dearer: Vec<_> = many.iter().filter(|(statement, after)| **after > few.get(*statement).copied().unwrap_or(0.0) + DEEPER).collect();
    assert!(dearer.is_empty(), "these cost more with {MANY} claims than with {FEW}: {dearer:#?}");
    // The count sees what it is there for: a statement that reads all.
    store.one(sql("SELECT COUNT(*) AS everything FROM coordination WHERE epoch > 0")).await.expect("a query");
    let all =
        server.postgres().sql("SELECT shared_blks_hit + shared_blks_read FROM pg_stat_statements WHERE query LIKE '%everything%' LIMIT 1");
    assert!(all.parse::<f64>().is_ok_and(|all| all > 10.0 * DEEPER), "{all}");
    for node in &mut nodes {
        node.leave().await;
    }
}

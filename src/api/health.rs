//! Health: open to everybody in short, to keys in detail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use waddlebot_actors::household::Household;
use waddlebot_actors::tally;
use waddlebot_runtime::actor::Reading;
use waddlebot_runtime::sessions::Sessions;
use waddlebot_runtime::store::sql;

use super::openapi::operation::{ANY_KEY, Operation, Who};
use super::openapi::schema::{Schema, choice, instant, map, number, object, text, truth, whole};
use super::openapi::table::{BOTH, PLAIN, Table};

/// How long a part may take to answer before it counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is looked at. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Checks {
    /// The house, with its database, journal and actors.
    pub(crate) household: Household,
    /// Where sessions are kept.
    pub(crate) sessions: Arc<dyn Sessions>,
    /// What keeps them: `redis` or `memory`.
    pub(crate) sessions_in: &'static str,
    /// Whether the node is about to go.
    pub(crate) leaving: Leaving,
}

/// Whether the node is about to go: it still answers, and wants no new work. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaving(Arc<AtomicBool>);

impl Leaving {
    /// It is.
    pub(crate) fn begin(&self) {
        self.set(true);
    }

    /// It is, or stays after all.
    pub(crate) fn set(&self, goes: bool) {
        self.0.store(goes, Relaxed);
    }
}

/// The addresses of this file: in short for everybody, in detail for any key and for logged-in people; under the router, too,
/// where older programs look for them.
pub(crate) fn table() -> Table<Checks> {
    let shown = |operation: Operation, schema: &Schema| {
        operation.answers(schema.clone()).answers_with(503, "the database does not answer", schema.clone())
    };
    let brief = opening().with("dependencies", object().with("database", choice(&["healthy", "unhealthy"]))).called("Health");
    let check =
        object().with("status", choice(&["healthy", "unhealthy"])).with("kind", text()).with("response_time_ms", number().or_null());
    let full = opening()
        .with("dependencies", object().with("database", check.clone()).with("sessions", check))
        .with("connections", map(object()).about("what each connection to a platform says of itself"))
        .may("journal", map(whole().from(0)).about("what waits: inbox, outbox, replies_unknown"))
        .with("actors", map(whole().from(0)))
        .called("HealthInDetail");
    let may = object().with("ready", truth()).with("why", choice(&["", "draining", "no lease", "database"])).called("Readiness");
    let asked = Operation::new("Whether the node wants new work").answers(may.clone()).answers_with(503, "it does not", may);
    let well = || shown(Operation::new("Whether the node is well"), &brief);
    let parts = || shown(Operation::new("Each part of the node"), &full);
    Table::new("health", PLAIN)
        .get("/health", Who::Anybody, short, well())
        .get("/health/ready", Who::Anybody, ready, asked)
        .get("/health/detailed", ANY_KEY, detailed, parts())
        .and(Table::new("health", BOTH).get("/router/health", Who::Anybody, short, well()).get(
            "/router/health/detailed",
            ANY_KEY,
            detailed,
            parts(),
        ))
}

fn opening() -> Schema {
    object()
        .with("status", choice(&["healthy", "degraded", "unhealthy"]))
        .with("module", text())
        .with("version", text())
        .with("timestamp", instant())
        .with(
            "processor",
            object().with("success_rate", number().about("of the commands of the last hour on this node, 0 to 1; 1 where none ran")),
        )
}

async fn ready(State(checks): State<Checks>) -> (StatusCode, Json<Value>) {
    let why = if checks.leaving.0.load(Relaxed) {
        "draining"
    } else if !checks.household.world().gate.open(Duration::ZERO) {
        "no lease"
    } else if !checks.database().await.is_healthy() {
        "database"
    } else {
        ""
    };
    (status(why.is_empty()), Json(json!({ "ready": why.is_empty(), "why": why })))
}

async fn short(State(checks): State<Checks>) -> (StatusCode, Json<Value>) {
    let healthy = checks.database().await.is_healthy();
    let mut body = checks.opening(healthy, false);
    body.insert("dependencies".into(), json!({ "database": word(healthy) }));
    (status(healthy), Json(body.into()))
}

async fn detailed(State(checks): State<Checks>) -> (StatusCode, Json<Value>) {
    let world = checks.household.world();
    let (database, sessions) = tokio::join!(checks.database(), checks.sessions());
    let readings = world.roster.readings(world.clock.since_boot());
    let of = |kind: &str| readings.iter().filter(|reading| reading.kind == kind).count();
    let connections = checks.connections(&readings).await;
    let healthy = database.is_healthy();
    let worse = !sessions.is_healthy() || connections.values().any(|one| !one["last_error"].is_null());
    let mut body = checks.opening(healthy, worse);
    let kind = checks.household.store().kind();
    body.insert("dependencies".into(), json!({ "database": database.shown(kind), "sessions": sessions.shown(checks.sessions_in) }));
    body.insert("connections".into(), connections.into());
    if let Ok(open) = checks.household.journal().open().await {
        let journal = json!({ "inbox": open.inbox, "outbox": open.outbox, "replies_unknown": open.unknown });
        body.insert("journal".into(), journal);
    }
    let actors = json!({
        "total": readings.len(),
        "channels": of("channel"),
        "communities": of("community"),
        "module_hosts": of("module host"),
        "overlay_connections": of("overlay connection"),
        "longest_mailbox": readings.iter().map(|reading| reading.mailbox).max().unwrap_or(0),
    });
    body.insert("actors".into(), actors);
    (status(healthy), Json(body.into()))
}

/// How one part answered: after how long, if it did.
struct Check(Option<Duration>);

impl Check {
    fn is_healthy(&self) -> bool {
        self.0.is_some()
    }

    fn shown(&self, kind: &str) -> Value {
        let millis = self.0.map(|took| took.as_secs_f64() * 1000.0);
        json!({ "status": word(self.is_healthy()), "kind": kind, "response_time_ms": millis })
    }
}

impl Checks {
    async fn database(&self) -> Check {
        let asked = self.household.store().one(sql("SELECT 1 AS one"));
        self.timed(async { matches!(asked.await, Ok(Some(_))) }).await
    }

    async fn sessions(&self) -> Check {
        let nobody = format!("sess_{:032x}", 0);
        self.timed(async { self.sessions.get(&nobody).await.is_ok() }).await
    }

    async fn timed(&self, answers: impl Future<Output = bool>) -> Check {
        let clock = &self.household.world().clock;
        let began = clock.since_boot();
        let answered = tokio::time::timeout(PATIENCE, answers).await == Ok(true);
        Check(answered.then(|| clock.since_boot().saturating_sub(began)))
    }

    /// What each connection to a platform says of itself, by its key.
    async fn connections(&self, readings: &[Reading]) -> Map<String, Value> {
        let world = self.household.world();
        let mut all = Map::new();
        for reading in readings.iter().filter(|reading| reading.kind == "connection") {
            if let Some((reading, memory)) = world.roster.look(&reading.key, world.clock.since_boot()).await {
                all.insert(reading.key, json!({ "restarts": reading.restarts, "last_error": reading.last_error, "state": memory }));
            }
        }
        all
    }

    fn opening(&self, healthy: bool, degraded: bool) -> Map<String, Value> {
        let status = if healthy && degraded { "degraded" } else { word(healthy) };
        let clock = &self.household.world().clock;
        let body = json!({
            "status": status,
            "module": "waddlebot",
            "version": env!("CARGO_PKG_VERSION"),
            "timestamp": clock.now(),
            "processor": { "success_rate": tally::last_hour(clock.since_boot()).success_rate() },
        });
        body.as_object().cloned().unwrap_or_default()
    }
}

fn status(healthy: bool) -> StatusCode {
    if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn word(healthy: bool) -> &'static str {
    if healthy { "healthy" } else { "unhealthy" }
}

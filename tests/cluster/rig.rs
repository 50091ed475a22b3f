//! A cluster for tests: one PostgreSQL database, one Redis, and as many nodes of the real program as are started.

use std::borrow::Borrow;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use waddlebot_testbed::{Bot, Ended, Place, Postgres, Redis, Reply, eventually, free_port, get, request, run};

/// The program under test: this very build, or the one that `WADDLEBOT_PROGRAM` names. Figures of time are those of a release build.
pub(crate) fn program() -> String {
    std::env::var("WADDLEBOT_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_waddlebot").to_owned())
}

/// The longest anything may take here that is not measured.
pub(crate) const LIMIT: std::time::Duration = std::time::Duration::from_secs(40);

/// What all nodes share.
pub(crate) struct Cluster {
    pub(crate) database: String,
    pub(crate) redis: Redis,
    shared: Vec<(String, String)>,
    /// An admin's key, good at every node.
    pub(crate) key: String,
    /// The program that its nodes are started with first.
    program: String,
    seed: String,
    folder: TempDir,
}

/// One node: its settings stay the same over its starts.
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) bot: Option<Bot>,
    place: Place,
    program: String,
    listen: String,
    environment: Vec<(String, String)>,
    data: String,
    key: String,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self::on(Postgres::shared().database())
    }

    /// A cluster on this database.
    pub(crate) fn on(database: String) -> Self {
        Self::of(&program(), database, Redis::start())
    }

    /// A cluster on these that is begun with this version of the program.
    pub(crate) fn of(program: &str, database: String, redis: Redis) -> Self {
        let seed = format!("127.0.0.1:{}", free_port());
        let shared = [
            ("DATABASE_URL", database.as_str()),
            ("REDIS_URL", &redis.url()),
            ("WADDLEBOT_SECRET_KEY", "a secret that all nodes of the test share"),
            ("CLUSTER_NAME", "test"),
            ("CLUSTER_COOKIE", "a cookie that all nodes share"),
            ("CLUSTER_SEEDS", &seed),
            ("ROUTER_DEFAULT_RATE_LIMIT", "1000000"),
            ("ENGINE_ALLOW_HOSTS", "127.0.0.1"),
        ];
        let shared: Vec<_> = shared.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let folder = tempfile::tempdir().expect("a folder");
        let mut cluster = Self { database, redis, shared, key: String::new(), program: program.to_owned(), seed, folder };
        cluster.key = cluster.runs(&["key", "create", "--role", "admin", "--name", "test"]).trim().to_owned();
        cluster
    }

    /// A node that was not started yet. The first one listens where the seed is.
    pub(crate) fn node(&self, id: &str) -> Node {
        self.node_at(id, &Place::here())
    }

    /// As [`Cluster::node`], in this place.
    pub(crate) fn node_at(&self, id: &str, place: &Place) -> Node {
        let peers = if id == "n1" { self.seed.clone() } else { format!("127.0.0.1:{}", free_port()) };
        let mut environment = self.shared.clone();
        environment.extend([("NODE_ID", id), ("CLUSTER_LISTEN", peers.as_str())].map(|(name, value)| (name.to_owned(), value.to_owned())));
        let data = self.folder.path().join(id).display().to_string();
        let (program, listen) = (self.program.clone(), format!("{}:{}", place.address(), free_port()));
        Node { id: id.to_owned(), bot: None, place: place.clone(), program, listen, environment, data, key: self.key.clone() }
    }

    /// Nodes n1, n2 … that run and are healthy.
    pub(crate) fn nodes(&self, many: usize) -> Vec<Node> {
        let mut nodes: Vec<_> = (1..=many).map(|number| self.node(&format!("n{number}"))).collect();
        nodes.iter_mut().for_each(Node::start);
        nodes
    }

    /// Runs another command of the program on the same database; what it prints.
    pub(crate) fn runs(&self, args: &[&str]) -> String {
        let mut command = Command::new(&self.program);
        let data = self.folder.path().join("commands").display().to_string();
        command.args(args).args(["--data", &data]).env_clear();
        let done = command.envs(self.shared.iter().cloned()).env("NODE_ID", "commands").output().expect("the program starts");
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("it prints text")
    }

    /// Runs a statement in the cluster's database; its rows as lines, its columns between bars.
    pub(crate) fn sql(&self, statement: &str) -> String {
        let done = Command::new("psql").args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", statement, &self.database]).output();
        let done = done.expect("psql starts");
        assert!(done.status.success(), "{statement}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// A folder of its own.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The node that owns an entity, as the database has it.
    pub(crate) fn owner(&self, entity: &str) -> String {
        self.sql(&format!("SELECT claimed_by FROM coordination WHERE entity_id = '{entity}'"))
    }
}

impl Node {
    /// Starts it, or starts it again, and waits until it is healthy.
    pub(crate) fn start(&mut self) {
        self.start_with(&[]);
    }

    pub(crate) fn start_with(&mut self, more: &[(&str, &str)]) {
        let mut environment: Vec<_> = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        environment.extend(more);
        let mut bot = Bot::start_at(&self.place, &self.program, &["--data", &self.data, "--listen", &self.listen], &environment);
        bot.wait_healthy();
        self.bot = Some(bot);
    }

    /// Runs it to its end with these settings besides: for a start that is refused.
    pub(crate) fn refused(&self, more: &[(&str, &str)]) -> Ended {
        let mut environment: Vec<_> = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        environment.extend(more);
        run(&self.program, &["run", "--data", &self.data, "--listen", &self.listen], &environment, b"")
    }

    /// It is another version of the program from its next start on.
    pub(crate) fn becomes(&mut self, program: &str) {
        program.clone_into(&mut self.program);
        if let Some(bot) = &mut self.bot {
            bot.becomes(program);
        }
    }

    pub(crate) fn bot(&mut self) -> &mut Bot {
        self.bot.as_mut().expect("it was started")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listen.parse().expect("an address")
    }

    /// Sends a request with the admin's key.
    pub(crate) fn asks(&self, method: &str, path: &str, body: &Value) -> io::Result<Reply> {
        let fields = [("X-API-Key", self.key.as_str()), ("Content-Type", "application/json")];
        request(self.address(), method, path, &fields, &if body.is_null() { String::new() } else { body.to_string() })
    }

    /// Says something in a local room as a moderator; what was answered.
    pub(crate) fn says(&self, room: &str, text: &str, id: &str) -> io::Result<Value> {
        let mut line = json!({ "user": "ana", "role": "moderator", "text": text });
        if !id.is_empty() {
            line["id"] = id.into();
        }
        let reply = self.asks("POST", &format!("/api/v1/local/{room}/messages"), &line)?;
        let refused = || io::Error::other(format!("{}: {}", reply.status, reply.body));
        if reply.status == 200 { serde_json::from_str(&reply.body).map_err(io::Error::from) } else { Err(refused()) }
    }

    /// The replies to what is said, joined.
    pub(crate) fn hears(&self, room: &str, text: &str) -> String {
        replies(&self.says(room, text, "").unwrap_or_else(|error| panic!("{}: {text}: {error}", self.id)))
    }

    /// An actor's memory.
    pub(crate) fn memory(&self, key: &str) -> Value {
        let Ok(reply) = self.asks("GET", &format!("/admin/actors/{key}"), &Value::Null) else { return Value::Null };
        let whole: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        whole["memory"].clone()
    }

    /// Whether it takes work.
    pub(crate) fn is_ready(&self) -> bool {
        get(self.address(), "/health").is_ok_and(|reply| reply.status == 200)
    }

    /// The nodes it can reach.
    pub(crate) fn reaches(&self) -> Vec<String> {
        let memory = self.memory("gateway");
        let views = memory["reachable"].as_array().cloned().unwrap_or_default();
        views.iter().filter_map(|view| Some(view["node"].as_str()?.to_owned())).collect()
    }

    /// What it has logged.
    pub(crate) fn log(&mut self) -> String {
        let bot = self.bot();
        format!("{}{}", bot.stdout(), bot.stderr())
    }
}

/// Waits until each of these nodes reaches all the others.
pub(crate) fn meet(nodes: &[impl Borrow<Node>]) {
    eventually("everybody reaches everybody", LIMIT, || nodes.iter().all(|node| node.borrow().reaches().len() == nodes.len() - 1));
}

/// The chat lines in an answer, joined.
pub(crate) fn replies(answer: &Value) -> String {
    let lines = answer["replies"].as_array().cloned().unwrap_or_default();
    lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" / ")
}

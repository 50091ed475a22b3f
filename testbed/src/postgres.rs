//! A PostgreSQL cluster without durability, in which each test gets a database of its own.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::network::Place;
use crate::process::{Process, Recipe, folder, free_port, we_are_root};
use crate::{eventually, program};

/// The user that Debian's package makes; PostgreSQL refuses to run as root.
const SYSTEM_USER: &str = "postgres";

/// How long a standby may take to follow.
const FOLLOWS: Duration = Duration::from_secs(30);

/// What a server reads the time of its clock from, in its folder; see [`Postgres::clock_is_off`].
const CLOCK: &str = "clock";

/// A running PostgreSQL.
pub struct Postgres {
    process: Process,
    place: Place,
    port: u16,
    databases: AtomicU32,
    /// Whether its clock can be turned.
    turned: bool,
    folder: TempDir,
}

impl Postgres {
    /// The cluster that all tests of this process share; started by the first one.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A cluster for one test alone, which may stop it.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not come up.
    pub fn start() -> Self {
        Self::start_at(&Place::here())
    }

    /// As [`Postgres::start`], in this place.
    pub fn start_at(place: &Place) -> Self {
        Self::begin(place, false)
    }

    /// As [`Postgres::start_at`], with a clock that [`Postgres::clock_is_off`] turns; so are those of its standbys.
    pub fn start_turned_at(place: &Place) -> Self {
        Self::begin(place, true)
    }

    fn begin(place: &Place, turned: bool) -> Self {
        let folder = folder("postgres");
        let data = folder.path().join("data");
        run(Command::new("cp").arg("-a").arg("--reflink=auto").arg(template()).arg(&data));
        if place.is_apart() {
            lets_in(&data);
        }
        if we_are_root() {
            run(Command::new("chown").arg("-R").arg(SYSTEM_USER).arg(folder.path()));
        }
        let port = port_at(place);
        let process = Process::start(recipe(&data, place, port, turned), folder.path());
        let mut postgres = Self { process, place: place.clone(), port, databases: AtomicU32::new(0), turned, folder };
        postgres.wait_ready();
        postgres
    }

    /// A standby that has everything this server tells anybody is committed: from now on no commit is answered before it
    /// is there as well.
    ///
    /// # Panics
    /// When it cannot be made or does not follow.
    pub fn standby(&self) -> Self {
        self.standby_at(&Place::here())
    }

    /// As [`Postgres::standby`], in this place.
    pub fn standby_at(&self, place: &Place) -> Self {
        let folder = folder("standby");
        let data = folder.path().join("data");
        if we_are_root() {
            run(Command::new("chown").arg(SYSTEM_USER).arg(folder.path()));
        }
        let copy = program::find_postgres("pg_basebackup");
        let mut command = if we_are_root() {
            let mut command = Command::new(program::find("setpriv", "util-linux"));
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(copy);
            command
        } else {
            Command::new(copy)
        };
        let (host, port) = (self.place.address().to_string(), self.port.to_string());
        let options = ["-h", &host, "-p", &port, "-U", "waddlebot", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-D"];
        run(command.args(options).arg(&data).current_dir(folder.path()));
        let port = port_at(place);
        let process = Process::start(recipe(&data, place, port, self.turned), folder.path());
        let mut standby = Self { process, place: place.clone(), port, databases: AtomicU32::new(0), turned: self.turned, folder };
        standby.wait_ready();
        eventually("the standby follows", FOLLOWS, || {
            self.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1"
        });
        self.waits_for("*");
        eventually("commits wait for it", FOLLOWS, || {
            self.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1"
        });
        standby
    }

    /// Makes a standby the server that is written to, which waits for no other.
    pub fn promote(&self) {
        self.sql("SELECT pg_promote(true, 60)");
        self.waits_for("");
    }

    fn waits_for(&self, standbys: &str) {
        self.sql(&format!("ALTER SYSTEM SET synchronous_standby_names = '{standbys}'"));
        self.sql("SELECT pg_reload_conf()");
    }

    /// The URL of a new, empty database.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql(&format!("CREATE DATABASE {name}"));
        format!("postgres://waddlebot@{}:{}/{name}", self.place.address(), self.port)
    }

    /// Runs a statement in the maintenance database and returns what `psql` prints of it, unaligned.
    pub fn sql(&self, statement: &str) -> String {
        self.sql_in("postgres", statement)
    }

    /// As [`Postgres::sql`], in this database.
    pub fn sql_in(&self, database: &str, statement: &str) -> String {
        let psql = program::find("psql", "postgresql-client");
        let (host, port) = (self.place.address().to_string(), self.port.to_string());
        let connection = ["-h", &host, "-p", &port, "-U", "waddlebot", "-d", database];
        run(Command::new(psql).args(connection).args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", statement]))
    }

    /// Where it runs.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The port it listens at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From within a second on its clock is off by so many seconds. Only the wall clock: timers go on as they were.
    ///
    /// # Panics
    /// When its clock cannot be turned.
    pub fn clock_is_off(&self, seconds: i64) {
        assert!(self.turned, "this server has the machine's clock");
        let clock = self.folder.path().join(CLOCK);
        let next = clock.with_extension("next");
        // Put in its place as a whole: nobody reads half of it.
        fs::write(&next, format!("{seconds:+}\n")).and_then(|()| fs::rename(&next, &clock)).expect("its folder can be written");
    }

    /// Stops it at once, as a crash of the machine would (its files stay).
    pub fn kill_9(&mut self) {
        self.process.kill_9();
    }

    /// Starts it again on the same port with the same data.
    pub fn start_again(&mut self) {
        self.process.start_again();
        self.wait_ready();
    }

    fn wait_ready(&mut self) {
        // The server keeps its own state in the eighth line of this file.
        let state = self.folder.path().join("data/postmaster.pid");
        self.process.wait_ready(|process| {
            let text = fs::read_to_string(&state).unwrap_or_default();
            let mut lines = text.lines();
            lines.next().and_then(|id| id.parse().ok()) == process.id()
                && lines.nth(6).is_some_and(|line| ["ready", "standby"].contains(&line.trim()))
        });
    }
}

/// Each place has all ports.
fn port_at(place: &Place) -> u16 {
    if place.is_apart() { 5432 } else { free_port() }
}

/// Everybody in a test's own network may come in.
fn lets_in(data: &Path) {
    let mut rules = File::options().append(true).open(data.join("pg_hba.conf")).expect("the template has rules");
    rules.write_all(b"host all,replication all 198.18.0.0/15 trust\n").expect("rules can be written");
}

fn recipe(data: &Path, place: &Place, port: u16, turned: bool) -> Recipe {
    let mut args = vec!["-D".to_owned(), data.display().to_string(), "-p".to_owned(), port.to_string()];
    let settings = [
        // A place in a network may be given further addresses.
        if place.is_apart() { "listen_addresses=0.0.0.0" } else { "listen_addresses=127.0.0.1" },
        "unix_socket_directories=",
        "fsync=off",
        "full_page_writes=off",
        "max_connections=300",
        "shared_buffers=32MB",
    ];
    for setting in settings {
        args.extend(["-c".to_owned(), setting.to_owned()]);
    }
    let mut program = program::find_postgres("postgres");
    if turned {
        args.insert(0, program.display().to_string());
        args.splice(0..0, own_clock(&data.with_file_name(CLOCK)));
        program = program::find("env", "coreutils");
    }
    Recipe { name: "postgres", program, args, environment: None, user: Some((SYSTEM_USER, SYSTEM_USER)), place: place.clone() }
}

/// The environment in which a program has the time that this file says.
fn own_clock(file: &Path) -> [String; 4] {
    let library = program::find_library("faketime/libfaketime.so.1", "libfaketime");
    [
        format!("LD_PRELOAD={}", library.display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", file.display()),
        "FAKETIME_CACHE_DURATION=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ]
}

/// An empty cluster that every start copies: made once a checkout, since `initdb` takes seconds.
fn template() -> PathBuf {
    let initdb = program::find_postgres("initdb");
    // The version is in the path: /usr/lib/postgresql/15/bin/initdb.
    let version = initdb.iter().nth_back(2).map(|v| v.to_string_lossy().into_owned()).unwrap_or_default();
    let shelf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/testbed");
    fs::create_dir_all(&shelf).expect("target/testbed cannot be made");
    let lock = File::create(shelf.join("postgres.lock")).expect("target/testbed cannot be written");
    lock.lock().expect("a file can be locked");
    let template = shelf.join(format!("postgres-{version}"));
    if !template.is_dir() {
        make_template(&initdb, &template);
    }
    template
}

fn make_template(initdb: &Path, template: &Path) {
    let folder = folder("initdb");
    let data = folder.path().join("data");
    if we_are_root() {
        run(Command::new("chown").arg(SYSTEM_USER).arg(folder.path()));
    }
    let mut command = if we_are_root() {
        let mut command = Command::new(program::find("setpriv", "util-linux"));
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(initdb);
        command
    } else {
        Command::new(initdb)
    };
    let options = ["--auth=trust", "--username=waddlebot", "--encoding=UTF8", "--locale=C", "--no-sync", "--wal-segsize=1"];
    run(command.args(options).arg("-D").arg(&data).current_dir(folder.path()));
    // First beside its place, then by a rename: a half-copied template is never used.
    let nearly = template.with_extension("new");
    let _ = fs::remove_dir_all(&nearly);
    run(Command::new("cp").arg("-a").arg(&data).arg(&nearly));
    fs::rename(&nearly, template).expect("the template cannot be put in its place");
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed ({}): {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

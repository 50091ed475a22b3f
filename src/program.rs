//! The program itself: opens the ground, who lives on it and the doors, in order; closes them in reverse.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;
use waddlebot_actors::channel::admit::Rate;
use waddlebot_actors::delivery::Courier;
use waddlebot_actors::household::{Claims, Foundation, Household};
use waddlebot_actors::node::{self, Node};
use waddlebot_actors::overlay::{Forms, Overlays, Submission};
use waddlebot_actors::registry;
use waddlebot_platforms::irc::{self, Irc};
use waddlebot_platforms::local::Local;
use waddlebot_runtime::actor::{Fault, Me, World, open_root};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::intake::Ears;
use waddlebot_runtime::journal::Journal;
use waddlebot_runtime::keys::Keys;
use waddlebot_runtime::platform::{Boxed, Platform, Platforms};
use waddlebot_runtime::secret::Secret;
use waddlebot_runtime::sessions::{MemorySessions, RedisSessions, Sessions};
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Claim, Store, sql};
use waddlebot_runtime::telemetry::{self, SyslogPlace};

use crate::api::auth::Door;
use crate::config::Config;
use crate::hub::links::Links;
use crate::residence::Residence;
use crate::server;

/// Opens the database and brings its tables up to date; gives how many migrations were applied.
pub(crate) async fn open_store(options: &Config) -> Result<(Store, usize)> {
    options.make_data_folder()?;
    let store = Store::open(&options.place()).await?;
    let applied = store.migrate().await?;
    Ok((store, applied))
}

/// Runs until `closing` is cancelled, then stops in good order.
pub(crate) async fn run(options: Config, closing: CancellationToken) -> Result<()> {
    let clock = Clock::real();
    options.make_data_folder()?;
    let log = &options.log;
    let place = || SyslogPlace { host: log.syslog_host.clone(), port: log.syslog_port, facility: log.syslog_facility.0.to_owned() };
    let telemetry = telemetry::Options {
        level: log.level.name().replace("warning", "warn").parse()?,
        stdout: true,
        folder: Some(options.log_folder()),
        syslog: log.syslog.then(place),
    };
    let _log = telemetry::start(&telemetry, clock.clone())?;
    let listener = tokio::net::TcpListener::bind(options.http.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}: is another program using the port?", options.http.listen))?;
    let (store, _) = open_store(&options).await?;
    let home = registry::home(&store, clock.now()).await?;
    registry::add_channel(&store, &Local::key("lobby").expect("a good name"), home.id, clock.now()).await?;

    let world = World::new(clock.clone());
    let root = open_root::<Node>("node", store.clone(), &world).await.map_err(anyhow::Error::from_boxed)?;
    let journal = Journal::new(root.address.ask(node::Order::Journal).await?, store.clone());
    let local = Local::new(clock.clone());
    let irc = options.irc_settings().map(|settings| Irc::new(settings, clock.clone())).transpose()?;
    let all =
        std::iter::once(Arc::new(local.clone()) as Arc<dyn Platform>).chain(irc.clone().map(|irc| Arc::new(irc) as Arc<dyn Platform>));
    let platforms = Platforms::new(all);
    let claims: Arc<dyn Claims> = Arc::new(Rows(store.clone()));
    let secret = Secret::open(&options.data, std::env::var("WADDLEBOT_SECRET_KEY").ok().as_deref())?;
    let overlays = Overlays::new(Default::default(), store.clone(), secret.clone(), clock.clone(), claims.clone(), Arc::new(NoForms));
    let opened = overlays.open(&world).await.map_err(anyhow::Error::from_boxed)?;
    let courier = Courier::new(platforms.clone(), Arc::new(overlays.clone()), journal.clone());
    let household = Household::new(Foundation {
        world,
        node: root.address.clone(),
        store: store.clone(),
        journal,
        platforms,
        courier,
        modules: waddlebot_actors::modules::list().into(),
        claims,
        limit: Duration::from_secs(5),
        rate: Rate::default(),
        ids: format!("n{}", clock.now()).into(),
    });
    household.open_accounts().await.map_err(anyhow::Error::msg)?;
    if let Some(irc) = irc {
        household.connect(Arc::new(IrcConnection { irc, ears: Arc::new(household.clone()) }));
    }
    let resuming = household.clone();
    spawn::task("resume", async move {
        if let Err(error) = resuming.resume().await {
            tracing::error!(%error, "what was left at the last stop cannot be resumed");
        }
    });
    let base_url = options.base_url();
    let sessions: Arc<dyn Sessions> = match options.redis() {
        Some(url) => Arc::new(RedisSessions::connect(url.reveal(), clock.clone(), Duration::from_secs(3600)).await?),
        None => Arc::new(MemorySessions::new(clock.clone(), Duration::from_secs(3600))),
    };
    let door = Door::new(Keys::new(store.clone(), clock.clone()), sessions, secret, clock.clone(), false);
    let links = Links::new(store.clone(), clock.clone());
    if !links.anybody_came().await? {
        println!("Log in as the owner, once, within a day: {}", links.make(&base_url).await?);
    }
    let residence = Residence { household: household.clone(), local, overlays, base_url };
    server::serve(listener, server::Parts { residence, door, links, clock }, closing).await?;
    household.stop().await;
    opened.close().await;
    root.stop(Duration::from_secs(10)).await;
    store.close().await;
    Ok(())
}

struct NoForms;

impl Forms for NoForms {
    fn submitted(&self, _: Submission) -> Boxed<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

struct Rows(Store);

impl Claims for Rows {
    fn claim<'a>(&'a self, entity: &'a str) -> Boxed<'a, Result<Claim, String>> {
        Box::pin(async move {
            let mut tx = self.0.begin().await.map_err(|error| error.to_string())?;
            let text = "INSERT INTO coordination (entity_id, claimed_by, incarnation, epoch) VALUES ($1, 'n1', 1, 1) \
                        ON CONFLICT (entity_id) DO UPDATE SET epoch = coordination.epoch RETURNING epoch";
            let row = tx.one(sql(text).bind(entity)).await.map_err(|error| error.to_string())?.ok_or("no row")?;
            let epoch = row.get("epoch").map_err(|error| error.to_string())?;
            tx.commit().await.map_err(|error| error.to_string())?;
            Ok(Claim { entity: entity.to_owned(), owner: "n1".into(), incarnation: 1, epoch })
        })
    }
}

/// The IRC connection, as the node keeps it.
struct IrcConnection {
    irc: Irc,
    ears: Arc<dyn Ears>,
}

impl node::Connection for IrcConnection {
    fn key(&self) -> String {
        "connection:irc".into()
    }

    fn open<'a>(&'a self, me: &'a Me<node::Order>) -> Boxed<'a, Result<node::Stop, Fault>> {
        Box::pin(async move {
            let seed = (self.irc.clone(), self.ears.clone());
            let address = me.open::<irc::actor::Connection>(node::Connection::key(self), seed).await?;
            let stop: node::Stop = Box::new(move || {
                let address = address.clone();
                Box::pin(async move { address.stop().await })
            });
            Ok(stop)
        })
    }
}

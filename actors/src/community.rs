//! A community: which modules are on, who hosts them, and what its channels may type.

pub mod commands;
pub mod limits;
mod people;
pub mod roles;
pub mod rules;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Actor, Address, Ended, Fault, Me};
use waddlebot_runtime::chat::Text;
use waddlebot_runtime::module::Expansion;
use waddlebot_runtime::platform::Platforms;
use waddlebot_runtime::store::{Claim, Store};

use crate::channel;
use crate::channel::resolve::{Table, Vocabularies};
use crate::delivery::Courier;
use crate::host::{self, Host, Setup};
use crate::installed::{self, Installed};
use crate::limits::Limits;
use crate::outside::Outside;
use crate::registry::Registered;
use crate::roles::Roles;
use crate::seat::Entry;
use crate::session;

/// What a community is told.
pub enum Order {
    /// A channel opened: it is told of every change, and gets what there is now.
    Joined(Address<channel::Order>, oneshot::Sender<Joined>),
    /// Who hosts this module? Opened when need be.
    Host(&'static str, oneshot::Sender<Result<Address<host::Order>, String>>),
    /// The session of this person. Opened when need be.
    Session(Text, Text, oneshot::Sender<Option<Address<session::Order>>>),
    /// A module was taught words.
    Taught(&'static str, Vec<Expansion>),
    /// Switch a module on or off.
    Switch(String, bool, oneshot::Sender<Result<(), String>>),
    /// Something about string rules.
    Rules(rules::Order),
    /// Something about roles, or who was seen.
    Roles(roles::Order),
    /// Something about commands that run elsewhere.
    Commands(commands::Order),
    /// Something about how often commands may be used.
    Limits(limits::Order),
    /// What is installed.
    Modules(oneshot::Sender<Vec<ModuleState>>),
    /// Somebody is coming: do not close for a while.
    Stay(oneshot::Sender<()>),
    /// Close when nobody is here.
    Tick,
}

/// What a channel gets that joins.
pub struct Joined {
    /// What may be typed.
    pub table: Arc<Table>,
    /// Who is what.
    pub roles: Arc<Roles>,
    /// How often commands may be used.
    pub limits: Arc<Limits>,
}

/// A module as the hub shows it.
#[derive(Clone, Debug)]
pub struct ModuleState {
    /// Its line in the list.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Whether it is on.
    pub enabled: bool,
}

/// What a community is opened with.
#[derive(Clone)]
pub struct Seed {
    /// Its row.
    pub registered: Registered,
    /// Its claim.
    pub claim: Claim,
    /// The store.
    pub store: Store,
    /// The list of modules.
    pub modules: Arc<[Entry]>,
    /// What they let chat type.
    pub vocabularies: Vocabularies,
    /// Look-ups.
    pub platforms: Platforms,
    /// Carries answers.
    pub courier: Courier,
    /// How long one call of a module may take.
    pub limit: Duration,
    /// Runs what runs elsewhere.
    pub outside: Outside,
}

/// How often it is looked whether anybody is here. Channels, hosts and sessions close by themselves when
/// nobody uses them; a host that waits for an alarm stays, and so does its community.
const LOOK: Duration = Duration::from_secs(60);

/// The actor of one community.
pub struct Community {
    seed: Seed,
    installed: HashMap<String, Installed>,
    taught: HashMap<&'static str, Vec<Expansion>>,
    table: Arc<Table>,
    channels: Vec<Address<channel::Order>>,
    hosts: HashMap<&'static str, Address<host::Order>>,
    people: people::People,
    /// When somebody said last that they are coming.
    expected: Duration,
    rules: rules::Rules,
    roles: roles::Keeper,
    commands: commands::Commands,
    limits: limits::Keeper,
}

impl Actor for Community {
    const KIND: &'static str = "community";
    type Order = Order;
    type Seed = Seed;

    async fn open(seed: Seed, me: &Me<Order>) -> Result<Self, Fault> {
        me.address().meter().claimed(seed.claim.epoch);
        let installed = installed::load(&seed.store, seed.registered.id).await?;
        let rules = rules::Rules::open(&seed, me).await?;
        let roles = roles::Keeper::open(&seed).await?;
        let commands = commands::Commands::open(&seed, me).await?;
        let mut community = Self {
            rules,
            roles,
            commands,
            limits: limits::Keeper::open(&seed).await?,
            seed,
            installed,
            taught: HashMap::new(),
            table: Arc::default(),
            channels: Vec::new(),
            hosts: HashMap::new(),
            people: people::People::default(),
            expected: me.clock().since_boot(),
        };
        community.rebuild();
        // Who taught words or waits for an alarm must be there before the first message.
        community.wake_hosts(me).await;
        me.later(LOOK, Order::Tick);
        Ok(community)
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        match order {
            Order::Joined(channel, reply) => {
                self.channels.push(channel);
                let (roles, limits) = (self.roles.roles().clone(), self.limits.limits().clone());
                reply.send(Joined { table: self.table.clone(), roles, limits }).ok();
            }
            Order::Host(module, reply) => drop(reply.send(self.host(module, me).await)),
            Order::Session(id, name, reply) => drop(reply.send(self.people.session(id, name, me).await)),
            Order::Taught(module, words) => {
                self.taught.insert(module, words);
                self.changed();
            }
            Order::Switch(module, on, reply) => {
                let done = self.switch(&module, on, me).await;
                reply.send(done.map_err(|fault| fault.to_string())).ok();
            }
            Order::Rules(order) => {
                if self.rules.handle(order, &self.seed, me).await {
                    self.changed();
                }
            }
            Order::Roles(order) => {
                if self.roles.handle(order, &self.seed, me).await {
                    self.channels.retain(|channel| channel.send(channel::Order::Roles(self.roles.roles().clone())).is_ok());
                }
            }
            Order::Commands(commands::Order::Reread(reply)) => {
                if self.commands.reread(&self.seed).await {
                    self.changed();
                }
                // What is said after this answer meets the change.
                reply.send(()).ok();
            }
            Order::Commands(order) => {
                if self.commands.handle(order, &self.seed, me).await {
                    self.changed();
                }
            }
            Order::Limits(order) => {
                if self.limits.handle(order, &self.seed, me.clock().now()).await {
                    self.channels.retain(|channel| channel.send(channel::Order::Limits(self.limits.limits().clone())).is_ok());
                }
            }
            Order::Modules(reply) => {
                let state = |entry: &Entry| ModuleState { name: entry.name, about: entry.about, enabled: self.enabled(entry.name) };
                reply.send(self.seed.modules.iter().map(state).collect()).ok();
            }
            Order::Stay(reply) => {
                self.expected = me.clock().since_boot();
                reply.send(()).ok();
            }
            Order::Tick => self.tick(me),
        }
        Ok(())
    }

    async fn ended(&mut self, child: Ended, me: &Me<Order>) -> Result<(), Fault> {
        self.people.ended(&child.key);
        let module = self.hosts.iter().find(|(_, host)| host.meter().key() == child.key).map(|(module, _)| *module);
        if let Some(module) = module {
            self.hosts.remove(module);
            if let Some(why) = child.failure {
                me.address().meter().fault(format!("module {module}: {why}"));
                metrics::counter!("waddlebot_module_failures_total", "module" => module).increment(1);
            }
        }
        Ok(())
    }

    async fn close(&mut self) {
        // Hosts save what they remember when they close.
        for (_, host) in self.hosts.drain() {
            host.drain().await;
        }
        self.rules.flush(&self.seed, 0).await;
        self.roles.flush(&self.seed).await;
        self.commands.flush(&self.seed).await;
    }

    fn memory(&self) -> Value {
        json!({
            "name": self.seed.registered.name,
            "timezone": self.seed.registered.timezone,
            "modules": self.seed.modules.iter().map(|entry| (entry.name, self.enabled(entry.name))).collect::<HashMap<_, _>>(),
            "commands_elsewhere": self.commands.all().len(),
            "string_rules": self.rules.ruling().compiled.len(),
            "people_with_roles": self.roles.roles().len(),
            "taught_words": self.taught.values().map(Vec::len).sum::<usize>(),
            "channels": self.channels.iter().map(|channel| channel.meter().key().to_owned()).collect::<Vec<_>>(),
            "open_hosts": self.hosts.keys().collect::<Vec<_>>(),
            "open_sessions": self.people.len(),
        })
    }
}

impl Community {
    fn tick(&mut self, me: &Me<Order>) {
        self.channels.retain(Address::is_open);
        let nobody = self.channels.is_empty() && self.hosts.is_empty() && self.people.len() == 0;
        let expected = me.clock().since_boot().saturating_sub(self.expected) < LOOK;
        if nobody && !expected && me.address().meter().waiting() == 0 {
            me.drain();
        } else {
            me.later(LOOK, Order::Tick);
        }
    }

    fn enabled(&self, module: &str) -> bool {
        self.installed.get(module).is_none_or(|installed| installed.enabled)
    }

    /// Opens the hosts of modules that have something saved: words they were taught, or an alarm.
    async fn wake_hosts(&mut self, me: &Me<Order>) {
        let with_memory = |entry: &&Entry| {
            let found = self.installed.get(entry.name);
            let saved = found.is_some_and(|installed| installed.memory != "null" || installed.wakes_at.is_some());
            self.enabled(entry.name) && (saved || entry.taught)
        };
        let names: Vec<_> = self.seed.modules.iter().filter(with_memory).map(|entry| entry.name).collect();
        for name in names {
            if !self.taught.contains_key(name)
                && let Err(why) = self.host(name, me).await
            {
                tracing::error!(module = name, community = self.seed.registered.id, why, "a module could not be opened");
            }
        }
    }

    async fn host(&mut self, module: &'static str, me: &Me<Order>) -> Result<Address<host::Order>, String> {
        if let Some(host) = self.hosts.get(module) {
            return Ok(host.clone());
        }
        let entry = self.seed.modules.iter().find(|entry| entry.name == module).ok_or("no such module")?;
        let setup = Setup {
            entry: *entry,
            community: self.seed.registered.id,
            timezone: self.seed.registered.timezone.clone(),
            claim: self.seed.claim.clone(),
            store: self.seed.store.clone(),
            platforms: self.seed.platforms.clone(),
            courier: self.seed.courier.clone(),
            offer: self.table.offer().clone(),
            parent: me.address().clone(),
            limit: self.seed.limit,
        };
        let key = format!("{}/{module}", me.key());
        let host = me.open::<Host>(key, setup).await.map_err(|fault| fault.to_string())?;
        self.hosts.insert(module, host.clone());
        self.taught.entry(module).or_default();
        Ok(host)
    }

    async fn switch(&mut self, module: &str, on: bool, me: &Me<Order>) -> Result<(), Fault> {
        let entry = *self.seed.modules.iter().find(|entry| entry.name == module).ok_or("there is no such module")?;
        let mut tx = self.seed.store.begin_fenced(&self.seed.claim).await?;
        installed::switch(&mut tx, self.seed.registered.id, entry.name, on, me.clock().now()).await?;
        tx.into_inner().commit().await?;
        self.installed = installed::load(&self.seed.store, self.seed.registered.id).await?;
        if !on && let Some(host) = self.hosts.remove(entry.name) {
            host.drain().await;
            self.taught.remove(entry.name);
        }
        self.wake_hosts(me).await;
        self.changed();
        Ok(())
    }

    fn rebuild(&mut self) {
        let taught: Vec<_> = self.taught.iter().flat_map(|(module, words)| words.iter().map(|word| (*module, word.clone()))).collect();
        let vocabulary = self.seed.vocabularies.of(&self.seed.modules, |name| self.enabled(name));
        let table = Table::with(vocabulary, &taught);
        self.table = Arc::new(table.reaching(self.commands.all(), self.seed.registered.id).ruled_by(self.rules.ruling()));
    }

    /// Tells everybody what may be typed now.
    fn changed(&mut self) {
        self.rebuild();
        self.channels.retain(|channel| channel.send(channel::Order::Table(self.table.clone())).is_ok());
        for host in self.hosts.values() {
            host.send(host::Order::Offer(self.table.offer().clone())).ok();
        }
    }
}

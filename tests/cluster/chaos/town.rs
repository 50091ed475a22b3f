//! What chaos befalls: nodes of the real program, a PostgreSQL, a Redis and an IRC server, each in a network namespace of
//! its own, and communities that the nodes share.

use std::net::Ipv4Addr;
use std::time::Duration;

use waddlebot_platforms::local::Local;
use waddlebot_runtime::clock::Clock;
use waddlebot_testbed::{Network, Place, Postgres, Redis, eventually, free_port, irc};

use super::belief::{Belief, beliefs};
use super::history::WATCH;
use crate::rig::{Cluster, Node};
use crate::seal::authority;

/// How long the cluster may take to be whole again.
const WHOLE: Duration = Duration::from_secs(90);
/// The communities besides the first, each with one local room.
pub(super) const ROOMS: u64 = 6;
/// The number of the first of them.
const FIRST: u64 = 100;

/// Everything.
pub(super) struct Town {
    pub(super) members: Vec<Member>,
    pub(super) cluster: Cluster,
    /// Who was first in the channel, and so runs it.
    pub(super) ana: Option<irc::Person>,
    _irc: irc::Server,
    pub(super) postgres: Postgres,
    /// Where the nodes look for the database, whichever server that is.
    pub(super) service: Ipv4Addr,
    /// What takes the server's place when it is lost.
    standby: Option<Postgres>,
    /// The two places between which it moves.
    sites: [Place; 2],
    /// None where nobody may make one: then nothing can be cut.
    pub(super) network: Option<Network>,
}

/// One node and where it is.
pub(super) struct Member {
    pub(super) node: Node,
    pub(super) place: Place,
    /// Where its peers are.
    pub(super) peers: Vec<Ipv4Addr>,
    /// Where they knock.
    pub(super) door: u16,
    more: Vec<(String, String)>,
    /// When its process was seen to have ended, in milliseconds since boot.
    ended: Vec<u64>,
}

/// The name of a room and of the claim it is served under.
pub(super) fn room(number: u64) -> (String, String) {
    (format!("room{number}"), format!("community:{}", FIRST + number))
}

/// Milliseconds since boot.
pub(super) fn now() -> u64 {
    u64::try_from(Clock::real().since_boot().as_millis()).expect("a machine is not that old")
}

impl Town {
    /// So many nodes that reach each other, begun with this version of the program, and communities that are watched.
    pub(super) fn new(nodes: usize, program: &str) -> Self {
        let network = Network::where_permitted();
        let place = || network.as_ref().map_or_else(Place::here, Network::place);
        let sites = [place(), place()];
        let (postgres, irc) = (Postgres::start_turned_at(&sites[0]), irc::Server::ngircd_at(&place()));
        let (mut service, mut database) = (sites[0].address(), postgres.database());
        if let Some(network) = &network {
            service = network.address();
            network.moves(service, None, &sites[0]);
            database = database.replace(&sites[0].address().to_string(), &service.to_string());
        }
        let cluster = Cluster::of(program, database, Redis::start_at(&place()));
        let mut ana = irc.person("ana");
        ana.joins("#room");
        cluster.sql(WATCH);
        for number in 0..ROOMS {
            let ((room, claim), community) = (room(number), FIRST + number);
            let key = Local::key(&room).expect("a good name");
            cluster.sql(&format!("INSERT INTO communities (id, name, created_at) VALUES ({community}, '{room}', 0)"));
            cluster.sql(&format!(
                "INSERT INTO channels (entity_id, community_id, platform, server_id, channel_id, created_at) \
                 VALUES ('{key}', {community}, '{}', '{}', '{}', 0)",
                key.platform(),
                key.server(),
                key.channel()
            ));
            cluster
                .sql(&format!("INSERT INTO coordination (entity_id, platform, channel_id) VALUES ('{claim}', 'community', '{community}')"));
        }
        let mut members: Vec<Member> = Vec::new();
        let places: Vec<_> = (0..nodes).map(|_| place()).collect();
        authority(cluster.folder(), "town", &places.iter().map(|place| place.address().to_string()).collect::<Vec<_>>());
        for (at, place) in places.iter().enumerate() {
            let seed = members.first().map(Member::knocked);
            let peers = places.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, place)| place.address()).collect();
            members.push(Member::new(&cluster, &format!("n{}", at + 1), seed, place.clone(), peers, &irc));
        }
        members.iter_mut().for_each(Member::start);
        let town = Self { members, cluster, ana: Some(ana), _irc: irc, postgres, service, standby: None, sites, network };
        town.is_whole();
        eventually("every room is served", WHOLE, || {
            town.cluster.sql("SELECT count(*) FROM coordination WHERE claimed_by IS NULL AND platform = 'community'") == "0"
        });
        town
    }

    /// Waits until every node runs and reaches every other one.
    pub(super) fn is_whole(&self) {
        let others = self.members.len() - 1;
        eventually("every node runs and reaches every other one", WHOLE, || {
            self.members.iter().all(|member| member.node.is_ready() && member.node.reaches().len() == others)
        });
    }

    /// From now on nothing is committed that a standby does not have as well.
    pub(super) fn is_followed(&mut self) {
        let free = self.sites.iter().find(|site| site.address() != self.postgres.place().address());
        self.standby = Some(self.postgres.standby_at(free.expect("there are two, of a network")));
    }

    /// The database's server is lost for ever, and its standby takes its place: the address at which nodes look for it moves.
    pub(super) fn fails_over(&mut self) {
        let standby = self.standby.take().expect("a standby follows");
        self.postgres.kill_9();
        standby.promote();
        let network = self.network.as_ref().expect("only where there is one");
        network.moves(self.service, Some(self.postgres.place()), standby.place());
        self.postgres = standby;
    }

    /// The database closes what this member has open, and refuses it from then on.
    pub(super) fn database_refuses(&self, member: usize) {
        let place = &self.members[member].place;
        place.is_refused_by(&[self.service]);
        self.postgres.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr = '{}'", place.address()));
    }

    /// The place among the members of who serves a claim.
    pub(super) fn owner(&self, claim: &str) -> usize {
        let owner = self.cluster.owner(claim);
        self.members.iter().position(|member| member.node.id == owner).unwrap_or(0)
    }

    /// The rooms that a member serves.
    pub(super) fn rooms_of(&self, member: usize) -> Vec<u64> {
        let id = &self.members[member].node.id;
        (0..ROOMS).filter(|number| self.cluster.owner(&room(*number).1) == *id).collect()
    }

    /// What all nodes have believed so far.
    pub(super) fn beliefs(&mut self) -> Vec<Belief> {
        let end = now();
        self.members.iter_mut().flat_map(|member| beliefs(&member.node.id.clone(), &member.node.log(), &member.ended, end)).collect()
    }
}

impl Member {
    fn new(cluster: &Cluster, id: &str, seed: Option<String>, place: Place, peers: Vec<Ipv4Addr>, irc: &irc::Server) -> Self {
        let door = free_port();
        let (listen, server) = (format!("{}:{door}", place.address()), irc.address().to_string());
        let seed = seed.unwrap_or_else(|| listen.clone());
        let paper = |end: &str| cluster.folder().join(format!("town.{end}")).display().to_string();
        let more = [
            ("CLUSTER_LISTEN", listen.as_str()),
            ("CLUSTER_SEEDS", &seed),
            ("CLUSTER_TLS_CERT", &paper("pem")),
            ("CLUSTER_TLS_KEY", &paper("key")),
            ("CLUSTER_TLS_CA", &paper("ca")),
            ("LOG_LEVEL", "debug"),
            ("WADDLEBOT_IRC_SERVER", &server),
            ("WADDLEBOT_IRC_NICK", "waddle"),
            ("WADDLEBOT_IRC_CHANNELS", "#room"),
            ("WADDLEBOT_IRC_TLS", "false"),
        ];
        let more = more.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { node: cluster.node_at(id, &place), place, peers, door, more, ended: Vec::new() }
    }

    /// Where peers knock.
    fn knocked(&self) -> String {
        format!("{}:{}", self.place.address(), self.door)
    }

    /// Starts its process, the first time or again, and waits until it is healthy.
    pub(super) fn start(&mut self) {
        match &mut self.node.bot {
            Some(bot) => drop(bot.start_again().wait_healthy()),
            None => {
                let more: Vec<_> = self.more.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                self.node.start_with(&more);
            }
        }
    }

    /// Ends its process at once.
    pub(super) fn kill_9(&mut self) {
        self.node.bot().kill_9();
        self.ended.push(now());
    }

    /// Ends its process in good order; how long that took, in milliseconds.
    pub(super) fn terminate(&mut self) -> u64 {
        let before = now();
        let status = self.node.bot().terminate();
        assert!(status.success(), "{} ends with {status:?}", self.node.id);
        self.ended.push(now());
        now() - before
    }
}

//! What chaos befalls: nodes of the real program, each with a cable to its door and one to its database, a PostgreSQL, a
//! Redis and an IRC server of their own, and communities that the nodes share.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use waddlebot_platforms::local::Local;
use waddlebot_runtime::clock::Clock;
use waddlebot_testbed::{Cable, Postgres, eventually, free_port, irc};

use super::belief::{Belief, beliefs};
use super::history::WATCH;
use crate::rig::{Cluster, Node};

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
    /// What takes the server's place when it is lost.
    standby: Option<Postgres>,
}

/// One node and its cables.
pub(super) struct Member {
    pub(super) node: Node,
    /// Where peers knock.
    pub(super) door: Cable,
    /// The way to the database.
    pub(super) line: Cable,
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
        let (postgres, irc) = (Postgres::start(), irc::Server::ngircd());
        let cluster = Cluster::of(program, postgres.database());
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
        for number in 1..=nodes {
            let seed = members.first().map(|first| first.door.address().to_string());
            members.push(Member::new(&cluster, &format!("n{number}"), seed, &postgres, &irc));
        }
        members.iter_mut().for_each(Member::start);
        let town = Self { members, cluster, ana: Some(ana), _irc: irc, postgres, standby: None };
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
        self.standby = Some(self.postgres.standby());
    }

    /// The database's server is lost for ever, and its standby takes its place: where the nodes look for it, as behind an
    /// address that is moved.
    pub(super) fn fails_over(&mut self) {
        let standby = self.standby.take().expect("a standby follows");
        self.postgres.kill_9();
        self.members.iter().for_each(|member| member.line.refuses());
        standby.promote();
        let (before, now) = (self.postgres.port().to_string(), standby.port());
        self.cluster.database = self.cluster.database.replace(&before, &now.to_string());
        self.postgres = standby;
        for member in &self.members {
            member.line.leads_to(SocketAddr::from((Ipv4Addr::LOCALHOST, now)));
            member.line.mend();
        }
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
    fn new(cluster: &Cluster, id: &str, seed: Option<String>, postgres: &Postgres, irc: &irc::Server) -> Self {
        let inside = format!("127.0.0.1:{}", free_port());
        let door = Cable::to(inside.parse().expect("an address"));
        let line = Cable::to(format!("127.0.0.1:{}", postgres.port()).parse().expect("an address"));
        let database = cluster.database.replace(&postgres.port().to_string(), &line.address().port().to_string());
        let server = irc.address().to_string();
        let advertise = door.address().to_string();
        let seed = seed.unwrap_or_else(|| advertise.clone());
        let more = [
            ("CLUSTER_LISTEN", inside.as_str()),
            ("CLUSTER_ADVERTISE", &advertise),
            ("CLUSTER_SEEDS", &seed),
            ("DATABASE_URL", &database),
            ("LOG_LEVEL", "debug"),
            ("WADDLEBOT_IRC_SERVER", &server),
            ("WADDLEBOT_IRC_NICK", "waddle"),
            ("WADDLEBOT_IRC_CHANNELS", "#room"),
            ("WADDLEBOT_IRC_TLS", "false"),
        ];
        let more = more.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { node: cluster.node(id), door, line, more, ended: Vec::new() }
    }

    /// Starts its process, the first time or again, and waits until it is healthy.
    pub(super) fn start(&mut self) {
        self.door.mend();
        match &mut self.node.bot {
            Some(bot) => drop(bot.start_again().wait_healthy()),
            None => {
                let more: Vec<_> = self.more.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                self.node.start_with(&more);
            }
        }
    }

    /// Ends its process at once. Its port refuses from then on, as the port of any process that is gone.
    pub(super) fn kill_9(&mut self) {
        self.node.bot().kill_9();
        self.door.refuses();
        self.ended.push(now());
    }

    /// Ends its process in good order; how long that took, in milliseconds.
    pub(super) fn terminate(&mut self) -> u64 {
        let before = now();
        let status = self.node.bot().terminate();
        assert!(status.success(), "{} ends with {status:?}", self.node.id);
        self.door.refuses();
        self.ended.push(now());
        now() - before
    }
}

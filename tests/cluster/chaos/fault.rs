//! What goes wrong, how long it lasts, and how it is mended.

use std::time::Duration;

use waddlebot_testbed::passes;

use super::town::Town;
use crate::rig::program;

/// How long nodes of both versions live together before the next one is exchanged.
const MIXED: Duration = Duration::from_secs(6);
/// How long a clock that jumped stays where it is.
const JUMP: Duration = Duration::from_secs(4);

/// One thing that goes wrong; most befall one node, the victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// Its process is killed, and started again later.
    Killed,
    /// It stands still for so many seconds.
    Stopped(u64),
    /// Nothing that peers send to it arrives.
    Deaf,
    /// Nothing that it sends to peers arrives.
    Mute,
    /// Its port refuses peers though it lives: it must keep what it has.
    Refused,
    /// Nothing that any node sends to another arrives.
    Scattered,
    /// Nothing goes between it and the database.
    NoDatabase,
    /// What it asks of the database is done, and no answer comes back.
    NoAnswers,
    /// The database refuses it.
    DatabaseRefuses,
    /// The database refuses it and its own port refuses peers: it looks dead in every way, and lives.
    Cornered,
    /// Its cable is pulled: no peers, no database, no Redis, no platform, no callers.
    Unplugged,
    /// The database is killed, and started again after so many seconds.
    DatabaseDown(u64),
    /// The database's server is killed, and its standby takes its place.
    Promoted,
    /// The database's clock jumps an hour ahead, then two back.
    ClockJumps,
    /// Redis is stopped, and started again empty.
    RedisDown,
    /// Every node is ended in good order and started again, one after the other.
    Rolling,
    /// The same with a new version of the program in place of the older one that ran before.
    Upgraded,
}

/// All of them under the names they are asked for by.
pub(super) const FAULTS: [(&str, Fault); 19] = [
    ("kill", Fault::Killed),
    ("stop2", Fault::Stopped(2)),
    ("stop7", Fault::Stopped(7)),
    ("stop30", Fault::Stopped(30)),
    ("deaf", Fault::Deaf),
    ("mute", Fault::Mute),
    ("refused", Fault::Refused),
    ("scattered", Fault::Scattered),
    ("nodatabase", Fault::NoDatabase),
    ("noanswers", Fault::NoAnswers),
    ("dbrefuses", Fault::DatabaseRefuses),
    ("cornered", Fault::Cornered),
    ("unplugged", Fault::Unplugged),
    ("dbdown", Fault::DatabaseDown(3)),
    ("dbdown20", Fault::DatabaseDown(20)),
    ("promote", Fault::Promoted),
    ("clock", Fault::ClockJumps),
    ("redis", Fault::RedisDown),
    ("rolling", Fault::Rolling),
];

impl Fault {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        FAULTS.iter().find(|(_, fault)| *fault == self).map_or("upgrade", |(name, _)| name)
    }

    /// How soon whoever was served by the victim must be answered again, once the database is there.
    pub(super) fn promised(self) -> Duration {
        Duration::from_secs(if self == Self::Killed { 3 } else { 10 })
    }

    /// Whether the victim must still own everything afterwards.
    pub(super) fn keeps_the_owner(self) -> bool {
        matches!(
            self,
            Self::Stopped(2)
                | Self::Deaf
                | Self::Mute
                | Self::Refused
                | Self::Scattered
                | Self::DatabaseDown(_)
                | Self::Promoted
                | Self::ClockJumps
                | Self::RedisDown
        )
    }

    /// Whether it takes a network of the town's own.
    pub(super) fn cuts(self) -> bool {
        matches!(
            self,
            Self::Deaf
                | Self::Mute
                | Self::Refused
                | Self::Scattered
                | Self::NoDatabase
                | Self::NoAnswers
                | Self::DatabaseRefuses
                | Self::Cornered
                | Self::Unplugged
                | Self::Promoted
        )
    }

    /// Lets it happen.
    pub(super) fn strikes(self, town: &mut Town, victim: usize) {
        let member = &mut town.members[victim];
        match self {
            Self::Killed => member.kill_9(),
            Self::Stopped(_) => member.node.bot().pause(),
            Self::Deaf => member.place.is_deaf_to(&member.peers),
            Self::Mute => member.place.is_mute_to(&member.peers),
            Self::Refused => member.place.refuses(&member.peers, member.door),
            Self::Scattered => town.members.iter().for_each(|member| member.place.is_cut_from(&member.peers)),
            Self::NoDatabase => member.place.is_cut_from(&[town.service]),
            Self::NoAnswers => member.place.is_deaf_to(&[town.service]),
            Self::DatabaseRefuses => town.database_refuses(victim),
            Self::Cornered => {
                member.place.refuses(&member.peers, member.door);
                town.database_refuses(victim);
            }
            Self::Unplugged => member.place.is_unplugged(),
            Self::DatabaseDown(seconds) => {
                town.postgres.kill_9();
                passes(Duration::from_secs(seconds));
                town.postgres.start_again();
            }
            Self::ClockJumps => {
                town.postgres.clock_is_off(3600);
                passes(JUMP);
                town.postgres.clock_is_off(-3600);
            }
            Self::RedisDown => town.cluster.redis.stop(),
            Self::Promoted => town.fails_over(),
            Self::Rolling | Self::Upgraded => {}
        }
    }

    /// How long it lasts besides.
    pub(super) fn lasts(self) -> Duration {
        Duration::from_secs(match self {
            Self::Stopped(seconds) => seconds,
            Self::Deaf | Self::Mute | Self::Refused | Self::Scattered => 5,
            Self::NoDatabase | Self::NoAnswers | Self::DatabaseRefuses | Self::Cornered | Self::Unplugged => 9,
            Self::RedisDown | Self::ClockJumps => 3,
            Self::Killed | Self::DatabaseDown(_) | Self::Promoted | Self::Rolling | Self::Upgraded => 0,
        })
    }

    /// Mends it.
    pub(super) fn ends(self, town: &mut Town, victim: usize) {
        let member = &mut town.members[victim];
        match self {
            Self::Killed => member.start(),
            Self::Stopped(_) => member.node.bot().resume(),
            Self::Deaf
            | Self::Mute
            | Self::Refused
            | Self::NoDatabase
            | Self::NoAnswers
            | Self::DatabaseRefuses
            | Self::Cornered
            | Self::Unplugged => member.place.mends(),
            Self::Scattered => town.members.iter().for_each(|member| member.place.mends()),
            Self::DatabaseDown(_) => {}
            Self::ClockJumps => town.postgres.clock_is_off(0),
            Self::RedisDown => town.cluster.redis.start_again(),
            Self::Promoted => town.is_followed(),
            Self::Rolling | Self::Upgraded => {
                for at in 0..town.members.len() {
                    let took = town.members[at].terminate();
                    println!("  {} drained in {took} ms", town.members[at].node.id);
                    if self == Self::Upgraded {
                        town.members[at].node.becomes(&program());
                    }
                    town.members[at].start();
                    town.is_whole();
                    if self == Self::Upgraded {
                        passes(MIXED);
                    }
                }
            }
        }
    }
}

//! What goes wrong, how long it lasts, and how it is mended.

use std::time::Duration;

use waddlebot_testbed::passes;

use super::town::Town;
use crate::rig::program;

/// How long nodes of both versions live together before the next one is exchanged.
const MIXED: Duration = Duration::from_secs(6);

/// One thing that goes wrong; most befall one node, the victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// Its process is killed, and started again later.
    Killed,
    /// It stands still for so many seconds.
    Stopped(u64),
    /// Nothing that peers send to it arrives.
    Unheard,
    /// Its port refuses peers though it lives: it must keep what it has.
    Refused,
    /// Nothing that any node sends to another arrives.
    Scattered,
    /// Nothing goes between it and the database.
    NoDatabase,
    /// The database refuses it.
    DatabaseRefuses,
    /// The database refuses it and its own port refuses peers: it looks dead in every way, and lives.
    Cornered,
    /// The database is killed, and started again after so many seconds.
    DatabaseDown(u64),
    /// The database's server is killed, and its standby takes its place.
    Promoted,
    /// Redis is stopped, and started again empty.
    RedisDown,
    /// Every node is ended in good order and started again, one after the other.
    Rolling,
    /// The same with a new version of the program in place of the older one that ran before.
    Upgraded,
}

/// All of them under the names they are asked for by.
pub(super) const FAULTS: [(&str, Fault); 15] = [
    ("kill", Fault::Killed),
    ("stop2", Fault::Stopped(2)),
    ("stop7", Fault::Stopped(7)),
    ("stop30", Fault::Stopped(30)),
    ("unheard", Fault::Unheard),
    ("refused", Fault::Refused),
    ("scattered", Fault::Scattered),
    ("nodatabase", Fault::NoDatabase),
    ("dbrefuses", Fault::DatabaseRefuses),
    ("cornered", Fault::Cornered),
    ("dbdown", Fault::DatabaseDown(3)),
    ("dbdown20", Fault::DatabaseDown(20)),
    ("promote", Fault::Promoted),
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
            Self::Stopped(2) | Self::Unheard | Self::Refused | Self::Scattered | Self::DatabaseDown(_) | Self::Promoted | Self::RedisDown
        )
    }

    /// Lets it happen.
    pub(super) fn strikes(self, town: &mut Town, victim: usize) {
        let member = &mut town.members[victim];
        match self {
            Self::Killed => member.kill_9(),
            Self::Stopped(_) => member.node.bot().pause(),
            Self::Unheard => member.door.falls_silent(),
            Self::Refused => member.door.refuses(),
            Self::Scattered => town.members.iter().for_each(|member| member.door.falls_silent()),
            Self::NoDatabase => member.line.falls_silent(),
            Self::DatabaseRefuses => member.line.refuses(),
            Self::Cornered => {
                member.door.refuses();
                member.line.refuses();
            }
            Self::DatabaseDown(seconds) => {
                town.postgres.kill_9();
                town.members.iter().for_each(|member| member.line.refuses());
                passes(Duration::from_secs(seconds));
                town.postgres.start_again();
                town.members.iter().for_each(|member| member.line.mend());
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
            Self::Unheard | Self::Refused | Self::Scattered => 5,
            Self::NoDatabase | Self::DatabaseRefuses | Self::Cornered => 9,
            Self::RedisDown => 3,
            Self::Killed | Self::DatabaseDown(_) | Self::Promoted | Self::Rolling | Self::Upgraded => 0,
        })
    }

    /// Mends it.
    pub(super) fn ends(self, town: &mut Town, victim: usize) {
        let member = &mut town.members[victim];
        match self {
            Self::Killed => member.start(),
            Self::Stopped(_) => member.node.bot().resume(),
            Self::Unheard | Self::Refused => member.door.mend(),
            Self::Scattered => town.members.iter().for_each(|member| member.door.mend()),
            Self::NoDatabase | Self::DatabaseRefuses => member.line.mend(),
            Self::Cornered => {
                member.line.mend();
                member.door.mend();
            }
            Self::DatabaseDown(_) => {}
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

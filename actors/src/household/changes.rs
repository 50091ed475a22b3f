//! What is changed in a community on somebody's word: asked at any node, checked there, done by the node that serves it.

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Address, Gone};
use waddlebot_runtime::chat::{ChannelKey, CommunityId, Role};
use waddlebot_runtime::journal::{Earned, Points};

use super::Household;
use super::errands::Errand;
use crate::channel;
use crate::community::{Order, limits, roles, rules};
use crate::limits::Setting;
use crate::roles::Badges;
use crate::roles::table::{Change as RoleChange, Person};
use crate::rules::history::Erased;
use crate::rules::{Rule, Settings};

/// One change; a number comes of it: what is new, how many it was, or 0. New kinds go at the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// Store a string rule.
    SaveRule(Box<Rule>),
    /// Delete one.
    RemoveRule(i64),
    /// What is true for all of them.
    SetRules(Settings),
    /// Erase kept chat.
    EraseChat(Erased),
    /// Give and take roles, with the role of who asks.
    Roles(Vec<RoleChange>, Role),
    /// End a membership, with the role of who asks.
    RemoveMember(Person, Role),
    /// What badges count for.
    Badges(Badges),
    /// How often commands may be used.
    Limits(Vec<Setting>),
    /// Forget what was used in a channel: by whom, of which command.
    ForgetUses(ChannelKey, String, String),
    /// Points that somebody else counted.
    Points(String, Reported),
}

/// What somebody earned, as it is reported from outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reported {
    /// Their id on the platform.
    pub user_id: String,
    /// Their name.
    pub user_name: String,
    /// Points.
    pub points: i64,
}

/// Why nothing was changed, in the words of what was to be changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unaltered {
    /// A rule.
    Rule(rules::Unsaved),
    /// A role.
    Role(roles::Unchanged),
    /// Anything else.
    Other(String),
}

impl From<Unaltered> for rules::Unsaved {
    fn from(why: Unaltered) -> Self {
        match why {
            Unaltered::Rule(why) => why,
            Unaltered::Role(why) => Self::Unavailable(why.to_string()),
            Unaltered::Other(why) => Self::Unavailable(why),
        }
    }
}

impl From<Unaltered> for roles::Unchanged {
    fn from(why: Unaltered) -> Self {
        match why {
            Unaltered::Role(why) => why,
            Unaltered::Rule(why) => Self::Unavailable(why.to_string()),
            Unaltered::Other(why) => Self::Unavailable(why),
        }
    }
}

impl From<Unaltered> for String {
    fn from(why: Unaltered) -> Self {
        match why {
            Unaltered::Rule(why) => why.to_string(),
            Unaltered::Role(why) => why.to_string(),
            Unaltered::Other(why) => why,
        }
    }
}

impl Household {
    /// Adds points that somebody else counted.
    ///
    /// # Errors
    /// When the community cannot be opened or reached.
    pub async fn report_points(&self, community: CommunityId, platform: String, reported: Reported, by: &str) -> Result<(), String> {
        self.change(community, Change::Points(platform, reported), by).await?;
        Ok(())
    }

    /// Changes something in a community, on whose word; whoever serves it does it.
    pub(super) async fn change(&self, community: CommunityId, change: Change, by: &str) -> Result<i64, Unaltered> {
        let errand = Errand::Change(community, change, by.to_owned());
        let done: Result<Result<i64, Unaltered>, String> = self.where_served(community, errand).await;
        done.map_err(Unaltered::Other)?
    }

    /// Changes something in a community that this node serves.
    pub(super) async fn change_here(&self, id: CommunityId, change: Change, by: String) -> Result<Result<i64, Unaltered>, String> {
        let (address, claim) = self.community(id).await.map_err(|why| why.to_string())?;
        let at = &address;
        Ok(match change {
            Change::SaveRule(rule) => rule_order(at, |reply| rules::Order::Save(rule, by, reply)).await,
            Change::RemoveRule(id) => rule_order(at, |reply| rules::Order::Remove(id, by, reply)).await.map(|()| 0),
            Change::SetRules(settings) => rule_order(at, |reply| rules::Order::Set(settings, by, reply)).await.map(|()| 0),
            Change::EraseChat(what) => rule_order(at, |reply| rules::Order::Erase(what, reply)).await.map(many),
            Change::Roles(changes, role) => {
                role_order(at, |reply| roles::Order::Change(changes, by, role, reply)).await.map(|count| many(count as u64))
            }
            Change::RemoveMember(who, role) => role_order(at, |reply| roles::Order::Leave(who, by, role, reply)).await.map(|()| 0),
            Change::Badges(badges) => role_order(at, |reply| roles::Order::Badges(badges, by, reply)).await.map(|()| 0),
            Change::Limits(settings) => {
                let asked = at.ask(|reply| Order::Limits(limits::Order::Set(settings, by, reply))).await;
                asked.map_err(gone).and_then(|done| done.map_err(Unaltered::Other)).map(|()| 0)
            }
            Change::ForgetUses(key, user, command) => self.forget_here(&key, user, command).await.map(many),
            Change::Points(platform, reported) => {
                let Reported { user_id, user_name, points } = reported;
                let earned = Earned { user_id, user_name, points, messages: 0, last_seen: self.world().clock.now() };
                self.journal().points(Points { claim, community: id, platform, earned: vec![earned] });
                self.journal().flushed().await;
                Ok(0)
            }
        })
    }

    async fn forget_here(&self, key: &ChannelKey, user: String, command: String) -> Result<u64, Unaltered> {
        let open = self.local(key).await.map_err(|why| Unaltered::Other(why.to_string()))?;
        let asked = open.0.ask(|reply| channel::Order::Forget { user, command, reply }).await;
        asked.map_err(gone)?.map_err(Unaltered::Other)
    }
}

async fn rule_order<T>(
    community: &Address<Order>,
    order: impl FnOnce(oneshot::Sender<Result<T, rules::Unsaved>>) -> rules::Order,
) -> Result<T, Unaltered> {
    community.ask(|reply| Order::Rules(order(reply))).await.map_err(gone)?.map_err(Unaltered::Rule)
}

async fn role_order<T>(
    community: &Address<Order>,
    order: impl FnOnce(oneshot::Sender<Result<T, roles::Unchanged>>) -> roles::Order,
) -> Result<T, Unaltered> {
    community.ask(|reply| Order::Roles(order(reply))).await.map_err(gone)?.map_err(Unaltered::Role)
}

fn gone(gone: Gone) -> Unaltered {
    Unaltered::Other(gone.to_string())
}

fn many(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

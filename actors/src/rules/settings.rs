//! What a community sets about its rules: whether chat is kept, for how long, and where moderators are told.

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{ChannelKey, CommunityId, Millis};
use waddlebot_runtime::store::{FencedTx, Store, StoreError, sql};

use super::Refused;

/// The longest that chat is kept, in days.
const LONGEST: i64 = 365;

/// The settings of one community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Keeps what chat says, to try rules on.
    pub keeps_history: bool,
    /// For so many days.
    #[serde(deserialize_with = "waddlebot_runtime::whole::number")]
    pub history_days: i64,
    /// The channel in which moderators are told what was blocked; empty for none.
    pub moderators: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { keeps_history: false, history_days: 7, moderators: String::new() }
    }
}

impl Settings {
    /// Says whether they may be saved.
    ///
    /// # Errors
    /// With the first thing that is wrong with them.
    pub fn check(&self) -> Result<(), Refused> {
        if !(1..=LONGEST).contains(&self.history_days) {
            return Err(Refused::Days);
        }
        if !self.moderators.is_empty() && self.moderators().is_none() {
            return Err(Refused::Entity(self.moderators.chars().take(80).collect()));
        }
        Ok(())
    }

    /// Where moderators are told.
    #[must_use]
    pub fn moderators(&self) -> Option<ChannelKey> {
        ChannelKey::parse(&self.moderators)
    }
}

/// A community's settings.
///
/// # Errors
/// When the store is gone.
pub async fn load(store: &Store, community: CommunityId) -> Result<Settings, StoreError> {
    let text = "SELECT keeps_history, history_days, moderators FROM string_rule_settings WHERE community_id = $1";
    let Some(row) = store.one(sql(text).bind(community)).await? else { return Ok(Settings::default()) };
    Ok(Settings { keeps_history: row.get("keeps_history")?, history_days: row.get("history_days")?, moderators: row.get("moderators")? })
}

/// Stores them.
///
/// # Errors
/// When the store is gone.
pub async fn save(tx: &mut FencedTx, community: CommunityId, settings: &Settings, by: &str, now: Millis) -> Result<(), StoreError> {
    let text = "INSERT INTO string_rule_settings (community_id, keeps_history, history_days, moderators, updated_by, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (community_id) DO UPDATE SET keeps_history = excluded.keeps_history, \
        history_days = excluded.history_days, moderators = excluded.moderators, updated_by = excluded.updated_by, updated_at = excluded.updated_at";
    let statement = sql(text).bind(community).bind(settings.keeps_history).bind(settings.history_days);
    tx.run(statement.bind(&settings.moderators).bind(by).bind(now)).await?;
    Ok(())
}

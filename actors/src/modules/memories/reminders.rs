//! What people want to be reminded of, and what is due.

use waddlebot_runtime::chat::{ChannelKey, CommunityId, Millis};
use waddlebot_runtime::store::{FencedTx, Row, Store, StoreError, sql};

use super::time::Every;

/// One reminder.
#[derive(Clone, Debug)]
pub(super) struct Reminder {
    pub(super) id: i64,
    /// Where it was asked for and will be told.
    pub(super) channel: Option<ChannelKey>,
    /// The platform and the person's id on it.
    pub(super) user: String,
    pub(super) name: String,
    pub(super) text: String,
    pub(super) at: Millis,
    pub(super) first: Millis,
    pub(super) every: Option<Every>,
    pub(super) end: Option<Millis>,
}

/// Keeps a reminder; gives its number.
pub(super) async fn add(tx: &mut FencedTx, community: CommunityId, reminder: &Reminder, now: Millis) -> Result<i64, StoreError> {
    let row = sql("INSERT INTO reminders (community_id, id, entity_id, user_id, user_name, reminder_text, remind_at, first_at, \
         recurring_pattern, recurring_end, created_at) \
         VALUES ($1, (SELECT COALESCE(MAX(id), 0) + 1 FROM reminders WHERE community_id = $1), $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         RETURNING id")
    .bind(community)
    .bind(reminder.channel.as_ref().map_or("", ChannelKey::as_str))
    .bind(&reminder.user)
    .bind(&reminder.name)
    .bind(&reminder.text)
    .bind(reminder.at)
    .bind(reminder.first)
    .bind(reminder.every.map_or("", Every::name))
    .bind(reminder.end)
    .bind(now);
    tx.one(row).await?.map_or(Ok(0), |row| row.get("id"))
}

/// When the next one is due, as committed.
pub(super) async fn next_due(store: &Store, community: CommunityId) -> Result<Option<Millis>, StoreError> {
    let row = sql("SELECT MIN(remind_at) AS next FROM reminders WHERE community_id = $1 AND is_sent = FALSE").bind(community);
    store.one(row).await?.map_or(Ok(None), |row| row.get("next"))
}

/// The same inside the transaction that changed it.
pub(super) async fn next_due_in(tx: &mut FencedTx, community: CommunityId) -> Result<Option<Millis>, StoreError> {
    let row = sql("SELECT MIN(remind_at) AS next FROM reminders WHERE community_id = $1 AND is_sent = FALSE").bind(community);
    tx.one(row).await?.map_or(Ok(None), |row| row.get("next"))
}

/// What is due, the oldest first, at most `most`.
pub(super) async fn due(tx: &mut FencedTx, community: CommunityId, now: Millis, most: i64) -> Result<Vec<Reminder>, StoreError> {
    let rows = sql("SELECT id, entity_id, user_id, user_name, reminder_text, remind_at, first_at, recurring_pattern, recurring_end \
         FROM reminders WHERE community_id = $1 AND is_sent = FALSE AND remind_at <= $2 ORDER BY remind_at, id LIMIT $3");
    tx.all(rows.bind(community).bind(now).bind(most)).await?.iter().map(reminder).collect()
}

/// Marks one as told, or moves it to its next time. `false` when it was told already: one statement decides.
pub(super) async fn told(
    tx: &mut FencedTx,
    community: CommunityId,
    reminder: &Reminder,
    next: Option<Millis>,
    now: Millis,
) -> Result<bool, StoreError> {
    let marked = sql("UPDATE reminders SET is_sent = $1, sent_at = $2, remind_at = $3 \
         WHERE community_id = $4 AND id = $5 AND is_sent = FALSE AND remind_at = $6")
    .bind(next.is_none())
    .bind(now)
    .bind(next.unwrap_or(reminder.at))
    .bind(community)
    .bind(reminder.id)
    .bind(reminder.at);
    Ok(tx.run(marked).await? == 1)
}

/// How many wait for somebody.
pub(super) async fn count(tx: &mut FencedTx, community: CommunityId, user: &str) -> Result<i64, StoreError> {
    let row = sql("SELECT COUNT(*) AS waiting FROM reminders WHERE community_id = $1 AND user_id = $2 AND is_sent = FALSE");
    tx.one(row.bind(community).bind(user)).await?.map_or(Ok(0), |row| row.get("waiting"))
}

/// What waits for somebody, the next first, at most `most`.
pub(super) async fn waiting(store: &Store, community: CommunityId, user: &str, most: i64) -> Result<Vec<Reminder>, StoreError> {
    let rows = sql("SELECT id, entity_id, user_id, user_name, reminder_text, remind_at, first_at, recurring_pattern, recurring_end \
         FROM reminders WHERE community_id = $1 AND user_id = $2 AND is_sent = FALSE ORDER BY remind_at, id LIMIT $3");
    store.all(rows.bind(community).bind(user).bind(most)).await?.iter().map(reminder).collect()
}

/// Drops somebody's own reminder. `false` when they have none of that number.
pub(super) async fn cancel(tx: &mut FencedTx, community: CommunityId, user: &str, id: i64) -> Result<bool, StoreError> {
    let dropped = sql("UPDATE reminders SET is_sent = TRUE WHERE community_id = $1 AND user_id = $2 AND id = $3 AND is_sent = FALSE");
    Ok(tx.run(dropped.bind(community).bind(user).bind(id)).await? == 1)
}

fn reminder(row: &Row) -> Result<Reminder, StoreError> {
    let channel: String = row.get("entity_id")?;
    let every: String = row.get("recurring_pattern")?;
    Ok(Reminder {
        id: row.get("id")?,
        channel: ChannelKey::parse(&channel),
        user: row.get("user_id")?,
        name: row.get("user_name")?,
        text: row.get("reminder_text")?,
        at: row.get("remind_at")?,
        first: row.get("first_at")?,
        every: Every::parse(&every),
        end: row.get("recurring_end")?,
    })
}

//! What was accepted or committed and is in nobody's hands: after a stop, a crash, or a message that could not be brought.

use std::collections::{HashMap, HashSet};

use waddlebot_runtime::actor::Address;
use waddlebot_runtime::chat::ChannelKey;
use waddlebot_runtime::journal::{Entry, Stray};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::StoreError;

use super::Household;
use crate::channel::{self, Accepted};
use crate::delivery::Parcel;
use crate::installed;

/// What was in nobody's hands at the last look, and may be in somebody's.
pub(crate) type Seen = HashSet<String>;

impl Household {
    /// Takes up all that was left, whoever's it was, and wakes who waits for an alarm: at start, before anybody is heard.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn resume(&self) -> Result<(), StoreError> {
        let mut seen = Seen::new();
        // Twice: what nobody has touched between two looks is nobody's.
        self.take_up(&mut seen).await?;
        self.take_up(&mut seen).await?;
        self.wake().await
    }

    /// Opens the communities of this node in which somebody waits for an alarm.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn wake(&self) -> Result<(), StoreError> {
        for community in installed::with_alarms(&self.0.on.store).await? {
            match self.community(community).await {
                Ok(_) | Err(super::Absent::Elsewhere) => {}
                Err(why) => tracing::error!(community, %why, "a community with an alarm cannot be opened"),
            }
        }
        Ok(())
    }

    /// Takes up what was left for the channels of this node, and for those that nobody serves any more.
    ///
    /// # Errors
    /// When the store is gone.
    pub(crate) async fn take_up(&self, seen: &mut Seen) -> Result<(), StoreError> {
        let on = &self.0.on;
        let (lines, entries) = (on.journal.stray_lines().await?, on.journal.strays().await?);
        if lines.is_empty() && entries.is_empty() {
            seen.clear();
            return Ok(());
        }
        let mine = self.mine(lines.iter().chain(&entries), seen).await;
        let ids = |strays: &[Stray]| -> Vec<String> {
            strays.iter().filter(|stray| mine.get(&stray.entity) == Some(&true)).map(|stray| stray.id.clone()).collect()
        };
        self.send_lines(&ids(&lines)).await?;
        self.act_on(&ids(&entries)).await?;
        *seen = lines.into_iter().chain(entries).map(|stray| stray.id).collect();
        Ok(())
    }

    /// Which entities are this node's. Who is not open here may be somebody else's, who is at work: asked only at the second look.
    async fn mine(&self, strays: impl Iterator<Item = &Stray>, seen: &Seen) -> HashMap<String, bool> {
        let mut mine = HashMap::new();
        for stray in strays.filter(|stray| !stray.entity.is_empty()) {
            if mine.get(&stray.entity) == Some(&true) {
                continue;
            }
            let Some(key) = ChannelKey::parse(&stray.entity) else {
                tracing::error!(id = stray.id, "something was left for a channel that cannot be one, and stays there");
                continue;
            };
            let is_here = self.0.channels.here(&key).is_some() || (seen.contains(&stray.id) && self.local(&key).await.is_ok());
            mine.insert(stray.entity.clone(), is_here);
        }
        mine
    }

    async fn send_lines(&self, ids: &[String]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let on = &self.0.on;
        let idempotent = |entity: &str| ChannelKey::parse(entity).is_some_and(|key| on.courier.is_idempotent(&key));
        for waiting in on.journal.adopt_lines(ids, idempotent).await? {
            let (Some(channel), Ok(response)) = (ChannelKey::parse(&waiting.entity), serde_json::from_str::<Response>(&waiting.body))
            else {
                tracing::error!(id = waiting.id, "a line of the outbox cannot be read and stays there");
                continue;
            };
            let parcel = Parcel { id: Some(waiting.id), response };
            let on_its_way = on.courier.hand_over(&channel, waiting.community, vec![parcel]).await;
            // A platform that is not connected yet must not hold up the others.
            let courier = on.courier.clone();
            spawn::task("left over", async move { courier.settle(on_its_way).await });
        }
        Ok(())
    }

    /// Hands a channel that was just opened what was left for it, before anybody else speaks.
    pub(super) async fn hands_on(&self, key: &ChannelKey, channel: &Address<channel::Order>) -> Result<(), StoreError> {
        let journal = &self.0.on.journal;
        if !journal.has_hands() {
            return Ok(());
        }
        let left: Vec<_> = journal.strays().await?.into_iter().filter(|stray| stray.entity == key.as_str()).map(|stray| stray.id).collect();
        if left.is_empty() {
            return Ok(());
        }
        for Entry { message_id, body, .. } in journal.adopt(&left).await? {
            match serde_json::from_str::<Accepted>(&body) {
                Ok(accepted) => {
                    if channel.send(channel::Order::Again(accepted)).is_err() {
                        journal.put_back(message_id);
                    }
                }
                Err(error) => tracing::error!(message_id, %error, "an entry of the inbox cannot be read and stays there"),
            }
        }
        Ok(())
    }

    async fn act_on(&self, ids: &[String]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        for Entry { message_id, entity, body } in self.0.on.journal.adopt(ids).await? {
            let (Some(key), Ok(accepted)) = (ChannelKey::parse(&entity), serde_json::from_str::<Accepted>(&body)) else {
                tracing::error!(message_id, "an entry of the inbox cannot be read and stays there");
                continue;
            };
            let handed = match self.local(&key).await {
                Ok(ear) => ear.0.send(channel::Order::Again(accepted)).map_err(|gone| gone.to_string()),
                Err(why) => Err(why.to_string()),
            };
            if let Err(why) = handed {
                tracing::warn!(message_id, why, "an entry of the inbox cannot be done now, and is taken up again");
                self.0.on.journal.put_back(message_id);
            }
        }
        Ok(())
    }
}

//! What chatters earn: counted in their channel, added up here, a group at a time.

use crate::chat::{CommunityId, Millis};
use crate::store::{Claim, Sql, Store, StoreError};

/// What chatters of one community earned since the last group.
#[derive(Clone, Debug)]
pub struct Points {
    /// The claim of the community they belong to.
    pub claim: Claim,
    /// The community.
    pub community: CommunityId,
    /// Their platform.
    pub platform: String,
    /// Who earned what.
    pub earned: Vec<Earned>,
}

/// What one chatter earned.
#[derive(Clone, Debug)]
pub struct Earned {
    /// Their id on the platform.
    pub user_id: String,
    /// Their name.
    pub user_name: String,
    /// Points.
    pub points: i64,
    /// Messages.
    pub messages: i64,
    /// When they were last heard.
    pub last_seen: Millis,
}

pub(super) async fn add(store: &Store, points: &Points) -> Result<(), StoreError> {
    let mut tx = store.begin_fenced(&points.claim).await?;
    for chunk in points.earned.chunks(500) {
        let head = "INSERT INTO activity_points (community_id, user_id, platform, user_name, points, messages, last_seen) VALUES";
        let tail = "ON CONFLICT (community_id, platform, user_id) DO UPDATE SET points = activity_points.points + excluded.points, \
                    messages = activity_points.messages + excluded.messages, user_name = excluded.user_name, last_seen = excluded.last_seen";
        let mut statement = Sql::rows(head, 7, tail);
        for earned in chunk {
            statement = statement
                .bind(points.community)
                .bind(&earned.user_id)
                .bind(&points.platform)
                .bind(&earned.user_name)
                .bind(earned.points)
                .bind(earned.messages)
                .bind(earned.last_seen);
        }
        tx.run(statement).await?;
    }
    tx.into_inner().commit().await
}

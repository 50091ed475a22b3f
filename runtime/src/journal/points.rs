//! What chatters earn: counted in their channel, added up here, a group at a time.

use std::collections::HashMap;
use std::future::ready;

use futures_util::StreamExt as _;

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

/// How many communities' points are written at once.
const AT_ONCE: usize = 64;

/// Adds them up, each community's in a transaction of its own: one that lost its claim must not keep the others'.
pub(super) async fn add(store: &Store, all: &[Points]) {
    let mut of: HashMap<_, Vec<&Points>> = HashMap::new();
    for points in all {
        of.entry((points.community, points.claim.epoch)).or_default().push(points);
    }
    let adding: Vec<_> = of.into_values().map(|all| added(store, all)).collect();
    futures_util::stream::iter(adding).buffer_unordered(AT_ONCE).for_each(|()| ready(())).await;
}

/// What somebody earned in each of these communities, as far as they earned anything.
///
/// # Errors
/// When the store is gone.
pub async fn points_of(
    store: &Store,
    communities: &[CommunityId],
    platform: &str,
    user: &str,
) -> Result<Vec<(CommunityId, i64)>, StoreError> {
    let mut found = Vec::new();
    for chunk in communities.chunks(500) {
        let head = "SELECT community_id, points FROM activity_points WHERE (community_id, platform, user_id) IN (VALUES";
        let asked = chunk.iter().fold(Sql::rows(head, 3, ")"), |asked, community| asked.bind(*community).bind(platform).bind(user));
        for row in store.all(asked).await? {
            found.push((row.get("community_id")?, row.get("points")?));
        }
    }
    Ok(found)
}

async fn added(store: &Store, all: Vec<&Points>) {
    let Some(Points { claim, community, .. }) = all.first() else { return };
    let adding = async {
        let mut tx = store.begin_fenced(claim).await?;
        for points in &all {
            for chunk in points.earned.chunks(500) {
                tx.run(adding(points, chunk)).await?;
            }
        }
        tx.into_inner().commit().await
    };
    if let Err(error) = adding.await {
        tracing::warn!(%error, community, "points were not added");
    }
}

fn adding(points: &Points, chunk: &[Earned]) -> Sql {
    let head = "INSERT INTO activity_points (community_id, user_id, platform, user_name, points, messages, last_seen) VALUES";
    let tail = "ON CONFLICT (community_id, platform, user_id) DO UPDATE SET points = activity_points.points + excluded.points, \
                messages = activity_points.messages + excluded.messages, user_name = excluded.user_name, last_seen = excluded.last_seen";
    chunk.iter().fold(Sql::rows(head, 7, tail), |statement, earned| {
        statement
            .bind(points.community)
            .bind(&earned.user_id)
            .bind(&points.platform)
            .bind(&earned.user_name)
            .bind(earned.points)
            .bind(earned.messages)
            .bind(earned.last_seen)
    })
}

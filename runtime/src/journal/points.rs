//! What chatters earn: counted in their channel, added up here, a group at a time.

use std::collections::BTreeMap;
use std::future::ready;

use futures_util::StreamExt as _;

use crate::chat::{CommunityId, Millis};
use crate::store::{Claim, Sql, Store, StoreError, sql};

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

/// How many communities' points are written at once, where each must be by itself.
const AT_ONCE: usize = 64;
/// How many rows one statement is about.
const CHUNK: usize = 500;

/// What each chatter of one community earned: in order, so that nobody waits for who waits for them.
type Sum<'a> = BTreeMap<(&'a str, &'a str), Earned>;

/// Adds them up: all in one transaction, for the communities whose claims are held. Where that fails each community has
/// a transaction of its own: one must not keep the others'.
pub(super) async fn add(store: &Store, all: &[Points]) {
    let mut of: BTreeMap<_, (&Claim, Sum<'_>)> = BTreeMap::new();
    for points in all {
        let (_, sum) = of.entry((points.community, points.claim.epoch)).or_insert_with(|| (&points.claim, Sum::new()));
        points.earned.iter().for_each(|earned| count(sum, &points.platform, earned));
    }
    let communities: Vec<_> = of.into_iter().map(|((community, _), (claim, sum))| (community, claim, sum)).collect();
    let mut alone: Vec<_> = communities.iter().collect();
    if communities.len() > 1 {
        match together(store, &communities).await {
            Ok(held) => alone = communities.iter().zip(held).filter(|(_, held)| !held).map(|(one, _)| one).collect(),
            // It may have been written all the same.
            Err(error @ StoreError::Lost(_)) => {
                tracing::warn!(%error, communities = communities.len(), "points were not added");
                return;
            }
            Err(_) => {}
        }
    }
    let adding: Vec<_> = alone.into_iter().map(|(community, claim, sum)| added(store, *community, claim, sum)).collect();
    futures_util::stream::iter(adding).buffer_unordered(AT_ONCE).for_each(|()| ready(())).await;
}

fn count<'a>(sum: &mut Sum<'a>, platform: &'a str, earned: &'a Earned) {
    let all = sum.entry((platform, &earned.user_id)).or_insert_with(|| Earned { points: 0, messages: 0, ..earned.clone() });
    all.points += earned.points;
    all.messages += earned.messages;
    if earned.last_seen >= all.last_seen {
        (all.last_seen, all.user_name) = (earned.last_seen, earned.user_name.clone());
    }
}

/// Adds what the communities earned whose claims are held; says which these are.
async fn together(store: &Store, all: &[(CommunityId, &Claim, Sum<'_>)]) -> Result<Vec<bool>, StoreError> {
    let claims: Vec<_> = all.iter().map(|(_, claim, _)| *claim).collect();
    let (mut tx, held) = store.begin_fenced_for(&claims).await?;
    let written = all.iter().zip(&held).filter(|(_, held)| **held);
    let rows: Vec<_> = written.flat_map(|((community, _, sum), _)| sum.iter().map(|row| (*community, row))).collect();
    for chunk in rows.chunks(CHUNK) {
        tx.run(adding(chunk.iter().copied())).await?;
    }
    tx.into_inner().commit().await?;
    Ok(held)
}

/// What somebody earned, in each community where they earned anything.
///
/// # Errors
/// When the store is gone.
pub async fn points_of(store: &Store, platform: &str, user: &str) -> Result<Vec<(CommunityId, i64)>, StoreError> {
    let text = "SELECT community_id, points FROM activity_points WHERE platform = $1 AND user_id = $2 ORDER BY community_id";
    let rows = store.all(sql(text).bind(platform).bind(user)).await?;
    rows.iter().map(|row| Ok((row.get("community_id")?, row.get("points")?))).collect()
}

async fn added(store: &Store, community: CommunityId, claim: &Claim, sum: &Sum<'_>) {
    let adding = async {
        let mut tx = store.begin_fenced(claim).await?;
        let rows: Vec<_> = sum.iter().map(|row| (community, row)).collect();
        for chunk in rows.chunks(CHUNK) {
            tx.run(adding(chunk.iter().copied())).await?;
        }
        tx.into_inner().commit().await
    };
    if let Err(error) = adding.await {
        tracing::warn!(%error, community, "points were not added");
    }
}

fn adding<'a>(rows: impl Iterator<Item = (CommunityId, (&'a (&'a str, &'a str), &'a Earned))>) -> Sql {
    let head = "INSERT INTO activity_points (community_id, user_id, platform, user_name, points, messages, last_seen) VALUES";
    let tail = "ON CONFLICT (community_id, platform, user_id) DO UPDATE SET points = activity_points.points + excluded.points, \
                messages = activity_points.messages + excluded.messages, user_name = excluded.user_name, last_seen = excluded.last_seen";
    rows.fold(Sql::rows(head, 7, tail), |statement, (community, ((platform, _), earned))| {
        statement
            .bind(community)
            .bind(&earned.user_id)
            .bind(*platform)
            .bind(&earned.user_name)
            .bind(earned.points)
            .bind(earned.messages)
            .bind(earned.last_seen)
    })
}

//! The secret addresses of overlays: derived, so that they can be shown again while only their hash is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use dashmap::DashMap;
use waddlebot_runtime::chat::{CommunityId, Millis};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::secret::{Secret, fingerprint};
use waddlebot_runtime::store::{Row, Sql, Store, StoreError, Tx, sql};

use super::item::Source;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Whose overlay.
    pub community: CommunityId,
    /// Which of the three.
    pub source: Source,
    /// Rises when the token is regenerated.
    pub generation: i64,
}

/// A token as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is good for.
    pub grant: Grant,
    /// 43 letters that may stand in a URL.
    pub text: String,
    /// Whether it is good.
    pub is_active: bool,
    /// When this generation was made.
    pub created_at: Millis,
}

/// The tokens of all overlays. Cloning shares them.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    store: Store,
    secret: Secret,
    clock: Clock,
    /// Good tokens that were used lately, by hash, and when they were looked up.
    known: DashMap<String, (Grant, Duration)>,
    /// Other nodes may revoke tokens as well.
    doubted: AtomicBool,
    /// Generations before this one are no longer good.
    floors: DashMap<(CommunityId, Source), i64>,
}

/// So many good tokens are kept in memory; beyond, all are looked up anew.
const KNOWN: usize = 100_000;
/// So long a good token is not looked up anew where other nodes may revoke it.
const TRUSTED: Duration = Duration::from_secs(5);
/// The longest text that is looked up as a token.
const LONGEST: usize = 128;

impl Tokens {
    /// The tokens in this store, derived from this secret.
    #[must_use]
    pub fn new(store: Store, secret: Secret, clock: Clock) -> Self {
        Self(Arc::new(Inner { store, secret, clock, known: DashMap::new(), doubted: AtomicBool::new(false), floors: DashMap::new() }))
    }

    /// What a token is good for; `None` when it is not, or no longer. Asks the store once, then memory.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn look_up(&self, token: &str) -> Result<Option<Grant>, StoreError> {
        if token.is_empty() || token.len() > LONGEST {
            return Ok(None);
        }
        let hash = fingerprint(token);
        let now = self.0.clock.since_boot();
        if let Some((grant, since)) = self.0.known.get(&hash).map(|known| *known)
            && (now.saturating_sub(since) < TRUSTED || !self.0.doubted.load(Relaxed))
        {
            return Ok(self.is_good(grant).then_some(grant));
        }
        let text = "SELECT community_id, source_type, generation FROM browser_source_tokens WHERE token_hash = $1 AND is_active";
        let Some(row) = self.0.store.one(sql(text).bind(&hash)).await? else {
            self.0.known.remove(&hash);
            return Ok(None);
        };
        let Some(grant) = grant(&row)? else { return Ok(None) };
        if !self.is_good(grant) {
            return Ok(None);
        }
        if self.0.known.len() >= KNOWN {
            self.0.known.clear();
        }
        self.0.known.insert(hash, (grant, now));
        // Somebody may have regenerated it between the two looks.
        Ok(self.is_good(grant).then_some(grant))
    }

    /// Whether a grant that was good has not been replaced since.
    #[must_use]
    pub fn is_good(&self, grant: Grant) -> bool {
        self.0.floors.get(&(grant.community, grant.source)).is_none_or(|floor| grant.generation >= *floor)
    }

    /// The tokens of a community's three overlays; those that are not there or switched off are made.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn ensure(&self, community: CommunityId) -> Result<Vec<Token>, StoreError> {
        let mut tx = self.0.store.begin().await?;
        let mut tokens = Vec::new();
        for source in Source::ALL {
            let found = one(&mut tx, community, source).await?;
            tokens.push(match found {
                Some(found) if found.is_active && self.derives(&found) => self.token(&found),
                found => self.replace(&mut tx, community, source, found.map_or(0, |found| found.generation)).await?,
            });
        }
        tx.commit().await?;
        // Whatever was replaced is dead; what was found stays good.
        tokens.iter().for_each(|token| self.raise(token.grant, token.grant.generation));
        Ok(tokens)
    }

    /// The tokens of a community as they are, switched off ones too.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn of(&self, community: CommunityId) -> Result<Vec<Token>, StoreError> {
        let text = "SELECT community_id, source_type, generation, token_hash, is_active, created_at FROM browser_source_tokens \
                    WHERE community_id = $1 ORDER BY source_type";
        let rows = self.0.store.all(sql(text).bind(community)).await?;
        let found = rows.iter().map(Found::read).collect::<Result<Vec<_>, _>>()?;
        // One that was derived from another secret is good where it is in use, but cannot be shown again.
        Ok(found.into_iter().flatten().filter(|found| self.derives(found)).map(|found| self.token(&found)).collect())
    }

    /// A page of the tokens of all communities, and how many there are.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn page(&self, limit: i64, offset: i64) -> Result<(Vec<Token>, i64), StoreError> {
        let text = "SELECT community_id, source_type, generation, token_hash, is_active, created_at FROM browser_source_tokens \
                    ORDER BY community_id, source_type LIMIT $1 OFFSET $2";
        let rows = self.0.store.all(sql(text).bind(limit).bind(offset)).await?;
        let found = rows.iter().map(Found::read).collect::<Result<Vec<_>, _>>()?;
        let total = self.0.store.one(sql("SELECT count(*) AS total FROM browser_source_tokens")).await?;
        let shown = found.into_iter().flatten().filter(|found| self.derives(found)).map(|found| self.token(&found)).collect();
        Ok((shown, total.map_or(Ok(0), |row| row.get("total"))?))
    }

    /// Makes a new token in the place of this one, which is dead at once. `None` when it was not good.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn regenerate(&self, grant: Grant) -> Result<Option<Token>, StoreError> {
        let mut tx = self.0.store.begin().await?;
        let Some(found) = one(&mut tx, grant.community, grant.source).await?.filter(|found| found.generation == grant.generation) else {
            return Ok(None);
        };
        let token = self.replace(&mut tx, grant.community, grant.source, found.generation).await?;
        tx.commit().await?;
        self.raise(grant, token.grant.generation);
        Ok(Some(token))
    }

    /// Switches a token off at once.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn revoke(&self, grant: Grant) -> Result<(), StoreError> {
        let text = "UPDATE browser_source_tokens SET is_active = FALSE WHERE community_id = $1 AND source_type = $2 AND generation = $3";
        let mut tx = self.0.store.begin().await?;
        tx.run(sql(text).bind(grant.community).bind(grant.source.name()).bind(grant.generation)).await?;
        tx.commit().await?;
        self.raise(grant, grant.generation + 1);
        Ok(())
    }

    /// Notes that tokens were used.
    pub(super) async fn used(&self, grants: impl IntoIterator<Item = Grant>) -> Result<(), StoreError> {
        let text = "UPDATE browser_source_tokens SET last_used_at = $3 WHERE community_id = $1 AND source_type = $2";
        let mut tx = self.0.store.begin().await?;
        for grant in grants {
            tx.run(sql(text).bind(grant.community).bind(grant.source.name()).bind(self.0.clock.now())).await?;
        }
        tx.commit().await
    }

    /// From now on other nodes may revoke tokens as well: what is known is looked up anew after a while.
    pub(super) fn doubt(&self) {
        self.0.doubted.store(true, Relaxed);
    }

    /// Another node has revoked the tokens before this generation.
    pub(super) fn forget_before(&self, grant: Grant, floor: i64) {
        if self.0.floors.get(&(grant.community, grant.source)).is_none_or(|known| *known < floor) {
            self.raise(grant, floor);
        }
    }

    /// The oldest generations that are still good in these communities, as the table has them.
    ///
    /// # Errors
    /// When the store is gone.
    pub(super) async fn floors(&self, communities: &[CommunityId]) -> Result<Vec<Grant>, StoreError> {
        let head = "SELECT community_id, source_type, generation, is_active FROM browser_source_tokens WHERE community_id IN (VALUES";
        let mut floors = Vec::new();
        for some in communities.chunks(500) {
            let rows = self.0.store.all(some.iter().fold(Sql::rows(head, 1, ")"), |sql, id| sql.bind(*id))).await?;
            for row in &rows {
                let dead: i64 = if row.get::<bool>("is_active")? { 0 } else { 1 };
                floors.extend(grant(row)?.map(|grant| Grant { generation: grant.generation + dead, ..grant }));
            }
        }
        Ok(floors)
    }

    fn raise(&self, grant: Grant, floor: i64) {
        self.0.floors.insert((grant.community, grant.source), floor);
        self.0
            .known
            .retain(|_, (known, _)| (known.community, known.source) != (grant.community, grant.source) || known.generation >= floor);
    }

    async fn replace(&self, tx: &mut Tx, community: CommunityId, source: Source, before: i64) -> Result<Token, StoreError> {
        let grant = Grant { community, source, generation: before + 1 };
        let (text, now) = (self.derived(grant), self.0.clock.now());
        let row = "INSERT INTO browser_source_tokens (community_id, source_type, generation, token_hash, is_active, created_at) \
                   VALUES ($1, $2, $3, $4, TRUE, $5) ON CONFLICT (community_id, source_type) DO UPDATE SET \
                   generation = excluded.generation, token_hash = excluded.token_hash, is_active = TRUE, created_at = excluded.created_at, \
                   last_used_at = NULL";
        tx.run(sql(row).bind(community).bind(source.name()).bind(grant.generation).bind(fingerprint(&text)).bind(now)).await?;
        Ok(Token { grant, text, is_active: true, created_at: now })
    }

    fn token(&self, found: &Found) -> Token {
        let grant = Grant { community: found.community, source: found.source, generation: found.generation };
        Token { grant, text: self.derived(grant), is_active: found.is_active, created_at: found.created_at }
    }

    fn derives(&self, found: &Found) -> bool {
        let grant = Grant { community: found.community, source: found.source, generation: found.generation };
        fingerprint(&self.derived(grant)) == found.hash
    }

    fn derived(&self, grant: Grant) -> String {
        let (community, generation) = (grant.community.to_string(), grant.generation.to_string());
        self.0.secret.derive_text("overlay token", &[&community, grant.source.name(), &generation])
    }
}

/// A row of the table.
struct Found {
    community: CommunityId,
    source: Source,
    generation: i64,
    hash: String,
    is_active: bool,
    created_at: Millis,
}

impl Found {
    fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        let Some(Grant { community, source, generation }) = grant(row)? else { return Ok(None) };
        let (hash, is_active, created_at) = (row.get("token_hash")?, row.get("is_active")?, row.get("created_at")?);
        Ok(Some(Self { community, source, generation, hash, is_active, created_at }))
    }
}

async fn one(tx: &mut Tx, community: CommunityId, source: Source) -> Result<Option<Found>, StoreError> {
    let text = "SELECT community_id, source_type, generation, token_hash, is_active, created_at FROM browser_source_tokens \
                WHERE community_id = $1 AND source_type = $2";
    match tx.one(sql(text).bind(community).bind(source.name())).await? {
        Some(row) => Found::read(&row),
        None => Ok(None),
    }
}

fn grant(row: &Row) -> Result<Option<Grant>, StoreError> {
    let name: String = row.get("source_type")?;
    let Some(source) = Source::parse(&name) else { return Ok(None) };
    Ok(Some(Grant { community: row.get("community_id")?, source, generation: row.get("generation")? }))
}

#[cfg(test)]
mod tests {
    use waddlebot_runtime::store::Place;

    use super::*;

    async fn tokens() -> (tempfile::TempDir, Tokens) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Place::Sqlite(folder.path().join("t.db"))).await.expect("opens");
        store.migrate().await.expect("migrates");
        let secret = Secret::open(folder.path(), None).expect("a secret");
        (folder, Tokens::new(store, secret, Clock::turned()))
    }

    #[tokio::test]
    async fn asking_again_gives_the_same_tokens_and_each_is_good_for_one_overlay() {
        let (_folder, tokens) = tokens().await;
        let first = tokens.ensure(7).await.expect("made");
        assert_eq!(first, tokens.ensure(7).await.expect("found"));
        assert_eq!(first.iter().map(|token| token.text.len()).collect::<Vec<_>>(), [43, 43, 43]);
        for token in &first {
            assert_eq!(tokens.look_up(&token.text).await.expect("asked"), Some(token.grant));
        }
        assert_ne!(first[0].text, tokens.ensure(8).await.expect("made")[0].text);
        for wrong in ["", "x", &"y".repeat(43), &"z".repeat(5000)] {
            assert_eq!(tokens.look_up(wrong).await.expect("asked"), None);
        }
    }

    #[tokio::test]
    async fn a_regenerated_or_revoked_token_is_dead_at_once() {
        let (_folder, tokens) = tokens().await;
        let first = tokens.ensure(7).await.expect("made").remove(0);
        assert!(tokens.look_up(&first.text).await.expect("asked").is_some());
        let second = tokens.regenerate(first.grant).await.expect("made").expect("was good");
        assert_eq!(tokens.look_up(&first.text).await.expect("asked"), None);
        assert!(!tokens.is_good(first.grant));
        assert_eq!(tokens.look_up(&second.text).await.expect("asked"), Some(second.grant));
        assert_eq!(tokens.regenerate(first.grant).await.expect("asked"), None);
        tokens.revoke(second.grant).await.expect("revoked");
        assert_eq!(tokens.look_up(&second.text).await.expect("asked"), None);
        assert!(!tokens.of(7).await.expect("listed")[2].is_active);
        let third = tokens.ensure(7).await.expect("made").remove(0);
        assert!(third.is_active && third.text != second.text && third.text != first.text);
        assert!(tokens.look_up(&third.text).await.expect("asked").is_some());
    }
}

//! Databases for the suite, and the rows it starts from.

use waddlebot_runtime::store::{Claim, Place, Store, file_in, sql};
use waddlebot_testbed::Postgres;

/// Each promise becomes one test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($promise:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let folder = tempfile::tempdir().expect("a temporary folder");
                crate::promises::$promise(crate::place::sqlite(&folder)).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let server = crate::place::Server::start();
                crate::promises::$promise(server.place()).await;
            })*
        }
    };
}

/// A PostgreSQL that is stopped with the test.
pub(crate) struct Server(Postgres);

impl Server {
    pub(crate) fn start() -> Self {
        Self(Postgres::start())
    }

    /// A new, empty database.
    pub(crate) fn place(&self) -> Place {
        Place::Postgres { url: self.0.database(), replica: None }
    }

    pub(crate) fn postgres(&mut self) -> &mut Postgres {
        &mut self.0
    }
}

/// A file that is not there yet.
pub(crate) fn sqlite(folder: &tempfile::TempDir) -> Place {
    Place::Sqlite(file_in(folder.path()))
}

/// The store, with its tables.
pub(crate) async fn opened(place: &Place) -> Store {
    let store = Store::open(place).await.expect("the database opens");
    store.migrate().await.expect("the tables are made");
    store
}

/// A claim as placement would hold it.
pub(crate) async fn claimed(store: &Store) -> Claim {
    let claim = Claim { entity: "local:lobby".into(), owner: "n1".into(), incarnation: 7, epoch: 1 };
    let mut tx = store.begin().await.expect("a transaction");
    tx.run(
        sql("INSERT INTO coordination (entity_id, claimed_by, incarnation, epoch) VALUES ($1, $2, $3, $4)")
            .bind(&claim.entity)
            .bind(&claim.owner)
            .bind(claim.incarnation)
            .bind(claim.epoch),
    )
    .await
    .expect("the claim's row");
    tx.commit().await.expect("the claim is stored");
    claim
}

/// What a community's members have been given in all.
pub(crate) async fn points(store: &Store) -> i64 {
    let row = store.one(sql("SELECT CAST(COALESCE(SUM(points), 0) AS BIGINT) AS points FROM activity_points")).await;
    row.expect("a query").expect("a row").get("points").expect("a number")
}

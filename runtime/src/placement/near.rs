//! What is best served by the node that holds a certain connection: it is put there first, where nothing stronger speaks against it.

use super::{Placement, Unclaimed};
use crate::spawn;
use crate::store::{Claim, claims};

impl Placement {
    /// Takes up to `room` entities that nobody who lives holds; those that want it most come first.
    ///
    /// # Errors
    /// When this node may not act, or the store is gone.
    pub async fn take(&self, room: usize) -> Result<Vec<Claim>, Unclaimed> {
        self.take_some(room, true).await
    }

    /// As [`Placement::take`], but leaves what is not live to the node that holds the connection it would be near, where
    /// that one takes more. For the first look only: whoever looks a second time takes all.
    ///
    /// # Errors
    /// As [`Placement::take`].
    pub async fn take_patiently(&self, room: usize) -> Result<Vec<Claim>, Unclaimed> {
        self.take_some(room, false).await
    }

    /// Notes the connection through which what lives beside an entity is heard; its claim is held. It is written soon.
    pub fn note_near(&self, entity: &str, connection: &str) {
        let Some(claim) = self.held_here(entity) else { return };
        let (store, connection) = (self.0.store.clone(), connection.to_owned());
        spawn::task("near", async move {
            if let Err(error) = claims::near::note(&store, &claim, &connection).await {
                tracing::debug!(entity = claim.entity, connection, %error, "where it would be served best was not written down");
            }
        });
    }
}

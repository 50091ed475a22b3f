//! The budget of an account that several nodes speak for: lent by the node that holds the claim `limit:` of the account.

use std::sync::Arc;
use std::time::Duration;

use waddlebot_runtime::gateway::{Envelope, Payload};
use waddlebot_runtime::placement::Unclaimed;
use waddlebot_runtime::platform::{Boxed, Budget};

use super::Afar;
use crate::budget::lent::Lent;
use crate::budget::wallet::{Lenders, Lending};
use crate::household::Household;
use crate::household::errands::Errand;

/// The claim under which an account's budget is lent.
fn limit_key(account: &str) -> String {
    format!("limit:{account}")
}

impl Lending for Afar {
    fn lend<'a>(&'a self, account: &'a str, budget: Budget, alone: bool) -> Boxed<'a, Result<Lent, String>> {
        Box::pin(async move {
            let under = limit_key(account);
            match self.0.placement.claim(&under).await {
                Ok(_) => self.0.household.lend_here(account, budget, alone).await,
                Err(Unclaimed::Elsewhere { owner, epoch, .. }) => {
                    let errand = Errand::Lend(account.to_owned(), budget.burst, budget.every, alone);
                    let payload = Payload::Errand(serde_json::to_string(&errand).map_err(|error| error.to_string())?);
                    let envelope = Envelope { entity: under.clone(), under, epoch, id: self.id(), payload };
                    let answer = self.errand_to(&owner, envelope).await.map_err(|missed| missed.to_string())?;
                    serde_json::from_str(&answer).map_err(|error| error.to_string())
                }
                Err(why) => Err(why.to_string()),
            }
        })
    }

    fn nodes(&self) -> Boxed<'_, Option<u32>> {
        Box::pin(async { u32::try_from(self.0.placement.nodes().await.ok()?.len()).ok() })
    }
}

impl Household {
    /// Learns the way to who lends, so that nodes that speak for one account share its budget.
    pub fn share_budgets(&self) {
        if let Some(afar) = self.0.afar.get() {
            self.0.lenders.reach(Arc::new(afar.clone()));
        }
    }

    /// Lends of an account's budget under this node's claim.
    pub(in crate::household) async fn lend_here(&self, account: &str, budget: Budget, alone: bool) -> Result<Lent, String> {
        let Some(afar) = self.0.afar.get() else { return Err("this node lends nothing".into()) };
        let placement = &afar.0.placement;
        let claim = placement.held_here(&limit_key(account)).ok_or("this node lends for this account no longer")?;
        if budget.burst == 0 || budget.every.is_zero() {
            return Err("there is no such budget".into());
        }
        let living = placement.nodes().await.map_err(|error| error.to_string())?;
        // Who cannot ask sends a share of its own: what counts is their way here, not the way there.
        let asks = |node: &str| node == placement.here().node_id() || afar.0.peers.is_asked_by(node);
        let all = living.iter().all(|node| asks(&node.identity.node_id));
        if !self.lenders().knows(account, claim.epoch) {
            let word = placement.word_left(&claim).await.map_err(|error| error.to_string())?;
            let whole_in = word.and_then(|word| word.parse().ok()).map(Duration::from_millis);
            self.lenders().begin(account, claim.epoch, whole_in, budget, self.world().clock.since_boot());
        }
        let lent = self.lenders().lend(account, claim.epoch, budget, (all, alone), self.world().clock.since_boot());
        lent.ok_or_else(|| "this node lends for this account no longer".into())
    }

    /// Leaves what it lends to whoever asks first elsewhere, and how much of it was used.
    pub(crate) async fn hand_budgets_on(&self) {
        let Some(afar) = self.0.afar.get() else { return };
        for (account, whole_in) in self.lenders().close(self.world().clock.since_boot()) {
            let word = whole_in.as_micros().div_ceil(1000).to_string();
            if let Err(error) = afar.0.placement.release_with(&limit_key(&account), &word).await {
                tracing::warn!(account, %error, "what was sent for this account is not told to who lends next");
            }
        }
    }

    fn lenders(&self) -> &Lenders {
        &self.0.lenders
    }
}

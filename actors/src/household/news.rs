//! What a platform at one node tells itself at the others: lines of rooms that only this program has.

use std::time::Duration;

use super::Household;
use super::errands::Errand;

/// How long the others may take to take it.
const TAKES: Duration = Duration::from_secs(2);

impl Household {
    /// Tells a platform at every other node. One that is not reached in time does not learn of it.
    pub async fn tell_platforms(&self, platform: &str, news: String) {
        let Some(afar) = self.0.afar.get() else { return };
        let errand = serde_json::to_string(&Errand::News(platform.to_owned(), news)).unwrap_or_default();
        match tokio::time::timeout(TAKES, afar.errand_everywhere(&errand)).await {
            Ok(missed) => {
                for (node, why) in missed {
                    tracing::debug!(node, %why, platform, "a node was not told what was said");
                }
            }
            Err(_) => tracing::debug!(platform, "some node was not told in time what was said"),
        }
    }

    /// A platform learns what it told of at another node.
    pub(super) fn learn(&self, platform: &str, news: &str) -> Result<(), String> {
        let known = self.0.on.platforms.iter().find(|known| known.name() == platform);
        known.ok_or("there is no such platform here")?.learns(news);
        Ok(())
    }
}

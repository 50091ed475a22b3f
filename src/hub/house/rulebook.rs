//! What the hub asks about string rules: which there are, changing them, and the chat they are tried on.

use waddlebot_actors::rules::blocked::Blocked;
use waddlebot_actors::rules::history::Said;
use waddlebot_actors::rules::table::Kept;
use waddlebot_actors::rules::{Rule, Settings};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::platform::Boxed;

use super::Answer;

/// The string rules of the communities, as the hub's pages see them.
pub(crate) trait RuleBook: Send + Sync + 'static {
    /// A community's rules with this in their pattern, in the order in which they are asked.
    fn rules<'a>(&'a self, community: CommunityId, search: &'a str) -> Boxed<'a, Answer<Vec<Kept>>>;

    /// Stores a rule, a new one under the number 0; gives its number.
    fn save_rule<'a>(&'a self, community: CommunityId, rule: Rule, by: &'a str) -> Boxed<'a, Answer<i64>>;

    /// Deletes a rule.
    fn remove_rule<'a>(&'a self, community: CommunityId, id: i64, by: &'a str) -> Boxed<'a, Answer<()>>;

    /// Whether chat is kept, and where moderators are told.
    fn rule_settings(&self, community: CommunityId) -> Boxed<'_, Answer<Settings>>;

    /// Sets that.
    fn set_rule_settings<'a>(&'a self, community: CommunityId, settings: Settings, by: &'a str) -> Boxed<'a, Answer<()>>;

    /// What was blocked last, the newest first.
    fn blocked(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Blocked>>>;

    /// The last lines of kept chat, the newest first.
    fn kept_chat(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Said>>>;

    /// Erases kept chat and blocked messages of one person, or of everybody when `user` is empty; says how many lines.
    fn erase_chat<'a>(&'a self, community: CommunityId, user: &'a str) -> Boxed<'a, Answer<u64>>;
}

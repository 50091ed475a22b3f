//! What the hub asks about people: who belongs to a community, changing what they may, and who changed it.

use waddlebot_actors::roles::audit::RoleChange;
use waddlebot_actors::roles::table::{Change, Member, Person, Wanted};
use waddlebot_runtime::chat::{CommunityId, Role};
use waddlebot_runtime::platform::Boxed;

use super::Answer;

/// The people of communities, as the hub's pages see them.
pub(crate) trait PeopleBook: Send + Sync + 'static {
    /// A page of people by name, and how many there are.
    fn people<'a>(&'a self, wanted: Wanted<'a>) -> Boxed<'a, Answer<(Vec<Member>, i64)>>;

    /// A page of changes of roles, newest first, and how many there are.
    fn role_changes(&self, community: CommunityId, limit: i64, offset: i64) -> Boxed<'_, Answer<(Vec<RoleChange>, i64)>>;

    /// Gives or takes a role; `role` is that of who asks.
    fn change_role<'a>(&'a self, community: CommunityId, change: Change, by: &'a str, role: Role) -> Boxed<'a, Answer<()>>;

    /// Ends a membership with every role that goes with it; `role` is that of who asks.
    fn remove_member<'a>(&'a self, community: CommunityId, who: Person, by: &'a str, role: Role) -> Boxed<'a, Answer<()>>;
}

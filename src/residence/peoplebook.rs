//! The hub's view of people and roles, over the real thing.

use waddlebot_actors::community::roles::Unchanged;
use waddlebot_actors::roles::audit::{self, RoleChange};
use waddlebot_actors::roles::table::{self, Change, Member, Person, Wanted};
use waddlebot_runtime::chat::{CommunityId, Role};
use waddlebot_runtime::platform::Boxed;

use super::{Residence, store, unavailable};
use crate::hub::house::{Answer, PeopleBook, Unanswered};

impl PeopleBook for Residence {
    fn people<'a>(&'a self, wanted: Wanted<'a>) -> Boxed<'a, Answer<(Vec<Member>, i64)>> {
        Box::pin(async move { table::members(self.household.store(), wanted).await.map_err(store) })
    }

    fn role_changes(&self, community: CommunityId, limit: i64, offset: i64) -> Boxed<'_, Answer<(Vec<RoleChange>, i64)>> {
        Box::pin(async move { audit::changes(self.household.store(), community, limit, offset).await.map_err(store) })
    }

    fn change_role<'a>(&'a self, community: CommunityId, change: Change, by: &'a str, role: Role) -> Boxed<'a, Answer<()>> {
        Box::pin(async move { self.household.change_roles(community, vec![change], by, role).await.map(drop).map_err(unchanged) })
    }

    fn remove_member<'a>(&'a self, community: CommunityId, who: Person, by: &'a str, role: Role) -> Boxed<'a, Answer<()>> {
        Box::pin(async move { self.household.remove_member(community, who, by, role).await.map_err(unchanged) })
    }
}

fn unchanged(why: Unchanged) -> Unanswered {
    match why {
        Unchanged::Unknown => Unanswered::Unknown("member"),
        Unchanged::Denied(..) | Unchanged::Elsewhere(_) => Unanswered::Refused(why.to_string()),
        Unchanged::Unavailable(why) => unavailable("The community", &why),
    }
}

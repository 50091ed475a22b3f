//! People of cardboard: kept in memory, changed by whoever may.

use waddlebot_actors::roles::audit::RoleChange;
use waddlebot_actors::roles::may_change;
use waddlebot_actors::roles::table::{Change, Member, Person, Wanted};
use waddlebot_runtime::chat::{CommunityId, Role};
use waddlebot_runtime::platform::Boxed;

use super::Pretend;
use crate::hub::house::{Answer, PeopleBook, Unanswered};

impl PeopleBook for Pretend {
    fn people<'a>(&'a self, wanted: Wanted<'a>) -> Boxed<'a, Answer<(Vec<Member>, i64)>> {
        Box::pin(async move {
            self.known(wanted.community)?;
            let all = self.state.lock().people.clone();
            let fits = |one: &Member| one.who.name.contains(wanted.text) && wanted.role.is_none_or(|role| role == one.role);
            let found: Vec<_> = all.into_iter().filter(fits).collect();
            let total = i64::try_from(found.len()).unwrap();
            let (skip, take) = (usize::try_from(wanted.offset).unwrap(), usize::try_from(wanted.limit).unwrap());
            Ok((found.into_iter().skip(skip).take(take).collect(), total))
        })
    }

    fn role_changes(&self, community: CommunityId, limit: i64, offset: i64) -> Boxed<'_, Answer<(Vec<RoleChange>, i64)>> {
        Box::pin(async move {
            self.known(community)?;
            let all: Vec<_> = self.state.lock().role_changes.iter().rev().cloned().collect();
            let total = i64::try_from(all.len()).unwrap();
            let (skip, take) = (usize::try_from(offset).unwrap(), usize::try_from(limit).unwrap());
            Ok((all.into_iter().skip(skip).take(take).collect(), total))
        })
    }

    fn change_role<'a>(&'a self, community: CommunityId, change: Change, by: &'a str, role: Role) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            self.known(community)?;
            let Change { who, entity, role: after } = change;
            let mut state = self.state.lock();
            let before = state.people.iter().find(|one| one.who.id == who.id).map_or(Role::Viewer, |one| one.role);
            if !may_change(role, before, after.unwrap_or_default()) {
                return Err(Unanswered::Refused(format!("a role of {}'s may not be changed", who.name)));
            }
            state.people.retain(|one| one.who.id != who.id);
            let granted = (by.to_owned(), 1_767_225_600_000);
            state.people.push(Member { who: who.clone(), role: after.unwrap_or_default(), joined_at: 0, granted });
            let (before, by) = (Some(before), by.to_owned());
            state.role_changes.push(RoleChange { who, entity, before, after, left: false, by, at: 1_767_225_600_000 });
            Ok(())
        })
    }

    fn remove_member<'a>(&'a self, community: CommunityId, who: Person, _: &'a str, _: Role) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            self.known(community)?;
            let mut state = self.state.lock();
            let before = state.people.len();
            state.people.retain(|one| one.who.id != who.id);
            if state.people.len() == before { Err(Unanswered::Unknown("member")) } else { Ok(()) }
        })
    }
}

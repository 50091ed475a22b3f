//! The hub's view of string rules, over the real thing: the store to read, a community's actor to change.

use waddlebot_actors::community::rules::Unsaved;
use waddlebot_actors::rules::blocked::{self, Blocked};
use waddlebot_actors::rules::history::{self, Erased, Said};
use waddlebot_actors::rules::table::{self, Kept, Wanted};
use waddlebot_actors::rules::{Rule, Settings, settings};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::platform::Boxed;

use super::{Residence, store, unavailable};
use crate::hub::house::{Answer, RuleBook, Unanswered};

/// How many blocked messages a page shows.
const BLOCKED: u32 = 20;
/// On how many kept lines a rule is tried.
const TRIED: u32 = 500;

impl RuleBook for Residence {
    fn rules<'a>(&'a self, community: CommunityId, search: &'a str) -> Boxed<'a, Answer<Vec<Kept>>> {
        Box::pin(async move {
            let wanted = Wanted { community: Some(community), text: search, ..Wanted::default() };
            Ok(table::find(self.household.store(), wanted).await.map_err(store)?.0)
        })
    }

    fn save_rule<'a>(&'a self, community: CommunityId, rule: Rule, by: &'a str) -> Boxed<'a, Answer<i64>> {
        Box::pin(async move { self.household.save_rule(community, rule, by).await.map_err(unsaved) })
    }

    fn remove_rule<'a>(&'a self, community: CommunityId, id: i64, by: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move { self.household.remove_rule(community, id, by).await.map_err(unsaved) })
    }

    fn rule_settings(&self, community: CommunityId) -> Boxed<'_, Answer<Settings>> {
        Box::pin(async move { settings::load(self.household.store(), community).await.map_err(store) })
    }

    fn set_rule_settings<'a>(&'a self, community: CommunityId, settings: Settings, by: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move { self.household.set_rules(community, settings, by).await.map_err(unsaved) })
    }

    fn blocked(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Blocked>>> {
        Box::pin(async move { blocked::last(self.household.store(), community, BLOCKED).await.map_err(store) })
    }

    fn kept_chat(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Said>>> {
        Box::pin(async move { history::last(self.household.store(), community, "", TRIED).await.map_err(store) })
    }

    fn erase_chat<'a>(&'a self, community: CommunityId, user: &'a str) -> Boxed<'a, Answer<u64>> {
        Box::pin(async move {
            let what = Erased { user: (!user.is_empty()).then(|| user.to_owned()), entity: None };
            self.household.erase_chat(community, what).await.map_err(unsaved)
        })
    }
}

fn unsaved(why: Unsaved) -> Unanswered {
    match why {
        Unsaved::Unknown => Unanswered::Unknown("rule"),
        Unsaved::Refused(why) => Unanswered::Refused(why.to_string()),
        Unsaved::Unavailable(why) => unavailable("The community", &why),
    }
}

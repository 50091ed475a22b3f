//! String rules of cardboard: kept in memory, checked as the real ones are.

use waddlebot_actors::rules::blocked::Blocked;
use waddlebot_actors::rules::history::Said;
use waddlebot_actors::rules::table::Kept;
use waddlebot_actors::rules::{Rule, Settings, check};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::platform::Boxed;

use super::{HOSTILE, Pretend};
use crate::hub::house::{Answer, RuleBook, Unanswered};

fn said(text: &str) -> Said {
    let (entity_id, user_id) = ("local:lobby".into(), "bob".into());
    Said { entity_id, user_id, user_name: "Bob".into(), text: text.into(), said_at: 1_767_225_600_000 }
}

impl RuleBook for Pretend {
    fn rules<'a>(&'a self, community: CommunityId, search: &'a str) -> Boxed<'a, Answer<Vec<Kept>>> {
        Box::pin(async move {
            self.known(community)?;
            let rules = self.state.lock().rules.clone();
            let found = rules.into_iter().filter(|rule| rule.pattern.contains(search));
            let by = || "ana".to_owned();
            let kept = |rule| Kept {
                rule,
                community,
                matches: 3,
                last_matched: None,
                created_by: by(),
                created_at: 0,
                updated_by: by(),
                updated_at: 0,
            };
            Ok(found.map(kept).collect())
        })
    }

    fn save_rule<'a>(&'a self, community: CommunityId, rule: Rule, _: &'a str) -> Boxed<'a, Answer<i64>> {
        Box::pin(async move {
            self.known(community)?;
            check(&rule).map_err(|why| Unanswered::Refused(why.to_string()))?;
            let mut state = self.state.lock();
            let id = if rule.id == 0 { state.rules.len() as i64 + 1 } else { rule.id };
            state.rules.retain(|one| one.id != id);
            state.rules.push(Rule { id, ..rule });
            Ok(id)
        })
    }

    fn remove_rule<'a>(&'a self, community: CommunityId, id: i64, _: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            self.known(community)?;
            self.state.lock().rules.retain(|rule| rule.id != id);
            Ok(())
        })
    }

    fn rule_settings(&self, _: CommunityId) -> Boxed<'_, Answer<Settings>> {
        Box::pin(async { Ok(self.state.lock().settings.clone()) })
    }

    fn set_rule_settings<'a>(&'a self, _: CommunityId, settings: Settings, _: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            settings.check().map_err(|why| Unanswered::Refused(why.to_string()))?;
            self.state.lock().settings = settings;
            Ok(())
        })
    }

    fn blocked(&self, _: CommunityId) -> Boxed<'_, Answer<Vec<Blocked>>> {
        Box::pin(async { Ok(vec![Blocked { rule_id: 1, said: said(HOSTILE) }]) })
    }

    fn kept_chat(&self, _: CommunityId) -> Boxed<'_, Answer<Vec<Said>>> {
        Box::pin(async { Ok(vec![said("some spam"), said("hello"), said("SPAM")]) })
    }

    fn erase_chat<'a>(&'a self, _: CommunityId, user: &'a str) -> Boxed<'a, Answer<u64>> {
        Box::pin(async move {
            self.state.lock().erased.push(user.to_owned());
            Ok(3)
        })
    }
}

//! The hub's view of commands that run elsewhere, over the real thing.

use waddlebot_actors::commands::Command;
use waddlebot_actors::commands::table::{Kept, Wanted};
use waddlebot_actors::community::commands::{Place, Unsaved};
use waddlebot_actors::outside::Trial;
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::platform::Boxed;

use super::{Residence, unavailable};
use crate::hub::house::{Answer, CommandBook, Unanswered};

impl CommandBook for Residence {
    fn commands<'a>(&'a self, community: CommunityId, search: &'a str) -> Boxed<'a, Answer<Vec<Kept>>> {
        Box::pin(async move {
            let wanted = Wanted { community: Some(community), text: search, ..Wanted::default() };
            self.household.commands(wanted).await.map_err(unsaved)
        })
    }

    fn save_command<'a>(&'a self, command: Command, by: &'a str) -> Boxed<'a, Answer<i64>> {
        Box::pin(async move { self.household.save_command(command, by).await.map_err(unsaved) })
    }

    fn remove_command<'a>(&'a self, id: i64, by: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move { self.household.remove_command(id, by).await.map(drop).map_err(unsaved) })
    }

    fn place_command<'a>(&'a self, place: Place, by: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move { self.household.place_command(place, by).await.map_err(unsaved) })
    }

    fn try_command<'a>(&'a self, command: &'a Command, words: &'a str, by: &'a str) -> Boxed<'a, Answer<Trial>> {
        Box::pin(async move {
            self.household.outside().may(command).map_err(|why| Unanswered::Refused(why.to_string()))?;
            Ok(self.household.outside().trial(command, words, by).await)
        })
    }

    fn command_key(&self, command: &Command) -> String {
        self.household.outside().signing_key(command)
    }
}

fn unsaved(why: Unsaved) -> Unanswered {
    match why {
        Unsaved::Unknown => Unanswered::Unknown("command"),
        Unsaved::Refused(why) => Unanswered::Refused(why.to_string()),
        Unsaved::Unavailable(why) => unavailable("The community", &why),
    }
}

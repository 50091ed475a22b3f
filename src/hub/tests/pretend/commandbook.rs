//! Commands of cardboard: kept in memory, checked as the real ones are, answering what they were asked.

use serde_json::json;
use waddlebot_actors::commands::table::Kept;
use waddlebot_actors::commands::{Command, check};
use waddlebot_actors::community::commands::Place;
use waddlebot_actors::outside::Trial;
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::response::Response;

use super::{HOSTILE, Pretend};
use crate::hub::house::{Answer, CommandBook, Unanswered};

impl CommandBook for Pretend {
    fn commands<'a>(&'a self, community: CommunityId, search: &'a str) -> Boxed<'a, Answer<Vec<Kept>>> {
        Box::pin(async move {
            self.known(community)?;
            let all = self.state.lock().commands.clone();
            let here = |command: &Command| command.is_global() || command.community == community;
            let found = all.into_iter().filter(|command| here(command) && command.word.contains(search));
            let by = || "ana".to_owned();
            let kept =
                |command| Kept { command, uses: 3, last_used: None, created_by: by(), created_at: 0, updated_by: by(), updated_at: 0 };
            Ok(found.map(kept).collect())
        })
    }

    fn save_command<'a>(&'a self, command: Command, _: &'a str) -> Boxed<'a, Answer<i64>> {
        Box::pin(async move {
            check(&command).map_err(|why| Unanswered::Refused(why.to_string()))?;
            let mut state = self.state.lock();
            let id = if command.id == 0 { state.commands.len() as i64 + 1 } else { command.id };
            state.commands.retain(|one| one.id != id);
            state.commands.push(Command { id, ..command });
            Ok(id)
        })
    }

    fn remove_command<'a>(&'a self, id: i64, _: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            self.state.lock().commands.retain(|command| command.id != id);
            Ok(())
        })
    }

    fn place_command<'a>(&'a self, place: Place, _: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            let mut state = self.state.lock();
            let command = state.commands.iter_mut().find(|one| one.id == place.command).ok_or(Unanswered::Unknown("command"))?;
            command.places.insert(place.place, place.on.unwrap_or(true));
            Ok(())
        })
    }

    fn try_command<'a>(&'a self, command: &'a Command, words: &'a str, _: &'a str) -> Boxed<'a, Answer<Trial>> {
        Box::pin(async move {
            let responses = vec![Response::say(format!("{} {words}", command.word))];
            let answer = json!({ "text": HOSTILE });
            Ok(Trial { success: true, status_code: Some(200), answer, responses, tries: 1, ..Trial::default() })
        })
    }

    fn command_key(&self, command: &Command) -> String {
        format!("key-{}-{}", command.id, command.signing_key)
    }
}

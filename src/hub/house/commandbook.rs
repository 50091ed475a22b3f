//! What the hub asks about commands that run elsewhere: which there are, changing them, trying them out.

use waddlebot_actors::commands::Command;
use waddlebot_actors::commands::table::Kept;
use waddlebot_actors::community::commands::Place;
use waddlebot_actors::outside::Trial;
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::platform::Boxed;

use super::Answer;

/// The commands that run elsewhere, as the hub's pages see them.
pub(crate) trait CommandBook: Send + Sync + 'static {
    /// A community's commands and everybody's, with this in their name or description, by name.
    fn commands<'a>(&'a self, community: CommunityId, search: &'a str) -> Boxed<'a, Answer<Vec<Kept>>>;

    /// Stores a command, a new one under the number 0; gives its number.
    fn save_command<'a>(&'a self, command: Command, by: &'a str) -> Boxed<'a, Answer<i64>>;

    /// Deletes a command.
    fn remove_command<'a>(&'a self, id: i64, by: &'a str) -> Boxed<'a, Answer<()>>;

    /// Switches a command on or off in one place.
    fn place_command<'a>(&'a self, place: Place, by: &'a str) -> Boxed<'a, Answer<()>>;

    /// Calls a command as if somebody had typed these words behind it.
    fn try_command<'a>(&'a self, command: &'a Command, words: &'a str, by: &'a str) -> Boxed<'a, Answer<Trial>>;

    /// The key that signs what a command is sent.
    fn command_key(&self, command: &Command) -> String;
}

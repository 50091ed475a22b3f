//! A local room of a running node: read along, say something, let something happen.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Client, ClientError};
use crate::terminal::{self, Paint};

/// How long the node is asked to wait for the next line.
const WAIT: Duration = Duration::from_secs(15);

/// One room. Cloning shares the connections, not how far was read.
#[derive(Clone)]
pub(crate) struct Room {
    client: Client,
    name: String,
    after: u64,
}

/// One line of a room.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Line {
    kind: String,
    name: String,
    role: String,
    text: String,
}

#[derive(Deserialize)]
struct News {
    lines: Vec<Line>,
    last: u64,
}

#[derive(Deserialize)]
struct Answered {
    replies: Vec<String>,
}

impl Room {
    /// The room of this name, opened with the first line when there is none.
    pub(crate) fn new(client: Client, name: &str) -> Self {
        Self { client, name: name.to_owned(), after: 0 }
    }

    /// The newest lines; [`Room::news`] goes on after them.
    pub(crate) async fn history(&mut self) -> Result<Vec<Line>, ClientError> {
        let path = self.path("messages");
        let news: News = self.client.get(&path).await?;
        self.after = news.last;
        Ok(news.lines)
    }

    /// The next lines, in order; none when nothing was said for a while.
    pub(crate) async fn news(&mut self) -> Result<Vec<Line>, ClientError> {
        let query = [("after", self.after), ("wait", WAIT.as_secs())];
        let news: News = self.client.wait(&self.path("messages"), &query, WAIT).await?;
        self.after = news.last;
        Ok(news.lines)
    }

    /// Says something; returns how many lines the room got from it: this one and the bot's answers.
    pub(crate) async fn say(&self, user: &str, role: &str, text: &str) -> Result<usize, ClientError> {
        self.send("messages", &json!({ "user": user, "role": role, "text": text })).await
    }

    /// Lets something happen; returns how many lines the room got from it.
    pub(crate) async fn happen(&self, kind: &str, user: &str, amount: i64) -> Result<usize, ClientError> {
        self.send("events", &json!({ "type": kind, "user": user, "amount": amount })).await
    }

    async fn send(&self, what: &str, body: &Value) -> Result<usize, ClientError> {
        let answered: Answered = self.client.post(&self.path(what), body).await?;
        Ok(1 + answered.replies.len())
    }

    fn path<'a>(&'a self, what: &'a str) -> [&'a str; 5] {
        ["api", "v1", "local", &self.name, what]
    }
}

impl Line {
    /// As the terminal shows it. What others wrote cannot steer the terminal.
    pub(crate) fn shown(&self, paint: Paint) -> String {
        let (name, text) = (terminal::plain(&self.name), terminal::plain(&self.text));
        match self.kind.as_str() {
            "event" => paint.yellow(&format!("* {text}")),
            "bot" => format!("{}: {text}", paint.cyan(&name)),
            _ if self.role == "viewer" || self.role.is_empty() => format!("{}: {text}", paint.bold(&name)),
            _ => format!("{} ({}): {text}", paint.bold(&name), terminal::plain(&self.role)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_without_what_steers_the_terminal() {
        let line = |kind: &str, role: &str| Line { kind: kind.into(), name: "an\u{1b}a".into(), role: role.into(), text: "hi\u{7}".into() };
        assert_eq!(line("person", "viewer").shown(Paint(false)), "an a: hi ");
        assert_eq!(line("person", "vip").shown(Paint(false)), "an a (vip): hi ");
        assert_eq!(line("event", "").shown(Paint(false)), "* hi ");
        assert_eq!(line("bot", "").shown(Paint(true)), "\u{1b}[36man a\u{1b}[0m: hi ");
    }
}

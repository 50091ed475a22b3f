//! What is said about a streamer, in chat and on the stream. User text is data here, never a format.

use serde_json::{Map, Value};
use waddlebot_runtime::expansion::fill;
use waddlebot_runtime::platform::Profile;
use waddlebot_runtime::response::{General, Response};

use super::people::Person;

/// Why somebody is introduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Asked,
    Follow,
    Subscription,
    Raid { viewers: i64 },
}

impl Reason {
    /// As the history keeps it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Asked => "manual",
            Self::Follow => "follow",
            Self::Subscription => "subscription",
            Self::Raid { .. } => "raid",
        }
    }
}

/// All that is known when somebody is introduced.
pub(super) struct Introduction<'a> {
    pub(super) name: &'a str,
    pub(super) reason: Reason,
    pub(super) profile: &'a Profile,
    pub(super) person: Option<&'a Person>,
    pub(super) template: &'a str,
}

impl Introduction<'_> {
    /// The line of chat: thanks first when nobody asked for it, the person's own words before the
    /// community's, links last.
    pub(super) fn line(&self) -> String {
        let own = self.person.map_or("", |person| person.message.as_str());
        let words = [own, self.template].into_iter().find(|words| !words.trim().is_empty());
        let text = match words {
            Some(words) => self.filled(words),
            None => self.usual(),
        };
        let links = self.person.map_or(&[][..], |person| &person.links);
        let parts = [self.thanks(), text].into_iter().chain(links.iter().cloned());
        parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn usual(&self) -> String {
        let call = match self.reason {
            Reason::Asked => format!("Go check out {}", self.name),
            _ => "Go check them out".to_owned(),
        };
        let game = self.profile.game.as_ref().map(|game| format!(", last seen playing {game}")).unwrap_or_default();
        let url = self.profile.url.as_ref().map(|url| format!(" {url}")).unwrap_or_default();
        format!("{call}{game}!{url}")
    }

    fn filled(&self, words: &str) -> String {
        fill(words, |variable| match variable {
            "username" | "user" => Some(self.name.into()),
            "game" => Some(self.profile.game.as_deref().unwrap_or("something new").into()),
            "url" => Some(self.profile.url.as_deref().unwrap_or_default().into()),
            _ => None,
        })
    }

    fn thanks(&self) -> String {
        let name = self.name;
        match self.reason {
            Reason::Asked => String::new(),
            Reason::Follow => format!("Thanks for the follow, {name}!"),
            Reason::Subscription => format!("Thanks for the sub, {name}!"),
            Reason::Raid { viewers: 2.. } => format!("Thanks for the raid with {} viewers, {name}!", self.viewers()),
            Reason::Raid { .. } => format!("Thanks for the raid, {name}!"),
        }
    }

    fn viewers(&self) -> i64 {
        if let Reason::Raid { viewers } = self.reason { viewers } else { 0 }
    }

    /// Over the name on the stream.
    fn heading(&self) -> String {
        match self.reason {
            Reason::Asked => "Go check out".to_owned(),
            Reason::Follow => "Thanks for the follow".to_owned(),
            Reason::Subscription => "Thanks for the sub".to_owned(),
            Reason::Raid { viewers: viewers @ 2.. } => format!("Raid with {viewers} viewers"),
            Reason::Raid { .. } => "Thanks for the raid".to_owned(),
        }
    }

    /// The panel on the stream.
    pub(super) fn panel(&self, seconds: u32, picture: bool) -> Response {
        let variant = if self.reason == Reason::Asked { "shoutout text" } else { "shoutout text auto" };
        let mut html = format!("<div class=\"{variant}\">");
        let avatar = self.profile.avatar.as_deref().filter(|avatar| picture && avatar.starts_with("https://"));
        match (avatar, self.name.chars().next()) {
            (Some(avatar), _) => html.push_str(&format!("<img src=\"{}\" alt=\"\">", escaped(avatar))),
            (None, Some(first)) => html.push_str(&format!("<span class=\"face\">{}</span>", escaped(&first.to_uppercase().to_string()))),
            (None, None) => {}
        }
        html.push_str(&format!("<div class=\"words\"><p class=\"why\">{}</p><h2>{}</h2>", self.heading(), escaped(self.name)));
        if let Some(game) = &self.profile.game {
            html.push_str(&format!("<p class=\"game\">Last seen playing <strong>{}</strong></p>", escaped(game)));
        }
        if let Some(url) = &self.profile.url {
            html.push_str(&format!("<p class=\"link\">{}</p>", escaped(url.trim_start_matches("https://"))));
        }
        html.push_str("</div></div>");
        let style = Map::from_iter([("type".to_owned(), Value::from("shoutout"))]);
        Response::General(General { content_type: "html".into(), content: html, duration: seconds.clamp(1, 300), style })
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

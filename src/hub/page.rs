//! What every page has: title, navigation, who looks at it, and which community it is about.

use std::sync::LazyLock;

use jiff::Timestamp;
use waddlebot_runtime::chat::{CommunityId, GLOBAL_COMMUNITY, Millis};

use super::house::Community;
use super::refusal::Refusal;
use super::{Hub, assets};
use crate::api::auth::Person;

/// The frame around a page.
pub(super) struct Page {
    /// What the browser's tab says.
    pub(super) title: String,
    /// The entry of the navigation that is lit.
    pub(super) section: &'static str,
    /// Who looks at it, when they are logged in.
    pub(super) person: Option<Person>,
    /// The first communities, and the one the page is about.
    pub(super) communities: Vec<Community>,
    /// How many more there are.
    pub(super) more: u64,
    /// The one the page is about.
    pub(super) community: Option<Community>,
    /// What just happened, told at the top.
    pub(super) notice: Option<&'static str>,
}

/// How many communities a page names.
const SHOWN: i64 = 20;

/// The entries of the navigation: section, address, label.
const SECTIONS: [(&str, &str, &str); 9] = [
    ("front", "/", "Overview"),
    ("chat", "/chat", "Chat"),
    ("overlays", "/overlays", "Overlays"),
    ("modules", "/modules", "Modules"),
    ("commands", "/commands", "Commands"),
    ("rules", "/rules", "Rules"),
    ("people", "/people", "People"),
    ("cluster", "/cluster", "Cluster"),
    ("actors", "/actors", "Actors"),
];

impl Page {
    /// A page for people who are not logged in.
    pub(super) fn for_anybody(title: impl Into<String>) -> Self {
        Self { title: title.into(), section: "", person: None, communities: Vec::new(), more: 0, community: None, notice: None }
    }

    /// A page of a section about the community that was asked for, or the first one there is.
    pub(super) async fn of(
        hub: &Hub,
        person: Person,
        section: &'static str,
        title: &str,
        asked: Option<CommunityId>,
    ) -> Result<Self, Refusal> {
        let (mut communities, found) = hub.house.communities("", SHOWN, 0).await?;
        let community = match asked {
            Some(id) => Some(hub.house.community(id).await?.ok_or(Refusal::Unknown("community"))?),
            None => first(&communities).cloned(),
        };
        let more = found.saturating_sub(communities.len() as u64);
        if let Some(one) = community.as_ref().filter(|one| !communities.contains(one)) {
            communities.push(one.clone());
        }
        Ok(Self { title: title.to_owned(), section, person: Some(person), communities, more, community, notice: None })
    }

    /// The same with what just happened, by the word in the address; unknown words say nothing.
    pub(super) fn noticing(mut self, word: Option<&str>) -> Self {
        self.notice = match word {
            Some("on") => Some("The module is on."),
            Some("off") => Some("The module is off."),
            Some("regenerated") => Some("The overlay has a new address. Paste it into OBS: the old one does not work any more."),
            Some("happened") => Some("It happened. What the bot makes of it is below."),
            Some("saved") => Some("It is saved."),
            Some("removed") => Some("The rule is deleted."),
            Some("rule-on") => Some("The rule is on."),
            Some("rule-off") => Some("The rule is off."),
            Some("command-removed") => Some("The command is deleted."),
            Some("command-on") => Some("The command is on."),
            Some("command-off") => Some("The command is off."),
            Some("role") => Some("The role is changed."),
            Some("left") => Some("They are sent away, with every role they had here."),
            Some("erased") => Some("The chat that was kept is erased."),
            Some("moved") => Some("It is moved, with everything that goes with it."),
            Some("cleared") => Some("It may be served again. A node takes it in a moment."),
            Some("drained") => {
                Some("The node hands everything over and takes nothing more. Nothing is left with it when it holds nothing.")
            }
            Some("undrained") => Some("The node takes part again."),
            _ => None,
        };
        self
    }

    /// The navigation: section, address, label.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&'static str, String, &'static str)> {
        let about = match &self.community {
            Some(community) if self.communities.len() > 1 => format!("?community={}", community.id),
            _ => String::new(),
        };
        SECTIONS.into_iter().map(move |(section, address, label)| (section, format!("{address}{about}"), label))
    }

    /// What each form must bring back.
    pub(super) fn csrf(&self) -> &str {
        self.person.as_ref().map_or("", |person| &person.csrf)
    }

    /// The version of the assets.
    pub(super) fn version(&self) -> &'static str {
        static VERSION: LazyLock<String> = LazyLock::new(assets::version);
        &VERSION
    }

    /// The community the page is about, for its forms; 0 when there is none.
    pub(super) fn about(&self) -> CommunityId {
        self.community.as_ref().map_or(0, |community| community.id)
    }

    /// Whether the page is about this community.
    pub(super) fn is_about(&self, community: &Community) -> bool {
        self.community.as_ref() == Some(community)
    }
}

/// The first own community, else the global one.
fn first(some: &[Community]) -> Option<&Community> {
    some.iter().find(|community| community.id != GLOBAL_COMMUNITY).or_else(|| some.first())
}

/// The community a page needs.
pub(super) fn needed(page: &Page) -> Result<CommunityId, Refusal> {
    page.community.as_ref().map(|community| community.id).ok_or(Refusal::Unknown("community"))
}

/// A moment for machines: `2026-01-01T00:00:00Z`.
pub(super) fn moment(at: Millis) -> String {
    Timestamp::from_millisecond(at).map(|time| time.to_string()).unwrap_or_default()
}

/// A moment for people, in UTC: `13:05`. The page's script turns it into local time.
pub(super) fn minutes(at: Millis) -> String {
    moment(at).get(11..16).unwrap_or_default().to_owned()
}

/// The day of a moment, in UTC: `2026-01-01`.
pub(super) fn day(at: Millis) -> String {
    moment(at).get(..10).unwrap_or_default().to_owned()
}

/// An address with a query: names are ours, values are made safe.
pub(super) fn with_query(address: &str, pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    format!("{address}?{}", pairs.join("&"))
}

/// Text as a part of an address.
pub(super) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            other => write!(out, "%{other:02X}").expect("writing to a string"),
        }
        out
    })
}

//! Keeps what a community wants to remember, and reminds people of what they asked for.

mod answers;
mod kept;
mod read;
mod reminders;
mod time;

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{Millis, Role, User};
use waddlebot_runtime::command::{Example, Spec, arg, opt};
use waddlebot_runtime::module::{Answer, Context, Module, ModuleError, Posted};
use waddlebot_runtime::response::Response;

use self::answers::{add, any_quote, delete, edit, get, list, overview, react, search};
use self::kept::{Kind, Memory};
use self::read::Part;
use self::reminders::Reminder;
use self::time::When;
use crate::listing::{self, PER_PAGE, short};
use crate::moment;

/// How many reminders are told at once; the rest follows directly.
const AT_ONCE: i64 = 20;
/// A reminder that comes later than this says so.
const LATE: Millis = 5 * 60_000;

/// The module's memory: when the next reminder is due, and the last number given to what is kept, as its tables say.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Memories {
    #[serde(skip)]
    next: Option<Millis>,
    #[serde(skip)]
    last: i64,
}

/// What chat may ask.
#[derive(Debug)]
pub enum Command {
    /// Keep something.
    Add(Memory),
    /// What there is, in short.
    Overview,
    /// What there is of one kind, a page of it.
    List(Kind, Option<i64>),
    /// Where a text stands.
    Search(String),
    /// One of them, whole.
    Get(i64),
    /// Change a part.
    Edit {
        /// Its number.
        id: i64,
        /// Which part.
        part: Part,
        /// The new value.
        value: String,
    },
    /// Hide one.
    Delete(i64),
    /// Like, love, laugh, helpful.
    React(i64, String),
    /// Any quote.
    Quote,
    /// Tell me later.
    Remind {
        /// What.
        text: String,
        /// When.
        when: When,
    },
    /// What I am to be told.
    Reminders,
    /// Tell me no more.
    Cancel(i64),
}

/// What a community can set.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How many reminders may wait for one person
    pub reminders_per_person: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { reminders_per_person: 20 }
    }
}

const A_QUOTE: &str = "!memories add quote \"To be or not to be\" Hamlet";

impl Module for Memories {
    const NAME: &'static str = "memories";
    const ABOUT: &'static str = "Keeps quotes, links and notes, and reminds people";
    type Command = Command;
    type Settings = Settings;
    const COMMANDS: &'static [Spec<Command>] = &[
        Spec::new("memories add quote", "Keeps what somebody said", read::quote)
            .takes(&[arg("text"), opt("author")])
            .role(Role::Moderator)
            .examples(&[Example(A_QUOTE, "Kept as #1: \"To be or not to be\" – Hamlet")])
            .writes(),
        Spec::new("memories add url", "Keeps a link", read::url)
            .takes(&[arg("title"), arg("url"), opt("description")])
            .role(Role::Moderator)
            .examples(&[Example("!memories add url \"Our rules\" example.org/rules", "Kept as #1: Our rules: https://example.org/rules")])
            .writes(),
        Spec::new("memories add note", "Keeps a note", read::note)
            .takes(&[arg("title"), arg("content"), opt("tags")])
            .role(Role::Moderator)
            .examples(&[Example(
                "!memories add note \"Friday\" \"We play chess\" chess,plans",
                "Kept as #1: Friday: We play chess [chess, plans]",
            )])
            .writes(),
        Spec::new("memories list", "Shows what is kept: all in short, or quote, url or note", read::list)
            .takes(&[opt("quote|url|note"), opt("page")])
            .given(&[A_QUOTE])
            .examples(&[
                Example("!memories list", "quotes (1): #1 \"To be or not to be\" – Hamlet"),
                Example("!memories list note", "There is no note yet"),
            ]),
        Spec::new("memories search", "Finds what is kept by title, text, author or tag", |words| {
            Ok(Command::Search(words.need_rest("a word")?))
        })
        .takes(&[arg("term")])
        .given(&[A_QUOTE])
        .examples(&[Example("!memories search HAMLET", "Found: #1 \"To be or not to be\" – Hamlet")]),
        Spec::new("memories get", "Shows one of them", |words| Ok(Command::Get(words.number("the number")?)))
            .takes(&[arg("number")])
            .given(&[A_QUOTE])
            .examples(&[Example("!memories get 1", "#1 \"To be or not to be\" – Hamlet (shown 1×)")])
            .writes(),
        Spec::new("memories edit", "Changes title, content, author, url or tags", read::edit)
            .takes(&[arg("number"), arg("title|content|author|url|tags"), arg("value")])
            .role(Role::Moderator)
            .given(&[A_QUOTE])
            .examples(&[Example("!memories edit 1 author \"W. Shakespeare\"", "Now #1: \"To be or not to be\" – W. Shakespeare")])
            .writes(),
        Spec::new("memories delete", "Drops one of them", |words| Ok(Command::Delete(words.number("the number")?)))
            .takes(&[arg("number")])
            .role(Role::Moderator)
            .given(&[A_QUOTE])
            .examples(&[Example("!memories delete 1", "#1 is dropped")])
            .writes(),
        Spec::new("memories react", "Tells how you find it: like, love, laugh or helpful", |words| {
            Ok(Command::React(words.number("the number")?, words.need("a reaction")?.to_lowercase()))
        })
        .takes(&[arg("number"), arg("like|love|laugh|helpful")])
        .given(&[A_QUOTE])
        .examples(&[Example("!memories react 1 love", "#1 has 1 love")])
        .writes(),
        Spec::new("memories quotes", "Shows any quote", |_| Ok(Command::Quote))
            .aliases(&["memories quote"])
            .given(&[A_QUOTE])
            .examples(&[Example("!memories quotes", "#1 \"To be or not to be\" – Hamlet")]),
        Spec::new("memories urls", "Shows the links", |words| Ok(Command::List(Kind::Url, listing::page(words)?)))
            .takes(&[opt("page")])
            .examples(&[Example("!memories urls", "There is no url yet")]),
        Spec::new("memories remind", "Reminds you later, once or daily, weekly, monthly", read::remind)
            .takes(&[arg("text"), arg("in time"), opt("daily|weekly|monthly"), opt("until day")])
            .examples(&[
                Example("!memories remind \"take a break\" in \"10 minutes\"", "I remind you at 2026-01-01 00:10 UTC (#1)"),
                Example(
                    "!memories remind \"stretch\" in 1h30m daily until 2026-01-31",
                    "I remind you at 2026-01-01 01:30 UTC, then daily (#1)",
                ),
            ])
            .writes(),
        Spec::new("memories reminders", "Shows what you are to be reminded of", |_| Ok(Command::Reminders))
            .examples(&[Example("!memories reminders", "Nothing waits for you. Try !memories remind \"a text\" in \"10 minutes\"")]),
        Spec::new("memories reminders cancel", "Drops a reminder of yours", |words| Ok(Command::Cancel(words.number("the number")?)))
            .takes(&[arg("number")])
            .given(&["!memories remind \"take a break\" in \"10 minutes\""])
            .examples(&[Example("!memories reminders cancel 1", "I no longer remind you of #1")])
            .writes(),
    ];

    async fn open(&mut self, cx: &Context<'_, Self>) -> Result<(), ModuleError> {
        self.next = reminders::next_due(cx.store(), cx.community).await?;
        self.last = kept::last(cx.store(), cx.community).await?;
        Ok(())
    }

    async fn command(&mut self, command: Command, by: &User, cx: &Context<'_, Self>) -> Answer {
        match command {
            Command::Remind { text, when } => return self.remind(text, &when, by, cx).await,
            Command::Reminders => return waiting(by, cx).await,
            Command::Cancel(id) => return self.cancel(id, by, cx).await,
            _ => {}
        }
        let answer = match command {
            Command::Add(memory) => {
                self.last += 1;
                add(&Memory { id: self.last, ..memory }, by, cx)
            }
            Command::Overview => overview(cx).await?,
            Command::List(kind, page) => list(kind, page, cx).await?,
            Command::Search(text) => search(&text, cx).await?,
            Command::Get(id) => get(id, cx).await?,
            Command::Edit { id, part, value } => edit(id, part, &value, cx).await?,
            Command::Delete(id) => delete(id, cx).await?,
            Command::React(id, reaction) => react(id, &reaction, by, cx).await?,
            _ => any_quote(cx).await?,
        };
        Ok(vec![Response::say(answer)])
    }

    fn wakes_at(&self) -> Option<Millis> {
        self.next
    }

    async fn woken(&mut self, cx: &Context<'_, Self>) -> Result<Vec<Posted>, ModuleError> {
        let mut tx = cx.tx().await?;
        let mut posted = Vec::new();
        for reminder in reminders::due(&mut tx, cx.community, cx.now, AT_ONCE).await? {
            let next = reminder.every.and_then(|every| every.next(reminder.first, cx.now, cx.timezone));
            let next = next.filter(|next| reminder.end.is_none_or(|end| *next <= end));
            if reminders::told(&mut tx, cx.community, &reminder, next, cx.now).await?
                && let Some(channel) = reminder.channel.clone()
            {
                let late =
                    if cx.now - reminder.at > LATE { format!(" (from {})", moment::ago(reminder.at, cx.now)) } else { String::new() };
                let text = format!("Reminder: {}{late}", reminder.text);
                posted.push(Posted { channel, response: Response::tell(reminder.name, text) });
            }
        }
        self.next = reminders::next_due_in(&mut tx, cx.community).await?;
        Ok(posted)
    }
}

impl Memories {
    async fn remind(&mut self, text: String, when: &When, by: &User, cx: &Context<'_, Self>) -> Answer {
        let (at, end) = when.moments(cx.now, cx.timezone).map_err(|why| ModuleError::Refused(why.0))?;
        let mut tx = cx.tx().await?;
        let user = owner(by, cx);
        let most = cx.settings.reminders_per_person;
        if reminders::count(&mut tx, cx.community, &user).await? >= i64::from(most) {
            return Err(ModuleError::refused(format!("{most} reminders wait for you already; see !memories reminders")));
        }
        let name = by.name.to_string();
        let reminder =
            Reminder { id: 0, channel: Some(cx.channel.clone()), user, name: name.clone(), text, at, first: at, every: when.every, end };
        let id = reminders::add(&mut tx, cx.community, &reminder, cx.now).await?;
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
        let again = when.every.map(|every| format!(", then {}", every.name())).unwrap_or_default();
        Ok(vec![Response::tell(name, format!("I remind you at {}{again} (#{id})", moment::written(at, cx.timezone)))])
    }

    async fn cancel(&mut self, id: i64, by: &User, cx: &Context<'_, Self>) -> Answer {
        let mut tx = cx.tx().await?;
        if !reminders::cancel(&mut tx, cx.community, &owner(by, cx), id).await? {
            return Err(ModuleError::refused(format!("you have no reminder #{id}; see !memories reminders")));
        }
        self.next = reminders::next_due_in(&mut tx, cx.community).await?;
        Ok(vec![Response::tell(by.name.clone(), format!("I no longer remind you of #{id}"))])
    }
}

/// A person, on their platform.
fn owner(by: &User, cx: &Context<'_, Memories>) -> String {
    format!("{}:{}", cx.channel.platform(), by.id)
}

async fn waiting(by: &User, cx: &Context<'_, Memories>) -> Answer {
    let waiting = reminders::waiting(cx.store(), cx.community, &owner(by, cx), PER_PAGE).await?;
    let entries: Vec<_> = waiting
        .iter()
        .map(|reminder| {
            let again = reminder.every.map(|every| format!(", {}", every.name())).unwrap_or_default();
            format!("#{} {} ({}{again})", reminder.id, short(&reminder.text, 40), moment::written(reminder.at, cx.timezone))
        })
        .collect();
    let text = if entries.is_empty() {
        "Nothing waits for you. Try !memories remind \"a text\" in \"10 minutes\"".to_owned()
    } else {
        entries.join(" · ")
    };
    Ok(vec![Response::tell(by.name.clone(), text)])
}

#[cfg(test)]
mod tests;

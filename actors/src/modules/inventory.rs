//! Lends things and keeps track of them: who has what, since when.

mod items;
mod read;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{Role, User};
use waddlebot_runtime::command::{Example, Spec, UserName, arg, opt};
use waddlebot_runtime::module::{Answer, Context, Module, ModuleError};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::store::FencedTx;

use self::items::{Act, Item};
pub use self::read::Filter;
use crate::listing::{PER_PAGE, Page, short};
use crate::moment;

/// The most characters of a name, a description and a label.
const LONGEST_NAME: usize = 255;
const LONGEST_DESCRIPTION: usize = 2_000;
const LONGEST_LABEL: usize = 50;

/// The module; everything it knows is in its tables.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Inventory;

/// What chat may ask.
#[derive(Debug)]
pub enum Command {
    /// Put something in.
    Add {
        /// Its name.
        item: String,
        /// What it is.
        description: String,
        /// Folded, without repeats.
        labels: Vec<String>,
    },
    /// Give something to somebody.
    CheckOut {
        /// What.
        item: String,
        /// Whom.
        to: UserName,
    },
    /// Take something back.
    CheckIn(String),
    /// Take something out for good.
    Delete(String),
    /// What there is.
    List {
        /// Which of them.
        filter: Filter,
        /// Which page.
        page: Option<i64>,
    },
    /// What there is of a kind.
    Search(String),
    /// Who has it.
    Status(String),
    /// Numbers.
    Stats,
    /// Put a label on, or take it off.
    Label {
        /// What.
        item: String,
        /// Folded.
        label: String,
        /// On or off.
        on: bool,
    },
}

/// What a community can set.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How many labels one item may have
    pub labels_per_item: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { labels_per_item: 5 }
    }
}

impl Module for Inventory {
    const NAME: &'static str = "inventory";
    const ABOUT: &'static str = "Lends things and keeps track of who has them";
    type Command = Command;
    type Settings = Settings;
    const COMMANDS: &'static [Spec<Command>] = &[
        Spec::new("inventory add", "Puts something into the inventory", read::add)
            .takes(&[arg("item"), arg("description"), opt("labels")])
            .role(Role::Moderator)
            .examples(&[
                Example("!inventory add chess \"A fine wooden board\" board,game", "chess is in the inventory now"),
                Example("!inventory add \"\" nothing", "an item is missing. Usage: !inventory add <item> <description> [labels]"),
            ])
            .writes(),
        Spec::new("inventory checkout", "Gives something to somebody", read::check_out)
            .takes(&[arg("item"), arg("user")])
            .role(Role::Moderator)
            .given(&["!inventory add chess \"A fine wooden board\""])
            .examples(&[Example("!inventory checkout chess @bob", "bob has chess now")])
            .writes(),
        Spec::new("inventory checkin", "Takes something back", |words| Ok(Command::CheckIn(read::item(words)?)))
            .takes(&[arg("item")])
            .role(Role::Moderator)
            .given(&["!inventory add chess \"A fine wooden board\"", "!inventory checkout chess @bob"])
            .examples(&[Example("!inventory checkin chess", "chess is back from bob")])
            .writes(),
        Spec::new("inventory delete", "Takes something out of the inventory for good", |words| Ok(Command::Delete(read::item(words)?)))
            .takes(&[arg("item")])
            .role(Role::Admin)
            .given(&["!inventory add chess \"A fine wooden board\""])
            .examples(&[Example("!inventory delete chess", "chess is no longer in the inventory")])
            .writes(),
        Spec::new("inventory list", "Shows what there is: all, available or checkedout", read::list)
            .takes(&[opt("all|available|checkedout"), opt("page")])
            .given(&["!inventory add chess \"A fine wooden board\""])
            .examples(&[Example("!inventory list", "Items (1): chess"), Example("!inventory list checkedout", "Nothing is out")]),
        Spec::new("inventory search", "Finds things by name, description or label", |words| {
            Ok(Command::Search(words.need_rest("a word")?))
        })
        .takes(&[arg("query")])
        .given(&["!inventory add chess \"A fine wooden board\""])
        .examples(&[Example("!inventory search WOOD", "Found: chess")]),
        Spec::new("inventory status", "Tells who has something, and since when", |words| Ok(Command::Status(read::item(words)?)))
            .takes(&[arg("item")])
            .given(&["!inventory add chess \"A fine wooden board\" game"])
            .examples(&[Example("!inventory status chess", "chess is free – A fine wooden board [game]")]),
        Spec::new("inventory stats", "Tells how much there is, and what was done last", |_| Ok(Command::Stats)).examples(&[Example(
            "!inventory stats",
            "The inventory is empty. A moderator adds things with !inventory add <item> <description>",
        )]),
        Spec::new("inventory labels", "Puts a label on something, or takes it off", read::labels)
            .takes(&[arg("item"), arg("add|remove"), arg("label")])
            .role(Role::Moderator)
            .given(&["!inventory add chess \"A fine wooden board\""])
            .examples(&[Example("!inventory labels chess add game", "chess is labelled game")])
            .writes(),
    ];

    async fn command(&mut self, command: Command, by: &User, cx: &Context<'_, Self>) -> Answer {
        let by = by.name.as_ref();
        let answer = match command {
            Command::Add { item, description, labels } => add(&item, &description, &labels, by, cx).await?,
            Command::CheckOut { item, to } => check_out(&item, &to, by, cx).await?,
            Command::CheckIn(item) => check_in(&item, by, cx).await?,
            Command::Delete(item) => delete(&item, by, cx).await?,
            Command::List { filter, page } => list(filter, page, cx).await?,
            Command::Search(text) => search(&text, cx).await?,
            Command::Status(item) => status(&item, cx).await?,
            Command::Stats => stats(cx).await?,
            Command::Label { item, label, on } => relabel(&item, &label, on, by, cx).await?,
        };
        Ok(vec![Response::say(answer)])
    }
}

type Told = Result<String, ModuleError>;

async fn add(name: &str, description: &str, labels: &[String], by: &str, cx: &Context<'_, Inventory>) -> Told {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    fits("a name", &name, LONGEST_NAME)?;
    fits("a description", description, LONGEST_DESCRIPTION)?;
    for label in labels {
        fits("a label", label, LONGEST_LABEL)?;
    }
    let most = cx.settings.labels_per_item;
    if labels.len() > most as usize {
        return Err(ModuleError::refused(format!("an item has at most {most} labels")));
    }
    let act = Act { community: cx.community, action: "add", by, details: description, now: cx.now };
    if items::add(&mut *cx.tx().await?, &act, &name, description, labels).await? {
        Ok(format!("{name} is in the inventory now"))
    } else {
        Err(ModuleError::refused(format!("there is a {name} in the inventory already")))
    }
}

async fn check_out(name: &str, to: &UserName, by: &str, cx: &Context<'_, Inventory>) -> Told {
    let mut tx = cx.tx().await?;
    let item = known(&mut tx, name, cx).await?;
    let act = Act { community: cx.community, action: "checkout", by, details: to.as_str(), now: cx.now };
    if items::check_out(&mut tx, &act, &item, to.as_str()).await? {
        return Ok(format!("{to} has {} now", item.name));
    }
    // Whoever was faster is in the row by now.
    let item = known(&mut tx, name, cx).await?;
    Err(ModuleError::refused(format!("{} is out: {}", item.name, held(&item, cx))))
}

async fn check_in(name: &str, by: &str, cx: &Context<'_, Inventory>) -> Told {
    let mut tx = cx.tx().await?;
    let item = known(&mut tx, name, cx).await?;
    let from = item.holder.clone().unwrap_or_default();
    let act = Act { community: cx.community, action: "checkin", by, details: &from, now: cx.now };
    if items::check_in(&mut tx, &act, &item).await? {
        Ok(format!("{} is back from {from}", item.name))
    } else {
        Err(ModuleError::refused(format!("{} is not out", item.name)))
    }
}

async fn delete(name: &str, by: &str, cx: &Context<'_, Inventory>) -> Told {
    let mut tx = cx.tx().await?;
    let item = known(&mut tx, name, cx).await?;
    let state = item.holder.as_ref().map_or_else(|| "free".to_owned(), |holder| format!("with {holder}"));
    let act = Act { community: cx.community, action: "delete", by, details: &state, now: cx.now };
    items::delete(&mut tx, &act, &item).await?;
    let last = item.holder.map(|holder| format!("; {holder} had it")).unwrap_or_default();
    Ok(format!("{} is no longer in the inventory{last}", item.name))
}

async fn relabel(name: &str, label: &str, on: bool, by: &str, cx: &Context<'_, Inventory>) -> Told {
    fits("a label", label, LONGEST_LABEL)?;
    let mut tx = cx.tx().await?;
    let item = known(&mut tx, name, cx).await?;
    let mut labels = item.labels.clone();
    let has = labels.iter().any(|known| known == label);
    let most = cx.settings.labels_per_item;
    match (has, on) {
        (true, true) => return Err(ModuleError::refused(format!("{} is labelled {label} already", item.name))),
        (false, false) => return Err(ModuleError::refused(format!("{} has no label {label}", item.name))),
        (false, true) if labels.len() >= most as usize => {
            return Err(ModuleError::refused(format!("{} has {most} labels already, and no more are allowed", item.name)));
        }
        (false, true) => labels.push(label.to_owned()),
        (true, false) => labels.retain(|known| known != label),
    }
    let action = if on { "label_add" } else { "label_remove" };
    let act = Act { community: cx.community, action, by, details: label, now: cx.now };
    if !items::relabel(&mut tx, &act, &item, &labels).await? {
        return Err(ModuleError::refused(format!("somebody changed {} just now; look and try again", item.name)));
    }
    Ok(if on { format!("{} is labelled {label}", item.name) } else { format!("{} lost the label {label}", item.name) })
}

async fn list(filter: Filter, page: Option<i64>, cx: &Context<'_, Inventory>) -> Told {
    let total = items::count(cx.store(), cx.community, filter).await?;
    if total == 0 {
        return match filter {
            Filter::All => Ok(EMPTY.to_owned()),
            Filter::Available => Ok("Nothing is free".to_owned()),
            Filter::CheckedOut => Ok("Nothing is out".to_owned()),
        };
    }
    let page = Page::of(page, total);
    let items = items::list(cx.store(), cx.community, filter, page.skipped(), PER_PAGE).await?;
    let entries: Vec<_> = items.iter().map(entry).collect();
    let heading = match filter {
        Filter::All => "Items",
        Filter::Available => "Free",
        Filter::CheckedOut => "Out",
    };
    Ok(page.shown(heading, &entries, &format!("!inventory list {}", filter.name())))
}

async fn search(text: &str, cx: &Context<'_, Inventory>) -> Told {
    let found = items::search(cx.store(), cx.community, text, PER_PAGE + 1).await?;
    if found.is_empty() {
        return Ok(format!("Nothing found for {}", short(text, 60)));
    }
    let more = if found.len() as i64 > PER_PAGE { " · and more" } else { "" };
    let entries: Vec<_> = found.iter().take(PER_PAGE as usize).map(entry).collect();
    Ok(format!("Found: {}{more}", entries.join(" · ")))
}

async fn status(name: &str, cx: &Context<'_, Inventory>) -> Told {
    let item = items::find(cx.store(), cx.community, name).await?.ok_or_else(|| unknown(name))?;
    let labels = if item.labels.is_empty() { String::new() } else { format!(" [{}]", item.labels.join(", ")) };
    let state = if item.holder.is_some() { format!("out: {}", held(&item, cx)) } else { "free".to_owned() };
    Ok(format!("{} is {state} – {}{labels}", item.name, short(&item.description, 200)))
}

async fn stats(cx: &Context<'_, Inventory>) -> Told {
    let totals = items::totals(cx.store(), cx.community).await?;
    let latest = items::latest(cx.store(), cx.community, 10).await?;
    if totals.all == 0 && latest.is_empty() {
        return Ok(EMPTY.to_owned());
    }
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for label in items::all_labels(cx.store(), cx.community).await?.into_iter().flatten() {
        *used.entry(label).or_default() += 1;
    }
    let mut top: Vec<_> = used.iter().collect();
    top.sort_by_key(|(label, times)| (std::cmp::Reverse(**times), label.as_str()));
    let top: Vec<_> = top.iter().take(10).map(|(label, times)| format!("{label} {times}×")).collect();
    let latest: Vec<_> = latest.iter().map(|(action, item, by)| format!("{action} {} ({by})", short(item, 30))).collect();
    let labels = if top.is_empty() { "no labels".to_owned() } else { format!("{} labels: {}", used.len(), top.join(", ")) };
    let free = totals.all - totals.out;
    Ok(format!("{} items, {free} free, {} out · {labels} · last: {}", totals.all, totals.out, latest.join(", ")))
}

const EMPTY: &str = "The inventory is empty. A moderator adds things with !inventory add <item> <description>";

async fn known(tx: &mut FencedTx, name: &str, cx: &Context<'_, Inventory>) -> Result<Item, ModuleError> {
    items::find_in(tx, cx.community, name).await?.ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> ModuleError {
    ModuleError::refused(format!("there is no {} in the inventory", short(name, 60)))
}

/// `bob has it since 2026-01-01 18:00 UTC (2 hours ago)`
fn held(item: &Item, cx: &Context<'_, Inventory>) -> String {
    let holder = item.holder.as_deref().unwrap_or("somebody");
    match item.out_since {
        Some(since) => format!("{holder} has it since {} ({})", moment::written(since, cx.timezone), moment::ago(since, cx.now)),
        None => format!("{holder} has it"),
    }
}

fn entry(item: &Item) -> String {
    let name = short(&item.name, 30);
    match &item.holder {
        Some(holder) => format!("{name} (with {})", short(holder, 30)),
        None => name,
    }
}

fn fits(what: &str, text: &str, most: usize) -> Result<(), ModuleError> {
    if text.chars().count() > most { Err(ModuleError::refused(format!("{what} has at most {most} characters"))) } else { Ok(()) }
}

#[cfg(test)]
mod tests;

//! What chat is answered about what is kept.

use waddlebot_runtime::chat::User;
use waddlebot_runtime::module::{Context, ModuleError};

use super::kept::{self, Kind, Memory};
use super::read::{self, Part};
use super::{Memories, owner};
use crate::listing::{PER_PAGE, Page, short};

/// How people may react.
const REACTIONS: [&str; 4] = ["like", "love", "laugh", "helpful"];
/// Links that one line of chat shows.
const LINKS_PER_PAGE: i64 = 5;

/// What is said, or why not.
type Told = Result<String, ModuleError>;

pub(super) fn add(memory: &Memory, by: &User, cx: &Context<'_, Memories>) -> String {
    cx.write(kept::adding(cx.community, cx.channel, by, memory, cx.now));
    format!("Kept as #{}: {}", memory.id, whole(memory))
}

pub(super) async fn overview(cx: &Context<'_, Memories>) -> Told {
    let mut groups = Vec::new();
    for kind in Kind::ALL {
        let total = kept::count(cx.store(), cx.community, kind).await?;
        if total > 0 {
            let newest = kept::list(cx.store(), cx.community, kind, 0, 3).await?;
            let entries: Vec<_> = newest.iter().map(entry).collect();
            groups.push(format!("{}s ({total}): {}", kind.name(), entries.join(" · ")));
        }
    }
    if groups.is_empty() {
        return Ok(EMPTY.to_owned());
    }
    Ok(groups.join(" | "))
}

const EMPTY: &str = "Nothing is kept yet. A moderator begins with !memories add quote \"a text\" [author]";

pub(super) async fn list(kind: Kind, page: Option<i64>, cx: &Context<'_, Memories>) -> Told {
    let total = kept::count(cx.store(), cx.community, kind).await?;
    if total == 0 {
        return Ok(format!("There is no {} yet", kind.name()));
    }
    let (size, again) = if kind == Kind::Url {
        (LINKS_PER_PAGE, "!memories urls".to_owned())
    } else {
        (PER_PAGE, format!("!memories list {}", kind.name()))
    };
    let page = Page::sized(page, total, size);
    let memories = kept::list(cx.store(), cx.community, kind, page.skipped(), size).await?;
    let entries: Vec<_> = memories.iter().map(entry).collect();
    Ok(page.shown(&format!("{}s", kind.name()), &entries, &again))
}

pub(super) async fn search(text: &str, cx: &Context<'_, Memories>) -> Told {
    let found = kept::search(cx.store(), cx.community, text, PER_PAGE + 1).await?;
    if found.is_empty() {
        return Ok(format!("Nothing found for {}", short(text, 60)));
    }
    let more = if found.len() as i64 > PER_PAGE { " · and more" } else { "" };
    let entries: Vec<_> = found.iter().take(PER_PAGE as usize).map(entry).collect();
    Ok(format!("Found: {}{more}", entries.join(" · ")))
}

pub(super) async fn get(id: i64, cx: &Context<'_, Memories>) -> Told {
    let mut tx = cx.tx().await?;
    let memory = kept::get(&mut tx, cx.community, id, Some(cx.now)).await?.ok_or_else(|| unknown(id))?;
    let uses = kept::uses(&mut tx, cx.community, id).await?;
    let reactions: String =
        kept::reactions(&mut tx, cx.community, id).await?.iter().map(|(reaction, times)| format!(", {times} {reaction}")).collect();
    Ok(format!("#{id} {} (shown {uses}×{reactions})", whole(&memory)))
}

pub(super) async fn edit(id: i64, part: Part, value: &str, cx: &Context<'_, Memories>) -> Told {
    let mut tx = cx.tx().await?;
    let mut memory = kept::get(&mut tx, cx.community, id, None).await?.ok_or_else(|| unknown(id))?;
    let fits = match memory.kind {
        Kind::Quote => matches!(part, Part::Content | Part::Author | Part::Tags),
        Kind::Url => matches!(part, Part::Title | Part::Content | Part::Url | Part::Tags),
        Kind::Note => matches!(part, Part::Title | Part::Content | Part::Tags),
    };
    if !fits {
        return Err(ModuleError::refused(format!("a {} has no such part", memory.kind.name())));
    }
    read::put(&mut memory, part, value).map_err(|why| ModuleError::Refused(why.0))?;
    kept::change(&mut tx, cx.community, &memory, cx.now).await?;
    Ok(format!("Now #{id}: {}", whole(&memory)))
}

pub(super) async fn delete(id: i64, cx: &Context<'_, Memories>) -> Told {
    match kept::delete(&mut *cx.tx().await?, cx.community, id, cx.now).await? {
        true => Ok(format!("#{id} is dropped")),
        false => Err(unknown(id)),
    }
}

pub(super) async fn react(id: i64, reaction: &str, by: &User, cx: &Context<'_, Memories>) -> Told {
    if !REACTIONS.contains(&reaction) {
        return Err(ModuleError::refused(format!("a reaction is {}", REACTIONS.join(", "))));
    }
    let mut tx = cx.tx().await?;
    kept::get(&mut tx, cx.community, id, None).await?.ok_or_else(|| unknown(id))?;
    if !kept::react(&mut tx, cx.community, id, &owner(by, cx), reaction, cx.now).await? {
        return Err(ModuleError::refused(format!("you reacted to #{id} like that already")));
    }
    let reactions = kept::reactions(&mut tx, cx.community, id).await?;
    let reactions: Vec<_> = reactions.iter().map(|(reaction, times)| format!("{times} {reaction}")).collect();
    Ok(format!("#{id} has {}", reactions.join(", ")))
}

pub(super) async fn any_quote(cx: &Context<'_, Memories>) -> Told {
    let total = kept::count(cx.store(), cx.community, Kind::Quote).await?;
    let skipped = cx.random_below(usize::try_from(total).unwrap_or(0));
    let quotes = kept::list(cx.store(), cx.community, Kind::Quote, i64::try_from(skipped).unwrap_or(0), 1).await?;
    Ok(match quotes.first() {
        Some(quote) => format!("#{} {}", quote.id, whole(quote)),
        None => "There is no quote yet. A moderator adds one with !memories add quote \"a text\" [author]".to_owned(),
    })
}

fn unknown(id: i64) -> ModuleError {
    ModuleError::refused(format!("nothing is kept as #{id}"))
}

fn whole(memory: &Memory) -> String {
    let Memory { title, content, url, author, tags, .. } = memory;
    let text = match memory.kind {
        Kind::Quote => format!("\"{content}\" – {author}"),
        Kind::Url if content.is_empty() => format!("{title}: {url}"),
        Kind::Url => format!("{title}: {url} – {content}"),
        Kind::Note => format!("{title}: {content}"),
    };
    if tags.is_empty() { text } else { format!("{text} [{}]", tags.join(", ")) }
}

fn entry(memory: &Memory) -> String {
    let id = memory.id;
    match memory.kind {
        Kind::Quote => format!("#{id} \"{}\" – {}", short(&memory.content, 40), short(&memory.author, 20)),
        Kind::Url => format!("#{id} {}: {}", short(&memory.title, 30), memory.url),
        Kind::Note => format!("#{id} {}", short(&memory.title, 40)),
    }
}

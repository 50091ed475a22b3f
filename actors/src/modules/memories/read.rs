//! How chat writes what it wants to keep, to change, and to be reminded of.

use waddlebot_runtime::command::{Missing, Words};

use super::kept::{Kind, Memory};
use super::{Command, time};
use crate::listing::{self, folded};
use crate::weblink::weblink;

const MOST_TAGS: usize = 10;

/// The most characters of each part.
const LONGEST: [(&str, usize); 4] = [("title", 200), ("content", 1_000), ("author", 100), ("tag", 50)];

/// What of a kept thing can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The title of a link or a note.
    Title,
    /// The words of a quote, what a link is about, the text of a note.
    Content,
    /// Who said it.
    Author,
    /// Where a link leads.
    Url,
    /// What it belongs to.
    Tags,
}

/// `"to be or not" Shakespeare`; without quotes everything is the quote.
pub(super) fn quote(words: &mut Words<'_>) -> Result<Command, Missing> {
    let quoted = words.as_str().starts_with(['"', '“', '„', '«']);
    let content = if quoted { words.need("a text")? } else { words.need_rest("a text")? };
    let author = Some(words.rest()).filter(|author| !author.is_empty()).unwrap_or_else(|| "Unknown".to_owned());
    kept(Kind::Quote, [(Part::Content, &content), (Part::Author, &author)])
}

/// `"Our site" example.org a fine place`
pub(super) fn url(words: &mut Words<'_>) -> Result<Command, Missing> {
    let (title, url) = (words.need("a title")?, words.need("a link")?);
    kept(Kind::Url, [(Part::Title, title.as_str()), (Part::Url, &url), (Part::Content, &words.rest())])
}

/// `"Rules" "Be kind" house,kind`
pub(super) fn note(words: &mut Words<'_>) -> Result<Command, Missing> {
    let (title, content) = (words.need("a title")?, words.need("a text")?);
    kept(Kind::Note, [(Part::Title, title.as_str()), (Part::Content, &content), (Part::Tags, &words.rest())])
}

fn kept<const N: usize>(kind: Kind, parts: [(Part, &str); N]) -> Result<Command, Missing> {
    let empty = String::new;
    let mut memory = Memory { id: 0, kind, title: empty(), content: empty(), url: empty(), author: empty(), tags: Vec::new() };
    for (part, value) in parts {
        put(&mut memory, part, value)?;
    }
    Ok(Command::Add(memory))
}

/// Puts a value into its part, or says why it does not fit.
pub(super) fn put(memory: &mut Memory, part: Part, value: &str) -> Result<(), Missing> {
    let value = value.trim();
    match part {
        Part::Title => memory.title = fitting("title", value)?,
        Part::Content => memory.content = fitting("content", value)?,
        Part::Author => memory.author = fitting("author", value)?,
        Part::Url => memory.url = weblink(value).ok_or_else(|| Missing::new("that is no link to the web, such as https://example.org"))?,
        Part::Tags => {
            memory.tags.clear();
            for tag in value.split(',').map(folded).filter(|tag| !tag.is_empty()) {
                let tag = fitting("tag", &tag)?;
                if !memory.tags.contains(&tag) {
                    memory.tags.push(tag);
                }
            }
            if memory.tags.len() > MOST_TAGS {
                return Err(Missing(format!("there are more than {MOST_TAGS} tags")));
            }
        }
    }
    Ok(())
}

fn fitting(what: &str, value: &str) -> Result<String, Missing> {
    let most = LONGEST.iter().find(|(name, _)| *name == what).map_or(usize::MAX, |(_, most)| *most);
    if value.chars().count() > most { Err(Missing(format!("the {what} has more than {most} characters"))) } else { Ok(value.to_owned()) }
}

/// `quote 2`
pub(super) fn list(words: &mut Words<'_>) -> Result<Command, Missing> {
    let Some(word) = words.clone().next() else {
        return Ok(Command::Overview);
    };
    let kind = Kind::parse(&word).ok_or_else(|| Missing::new("the type is quote, url or note"))?;
    words.next();
    Ok(Command::List(kind, listing::page(words)?))
}

/// `3 author "Ana"`
pub(super) fn edit(words: &mut Words<'_>) -> Result<Command, Missing> {
    let id = words.number("the number")?;
    let part = match words.need("what to change")?.to_lowercase().as_str() {
        "title" => Part::Title,
        "content" | "text" => Part::Content,
        "author" => Part::Author,
        "url" | "link" => Part::Url,
        "tags" => Part::Tags,
        _ => return Err(Missing::new("what can be changed is title, content, author, url or tags")),
    };
    Ok(Command::Edit { id, part, value: words.need_rest("the new value")? })
}

/// `"take a break" in "1 hour" daily`; without quotes the last `in` divides.
pub(super) fn remind(words: &mut Words<'_>) -> Result<Command, Missing> {
    let all = words.as_str();
    let (text, time) = match all.rfind(" in ") {
        Some(at) if !all.starts_with(['"', '“', '„', '«']) => (all[..at].trim().to_owned(), &all[at..]),
        _ => (words.need("a text")?, words.as_str()),
    };
    if text.is_empty() {
        return Err(Missing::new("a text is missing"));
    }
    let mut rest = Words::new(time);
    let time: Vec<_> = std::iter::from_fn(|| rest.next()).collect();
    Ok(Command::Remind { text: fitting("content", &text)?, when: time::when(&time.join(" "))? })
}

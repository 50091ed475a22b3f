//! Reads `cluster.toml`, keeping the line of each value for messages.

use std::fs;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::layers::{Layers, Origin};
use super::value::Raw;

/// The longest file that is read, in bytes: a configuration is not larger, something else is.
const LONGEST: u64 = 1 << 20;

/// Adds every value of the file to `layers`.
pub(crate) fn read(path: &Path, layers: &mut Layers) -> Result<(), ConfigError> {
    let unreadable = |why: std::io::Error| ConfigError::Unreadable { path: path.to_owned(), why };
    if fs::metadata(path).map_err(unreadable)?.len() > LONGEST {
        return Err(unreadable(std::io::Error::other("it is larger than a megabyte")));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let reader = Reader { path, text: &text };
    let document = DeTable::parse(&text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: reader.line(error.span().map_or(0, |span| span.start)),
        why: error.message().to_owned(),
    })?;
    for (section, value) in document.get_ref() {
        let name = section.get_ref().as_ref();
        match value.get_ref() {
            DeValue::Table(table) => reader.table(name, table, layers)?,
            _ => layers.add(name, Raw::Truth(true), reader.origin(section.span().start))?,
        }
    }
    Ok(())
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    /// A table within a section (`tls = { ca = … }`) is the same as a longer name (`tls_ca = …`).
    fn table(&self, name: &str, table: &DeTable<'_>, layers: &mut Layers) -> Result<(), ConfigError> {
        let joint = if name.contains('.') { '_' } else { '.' };
        for (key, value) in table {
            let full = format!("{name}{joint}{}", key.get_ref());
            match value.get_ref() {
                DeValue::Table(inner) => self.table(&full, inner, layers)?,
                _ => {
                    let raw = self.raw(&full, value)?;
                    layers.add(&full, raw, self.origin(key.span().start))?;
                }
            }
        }
        Ok(())
    }

    fn raw(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<Raw, ConfigError> {
        let wrong = |wants: &'static str, got: &DeValue<'_>| ConfigError::Wrong {
            place: self.origin(value.span().start),
            key: key.to_owned(),
            wants,
            got: named(got),
        };
        let one = value.get_ref();
        match one {
            DeValue::String(text) => Ok(Raw::Text(text.to_string())),
            DeValue::Boolean(truth) => Ok(Raw::Truth(*truth)),
            DeValue::Integer(number) => {
                let read = i64::from_str_radix(number.as_str(), number.radix());
                read.map(Raw::Whole).map_err(|_| wrong("a number that is not so large", one))
            }
            DeValue::Float(number) => number.as_str().parse().map(Raw::Number).map_err(|_| wrong("a number", one)),
            DeValue::Array(list) => {
                let text = |part: &Spanned<DeValue<'_>>| part.get_ref().as_str().map(str::to_owned);
                list.iter()
                    .map(|part| text(part).ok_or_else(|| wrong("a list of texts", part.get_ref())))
                    .collect::<Result<_, _>>()
                    .map(Raw::List)
            }
            DeValue::Datetime(_) | DeValue::Table(_) => Err(wrong("a text, a number or a list of texts", one)),
        }
    }

    fn origin(&self, at: usize) -> Origin {
        Origin::File(PathBuf::from(self.path), self.line(at))
    }

    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1
    }
}

/// The kind of a value, as it stands in a sentence.
fn named(value: &DeValue<'_>) -> String {
    let kind = value.type_str();
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind}")
}

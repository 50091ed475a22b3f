//! A JSON schema as rows of a table: a field, what it may hold, what it means.

use serde_json::Value;

use super::{Text, marked, text};

/// One field.
pub(super) struct Row {
    /// How deep it stands below the first.
    pub(super) depth: usize,
    /// Its name; empty for what is no field.
    pub(super) name: String,
    /// What it may hold, in words.
    pub(super) kind: String,
    /// The name of the schema that says what it holds.
    pub(super) named: Option<String>,
    /// It must be there.
    pub(super) needed: bool,
    /// What it means.
    pub(super) about: Text,
}

/// How deep rows go; what lies deeper is told by its kind alone.
const DEEPEST: usize = 4;

impl Row {
    /// A part of the path, a word of the query, or a header.
    pub(super) fn of_parameter(parameter: &Value) -> Self {
        let place = match parameter["in"].as_str() {
            Some("path") => "in the path",
            Some("header") => "a header",
            _ => "behind the question mark",
        };
        let schema = &parameter["schema"];
        let about = match parameter["description"].as_str() {
            Some(about) => format!("{place}: {about}"),
            None => place.to_owned(),
        };
        let needed = parameter["required"] == true;
        Self { depth: 0, name: text(&parameter["name"]), kind: kind(schema), named: named(schema), needed, about: marked(&about) }
    }

    fn field(depth: usize, name: &str, schema: &Value, needed: bool) -> Self {
        let about = marked(schema["description"].as_str().unwrap_or_default());
        Self { depth, name: name.to_owned(), kind: kind(schema), named: named(schema), needed, about }
    }
}

/// The fields of a schema, those within them below; a schema without fields is one row.
pub(super) fn rows(schema: &Value) -> Vec<Row> {
    let mut found = Vec::new();
    fields(schema, 0, &mut found);
    if found.is_empty() && !schema.is_null() {
        found.push(Row::field(0, "", schema, true));
    }
    found
}

fn fields(schema: &Value, depth: usize, found: &mut Vec<Row>) {
    let needed: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        found.push(Row::field(depth, name, field, needed.contains(&name.as_str())));
        if depth < DEEPEST {
            let below = if field["type"] == "array" { &field["items"] } else { field };
            fields(below, depth + 1, found);
        }
    }
}

/// The schema that a value is told by, directly or within a list.
fn named(schema: &Value) -> Option<String> {
    let place = schema["$ref"].as_str().or_else(|| schema["items"]["$ref"].as_str())?;
    place.rsplit('/').next().map(str::to_owned)
}

/// What a value may be, in words.
fn kind(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect();
        return format!("one of {}", words.join(", "));
    }
    if let Some(forms) = schema["anyOf"].as_array().filter(|_| schema["properties"].is_null()) {
        return forms.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    if schema["$ref"].is_string() {
        return String::new();
    }
    let names: Vec<_> = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => return "anything".to_owned(),
    };
    let words: Vec<_> = names.iter().map(|name| one(name, schema)).collect();
    let bounds = bounds(schema);
    let otherwise = match &schema["default"] {
        Value::Null => String::new(),
        value => format!(", {value} when left out"),
    };
    format!("{}{bounds}{otherwise}", words.join(" or "))
}

fn one(name: &str, schema: &Value) -> String {
    match name {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => match kind(&schema["items"]) {
            of if of.is_empty() => "list of".to_owned(),
            of => format!("list of {of}"),
        },
        "object" if schema["additionalProperties"].is_object() => format!("by name: {}", kind(&schema["additionalProperties"])),
        other => other.to_owned(),
    }
}

fn bounds(schema: &Value) -> String {
    // The bounds of 64 bits are no news.
    let told = |name: &str| schema[name].as_i64().filter(|number| ![i64::MIN, i64::MAX].contains(number));
    let between = |least: Option<i64>, most: Option<i64>, what: &str| match (least, most) {
        (Some(least), Some(most)) => format!(", {least} to {most}{what}"),
        (Some(least), None) => format!(", at least {least}{what}"),
        (None, Some(most)) => format!(", at most {most}{what}"),
        (None, None) => String::new(),
    };
    [
        between(told("minimum"), told("maximum"), ""),
        between(told("minLength"), told("maxLength"), " characters"),
        between(told("minItems"), told("maxItems"), " of them"),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_told_in_words() {
        let told = |schema: Value| kind(&schema);
        assert_eq!(
            told(json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 10})),
            "whole number, 1 to 100, 10 when left out"
        );
        assert_eq!(told(json!({"type": ["string", "null"], "maxLength": 5})), "text or null, at most 5 characters");
        assert_eq!(told(json!({"type": "array", "items": {"type": "string"}})), "list of text");
        assert_eq!(told(json!({"enum": ["a", "b"], "type": "string"})), "one of a, b");
        assert_eq!(told(json!({})), "anything");
        let nested =
            json!({"properties": {"a": {"type": "array", "items": {"properties": {"b": {"$ref": "#/x/Thing"}}}}}, "required": ["a"]});
        let found = rows(&nested);
        assert_eq!(
            found.iter().map(|row| (row.depth, row.name.as_str(), row.needed)).collect::<Vec<_>>(),
            [(0, "a", true), (1, "b", false)]
        );
        assert_eq!(found[1].named.as_deref(), Some("Thing"));
    }
}

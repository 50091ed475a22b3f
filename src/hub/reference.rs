//! The API's description as a page: made from the same document as `/openapi.json`, for everybody, without a script.

mod shape;

use std::sync::LazyLock;

use askama::Template;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::assets;
use crate::api::openapi;
use shape::{Row, rows};

/// `GET /docs`
pub(super) async fn show() -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(|| {
        let document = openapi::document(&openapi::described());
        Reference::new(&document).render().expect("writing to a string")
    });
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE.as_str()).into_response()
}

/// The whole page.
#[derive(Template)]
#[template(path = "reference.html")]
struct Reference {
    assets: String,
    version: String,
    about: Vec<Text>,
    areas: Vec<Area>,
    schemas: Vec<(String, Vec<Row>)>,
}

/// Words and code in turn, beginning with words.
type Text = Vec<String>;

struct Area {
    id: String,
    name: String,
    about: String,
    operations: Vec<Shown>,
}

struct Shown {
    id: String,
    method: String,
    path: String,
    /// The other addresses it is served under.
    also: Vec<String>,
    summary: String,
    about: Vec<Text>,
    parameters: Vec<Row>,
    body: Vec<Row>,
    examples: Vec<String>,
    answers: Vec<Answer>,
}

struct Answer {
    status: String,
    about: Text,
    rows: Vec<Row>,
}

impl Reference {
    fn new(document: &Value) -> Self {
        let areas = document["tags"].as_array().into_iter().flatten().map(|tag| Area::new(document, tag));
        let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
        Self {
            assets: assets::version(),
            version: text(&document["info"]["version"]),
            about: paragraphs(&document["info"]["description"]),
            areas: areas.filter(|area| !area.operations.is_empty()).collect(),
            schemas: schemas.map(|(name, schema)| (name.clone(), rows(schema))).collect(),
        }
    }
}

impl Area {
    fn new(document: &Value, tag: &Value) -> Self {
        let paths = document["paths"].as_object().into_iter().flatten();
        let all = paths.flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |(method, one)| (path, item, method, one)));
        let mine = all.filter(|(.., one)| one["tags"][0] == tag["name"]);
        let operations = mine.map(|(path, item, method, one)| Shown::new(document, path, &item["servers"], method, one)).collect();
        let name = text(&tag["name"]);
        Self { id: name.replace(' ', "-"), name, about: text(&tag["description"]), operations }
    }
}

impl Shown {
    fn new(document: &Value, path: &str, servers: &Value, method: &str, one: &Value) -> Self {
        let prefixes = servers.as_array().into_iter().flatten().map(|server| text(&server["url"]));
        let body = &one["requestBody"]["content"]["application/json"];
        let examples = body["examples"].as_object().into_iter().flatten();
        let answers = one["responses"].as_object().into_iter().flatten();
        Self {
            id: text(&one["operationId"]),
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            also: prefixes.filter(|prefix| prefix != "/").map(|prefix| format!("{prefix}{path}")).collect(),
            summary: text(&one["summary"]),
            about: paragraphs(&one["description"]),
            parameters: one["parameters"].as_array().into_iter().flatten().map(Row::of_parameter).collect(),
            body: rows(resolved(document, &body["schema"])),
            examples: examples.map(|(_, example)| format!("{:#}", example["value"])).collect(),
            answers: answers.map(|(status, answer)| Answer::new(document, status, answer)).collect(),
        }
    }
}

impl Answer {
    fn new(document: &Value, status: &str, answer: &Value) -> Self {
        let told = resolved(document, answer);
        let schema = resolved(document, &told["content"]["application/json"]["schema"]);
        // A refusal looks the same everywhere: its form is among the schemas.
        let rows = if answer["$ref"].is_string() { Vec::new() } else { rows(schema) };
        Self { status: status.to_owned(), about: marked(&text(&told["description"])), rows }
    }
}

/// What a reference refers to; anything else is itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let place = value["$ref"].as_str().map(|place| place.trim_start_matches('#'));
    place.and_then(|place| document.pointer(place)).unwrap_or(value)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn paragraphs(value: &Value) -> Vec<Text> {
    text(value).split("\n\n").filter(|paragraph| !paragraph.is_empty()).map(marked).collect()
}

/// Words outside and inside of backticks in turn.
fn marked(text: &str) -> Text {
    text.split('`').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_the_document_says_is_on_the_page_and_nothing_is_fetched_from_elsewhere() {
        let document = openapi::document(&openapi::described());
        let page = Reference::new(&document).render().expect("a page");
        for (path, item) in document["paths"].as_object().expect("paths") {
            assert!(page.contains(&format!(">{path}<")), "{path}");
            for one in item.as_object().expect("a path").values().filter(|one| one.get("operationId").is_some()) {
                assert!(page.contains(&format!("id=\"{}\"", text(&one["operationId"]))), "{path}");
            }
        }
        assert!(!page.contains("<script") && !page.contains("src=\"http") && !page.contains("href=\"http"));
    }
}

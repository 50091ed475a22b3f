//! What one address does, as its description tells it: who may, what it takes, what it answers, how it refuses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use waddlebot_runtime::keys::KeyRole;

use super::schema::Schema;
use crate::api::guard::BODY;

/// Who is let in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    /// Everybody, without a key.
    Anybody,
    /// Keys of these roles, and admins always.
    Keys(&'static [KeyRole]),
}

/// A key of any role.
pub(crate) const ANY_KEY: Who = Who::Keys(&KeyRole::ALL);
/// Admins alone.
pub(crate) const ADMINS: Who = Who::Keys(&[]);

/// The description of one address and method.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    summary: &'static str,
    description: String,
    parameters: Vec<Value>,
    body: Option<Schema>,
    examples: Vec<Value>,
    pub(super) limit: Option<usize>,
    answers: BTreeMap<u16, Value>,
    refusals: BTreeSet<u16>,
}

impl Operation {
    /// What it does, in a few words.
    pub(crate) fn new(summary: &'static str) -> Self {
        Self {
            summary,
            description: String::new(),
            parameters: Vec::new(),
            body: None,
            examples: Vec::new(),
            limit: None,
            answers: BTreeMap::new(),
            refusals: BTreeSet::new(),
        }
    }

    /// What else there is to say.
    pub(crate) fn says(mut self, more: &str) -> Self {
        self.description = more.to_owned();
        self
    }

    /// A part of the path.
    pub(crate) fn path(self, name: &str, schema: Schema) -> Self {
        self.parameter("path", name, true, schema)
    }

    /// A word behind the question mark that may be left out.
    pub(crate) fn query(self, name: &str, schema: Schema) -> Self {
        self.parameter("query", name, false, schema)
    }

    /// A word behind the question mark that must be there.
    pub(crate) fn needs(self, name: &str, schema: Schema) -> Self {
        self.parameter("query", name, true, schema)
    }

    /// A header that may be left out.
    pub(crate) fn header(self, name: &str, schema: Schema) -> Self {
        self.parameter("header", name, false, schema)
    }

    /// The JSON that must be sent.
    pub(crate) fn body(mut self, schema: Schema) -> Self {
        self.body = Some(schema);
        self
    }

    /// A body that may be sent as it stands.
    pub(crate) fn example(mut self, body: Value) -> Self {
        self.examples.push(body);
        self
    }

    /// The largest body in bytes, where it is not the usual one.
    pub(crate) fn limit(mut self, bytes: usize) -> Self {
        self.limit = Some(bytes);
        self
    }

    /// The JSON of a 200.
    pub(crate) fn answers(self, schema: Schema) -> Self {
        self.answers_with(200, "done", schema)
    }

    /// The JSON of another answer.
    pub(crate) fn answers_with(mut self, status: u16, when: &str, schema: Schema) -> Self {
        let answer = json!({"description": when, "content": {"application/json": {"schema": schema.into_value()}}});
        self.answers.insert(status, answer);
        self
    }

    /// An answer that is not JSON.
    pub(crate) fn prints(mut self, form: &str, when: &str) -> Self {
        self.answers.insert(200, json!({"description": when, "content": {form: {"schema": {"type": "string"}}}}));
        self
    }

    /// Statuses of refusals beside those that follow from the key and from what is sent.
    pub(crate) fn fails(mut self, statuses: &[u16]) -> Self {
        self.refusals.extend(statuses);
        self
    }

    /// The operation as the document has it, for who is let in.
    pub(super) fn shown(&self, id: &str, area: &str, who: Who) -> Value {
        let mut shown = Map::new();
        shown.insert("operationId".into(), id.into());
        shown.insert("tags".into(), json!([area]));
        shown.insert("summary".into(), self.summary.into());
        shown.insert("description".into(), self.told(who).into());
        shown.insert("security".into(), security(who));
        if !self.parameters.is_empty() {
            shown.insert("parameters".into(), self.parameters.clone().into());
        }
        if let Some(body) = &self.body {
            let mut content = json!({"schema": body.clone().into_value()});
            if !self.examples.is_empty() {
                let examples: Map<_, _> =
                    self.examples.iter().enumerate().map(|(n, body)| (format!("example{}", n + 1), json!({"value": body}))).collect();
                content["examples"] = examples.into();
            }
            shown.insert("requestBody".into(), json!({"required": true, "content": {"application/json": content}}));
        }
        shown.insert("responses".into(), self.responses(who));
        shown.into()
    }

    fn told(&self, who: Who) -> String {
        let mut parts = Vec::new();
        if !self.description.is_empty() {
            parts.push(self.description.clone());
        }
        parts.push(match who {
            Who::Anybody => "Open: no key is needed.".to_owned(),
            Who::Keys(roles) => format!("For keys of the roles: {}.", names(roles).join(", ")),
        });
        if self.body.is_some() {
            parts.push(format!("A body has at most {} KiB.", self.limit.unwrap_or(BODY) / 1024));
        }
        parts.join("\n\n")
    }

    fn responses(&self, who: Who) -> Value {
        let mut statuses = self.refusals.clone();
        if self.parameters.iter().any(|parameter| parameter["in"] != "header") {
            statuses.insert(400);
        }
        if self.body.is_some() {
            statuses.extend([400, 413, 415]);
        }
        if matches!(who, Who::Keys(_)) {
            statuses.extend([401, 403, 429, 503]);
        }
        let limited = matches!(who, Who::Keys(_));
        let mut all = Map::new();
        for (status, answer) in &self.answers {
            let mut answer = answer.clone();
            answer["headers"] = headers(limited);
            all.insert(status.to_string(), answer);
        }
        for status in statuses {
            let refusal = || json!({"$ref": format!("#/components/responses/{}", super::refusals::name(status))});
            all.entry(status.to_string()).or_insert_with(refusal);
        }
        all.into()
    }

    fn parameter(mut self, place: &str, name: &str, required: bool, schema: Schema) -> Self {
        let mut schema = schema.into_value();
        let about = schema.as_object_mut().and_then(|fields| fields.remove("description"));
        if schema["type"] == "integer" {
            // What does not fit into 64 bits is refused.
            let fields = schema.as_object_mut().expect("it has a type");
            fields.entry("minimum").or_insert(i64::MIN.into());
            fields.entry("maximum").or_insert(i64::MAX.into());
        }
        let mut parameter = json!({"name": name, "in": place, "required": required, "schema": schema});
        if let Some(about) = about {
            parameter["description"] = about;
        }
        self.parameters.push(parameter);
        self
    }
}

/// The roles by name, the admin's included.
pub(super) fn names(roles: &[KeyRole]) -> Vec<&'static str> {
    KeyRole::ALL.into_iter().filter(|role| *role == KeyRole::Admin || roles.contains(role)).map(KeyRole::name).collect()
}

fn security(who: Who) -> Value {
    match who {
        Who::Anybody => json!([]),
        Who::Keys(roles) => json!([{"key": names(roles)}, {"bearer": names(roles)}]),
    }
}

fn headers(limited: bool) -> Value {
    let mut names = vec!["X-Request-Id"];
    if limited {
        names.extend(["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]);
    }
    names.into_iter().map(|name| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}))).collect::<Map<_, _>>().into()
}

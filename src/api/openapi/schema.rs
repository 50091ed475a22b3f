//! The words a JSON schema is written in: `object().with("bits", whole().from(0)).may("text", text().longest(500))`.

use serde_json::{Map, Value, json};

/// Something that is not white space, as Rust sees it, stands in the text.
pub(crate) const NOT_BLANK: &str = r"[^\t-\r\x20\x85\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]";
/// The same, and nothing that breaks a line: a name or an id.
pub(crate) const NAME: &str =
    r"^[^\x00-\x1F\x7F-\x9F]*[^\x00-\x20\x7F-\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000][^\x00-\x1F\x7F-\x9F]*$";

/// A JSON schema in the dialect of OpenAPI 3.1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Schema(Value);

/// A text.
pub(crate) fn text() -> Schema {
    Schema(json!({"type": "string"}))
}

/// One of these words.
pub(crate) fn choice(of: &[&str]) -> Schema {
    Schema(json!({"type": "string", "enum": of}))
}

/// A whole number.
pub(crate) fn whole() -> Schema {
    Schema(json!({"type": "integer"}))
}

/// A number.
pub(crate) fn number() -> Schema {
    Schema(json!({"type": "number"}))
}

/// Yes or no.
pub(crate) fn truth() -> Schema {
    Schema(json!({"type": "boolean"}))
}

/// Milliseconds since 1970.
pub(crate) fn instant() -> Schema {
    whole().about("milliseconds since 1970")
}

/// Anything at all.
pub(crate) fn anything() -> Schema {
    Schema(json!({}))
}

/// A list of these.
pub(crate) fn list(of: Schema) -> Schema {
    Schema(json!({"type": "array", "items": of.0}))
}

/// Values of this kind by a name.
pub(crate) fn map(of: Schema) -> Schema {
    Schema(json!({"type": "object", "additionalProperties": of.0}))
}

/// Fields, which [`Schema::with`] and [`Schema::may`] name; others may stand beside them.
pub(crate) fn object() -> Schema {
    Schema(json!({"type": "object", "properties": {}}))
}

/// One of these forms.
pub(crate) fn either(of: impl IntoIterator<Item = Schema>) -> Schema {
    let forms: Vec<_> = of.into_iter().map(|form| form.0).collect();
    Schema(json!({"anyOf": forms}))
}

impl Schema {
    /// A field that is always there.
    pub(crate) fn with(self, name: &str, field: Schema) -> Self {
        let mut schema = self.may(name, field);
        let required = schema.fields().entry("required").or_insert_with(|| json!([]));
        if let Value::Array(names) = required {
            names.push(name.into());
        }
        schema
    }

    /// A field that may be left out.
    pub(crate) fn may(mut self, name: &str, field: Schema) -> Self {
        let properties = self.fields().entry("properties").or_insert_with(|| json!({}));
        if let Value::Object(properties) = properties {
            properties.insert(name.to_owned(), field.0);
        }
        self
    }

    /// No other fields than those named.
    pub(crate) fn strict(self) -> Self {
        self.set("additionalProperties", false)
    }

    /// This, and one of these forms.
    pub(crate) fn and_either(self, of: impl IntoIterator<Item = Schema>) -> Self {
        let forms: Vec<_> = of.into_iter().map(|form| form.0).collect();
        self.set("anyOf", forms)
    }

    /// May be null as well.
    pub(crate) fn or_null(mut self) -> Self {
        let fields = self.fields();
        if let Some(Value::Array(words)) = fields.get_mut("enum") {
            words.push(Value::Null);
        }
        match fields.get("type").cloned() {
            Some(kind @ Value::String(_)) => self.set("type", json!([kind, "null"])),
            _ => either([self, Self(json!({"type": "null"}))]),
        }
    }

    /// What it means.
    pub(crate) fn about(self, what: &str) -> Self {
        self.set("description", what)
    }

    /// What it is when it is left out.
    pub(crate) fn unless(self, value: impl Into<Value>) -> Self {
        self.set("default", value)
    }

    /// What it may look like.
    pub(crate) fn like(self, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.set("examples", json!([value]))
    }

    /// The name under which the document keeps it, once, however often it is used.
    pub(crate) fn called(self, name: &str) -> Self {
        self.set("title", name)
    }

    /// The smallest number.
    pub(crate) fn from(self, least: i64) -> Self {
        self.set("minimum", least)
    }

    /// The largest number.
    pub(crate) fn to(self, most: i64) -> Self {
        self.set("maximum", most)
    }

    /// The fewest characters of a text.
    pub(crate) fn shortest(self, characters: usize) -> Self {
        self.set("minLength", characters)
    }

    /// The most characters of a text.
    pub(crate) fn longest(self, characters: usize) -> Self {
        self.set("maxLength", characters)
    }

    /// A regular expression that a text matches.
    pub(crate) fn pattern(self, expression: &str) -> Self {
        self.set("pattern", expression)
    }

    /// The fewest things in a list.
    pub(crate) fn least(self, things: usize) -> Self {
        self.set("minItems", things)
    }

    /// The most things in a list.
    pub(crate) fn most(self, things: usize) -> Self {
        self.set("maxItems", things)
    }

    /// As the document has it.
    pub(super) fn into_value(self) -> Value {
        self.0
    }

    fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields().insert(name.to_owned(), value.into());
        self
    }

    fn fields(&mut self) -> &mut Map<String, Value> {
        self.0.as_object_mut().expect("a schema is made as an object by every word above")
    }
}

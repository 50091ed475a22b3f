//! Forms that were shown lately, and which of the answers belong to them.

use std::collections::VecDeque;

use serde_json::{Map, Value};
use waddlebot_runtime::response::Form;

/// So many forms are remembered, so that an answer finds where it goes.
const MOST: usize = 16;

/// The forms of one overlay by their item's id, the newest last.
#[derive(Default)]
pub(super) struct Forms(VecDeque<(String, Form)>);

/// A form that was filled in.
pub(super) struct Filled {
    pub(super) item: String,
    pub(super) form: Form,
    /// Only fields the form has.
    pub(super) answers: Map<String, Value>,
}

impl Forms {
    /// A form was shown, or will be.
    pub(super) fn remember(&mut self, id: &str, form: Form) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((id.to_owned(), form));
    }

    /// What was filled in; without an id, the newest form. `None` when it is not remembered.
    pub(super) fn filled(&self, id: &str, mut answers: Map<String, Value>) -> Option<Filled> {
        let (item, form) = self.0.iter().rev().find(|(known, _)| known == id || id.is_empty())?.clone();
        answers.retain(|name, _| form.fields.iter().any(|field| field.name == *name));
        Some(Filled { item, form, answers })
    }
}

impl Filled {
    /// The answers that may be written down: no password.
    pub(super) fn kept(&self) -> Map<String, Value> {
        let is_password = |name: &str| self.form.fields.iter().any(|field| field.name == name && field.kind == "password");
        self.answers.iter().filter(|(name, _)| !is_password(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(names: &[(&str, &str)]) -> Form {
        let fields: Vec<_> = names.iter().map(|(name, kind)| json!({ "name": name, "type": kind, "label": name })).collect();
        serde_json::from_value(json!({ "title": "T", "fields": fields })).unwrap()
    }

    #[test]
    fn an_answer_finds_its_form_and_brings_only_its_fields() {
        let mut forms = Forms::default();
        forms.remember("a", form(&[("name", "text"), ("word", "password")]));
        forms.remember("b", form(&[("age", "number")]));
        let said = json!({ "name": "ana", "word": "secret", "age": 7 }).as_object().cloned().unwrap();
        let filled = forms.filled("a", said.clone()).unwrap();
        assert_eq!(Value::from(filled.answers.clone()), json!({ "name": "ana", "word": "secret" }));
        assert_eq!(Value::from(filled.kept()), json!({ "name": "ana" }));
        assert_eq!(forms.filled("", said.clone()).unwrap().item, "b");
        assert!(forms.filled("c", said).is_none());
    }

    #[test]
    fn the_oldest_form_is_forgotten() {
        let mut forms = Forms::default();
        (0..=MOST).for_each(|at| forms.remember(&at.to_string(), form(&[])));
        assert!(forms.filled("0", Map::new()).is_none());
        assert!(forms.filled("1", Map::new()).is_some());
    }
}

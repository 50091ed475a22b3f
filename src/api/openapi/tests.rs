//! The document holds together, and nothing in the API's folder is served past the tables.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;

/// Pages and sockets, which speak no JSON; the table itself; the document.
const MAY_ROUTE: [&str; 3] = ["overlays.rs", "openapi/table.rs", "openapi.rs"];

fn whole() -> Value {
    document(&described())
}

/// Each operation with its path.
fn operations(document: &Value) -> Vec<(&String, &Value)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    let fields = paths.flat_map(|(path, item)| item.as_object().expect("a path").iter().map(move |(name, value)| (path, name, value)));
    fields.filter(|(_, name, _)| *name != "servers").map(|(path, _, operation)| (path, operation)).collect()
}

/// Every reference anywhere in it.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| references(field, found));
        }
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = whole();
    let mut found = Vec::new();
    references(&document, &mut found);
    let lost: BTreeSet<_> = found.iter().filter(|place| document.pointer(place.trim_start_matches('#')).is_none()).collect();
    assert!(lost.is_empty() && found.len() > 100, "{lost:?}");
}

#[test]
fn every_operation_has_its_own_name_a_known_area_and_all_parts_of_its_path() {
    let document = whole();
    let mut names = BTreeSet::new();
    for (path, operation) in operations(&document) {
        let name = operation["operationId"].as_str().expect("a name");
        assert!(names.insert(name), "{name} is there twice: two lines of one method and path");
        assert!(AREAS.iter().any(|(area, _)| operation["tags"][0] == *area), "{name}: AREAS lacks {}", operation["tags"][0]);
        let none = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&none);
        let told: BTreeSet<_> = parameters.iter().filter(|one| one["in"] == "path").filter_map(|one| one["name"].as_str()).collect();
        let there: BTreeSet<_> = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        assert_eq!(told, there, "{name}");
    }
}

#[test]
fn one_schema_has_one_name() {
    let mut seen = Map::new();
    for one in described() {
        let mut named = Map::new();
        hoist(&mut one.operation.clone(), &mut named);
        for (name, schema) in named {
            let before = seen.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(*before, schema, "two schemas are called {name}");
        }
    }
}

#[test]
fn nothing_is_routed_past_the_tables() {
    fn walk(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if !path.ends_with("tests.rs") && fs::read_to_string(&path).expect("a file").contains(".route(") {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/api"));
    let mut found = Vec::new();
    walk(root, &mut found);
    found.retain(|path| !MAY_ROUTE.iter().any(|may| Path::new(path) == root.join(may)));
    assert!(found.is_empty(), "these have routes without a description; see src/api/openapi.rs: {found:?}");
}

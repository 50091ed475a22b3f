//! The cluster as a person reads it in a terminal.

use serde_json::Value;

use crate::terminal;

/// The nodes, and what failed.
pub(super) fn status(answer: &Value) -> String {
    let heads = ["node", "state", "version", "claims", "most", "lease", "kinds"].map(str::to_owned);
    let row = |node: &Value| {
        let kinds = node["claims"].as_object().cloned().unwrap_or_default();
        let held: i64 = kinds.values().filter_map(Value::as_i64).sum();
        let here = if node["node"] == answer["here"] { " (here)" } else { "" };
        vec![
            format!("{}{here}", word(&node["node"])),
            word(&node["state"]),
            word(&node["version"]),
            held.to_string(),
            number(&node["capacity"]),
            if ["up", "draining", "outside"].contains(&node["state"].as_str().unwrap_or_default()) {
                age(&node["lease_age_ms"])
            } else {
                String::new()
            },
            kinds.iter().map(|(kind, many)| format!("{many} {kind}")).collect::<Vec<_>>().join(", "),
        ]
    };
    let mut text = terminal::rows(&heads, &list(&answer["nodes"]).iter().map(row).collect::<Vec<_>>());
    let unserved = answer["unserved"].as_object().cloned().unwrap_or_default();
    for (kind, many) in unserved {
        text += &format!("{many} of the kind {} are held by nobody\n", terminal::plain(&kind));
    }
    for one in list(&answer["failed"]) {
        text += &format!("failed: {}: {}; `waddlebot cluster clear` lets it be served again\n", word(&one["entity"]), word(&one["error"]));
    }
    text
}

/// A page of claims.
pub(super) fn claims(answer: &Value, offset: u64) -> String {
    let heads = ["entity", "kind", "node", "epoch", "status", "beside", "near"].map(str::to_owned);
    let row = |one: &Value| {
        let mut words = ["entity", "kind", "node", "epoch", "status", "beside", "near"].map(|name| word(&one[name]));
        // Where that connection is.
        if let Some(near) = words.last_mut().filter(|near| !near.is_empty()) {
            near.push_str(if one["is_near"] == true { " (here)" } else { " (elsewhere)" });
        }
        words.to_vec()
    };
    let rows: Vec<_> = list(&answer["claims"]).iter().map(row).collect();
    let last = offset + rows.len() as u64;
    let more =
        if answer["total"].as_u64().is_some_and(|total| total > last) { format!("; --offset {last} for more") } else { String::new() };
    terminal::rows(&heads, &rows) + &format!("{} to {last} of {}{more}\n", (offset + 1).min(last), number(&answer["total"]))
}

/// Who held what.
pub(super) fn history(answer: &Value) -> String {
    let heads = ["when", "entity", "epoch", "node", "life"].map(str::to_owned);
    let row = |one: &Value| {
        let at = one["at"].as_i64().and_then(|at| jiff::Timestamp::from_millisecond(at).ok()).map(|at| at.to_string());
        vec![at.unwrap_or_default(), word(&one["entity"]), word(&one["epoch"]), word(&one["node"]), word(&one["incarnation"])]
    };
    terminal::rows(&heads, &list(&answer["history"]).iter().map(row).collect::<Vec<_>>())
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => terminal::plain(text),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn number(value: &Value) -> String {
    value.as_i64().unwrap_or(0).to_string()
}

fn age(value: &Value) -> String {
    format!("{:.1} s", value.as_f64().unwrap_or(0.0) / 1000.0)
}

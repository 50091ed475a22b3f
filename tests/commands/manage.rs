//! Commands made, listed, changed, tried out and deleted over the API.

use serde_json::{Value, json};

use crate::node::Node;
use crate::target::Target;

#[test]
fn a_command_is_made_found_changed_tried_and_deleted_over_the_api() {
    let (node, target) = (Node::start(), Target::start());
    let id = node.teaches("#Weather", &target, "/echo", &json!({"description": "how it is out there", "headers": {"X-Key": "hush"}}));
    let (_, one) = node.does("GET", &format!("/commands/{id}"), &Value::Null);
    assert_eq!((&one["command"], &one["module_type"], &one["location"]), (&json!("#weather"), &json!("community"), &json!("community")));
    assert_eq!((&one["headers"]["X-Key"], &one["created_by"], &one["timeout"]), (&json!("(hidden)"), &json!("admin"), &json!(30)));
    let (_, tried) = node.does("POST", &format!("/commands/{id}/test"), &json!({"text": "in Rome"}));
    assert_eq!((&tried["success"], &tried["responses"][0]["chat"]["text"]), (&json!(true), &json!("echo in Rome")));
    assert_eq!(target.seen("/echo")[0].body["test"], true);

    let (status, changed) = node.does("PUT", &format!("/commands/{id}"), &json!({"command": "#wetter", "new_signing_key": true}));
    assert_eq!(status, 200);
    assert_ne!(changed["signing_key"], one["signing_key"]);
    assert_eq!(node.says("#wetter x"), ["echo x"]);
    assert_eq!(target.seen("/echo")[1].header("X-Key"), "hush", "what is hidden stays");
    let listed = |query: &str| node.does("GET", &format!("/commands{query}"), &Value::Null).1;
    assert_eq!(listed("?prefix=%23&entity_id=local:lobby")["commands"][0]["enabled"], true);
    assert_eq!(listed("?search=OUT%20there")["total"], 1);
    assert_eq!(listed("?prefix=!&search=wetter")["total"], 0);
    waddlebot_testbed::eventually("uses are counted", std::time::Duration::from_secs(30), || {
        listed("?search=wetter")["commands"][0]["usage_count"] == 1
    });

    assert_eq!(node.does("DELETE", &format!("/commands/{id}"), &Value::Null).0, 200);
    assert_eq!(node.does("GET", &format!("/commands/{id}"), &Value::Null).0, 404);
    assert_eq!(node.does("DELETE", &format!("/commands/{id}"), &Value::Null).0, 404);
}

#[test]
fn what_may_not_be_saved_is_told_by_a_stable_word() {
    let (node, target) = (Node::start(), Target::start());
    let url = target.url("/echo");
    for (draft, code) in [
        (json!({"location_url": url}), "command_invalid"),
        (json!({"command": "##", "location_url": url}), "command_invalid"),
        (json!({"command": "#x"}), "location_invalid"),
        (json!({"command": "#x", "location_url": "nowhere"}), "location_invalid"),
        (json!({"command": "#x", "location_url": url, "type": "ftp"}), "type_invalid"),
        (json!({"command": "#x", "location_url": url, "timeout": 0}), "timeout_invalid"),
        (json!({"command": "#x", "location_url": url, "event_types": ["chatMessage"]}), "event_types_invalid"),
        (json!({"command": "#x", "location_url": url, "trigger_type": "event"}), "event_types_invalid"),
        (json!({"command": "#x", "location_url": url, "headers": {"A B": "c"}}), "headers_invalid"),
        (json!({"command": "#x", "location_url": url, "surprise": 1}), "bad_request"),
    ] {
        let (status, answer) = node.does("POST", "/commands", &draft);
        assert_eq!((status, answer["error"]["code"].as_str()), (400, Some(code)), "{draft}: {answer}");
    }
    node.teaches("#x", &target, "/echo", &json!({}));
    let (status, answer) = node.does("POST", "/commands", &json!({"command": "x", "location_url": url}));
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("command_exists")));
    assert_eq!(node.does("POST", "/commands", &json!({"command": "y", "location_url": url, "community_id": 99})).0, 404);
    assert_eq!(node.does("PUT", "/commands/1/places", &json!({"entity_id": "irc:nowhere", "is_enabled": true})).0, 400);
}

#[test]
fn only_an_admin_changes_commands_and_others_are_not_told_where_they_lead() {
    let (node, target) = (Node::start(), Target::start());
    let id = node.teaches("#x", &target, "/echo?key=hush", &json!({}));
    for role in ["trigger", "action", "core", "user"] {
        let key = node.key(role);
        let (status, listed) = node.ask(&key, "GET", "/router/commands?prefix=%23", &Value::Null);
        assert_eq!((status, &listed["total"]), (200, &json!(1)));
        assert!(!listed.to_string().contains("hush"), "{role}: {listed}");
        assert_eq!(node.ask(&key, "GET", &format!("/router/commands/{id}"), &Value::Null).0, 403, "{role}");
        assert_eq!(node.ask(&key, "POST", "/router/commands", &json!({"command": "y"})).0, 403, "{role}");
        assert_eq!(node.ask(&key, "DELETE", &format!("/router/commands/{id}"), &Value::Null).0, 403, "{role}");
    }
}

#[test]
fn the_terminal_lists_and_shows_commands_without_what_is_secret() {
    let (node, target) = (Node::start(), Target::start());
    let more = json!({"description": "how it is out there", "headers": {"X-Key": "hush"}, "permission_level": "vip"});
    let id = node.teaches("#weather", &target, "/echo", &more);
    node.teaches("!rain", &target, "/echo", &json!({"community_id": 1}));
    let run = |words: &[&str]| {
        let ran = node.run(words);
        (ran.status.success(), String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap())
    };
    let (_, listed, _) = run(&["command", "list"]);
    for part in ["#weather", "!rain", "everybody's", "vip", "how it is out there"] {
        assert!(listed.contains(part), "{part} in {listed}");
    }
    assert!(!run(&["command", "list", "--search", "rain"]).1.contains("weather"));
    let json: Value = serde_json::from_str(&run(&["command", "list", "--json"]).1).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 2);
    for which in ["#Weather", "weather", &id.to_string()] {
        let (done, shown, told) = run(&["command", "show", which]);
        assert!(
            done && shown.contains("how it is out there") && shown.contains("X-Key") && !shown.contains("hush"),
            "{which}: {shown}{told}"
        );
    }
    let (done, _, told) = run(&["command", "show", "#snow"]);
    assert!(!done && told.contains("there is no command \"#snow\""), "{told}");
}

//! Many modules for one event: in their order, past those that fail, each with its result.

use serde_json::{Value, json};

use crate::node::Node;
use crate::target::Target;

fn raid(id: &str) -> Value {
    json!({"platform": "local", "channel_id": "lobby", "user_id": "ninja", "user_name": "ninja", "message_type": "raid", "viewers": 12, "message_id": id})
}

#[test]
fn an_event_wakes_modules_of_the_house_and_elsewhere_and_a_failure_stops_none() {
    let (node, target) = (Node::start(), Target::start());
    let woken = |priority: i64, mode: &str| json!({"trigger_type": "event", "event_types": ["raid"], "priority": priority, "execution_mode": mode, "timeout": 1});
    node.teaches("#third", &target, "/slow", &woken(1, "parallel"));
    node.teaches("#second", &target, "/second", &woken(200, "sequential"));
    node.teaches("#first", &target, "/error", &woken(5, "sequential"));
    node.teaches("#other", &target, "/other", &json!({"trigger_type": "both", "event_types": ["follow"]}));
    let (status, answer) = node.does("POST", "/events", &raid("r1"));
    assert_eq!((status, &answer["status"]), (200, &json!("failed")));
    let results = answer["module_results"].as_array().unwrap();
    let told: Vec<_> = results
        .iter()
        .map(|one| (one["module"].as_str().unwrap(), one["success"].as_bool().unwrap(), one["status_code"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [("shoutout", true, 200), ("first", false, 200), ("second", true, 200), ("third", true, 200)]);
    assert_eq!(answer["event_modules_executed"], 4);
    assert_eq!(results[1]["error"], "no such city");
    assert!(answer["response"].as_str().unwrap().contains("at /second\nslow but here"), "{answer}");
    let [request] = target.seen("/second").try_into().unwrap();
    assert_eq!(
        (&request.body["trigger_type"], &request.body["message_type"], &request.body["event_data"]["amount"]),
        (&json!("event"), &json!("raid"), &json!(12))
    );
    let (_, again) = node.does("POST", "/events", &raid("r1"));
    assert_eq!(target.seen("/second").len(), 1, "{again}");
    assert!(target.seen("/other").is_empty());
    assert_eq!(node.says("#second"), ["@bob I know no command #second. Try !help"], "only an event wakes it");
    assert_eq!(node.says("#other"), ["at /other"]);
}

#[test]
fn several_modules_answer_one_command_in_their_order() {
    let (node, target) = (Node::start(), Target::start());
    node.teaches("#news", &target, "/b", &json!({"module_id": "b", "priority": 20}));
    node.teaches("#news", &target, "/a", &json!({"module_id": "a", "priority": 10}));
    node.teaches("#news", &target, "/c", &json!({"module_id": "c", "execution_mode": "parallel", "priority": 1}));
    assert_eq!(node.says("#news"), ["at /a", "at /b", "at /c"]);
}

#[test]
fn plain_chat_sets_off_what_hears_it_and_nothing_else_does() {
    let (node, target) = (Node::start(), Target::start());
    let draft = json!({"trigger_type": "event", "event_types": ["chatMessage"], "rate_limit": 2, "permission_level": "everyone"});
    let id = node.teaches("#hears", &target, "/echo", &draft);
    node.teaches("#raids", &target, "/other", &json!({"trigger_type": "event", "event_types": ["raid"]}));
    let answer = node.event("good morning", "c1");
    assert_eq!((&answer["status"], &answer["module_results"][0]["module"]), (&json!("done"), &json!("hears")), "{answer}");
    let [request] = target.seen("/echo").try_into().unwrap();
    let said = (&request.body["trigger_type"], &request.body["message_type"], &request.body["raw_message"], &request.body["user"]["name"]);
    assert_eq!(said, (&json!("event"), &json!("chatMessage"), &json!("good morning"), &json!("bob")));
    node.event("good morning", "c1");
    assert_eq!(target.seen("/echo").len(), 1, "the same message again is not told again");
    assert_eq!(node.says("!ping"), ["pong"]);
    node.event("#unknown", "");
    assert_eq!((target.seen("/echo").len(), target.seen("/other").len()), (1, 0), "commands are no plain chat");
    node.event("bye", "c3");
    assert_eq!(node.event("and again", "c4")["response"], Value::Null, "who is too fast is not told: they asked for nothing");
    assert!(target.seen("/echo").len() <= 2);
    node.does("PUT", &format!("/commands/{id}"), &json!({"is_active": false}));
    node.event("anybody there?", "c5");
    assert!(target.seen("/echo").len() <= 2);
}

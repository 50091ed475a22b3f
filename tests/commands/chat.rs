//! What chat types and what comes back, from a program elsewhere.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::node::Node;
use crate::target::Target;

#[test]
fn a_community_command_is_sent_whole_and_signed_and_its_answer_is_said() {
    let (node, target) = (Node::start(), Target::start());
    let id = node.teaches("#weather", &target, "/echo", &json!({"headers": {"X-Team": "ducks"}}));
    assert_eq!(node.says("#weather \"New York\" now"), ["echo New York now"]);
    let [request] = target.seen("/echo").try_into().unwrap();
    assert_eq!((&request.body["command"], &request.body["parameters"]), (&json!("weather"), &json!(["New York", "now"])));
    assert_eq!((&request.body["user"]["name"], &request.body["context"]["entity_id"]), (&json!("bob"), &json!("local:lobby")));
    assert_eq!((&request.body["raw_message"], request.header("X-Team").as_str()), (&json!("#weather \"New York\" now"), "ducks"));
    assert_eq!((request.header("User-Agent").as_str(), request.header("X-WaddleBot-Source").as_str()), ("WaddleBot-Router/1.0", "router"));
    let execution = request.body["execution_id"].as_str().unwrap();
    assert_eq!(request.header("X-WaddleBot-Execution-Id"), execution);
    assert!(request.body["session_id"].as_str().unwrap().starts_with("sess_"));

    let (_, one) = node.does("GET", &format!("/commands/{id}"), &Value::Null);
    let mut mac = Hmac::<Sha256>::new_from_slice(one["signing_key"].as_str().unwrap().as_bytes()).unwrap();
    mac.update(format!("{}.{}", request.header("X-WaddleBot-Timestamp"), request.body).as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(request.header("X-WaddleBot-Signature"), format!("sha256={hex}"));
}

#[test]
fn unknown_disabled_denied_limited_and_failed_commands_are_told_apart() {
    let (node, target) = (Node::start(), Target::start());
    assert_eq!(node.says("#hashtag"), [""; 0], "without commands of its own a community may write tags");
    let id = node.teaches("#weather", &target, "/echo", &json!({"rate_limit": 2}));
    node.teaches("#mods", &target, "/echo", &json!({"permission_level": "moderator"}));
    node.teaches("#rests", &target, "/echo", &json!({"cooldown_seconds": 600}));
    node.teaches("#down", &target, "/down", &json!({"timeout": 1}));
    node.teaches("#error", &target, "/error", &json!({}));
    assert_eq!(node.says("#wether"), ["@bob I know no command #wether. Try !help"]);
    assert_eq!(node.says("#1 fan"), [""; 0]);
    let code = |text: &str| {
        let answer = node.event(text, "");
        (answer["status_code"].as_u64().unwrap(), answer["response"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(code("#nothing").0, 404);
    assert_eq!(code("#mods"), (403, "@bob #mods is for moderators and above".into()));
    assert_eq!((code("#weather a").0, code("#weather b").0, code("#weather c").0), (200, 200, 429));
    assert_eq!((code("#rests").0, code("#rests").0), (200, 429));
    assert_eq!(code("#error"), (500, "@bob no such city".into()));
    let (status, told) = code("#down");
    assert_eq!((status, told.as_str()), (500, "@bob #down is not available right now, try again in a minute"));
    let off = json!({"entity_id": "local:lobby", "is_enabled": false});
    assert_eq!(node.does("PUT", &format!("/commands/{id}/places"), &off).0, 200);
    assert_eq!(code("#weather d"), (403, "@bob #weather is switched off in this community".into()));
    node.does("PUT", &format!("/commands/{id}/places"), &json!({"entity_id": "local:lobby", "is_enabled": null}));
    node.does("PUT", &format!("/commands/{id}"), &json!({"is_active": false}));
    assert_eq!(code("#weather e").0, 403);
    node.does("DELETE", &format!("/commands/{id}"), &Value::Null);
    assert_eq!(code("#weather f").0, 404);
}

#[test]
fn the_same_message_again_is_not_called_again_and_gets_the_first_answer() {
    let (node, target) = (Node::start(), Target::start());
    node.teaches("#weather", &target, "/echo", &json!({}));
    let first = node.event("#weather Rome", "m1");
    assert_eq!((&first["response"], &first["module_results"][0]["status_code"]), (&json!("echo Rome"), &json!(200)));
    let again = node.event("#weather Rome", "m1");
    assert_eq!((&again["response"], &again["status"]), (&json!("echo Rome"), &json!("duplicate")));
    assert_eq!(target.seen("/echo").len(), 1);
}

#[test]
fn every_action_reaches_its_screen_and_the_chat() {
    let (node, target) = (Node::start(), Target::start());
    node.teaches("#show", &target, "/screens", &json!({}));
    let answer = node.event("#show", "");
    assert_eq!(answer["response"], "look at the stream");
    let kinds: Vec<_> =
        answer["responses"].as_array().unwrap().iter().map(|one| one.as_object().unwrap().keys().next().unwrap().clone()).collect();
    assert_eq!(kinds, ["ticker", "media", "general", "chat"]);
    let stats = || node.ask(&node.key("admin"), "GET", "/browser/source/stats", &Value::Null).1.to_string();
    waddlebot_testbed::eventually("the overlays have their items", std::time::Duration::from_secs(30), || {
        let stats = stats();
        ["ticker", "media", "general"].iter().all(|kind| stats.contains(kind))
    });
}

#[test]
fn a_replacement_takes_a_modules_place_and_gives_it_back_and_an_own_one_wins_over_everybodys() {
    let (node, target) = (Node::start(), Target::start());
    assert_eq!(node.says("!ping"), ["pong"]);
    let id = node.teaches("!ping", &target, "/mine", &json!({"type": "container"}));
    assert_eq!(node.says("!ping"), ["at /mine"]);
    let [request] = target.seen("/mine").try_into().unwrap();
    assert_eq!(request.header("X-WaddleBot-Type"), "local-interaction");
    node.does("PUT", &format!("/commands/{id}"), &json!({"is_active": false}));
    assert_eq!(node.says("!ping"), ["pong"]);

    node.teaches("#where", &target, "/everybodys", &json!({"community_id": 1}));
    assert_eq!(node.says("#where"), ["at /everybodys"]);
    let own = node.teaches("#where", &target, "/own", &json!({}));
    assert_eq!(node.says("#where"), ["at /own"]);
    node.does("DELETE", &format!("/commands/{own}"), &Value::Null);
    assert_eq!(node.says("#where"), ["at /everybodys"]);
}

#[test]
fn a_string_rule_tells_another_program_and_says_nothing() {
    let (node, target) = (Node::start(), Target::start());
    let rule = json!({"string": "help me", "action": "webhook", "webhook_url": target.url("/alarm")});
    assert_eq!(node.does("POST", "/string-rules", &rule).0, 201);
    assert_eq!(node.says("please help me"), [""; 0]);
    waddlebot_testbed::eventually("the webhook is called", std::time::Duration::from_secs(30), || !target.seen("/alarm").is_empty());
    let [request] = target.seen("/alarm").try_into().unwrap();
    assert_eq!((&request.body["type"], &request.body["message_content"]), (&json!("string_match"), &json!("please help me")));
    assert_eq!(request.header("X-WaddleBot-Source"), "string-matcher");
    assert_eq!(request.header("X-WaddleBot-Type"), "string-match-webhook");
    assert!(request.header("X-WaddleBot-Signature").starts_with("sha256="));
}

#[test]
fn a_string_rule_runs_a_community_command_with_what_it_matched() {
    let (node, target) = (Node::start(), Target::start());
    node.teaches("#weather", &target, "/echo", &json!({}));
    let rule = json!({"string": "weather in (\\w+)", "match_type": "regex", "action": "command", "command_to_execute": "#weather", "command_parameters": "{1}"});
    assert_eq!(node.does("POST", "/string-rules", &rule).0, 201);
    assert_eq!(node.says("how is the weather in Rome?"), ["echo Rome"]);
}

#[test]
fn help_lists_and_tells_of_the_commands_that_the_community_made() {
    let (node, target) = (Node::start(), Target::start());
    let own = node.teaches("#weather", &target, "/echo", &json!({"description": "Tells how it is out there"}));
    node.teaches("#weather tomorrow", &target, "/echo", &json!({"module_id": "weather"}));
    node.teaches("#mods", &target, "/echo", &json!({"permission_level": "moderator"}));
    let ping = node.teaches("!ping", &target, "/mine", &json!({"module_id": "mine"}));
    node.teaches("#alarm", &target, "/echo", &json!({"trigger_type": "event", "event_types": ["raid"]}));
    let [listed] = node.says("!help").try_into().unwrap();
    assert!(
        listed.starts_with("You can use basics: !help !stats · ") && listed.contains(" · mine: !ping · weather: #weather. More: "),
        "{listed}"
    );
    assert_eq!(node.says("!help #weather"), ["#weather [words] – Tells how it is out there. Usage: #weather tomorrow"]);
    assert_eq!(node.says("!help #weather tomorrow"), ["#weather tomorrow [words] – answered by weather"]);
    assert_eq!(node.says("!help mods"), ["#mods [words] – answered by mods (for the role moderator and above)"]);
    assert_eq!(node.says("!help ping"), ["!ping [words] – answered by mine"]);
    for unknown in ["#alarm", "#ping", "#so"] {
        assert_eq!(
            node.says(&format!("!help {unknown}")),
            [format!("@bob I know no command {unknown} here. !help lists what you can use")]
        );
    }
    let off = json!({"entity_id": "local:lobby", "is_enabled": false});
    node.does("PUT", &format!("/commands/{own}/places"), &off);
    node.does("PUT", &format!("/commands/{ping}"), &json!({"is_active": false}));
    assert_eq!(node.says("!help #weather"), ["Usage: #weather tomorrow"]);
    assert!(node.says("!help")[0].starts_with("You can use basics: !help !ping !stats · "), "the module's is back");
    node.does("PUT", &format!("/commands/{own}/places"), &json!({"entity_id": "local:lobby", "is_enabled": null}));
    assert_eq!(node.says("!help #weather")[0].chars().take(22).collect::<String>(), "#weather [words] – Tel");
    node.does("DELETE", &format!("/commands/{own}"), &Value::Null);
    assert_eq!(node.says("!help weather"), ["Usage: #weather tomorrow"]);
}

//! Targets that hang, fail, redirect, lie and never end; and private addresses.

use std::time::Duration;

use serde_json::json;
use waddlebot_testbed::Deadline;

use crate::node::Node;
use crate::target::Target;

#[test]
fn a_target_that_hangs_holds_up_neither_the_channel_nor_longer_than_its_time() {
    let (node, target) = (Node::start(), Target::start());
    node.teaches("#hang", &target, "/hang", &json!({"timeout": 1}));
    node.teaches("#slow", &target, "/slow", &json!({}));
    std::thread::scope(|scope| {
        let deadline = Deadline::within(Duration::from_secs(30));
        let hanging = scope.spawn(|| node.event("#hang", ""));
        while target.seen("/hang").is_empty() && !deadline.passed() {
            std::thread::yield_now();
        }
        assert_eq!(node.says("!ping"), ["pong"], "the channel answers meanwhile");
        assert_eq!(node.says("#slow"), ["slow but here"]);
        assert!(!hanging.is_finished());
        let answer = hanging.join().unwrap();
        assert_eq!((&answer["response"], &answer["status_code"]), (&json!("@bob #hang took too long to answer"), &json!(500)));
        assert_eq!(answer["module_results"][0]["status_code"], 408);
        assert!(!deadline.passed());
    });
}

#[test]
fn a_target_that_is_back_after_a_failure_is_tried_again() {
    let (node, target) = (Node::start(), Target::start());
    node.teaches("#flaky", &target, "/flaky", &json!({}));
    assert_eq!(node.says("#flaky"), ["here again"]);
    assert_eq!(target.seen("/flaky").len(), 2);
    let ids: std::collections::BTreeSet<_> = target.seen("/flaky").iter().map(|one| one.header("X-WaddleBot-Execution-Id")).collect();
    assert_eq!(ids.len(), 1, "both tries are the same execution");
}

#[test]
fn no_redirect_is_followed_and_an_endless_answer_is_cut_off() {
    let (node, target) = (Node::start(), Target::start());
    node.teaches("#away", &target, "/redirect", &json!({}));
    node.teaches("#huge", &target, "/huge", &json!({}));
    let away = node.event("#away", "");
    assert_eq!(
        (&away["module_results"][0]["status_code"], &away["module_results"][0]["error"]),
        (&json!(302), &json!("it answered with the status 302"))
    );
    let huge = node.event("#huge", "");
    assert_eq!(huge["response"], "@bob #huge gave an answer that is too long");
}

#[test]
fn private_addresses_are_refused_when_a_command_is_made_and_when_it_is_called() {
    let node = Node::with(&[]);
    for url in [
        "http://127.0.0.1:1/x",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "http://2130706433/",
        "ftp://example.org/",
        "http://a:b@example.org/",
    ] {
        let (status, told) = node.does("POST", "/commands", &json!({"command": "#x", "location_url": url}));
        assert_eq!((status, &told["error"]["code"]), (400, &json!("location_invalid")), "{url}: {told}");
    }
    // A name is looked up when it is called.
    let (status, _) = node.does("POST", "/commands", &json!({"command": "#local", "location_url": "http://localhost:1/x"}));
    assert_eq!(status, 201);
    assert_eq!(node.says("#local"), ["@bob #local is not set up right here"]);
}

#[test]
fn functions_are_called_with_their_signatures_and_slow_ones_within_their_time() {
    let target = Target::start();
    let url = target.url("");
    let node = Node::with(&[
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "a secret"),
        ("AWS_ENDPOINT_URL_LAMBDA", &url),
        ("OPENWHISK_API_HOST", &url),
        ("OPENWHISK_AUTH_KEY", "user:word"),
        ("OPENWHISK_NAMESPACE", "ducks"),
    ]);
    for (word, engine, location) in [("#slow", "lambda", "slow"), ("#stuck", "lambda", "stuck"), ("#today", "openwhisk", "weather/today")] {
        let made = node.does("POST", "/commands", &json!({"command": word, "type": engine, "location_url": location, "timeout": 1}));
        assert_eq!(made.0, 201, "{}", made.1);
    }
    assert_eq!(node.says("#slow in Rome"), ["lambda in Rome"]);
    assert_eq!(node.says("#today in Rome"), ["whisk in Rome"]);
    let stuck = node.event("#stuck", "");
    assert_eq!(
        (&stuck["response"], &stuck["module_results"][0]["status_code"]),
        (&json!("@bob #stuck took too long to answer"), &json!(408))
    );
    let signed = target.seen("/2015-03-31/functions/waddlebot-slow")[0].header("authorization");
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{signed}");
    assert!(target.seen("/api/v1/namespaces")[0].header("authorization").starts_with("Basic "));
}

//! Answers in every spelling, and hostile ones.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn responses(body: Value) -> Vec<Response> {
    let answer = read(&body).expect("it can be read");
    assert_eq!(answer.error, None);
    answer.responses
}

#[test]
fn both_spellings_of_every_action_are_the_same() {
    for (one, other) in [
        (json!({"response_action": "chat", "chat_message": "hi"}), json!({"response_action": "chat", "response_data": {"message": "hi"}})),
        (
            json!({"response_action": "ticker", "ticker_text": "news", "ticker_duration": 5}),
            json!({"response_action": "ticker", "response_data": {"text": "news", "duration": 5}}),
        ),
        (
            json!({"response_action": "general", "content": "<b>x</b>", "content_type": "alert", "duration": 3}),
            json!({"response_action": "general", "response_data": {"content": "<b>x</b>", "content_type": "alert", "duration": "3"}}),
        ),
        (
            json!({"action": "form", "form_title": "T", "form_fields": [{"name": "a", "type": "select", "options": ["x"]}], "form_submit_url": "https://a.example/"}),
            json!({"response_action": "form", "response_data": {"title": "T", "fields": [{"name": "a", "type": "select", "options": [{"value": "x", "label": "X"}]}], "submit_url": "https://a.example/"}}),
        ),
        (
            json!({"response_action": "media", "media_type": "music", "media_url": "", "response_data": {"title": "S", "album_art": "https://a/x"}}),
            json!({"response_action": "media", "response_data": {"media_type": "music", "title": "S", "thumbnail_url": "https://a/x"}}),
        ),
    ] {
        assert_eq!(responses(one.clone()), responses(other), "{one}");
        assert_eq!(responses(one).len(), 1);
    }
}

#[test]
fn plain_words_lists_and_wrapped_answers_are_understood() {
    assert_eq!(responses(json!("sunny\r\nand warm")), [Response::say("sunny and warm")]);
    assert_eq!(responses(json!({"response": "sunny"})), [Response::say("sunny")]);
    assert_eq!(responses(json!({"statusCode": 200, "body": "{\"message\":\"sunny\"}"})), [Response::say("sunny")]);
    assert_eq!(responses(json!({"statusCode": 200, "body": "sunny"})), [Response::say("sunny")]);
    assert_eq!(responses(json!({"responses": ["a", {"text": "b"}]})), [Response::say("a"), Response::say("b")]);
    assert_eq!(responses(json!({"success": true})), []);
    assert_eq!(responses(Value::Null), []);
}

#[test]
fn who_failed_says_so_and_what_cannot_be_read_is_told() {
    let failed = read(&json!({"success": false, "error_message": "no such city", "response_action": "chat"})).expect("read");
    assert_eq!((failed.error.as_deref(), failed.responses.len()), (Some("no such city"), 0));
    assert_eq!(read(&json!({"error": "boom"})).expect("read").error.as_deref(), Some("boom"));
    for (body, why) in [
        (json!({"response_action": "dance"}), "there is no response_action \"dance\": chat, media, ticker, general and form are known"),
        (json!({"response_action": "chat", "chat_message": " "}), "chat_message is missing"),
        (json!({"response_action": "media", "media_type": "image"}), "media_url is missing"),
        (json!({"response_action": "media", "media_type": "image", "media_url": "javascript:x"}), "media_url is no web address"),
        (json!({"response_action": "ticker", "ticker_text": "x", "priority": 99}), "priority is none of high, normal, low and 1 to 10"),
        (json!(["a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a"]), "an answer has at most 10 responses"),
    ] {
        assert_eq!(read(&body).expect_err("refused").to_string(), why);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec![
        "response_action",
        "action",
        "response_data",
        "chat_message",
        "message",
        "ticker_text",
        "duration",
        "content",
        "form_title",
        "form_fields",
        "name",
        "type",
        "options",
        "responses",
        "statusCode",
        "body",
        "success",
        "error",
        "media_type",
        "media_url",
        "priority",
    ]);
    let word = prop::sample::select(vec!["chat", "media", "ticker", "general", "form", "image", "text", "https://x", "\u{0}\r\n", "high"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 12, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..10)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_answered_is_read_or_refused_and_within_bounds(body in any_json()) {
        if let Ok(answer) = read(&body) {
            prop_assert!(answer.responses.len() <= RESPONSES);
            for response in &answer.responses {
                if let Response::Chat(line) = response {
                    prop_assert!(!line.text.is_empty() && line.text.chars().count() <= CHAT && !line.text.contains(['\r', '\n', '\0']));
                }
            }
        }
    }
}

//! What collectors of both generations send, and what is not taken.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(text: &str) -> Result<(ChannelKey, Meaning), Unread> {
    Incoming::read(text)?.meaning(7)
}

fn said(text: &str) -> ChatMessage {
    match read(text).expect("taken").1 {
        Meaning::Said(message) => message,
        Meaning::Happened(event) => panic!("{event:?}"),
    }
}

fn happened(text: &str) -> Event {
    match read(text).expect("taken").1 {
        Meaning::Happened(event) => event,
        Meaning::Said(message) => panic!("{message:?}"),
    }
}

fn code(text: &str) -> &'static str {
    read(text).expect_err(text).code
}

#[test]
fn a_chat_message_of_either_generation_is_understood() {
    let old = r#"{"platform":"discord","server_id":"9","channel_id":"7","user_id":"1","user_name":"Ana","message_content":"!ping","message_type":"chatMessage","message_id":"m1"}"#;
    assert_eq!(read(old).expect("taken").0.as_str(), "discord:9:7");
    assert_eq!((said(old).text, said(old).id, said(old).by.name), ("!ping".into(), "m1".into(), "Ana".into()));
    let new = r#"{"platform":"twitch","channel_id":"ducks","user_id":"1","username":"ana","message":"hi","metadata":{"badges":["subscriber/12","moderator/1"]}}"#;
    assert_eq!(read(new).expect("taken").0.as_str(), "twitch:ducks");
    assert_eq!(said(new).by.role, Role::Moderator);
}

#[test]
fn a_slash_command_is_written_as_the_chat_writes_it() {
    let with = |fields: &str| {
        format!(r#"{{"platform":"discord","server_id":"9","user_id":"1","user_name":"a","message_type":"slashCommand",{fields}}}"#)
    };
    assert_eq!(said(&with(r#""command":"so","message_content":"@ninja""#)).text, "!so @ninja");
    assert_eq!(said(&with(r#""message_content":"/ping hello""#)).text, "!ping hello");
    assert_eq!(said(&with(r#""command":"/ping""#)).text, "!ping");
}

#[test]
fn amounts_come_from_where_each_kind_carries_them() {
    let with = |fields: &str| format!(r#"{{"platform":"twitch","server_id":"d","user_id":"1","user_name":"a",{fields}}}"#);
    assert_eq!(happened(&with(r#""message_type":"cheer","bits":100"#)).amount, 100);
    assert_eq!(happened(&with(r#""message_type":"donation","amount":4.99"#)).amount, 499);
    assert_eq!(happened(&with(r#""message_type":"raid","metadata":{"viewers":12}"#)).amount, 12);
    assert_eq!(code(&with(r#""message_type":"cheer","bits":-1"#)), "bad_amount");
    assert_eq!(code(&with(r#""message_type":"cheer","bits":1e300"#)), "bad_amount");
}

#[test]
fn every_documented_message_type_is_known() {
    let types = "subscription follow donation cheer raid host subgift resub reaction member_join member_leave voice_join voice_leave \
        voice_time boost ban kick timeout warn file_share app_mention channel_join interaction modal_submit button_click select_menu \
        gift_subscription stream_online stream_offline mention shortcut streamStart streamEnd superChat membership videoPublished";
    for kind in types.split_whitespace() {
        happened(&format!(r#"{{"platform":"twitch","server_id":"d","user_id":"1","user_name":"a","message_type":"{kind}"}}"#));
    }
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    assert_eq!(code("{}"), "bad_request");
    let with = |fields: &str| format!(r#"{{"user_id":"1","user_name":"a",{fields}}}"#);
    assert_eq!(code(&with(r#""platform":"twitch","message_type":"follow""#)), "missing_field");
    assert_eq!(code(&with(r#""platform":"twitch","server_id":"d""#)), "missing_field");
    assert_eq!(code(&with(r#""platform":"twitch","server_id":"d","message_type":"chatMessage""#)), "missing_field");
    assert_eq!(code(&with(r#""platform":"twitch","server_id":"d","message_type":"dance""#)), "unknown_message_type");
    assert_eq!(code(&with(r#""platform":"Twitch:x","server_id":"d","message_type":"follow""#)), "bad_platform");
    assert_eq!(code(&with(r#""platform":"twitch","server_id":"d","message_type":"follow","colour":1"#)), "bad_request");
    assert_eq!(code(&with(r#""platform":"twitch","server_id":"d","message_type":"follow","user_role":"king""#)), "bad_role");
    let long = "x".repeat(5001);
    assert_eq!(
        code(&with(&format!(r#""platform":"twitch","server_id":"d","message_type":"chatMessage","message_content":"{long}""#))),
        "too_long"
    );
}

#[test]
fn a_refusal_is_one_line_of_bounded_length_whatever_was_sent() {
    let field = "x\\r\\n".repeat(1000);
    for text in [format!(r#"{{"{field}":1}}"#), format!(r#"{{"platform":1,"user_id":"{field}"}}"#), format!(r#"{{"bits":"{field}"}}"#)] {
        let Unread { code, message } = read(&text).expect_err("refused");
        assert!(code == "bad_request" && message.chars().count() <= TOLD && !message.contains(['\r', '\n']), "{message:?}");
    }
}

#[test]
fn nobody_is_left_without_a_name_and_no_channel_grows_over_its_bounds() {
    let with = |fields: &str| format!(r#"{{"platform":"twitch","server_id":"d","user_id":"1",{fields}}}"#);
    assert_eq!(said(&with(r#""user_name":"@ ana","message":"hi""#)).by.name, "ana");
    assert_eq!(code(&with(r#""user_name":"@","message":"hi""#)), "bad_field");
    assert_eq!(code(&with(r#""user_name":" @ @ ","message":"hi""#)), "bad_field");
    let far = |letter: &str| {
        let name = letter.repeat(NAME);
        format!(r#"{{"platform":"twitch","server_id":"{name}","channel_id":"{name}","user_id":"1","user_name":"a","message":"hi"}}"#)
    };
    assert_eq!(code(&far("\u{1F986}")), "bad_field", "a channel's whole name has an end, too");
    assert!(is_sound(&read(&far("x")).expect("taken").0, &read(&far("x")).expect("taken").1));
}

/// Any JSON, of any shape.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "chatMessage",
            "slashCommand",
            "raid",
            "cheer",
            "donation",
            "streamStart",
            "!ping",
            "mod",
            " ",
            "\u{85}"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

const FIELDS: [&str; 19] = [
    "platform",
    "server_id",
    "channel_id",
    "user_id",
    "user_name",
    "username",
    "message_content",
    "message",
    "message_type",
    "message_id",
    "id",
    "command",
    "user_role",
    "bits",
    "minutes",
    "amount",
    "viewers",
    "metadata",
    "colour",
];

/// What was taken is within the bounds that the actors count on.
fn is_sound(key: &ChannelKey, meaning: &Meaning) -> bool {
    let by = match meaning {
        Meaning::Said(message) => &message.by,
        Meaning::Happened(event) => &event.by,
    };
    let named = !by.id.is_empty() && !by.name.is_empty() && by.id.chars().count() <= NAME && !by.name.chars().any(char::is_control);
    let said = match meaning {
        Meaning::Said(message) => !message.text.is_empty() && !message.text.contains(['\r', '\n']) && message.text.len() <= 4 * 2 * LONGEST,
        Meaning::Happened(event) => (0..=MOST * 100).contains(&event.amount) && event.text.chars().count() <= LONGEST,
    };
    named && said && ChannelKey::parse(key.as_str()).as_ref() == Some(key)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_an_event_or_refused(text in any::<String>(), value in anything()) {
        for text in [text, value.to_string()] {
            if let Ok((key, meaning)) = read(&text) {
                prop_assert!(is_sound(&key, &meaning), "{key} {meaning:?}");
            }
        }
    }

    #[test]
    fn any_fields_are_an_event_within_bounds_or_refused(
        sound in prop::collection::vec(any::<bool>(), 6),
        more in prop::collection::vec((prop::sample::select(FIELDS.to_vec()), anything()), 0..6),
    ) {
        let good = [("platform", "tube"), ("server_id", "ducks"), ("user_id", "1"), ("user_name", "Ana"), ("message_content", "!ping"), ("message_type", "chatMessage")];
        let mut fields = serde_json::Map::new();
        fields.extend(good.iter().zip(sound).filter(|(_, kept)| *kept).map(|((name, value), _)| ((*name).to_owned(), json!(value))));
        fields.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        if let Ok((key, meaning)) = read(&Value::Object(fields).to_string()) {
            prop_assert!(is_sound(&key, &meaning), "{key} {meaning:?}");
        }
    }
}

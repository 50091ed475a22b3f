//! String rules in the hub, without script: made, refused, tried out, switched, deleted.

use axum::http::StatusCode;
use waddlebot_actors::rules::{Action, Kind};

use super::browser::Rig;

const RULE: [(&str, &str); 9] = [
    ("community", "7"),
    ("id", "0"),
    ("string", "spam"),
    ("match_type", "word"),
    ("action", "block"),
    ("message", "<b>no</b>"),
    ("timeout", "60"),
    ("priority", "5"),
    ("overrides", "local:garden off"),
];

#[tokio::test]
async fn a_rule_is_made_listed_found_and_switched_on() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    assert!(owner.get("/rules").await.says("There is no rule yet."));
    assert!(owner.get("/rules/new").await.says("as a whole word"));
    let saved = owner.submit("/rules/save", &RULE).await;
    assert_eq!(saved.header("location"), "/rules?community=7&done=saved#rule-1", "{}", saved.text);
    let rule = rig.house.state.lock().rules[0].clone();
    assert_eq!((rule.kind, rule.enabled, rule.priority), (Kind::Word, false, 5));
    assert_eq!(rule.action, Action::Block { message: "<b>no</b>".into(), timeout: 60 });
    assert_eq!(rule.overrides["local:garden"].enabled, Some(false));

    let listed = owner.get("/rules?community=7&done=saved").await;
    assert!(listed.says("<code>spam</code>") && listed.says("aria-checked=\"false\"") && listed.says("It is saved."), "{}", listed.text);
    assert!(owner.get("/rules?find=other").await.says("No rule has this in its pattern."));
    let on = owner.submit("/rules", &[("community", "7"), ("id", "1"), ("on", "true")]).await;
    assert_eq!(on.header("location"), "/rules?community=7&done=rule-on#rule-1");
    assert!(owner.get("/rules").await.says("aria-checked=\"true\""));
    let shown = owner.get("/rules/1").await;
    assert!(shown.says("value=\"&#60;b&#62;no&#60;/b&#62;\"") && shown.says("local:garden off"), "{}", shown.text);
    assert_eq!(owner.get("/rules/9").await.status, StatusCode::NOT_FOUND);
    let gone = owner.submit("/rules/remove", &[("community", "7"), ("id", "1")]).await;
    assert_eq!(gone.header("location"), "/rules?community=7&done=removed");
    assert!(rig.house.state.lock().rules.is_empty());
}

#[tokio::test]
async fn what_may_not_be_saved_comes_back_as_it_was_filled_in_with_the_reason() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let mut wrong = RULE.to_vec();
    wrong[2].1 = "(spam";
    wrong[3].1 = "regex";
    let refused = owner.submit("/rules/save", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in ["The regular expression cannot be read: unclosed group.", "value=\"(spam\"", "value=\"60\""] {
        assert!(refused.says(part), "{part} in {}", refused.text);
    }
    assert!(rig.house.state.lock().rules.is_empty());
    wrong[8].1 = "local:garden sideways";
    assert!(owner.submit("/rules/save", &wrong).await.says("is not understood"));
}

#[tokio::test]
async fn a_rule_is_tried_out_before_it_is_saved() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let mut lines = RULE.to_vec();
    lines.push(("lines", "no Spam here\r\nspammer\r\n\r\n<i>spam</i>"));
    let tried = owner.submit("/rules/test", &lines).await;
    assert!(tried.says("2 of 3 lines would have matched.") && tried.says("<code>Spam</code>"), "{}", tried.text);
    assert!(tried.says("&#60;i&#62;spam&#60;/i&#62;") && !tried.says("<i>"));
    lines.push(("kept", "on"));
    assert!(owner.submit("/rules/test", &lines).await.says("2 of 3 lines would have matched."));
    assert!(rig.house.state.lock().rules.is_empty());
}

#[tokio::test]
async fn kept_chat_is_asked_for_and_erased_in_the_hub() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let shown = owner.get("/rules").await;
    assert!(shown.says("&#60;script&#62;") && !shown.says("<script>alert"), "{}", shown.text);
    let fields = [("community", "7"), ("keeps", "on"), ("days", "3"), ("moderators", "local:mods")];
    assert_eq!(owner.submit("/rules/settings", &fields).await.header("location"), "/rules?community=7&done=saved");
    let settings = rig.house.state.lock().settings.clone();
    assert_eq!((settings.keeps_history, settings.history_days, settings.moderators.as_str()), (true, 3, "local:mods"));
    let wrong = [("community", "7"), ("days", "900")];
    assert_eq!(owner.submit("/rules/settings", &wrong).await.status, StatusCode::BAD_REQUEST);
    owner.submit("/rules/erase", &[("community", "7"), ("user", " bob ")]).await;
    assert_eq!(rig.house.state.lock().erased, ["bob"]);
}

//! Commands that run elsewhere in the hub, without script: made, refused, tried out, switched, deleted.

use axum::http::StatusCode;
use waddlebot_runtime::chat::{GLOBAL_COMMUNITY, Role};

use super::browser::Rig;

const COMMAND: [(&str, &str); 16] = [
    ("community", "7"),
    ("id", "0"),
    ("word", "Weather"),
    ("about", "<b>how it is</b>"),
    ("engine", "webhook"),
    ("location", "https://example.org/weather"),
    ("method", "POST"),
    ("role", "moderator"),
    ("cooldown", "5"),
    ("rate_limit", ""),
    ("trigger", "command"),
    ("priority", "100"),
    ("mode", "sequential"),
    ("headers", "X-Api-Key: hush"),
    ("timeout", "30"),
    ("is_active", "on"),
];

#[tokio::test]
async fn a_command_is_made_listed_found_changed_switched_and_deleted() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    assert!(owner.get("/commands").await.says("There is no command yet."));
    assert!(owner.get("/commands/new").await.says("AWS Lambda"));
    let saved = owner.submit("/commands/save", &COMMAND).await;
    assert_eq!(saved.header("location"), "/commands?community=7&done=saved#command-1", "{}", saved.text);
    let command = rig.house.state.lock().commands[0].clone();
    assert_eq!((command.word.as_ref() as &str, command.community, command.role, command.cooldown), ("#weather", 7, Role::Moderator, 5));
    assert_eq!(command.headers["X-Api-Key"], "hush");

    let listed = owner.get("/commands?community=7&done=saved").await;
    assert!(listed.says("<code>#weather</code>") && listed.says("aria-checked=\"true\"") && !listed.says("<b>how"), "{}", listed.text);
    assert!(owner.get("/commands?find=other").await.says("No command has this"));
    let shown = owner.get("/commands/1").await;
    assert!(shown.says("key-1-1") && shown.says("X-Api-Key: (hidden)") && !shown.says("hush"), "{}", shown.text);
    let off = owner.submit("/commands", &[("community", "7"), ("id", "1"), ("on", "false")]).await;
    assert_eq!(off.header("location"), "/commands?community=7&done=command-off#command-1");
    assert!(owner.get("/commands").await.says("aria-checked=\"false\""));

    let mut changed = COMMAND.to_vec();
    (changed[1].1, changed[13].1, changed[14].1) = ("1", "X-Api-Key: (hidden)", "5");
    owner.submit("/commands/save", &changed).await;
    let command = rig.house.state.lock().commands[0].clone();
    assert_eq!((command.timeout, command.headers["X-Api-Key"].as_str()), (5, "hush"));
    assert_eq!(owner.get("/commands/9").await.status, StatusCode::NOT_FOUND);
    let gone = owner.submit("/commands/remove", &[("community", "7"), ("id", "1")]).await;
    assert_eq!(gone.header("location"), "/commands?community=7&done=command-removed");
    assert!(rig.house.state.lock().commands.is_empty());
}

#[tokio::test]
async fn everybodys_command_is_switched_off_for_one_community_alone() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let mut everywhere = COMMAND.to_vec();
    everywhere.push(("everywhere", "on"));
    owner.submit("/commands/save", &everywhere).await;
    assert_eq!(rig.house.state.lock().commands[0].community, GLOBAL_COMMUNITY);
    owner.submit("/commands", &[("community", "7"), ("id", "1"), ("on", "false")]).await;
    let command = rig.house.state.lock().commands[0].clone();
    assert!(command.enabled && !command.places["community:7"]);
    assert!(owner.get("/commands?community=7").await.says("aria-checked=\"false\""));
}

#[tokio::test]
async fn what_may_not_be_saved_comes_back_as_it_was_filled_in_with_the_reason() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let mut wrong = COMMAND.to_vec();
    wrong[14].1 = "600";
    let refused = owner.submit("/commands/save", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in ["Timeout is 1 to 60 seconds.", "value=\"Weather\"", "X-Api-Key: hush"] {
        assert!(refused.says(part), "{part} in {}", refused.text);
    }
    assert!(rig.house.state.lock().commands.is_empty());
}

#[tokio::test]
async fn a_command_is_tried_out_before_it_is_saved_and_its_answer_is_shown_as_text() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let mut tried = COMMAND.to_vec();
    tried.push(("words", "in Rome"));
    let shown = owner.submit("/commands/test", &tried).await;
    assert!(shown.says("It answered") && shown.says("In chat: #weather in Rome"), "{}", shown.text);
    assert!(shown.says("&#60;script&#62;") && !shown.says("<script>alert"));
    assert!(rig.house.state.lock().commands.is_empty());
}

//! The whole walk: somebody types in chat, the bot answers there, the stream shows it.

use serde_json::json;
use waddlebot_testbed::Browser;

use crate::stage::{SETTLED, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_shout_out_typed_in_chat_is_answered_there_and_shown_on_the_stream() {
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "general", 1920, 1080).await;
    assert!(page.picture().await.is_clear(), "an empty overlay hides nothing of the stream");

    let replies = stage.say("ana", "moderator", "!so @ninja");
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert!(replies[0].contains("ninja"), "{replies:?}");
    let shown = page.until("(document.querySelector('.panel.on .shoutout') || {}).innerText").await;
    assert!(shown.as_str().unwrap().contains("ninja"), "{shown}");
    stage.wait_acknowledged("general");

    page.until(SETTLED).await;
    let picture = page.picture().await;
    picture.keep("overlay-shoutout");
    for (x, y) in [(5, 5), (1914, 5), (5, 1074), (1914, 1074), (200, 540), (1700, 540)] {
        assert_eq!(picture.at(x, y)[3], 0, "the stream shows at {x},{y}");
    }
    assert!(picture.at(960, 540)[3] > 200, "the card stands in the middle");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raid_introduces_the_raider_by_itself() {
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "general", 1280, 720).await;
    let replies = stage.happen(&json!({ "type": "raid", "user": "ninja", "viewers": 12 }));
    assert!(replies.iter().any(|line| line.contains("ninja")), "{replies:?}");
    page.until("document.querySelector('.panel.on .shoutout')?.innerText.includes('ninja')").await;
    stage.wait_acknowledged("general");
    page.until(SETTLED).await;
    page.picture().await.keep("overlay-raid");
}

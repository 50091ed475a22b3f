//! The media card: what it says, how it counts, what it does without a cover.

use serde_json::json;
use waddlebot_testbed::Browser;

use crate::stage::Stage;

fn song(title: &str, progress: u64) -> serde_json::Value {
    json!({ "media_type": "music", "duration": 60, "media_data": {
        "track_name": title, "artists": [{ "name": "Emperor" }, { "name": "Adélie" }], "album": "Ice Shelf", "service": "spotify",
        "progress": progress, "duration": 180_000, "requested_by": "ana" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_song_shows_its_names_its_service_and_counts_forward() {
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "media", 400, 300).await;
    assert_eq!(stage.show("media", song("Waddle On", 59_000)), "showing");
    page.until("document.querySelector('.card.on')").await;
    for part in ["Waddle On", "Emperor, Adélie", "Ice Shelf", "Spotify", "Requested by ana", "♪", "3:00"] {
        page.until(&format!("document.querySelector('.card.on').textContent.includes('{part}')")).await;
    }
    page.until("document.querySelector('.at').textContent === '1:01'").await;
    page.until("getComputedStyle(document.querySelector('.card')).opacity === '1'").await;
    let picture = page.picture().await;
    picture.keep("overlay-media");
    assert_eq!((picture.at(2, 2)[3], picture.at(397, 2)[3]), (0, 0), "around the card the stream shows");
    assert!(picture.at(200, 270)[3] > 200, "the card stands at the bottom");
    let share =
        page.look("document.querySelector('.fill').getBoundingClientRect().width / document.querySelector('.track').clientWidth").await;
    assert!((0.3..0.4).contains(&share.as_f64().unwrap()), "a third is over: {share}");

    // The next update corrects what was counted; a new song takes the place of the former.
    stage.show("media", song("Waddle On", 120_000));
    page.until("['2:00', '2:01', '2:02'].includes(document.querySelector('.at').textContent)").await;
    stage.show("media", song("Slide Home", 0));
    page.until("document.querySelector('.title').textContent === 'Slide Home'").await;
    stage.wait_acknowledged("media");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_leaves_when_its_time_is_over_and_who_asked_is_never_empty() {
    const RED: &str =
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "media", 400, 300).await;
    let data = json!({ "media_type": "image", "media_url": RED, "media_data": { "title": "A dot" }, "duration": 2 });
    stage.show("media", data);
    page.until("document.querySelector('.card.on img')?.naturalWidth === 1").await;
    page.until("document.querySelector('.card').textContent.includes('Requested by System')").await;
    page.until("!document.querySelector('.card.on')").await;
    page.until("getComputedStyle(document.querySelector('.card')).visibility === 'hidden'").await;
    assert!(page.picture().await.is_clear());
}

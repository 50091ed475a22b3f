//! Every overlay at the sizes streams have: all of it is seen, and the rest is clear.

use serde_json::json;
use waddlebot_testbed::Browser;

use crate::stage::Stage;

const SIZES: [(u32, u32); 3] = [(1920, 1080), (1280, 720), (640, 360)];
/// Whether everything in this element is inside of the page.
const INSIDE: &str = "[...document.querySelectorAll('PART, PART *')].filter(e => getComputedStyle(e).display !== 'none').every(e => { \
     const r = e.getBoundingClientRect(); return r.left >= -1 && r.top >= -1 && r.right <= innerWidth + 1 && r.bottom <= innerHeight + 1; })";

#[tokio::test(flavor = "multi_thread")]
async fn at_every_size_all_of_it_is_seen() {
    let stage = Stage::open();
    let browser = Browser::start();
    let general = json!({ "content_type": "announcement", "style": { "title": "Community tournament tonight" }, "duration": 0,
        "content": "<p>Sixteen penguins, one iceberg. <strong>Sign up</strong> with <code>!join</code>; it starts at eight.</p>\
                    <ul><li>First prize: a fish</li><li>Second prize: half a fish</li></ul>" });
    let media = json!({ "media_type": "music", "duration": 600, "media_data": { "title": "A Song With Quite a Long Title Indeed",
        "artist": "The Somewhat Lengthy Penguin Orchestra", "album": "Ice Shelf", "service": "youtube", "progress": 30_000, "duration": 200_000 } });
    let ticker = json!({ "ticker_text": "Thank you for 500 followers! Tournament tonight at eight, sign up with !join",
        "ticker_style": "success", "ticker_duration": 600 });
    for (source, part, data) in [("general", ".panel.on", general), ("media", ".card.on", media), ("ticker", ".bar.on .badge", ticker)] {
        let page = stage.page(&browser, source, 1920, 1080).await;
        stage.show(source, data);
        page.until(&format!("document.querySelector('{part}')")).await;
        for (width, height) in SIZES {
            page.resize(width, height).await;
            page.until(&INSIDE.replace("PART", part)).await;
            page.until("[...document.querySelectorAll('.on')].every(e => getComputedStyle(e).opacity === '1')").await;
            let picture = page.picture().await;
            picture.keep(&format!("overlay-{source}-{width}x{height}"));
            assert_eq!((picture.width, picture.height), (width as usize, height as usize));
            // A shadow may reach that far, a card may not.
            assert!(picture.at(1, 1)[3].max(picture.at(picture.width - 2, 1)[3]) < 8, "{source} at {width}x{height}");
            let shown = picture.share_shown(0..picture.width, 0..picture.height);
            assert!((0.01..0.75).contains(&shown), "{source} covers {shown} at {width}x{height}");
        }
    }
}

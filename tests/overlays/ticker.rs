//! The ticker: order, styles, the place of the bar, and what happens when too much comes.

use serde_json::json;
use waddlebot_testbed::Browser;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn the_important_comes_first_each_in_its_style_and_the_bar_leaves_when_all_is_said() {
    let stage = Stage::open();
    for (text, style, priority) in [("later", "info", json!("low")), ("soon", "success", json!("normal")), ("now", "urgent", json!(1))] {
        let data = json!({ "ticker_text": text, "ticker_style": style, "priority": priority, "ticker_duration": 2 });
        assert_eq!(stage.show("ticker", data), "waiting", "nothing is shown to an empty room");
    }
    let browser = Browser::start();
    let page = browser.open(1920, 100).await;
    page.goto(&stage.address("ticker")).await.unwrap();
    for (text, style, left) in [("now", "urgent", "+2"), ("soon", "success", "+1"), ("later", "info", "")] {
        let said = format!("[...document.querySelectorAll('.bar.on .text:not(.leaving)')].map(t => t.textContent).join() === '{text}'");
        page.until(&said).await;
        assert_eq!(page.look("document.querySelector('.bar').dataset.mood").await, style);
        assert_eq!(page.look("document.querySelector('.count').textContent").await, left);
        stage.wait_acknowledged("ticker");
        if text == "now" {
            page.until("getComputedStyle(document.querySelector('.bar')).opacity === '1'").await;
            let picture = page.picture().await;
            picture.keep("overlay-ticker");
            assert!(picture.at(40, 60)[3] > 200 && picture.at(960, 60)[3] > 200, "the bar goes from side to side");
            assert!(picture.at(960, 2)[3] < 8, "above it the stream shows");
        }
    }
    page.until("!document.querySelector('.bar.on')").await;
    page.until("getComputedStyle(document.querySelector('.bar')).visibility === 'hidden'").await;
    assert!(page.picture().await.is_clear());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_keeps_what_matters_and_says_so() {
    let stage = Stage::open();
    for number in 0..100 {
        let data = json!({ "ticker_text": format!("low {number}"), "priority": "low", "ticker_duration": 1 });
        assert_eq!(stage.show("ticker", data), "waiting");
    }
    let (status, answer) = stage.push("ticker", json!({ "ticker_text": "one too many", "priority": "low" }));
    assert_eq!(status, 429, "{answer}");
    assert_eq!(stage.show("ticker", json!({ "ticker_text": "<b>fire</b>", "priority": "high", "ticker_duration": 5 })), "waiting");
    let memory = stage.memory("ticker");
    assert_eq!((&memory["waiting"], &memory["dropped"]), (&json!(100), &json!(2)), "{memory}");

    let browser = Browser::start();
    let page = stage.page(&browser, "ticker", 1280, 100).await;
    page.until("document.querySelector('.bar.on .text')?.textContent === '<b>fire</b>'").await;
    assert_eq!(page.look("document.querySelectorAll('.text b').length").await, 0, "text stays text");
    assert_eq!(page.look("document.querySelector('.count').textContent").await, "+99");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_long_text_is_seen_before_its_time_is_over() {
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "ticker", 1280, 100).await;
    let text = format!("{} the end", "a long story ".repeat(13));
    stage.show("ticker", json!({ "ticker_text": text, "ticker_duration": 4 }));
    page.until("document.querySelector('.text')").await;
    let inside = "(() => { const t = document.querySelector('.text'), l = document.querySelector('.lane'); \
                  return t && t.getBoundingClientRect().right <= l.getBoundingClientRect().right; })()";
    page.until(inside).await;
    assert_eq!(page.look("document.querySelector('.bar').classList.contains('on')").await, true);
}

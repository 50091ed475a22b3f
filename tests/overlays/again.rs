//! Nothing that was not seen is lost, and nothing that was seen comes again: bot killed, page reloaded, room empty.

use std::time::Duration;

use serde_json::json;
use waddlebot_testbed::{Browser, eventually};

use crate::stage::{SHOWN, Stage};

/// From now on the page keeps its acknowledgements to itself.
const MUTE: &str = "(() => { const send = WebSocket.prototype.send; \
                    WebSocket.prototype.send = function (text) { if (!text.includes('\"ack\"')) send.call(this, text); }; return true; })()";

fn note(text: &str, seconds: u32) -> serde_json::Value {
    json!({ "content_type": "announcement", "content": text, "duration": seconds })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_finds_the_bot_again_after_a_kill_and_after_an_orderly_stop() {
    let mut stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "general", 640, 360).await;
    for orderly in [false, true] {
        stage.show("general", note(&format!("before {orderly}"), 0));
        page.until(&format!("{SHOWN} === 'before {orderly}'")).await;
        stage.wait_acknowledged("general");
        if orderly {
            assert!(stage.bot.terminate().success());
        } else {
            stage.bot.kill_9();
        }
        stage.bot.start_again().wait_healthy();
        stage.wait_pages("general", 1);
        assert_eq!(page.look(SHOWN).await, format!("before {orderly}"), "what stays until replaced still stands");
        stage.show("general", note(&format!("after {orderly}"), 0));
        page.until(&format!("{SHOWN} === 'after {orderly}'")).await;
        stage.wait_acknowledged("general");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_when_the_bot_was_killed_is_shown_to_the_next_page() {
    let mut stage = Stage::open();
    stage.address("general");
    assert_eq!(stage.show("general", note("still here", 30)), "waiting");
    stage.bot.kill_9();
    stage.bot.start_again().wait_healthy();
    let browser = Browser::start();
    let page = browser.open(640, 360).await;
    page.goto(&stage.address("general")).await.unwrap();
    page.until(&format!("{SHOWN} === 'still here'")).await;
    stage.wait_acknowledged("general");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_page_acknowledged_is_shown_again_after_a_reload() {
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "general", 640, 360).await;
    page.look(MUTE).await;
    stage.show("general", note("did you see me", 30));
    page.until(&format!("{SHOWN} === 'did you see me'")).await;
    assert_eq!(stage.memory("general")["acknowledged"], false);
    // As when OBS closes in the middle of it, and is opened again.
    page.goto("about:blank").await.unwrap();
    stage.wait_pages("general", 0);
    assert_eq!(stage.memory("general")["waiting"], 1);
    page.goto(&stage.address("general")).await.unwrap();
    page.until(&format!("{SHOWN} === 'did you see me'")).await;
    stage.wait_acknowledged("general");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_runs_on_after_a_reload_and_does_not_come_again() {
    let mut stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "general", 640, 360).await;
    stage.show("general", note("only once", 15));
    page.until(&format!("{SHOWN} === 'only once'")).await;
    stage.wait_acknowledged("general");
    let id = stage.memory("general")["showing"].as_str().unwrap().to_owned();
    page.refresh().await.unwrap();
    page.until(&format!("{SHOWN} === 'only once'")).await;
    assert_eq!(page.look("document.querySelector('.panel.on').dataset.item").await, id);
    page.until("!document.querySelector('.panel')").await;
    eventually("it is over here, too", Duration::from_secs(30), || stage.memory("general")["showing"].is_null());
    page.refresh().await.unwrap();
    stage.wait_pages("general", 1);
    // Killed and started again, the bot does not show it either: the next item is the first that appears.
    stage.bot.kill_9();
    stage.bot.start_again().wait_healthy();
    page.refresh().await.unwrap();
    stage.wait_pages("general", 1);
    assert!(page.picture().await.is_clear());
    stage.show("general", note("the next", 0));
    page.until("document.querySelector('.panel')").await;
    assert_eq!(page.look("document.querySelector('.panel').innerText").await, "the next");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_older_version_loads_itself_anew_once() {
    let mut stage = Stage::open();
    let browser = Browser::start();
    let page = browser.open(640, 100).await;
    // A page as an older bot served it: another version stands in its script.
    let old = "(() => { const real = WebSocket; window.WebSocket = class extends real { set onmessage(f) { super.onmessage = (event) => \
               f({ data: event.data.replace(/\"page\":\"[0-9a-f]{12}\"/, '\"page\":\"000000000000\"') }); } }; })()";
    page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": old })).await;
    page.goto(&stage.address("ticker")).await.unwrap();
    page.until("sessionStorage.getItem('reloaded')").await;
    page.until("performance.getEntriesByType('navigation')[0].type === 'reload'").await;
    stage.wait_pages("ticker", 1);
    // The bot is restarted, the page would reload again and again: it does not.
    page.look("window.same = true").await;
    stage.bot.kill_9();
    stage.bot.start_again().wait_healthy();
    stage.wait_pages("ticker", 1);
    stage.show("ticker", json!({ "ticker_text": "steady" }));
    page.until("document.querySelector('.text')?.textContent === 'steady'").await;
    assert_eq!(page.look("window.same").await, true);
}

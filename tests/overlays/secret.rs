//! The address is the secret: a wrong one shows nothing, an old one goes dark at once.

use serde_json::json;
use waddlebot_testbed::Browser;

use crate::stage::{SHOWN, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_token_is_replaced_goes_dark_at_once_and_stays_so() {
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "general", 640, 360).await;
    let old = stage.token("general");
    stage.show("general", json!({ "content_type": "announcement", "content": "ours", "duration": 0 }));
    page.until(&format!("{SHOWN} === 'ours'")).await;
    let token = old["token"].as_str().unwrap();
    let new = stage.get("POST", &format!("/browser/source/admin/tokens/{token}/regenerate"), &json!(null));
    assert_ne!(new["token"], old["token"]);
    page.until("!document.querySelector('.panel')").await;
    stage.wait_pages("general", 0);
    assert!(page.picture().await.is_clear());
    stage.show("general", json!({ "content_type": "announcement", "content": "still ours", "duration": 0 }));
    let reply = stage.bot.get(&format!("/browser/source/{token}/general"));
    assert_eq!(reply.status, 404);

    let fresh = browser.open(640, 360).await;
    fresh.goto(new["url"].as_str().unwrap()).await.unwrap();
    fresh.until(&format!("{SHOWN} === 'still ours'")).await;
    // The old page tries again now and then; it is told nothing, and neither is one that is loaded anew.
    page.look("window.dispatchEvent(new Event('online'))").await;
    let closed = "window.code ??= (() => { const s = new WebSocket(location.href.replace('http', 'ws').replace('/browser/source/', '/ws/')); \
                  s.onmessage = () => { window.told = true; }; s.onclose = (e) => { window.code = e.code; }; return 0; })()";
    page.until(closed).await;
    assert_eq!(page.look("window.code").await, 1008);
    assert_eq!(page.look("window.told ?? false").await, false);
    assert_eq!(page.look(SHOWN).await, "");
    page.refresh().await.unwrap();
    page.until("document.querySelector('.note.on')?.innerText.includes('no longer')").await;
    assert_eq!(page.look("document.title").await, "WaddleBot missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_switched_off_closes_its_pages_and_is_good_for_no_other_overlay() {
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "ticker", 640, 100).await;
    let token = stage.token("ticker")["token"].as_str().unwrap().to_owned();
    for other in ["media", "general", "nothing"] {
        assert_eq!(stage.bot.get(&format!("/browser/source/{token}/{other}")).status, 404, "{other}");
    }
    stage.show("ticker", json!({ "ticker_text": "on air", "ticker_duration": 60 }));
    page.until("document.querySelector('.bar.on')").await;
    stage.get("DELETE", &format!("/browser/source/admin/tokens/{token}"), &json!(null));
    page.until("!document.querySelector('.bar.on')").await;
    stage.wait_pages("ticker", 0);
    assert_eq!(stage.bot.get(&format!("/browser/source/{token}/ticker")).status, 404);
}

#[test]
fn the_addresses_of_all_communities_come_a_page_at_a_time() {
    let stage = Stage::open();
    stage.token("general");
    let page = |query: &str| stage.get("GET", &format!("/browser/source/admin/tokens{query}"), &json!(null));
    let whole = page("");
    let all = whole["tokens"].as_array().unwrap();
    assert!(all.len() >= 3 && whole["total"] == all.len(), "{whole}");
    let pages: Vec<_> = (0..all.len()).map(|at| page(&format!("?limit=1&offset={at}"))).collect();
    assert!(pages.iter().zip(all).all(|(page, token)| page["total"] == whole["total"] && page["tokens"] == json!([token])), "{pages:?}");
    assert_eq!(page(&format!("?community_id={}", stage.home))["total"], 3);
    assert_eq!(stage.ask("GET", "/browser/source/admin/tokens?limit=0", &json!(null)).0, 400);
}

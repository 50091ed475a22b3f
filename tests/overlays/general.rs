//! Community HTML on the stream: shown, but harmless; styles; times.

use std::net::TcpListener;

use serde_json::json;
use waddlebot_testbed::Browser;

use crate::stage::{SETTLED, SHOWN, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_community_hands_in_runs_nothing_and_asks_nobody() {
    let spy = TcpListener::bind("127.0.0.1:0").unwrap();
    spy.set_nonblocking(true).unwrap();
    let at = spy.local_addr().unwrap();
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "general", 1280, 720).await;
    page.requests().await;
    let hostile = format!(
        r#"<h2 id="hi" onclick="document.title='ran'" style="color: #3ddc97; position: fixed; background: url(http://{at}/css)">Hello penguins</h2>
        <script>document.title = 'ran'; fetch('http://{at}/fetch')</script>
        <img src="x" onerror="document.title='ran'"><img src="http://{at}/img.png" onload="document.title='ran'">
        <svg onload="document.title='ran'"><script>document.title='ran'</script></svg>
        <iframe src="http://{at}/frame" srcdoc="<script>parent.document.title='ran'</script>"></iframe>
        <object data="http://{at}/object"></object><embed src="http://{at}/embed"><link rel="stylesheet" href="http://{at}/link.css">
        <meta http-equiv="refresh" content="0; url=http://{at}/refresh"><base href="http://{at}/">
        <style>@import url(http://{at}/import.css); body {{ background: url(http://{at}/body) }}</style>
        <form action="http://{at}/form"><input autofocus onfocus="document.title='ran'"></form>
        <video src="http://{at}/film" autoplay></video><a href="javascript:document.title='ran'">press</a>
        <math><mtext><table><mglyph><style><img src=x onerror="document.title='ran'"></style></mglyph></table></mtext></math>"#
    );
    stage.show("general", json!({ "content_type": "html", "content": hostile, "style": { "title": "<i>Title</i>" }, "duration": 0 }));
    page.until("document.querySelector('.panel.on h2')?.innerText === 'Hello penguins'").await;
    stage.wait_acknowledged("general");
    // What would run, would have run before the next item is shown.
    page.look("document.querySelector('.body a')?.click()").await;
    page.look("document.querySelector('h2').click()").await;
    page.until(SETTLED).await;
    page.picture().await.keep("overlay-html");
    assert_eq!(page.look("document.querySelector('.head').innerText").await, "<i>Title</i>", "a title is no HTML");
    assert_eq!(page.look("getComputedStyle(document.querySelector('h2')).color").await, "rgb(61, 220, 151)", "a colour is harmless");
    assert_eq!(page.look("getComputedStyle(document.querySelector('h2')).position").await, "static", "nothing pins itself elsewhere");
    stage.show("general", json!({ "content": "<p>next</p>" }));
    page.until(&format!("{SHOWN} === 'next'")).await;
    assert_eq!(page.title().await.unwrap(), "WaddleBot general");
    let asked = page.requests().await;
    assert!(asked.is_empty(), "{asked:?}");
    assert!(spy.accept().is_err(), "somebody was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn announcement_and_alert_look_it_and_time_is_kept() {
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "general", 1280, 720).await;
    let colour = "getComputedStyle(document.querySelector('.panel:last-child .head .icon')).backgroundColor";
    stage.show(
        "general",
        json!({ "content_type": "announcement", "content": "Tournament at eight", "style": { "title": "Tonight" }, "duration": 0 }),
    );
    page.until(&format!("{SHOWN}.includes('Tonight')")).await;
    assert_eq!(page.look(colour).await, "rgb(76, 179, 255)");
    page.until("getComputedStyle(document.querySelector('.panel.on')).opacity === '1'").await;
    page.picture().await.keep("overlay-announcement");
    // It stays until it is replaced; the next one leaves by itself.
    stage.show("general", json!({ "content_type": "alert", "content": "The ice is thin", "style": { "title": "Careful" }, "duration": 2 }));
    page.until(&format!("{SHOWN}.includes('The ice is thin')")).await;
    assert_eq!(page.look(colour).await, "rgb(255, 93, 108)");
    page.until("!document.querySelector('.panel')").await;
    assert!(page.picture().await.is_clear());
}

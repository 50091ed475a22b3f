//! Coming in, staying in, being kept out.

use serde_json::{Value, json};
use waddlebot_testbed::Bot;

use crate::visit::Visit;

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_link_opens_once_and_the_log_out_closes() {
    let visit = Visit::outside().await;
    let link = visit.link();
    visit.go("/").await;
    assert!(visit.text("main").await.contains("waddlebot login"), "a stranger is told how to come in");
    visit.page.keep_picture("hub-stranger").await;
    visit.page.goto(&link).await.unwrap();
    visit.page.keep_picture("hub-login").await;
    visit.press("main button").await;
    visit.page.until("document.querySelector('.cards')").await;

    // The cookie is out of reach of scripts and of other sites.
    assert_eq!(visit.page.look("document.cookie").await, "");
    let kept = visit.page.devtools("Network.getCookies", json!({})).await;
    let cookie = &kept["cookies"][0];
    assert_eq!((&cookie["httpOnly"], &cookie["sameSite"], &cookie["secure"]), (&json!(true), &json!("Lax"), &json!(false)), "{kept}");

    let second = visit.browser.open(800, 600).await;
    second.goto(&link).await.unwrap();
    second.until("document.querySelector('main').innerText.includes('used already')").await;
    second.keep_picture("hub-link-used").await;
    second.goto(&visit.bot.url("/chat")).await.unwrap();
    assert_eq!(second.look("document.querySelector('[data-say]')").await, Value::Null, "the second is not let in");

    visit.press(".leave button").await;
    visit.page.until("location.pathname === '/login'").await;
    visit.go("/modules").await;
    assert_eq!(visit.page.look("document.querySelector('.module')").await, Value::Null, "outside again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_elsewhere_changes_nothing() {
    let visit = Visit::begin().await;
    visit.go("/modules").await;
    // As another site's page would do it: its own form, sent with the owner's cookie, without the page's secret.
    let forged = "(() => { const f = document.querySelector('.module form'); f.elements.csrf.value = 'guess'; f.querySelector('button').click(); return true; })()";
    visit.page.look(forged).await;
    visit.page.until("document.querySelector('main').innerText.includes('Nothing was changed')").await;
    visit.page.keep_picture("hub-refused").await;
    visit.go("/modules").await;
    assert_eq!(visit.page.look("document.querySelectorAll('.switch[aria-checked=false]').length").await, 0);

    let elsewhere = visit.browser.open(400, 300).await;
    elsewhere.goto(&format!("data:text/html,<iframe src='{}'></iframe>", visit.bot.url("/modules"))).await.unwrap();
    elsewhere.enter_frame(0).await.unwrap();
    assert_eq!(elsewhere.look("location.protocol").await, "chrome-error:", "no other page frames the hub");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_https_the_cookie_never_travels_in_the_clear() {
    let mut bot = Bot::start(env!("CARGO_BIN_EXE_waddlebot"), &["--set", "http.base_url=https://bot.example.org"], &[]);
    bot.wait_healthy();
    let line = bot.wait_for_line("https://bot.example.org/login/");
    let path = &line[line.find("/login/").unwrap()..];
    let entered = bot.request("POST", path.trim(), &[("Content-Type", "application/x-www-form-urlencoded")], "");
    let cookie = entered.head.lines().find(|line| line.to_ascii_lowercase().starts_with("set-cookie:")).unwrap();
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax") && cookie.contains("; Secure"), "{cookie}");
}

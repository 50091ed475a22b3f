//! Overlay addresses, modules, actors: what can be done there has its effect at once.

use serde_json::{Value, json};

use crate::visit::Visit;

#[tokio::test(flavor = "multi_thread")]
async fn an_overlay_address_is_copied_previewed_and_replaced() {
    let visit = Visit::begin().await;
    visit.go("/overlays").await;
    visit.page.keep_picture("hub-overlays").await;
    for (kind, size) in [("ticker", "1920 × 100"), ("media", "400 × 300"), ("general", "1920 × 1080")] {
        let panel = visit.text(&format!("#overlay-{kind}")).await;
        assert!(panel.contains(size), "{kind}: {panel}");
    }
    let origin = visit.bot.url("");
    let permissions = json!({ "origin": origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    visit.page.devtools("Browser.grantPermissions", permissions).await;
    visit.press("#overlay-general [data-copy]").await;
    visit.page.until("document.querySelector('#overlay-general [data-copy]').textContent === 'Copied'").await;
    let copied = visit.page.look("navigator.clipboard.readText()").await;
    let address = visit.page.look("document.querySelector('#url-general').value").await;
    assert_eq!(copied, address);
    assert_eq!(visit.page.look("document.querySelector('#overlay-general a.button').href").await, address);

    // It opens as it stands, and the hub sees that it is open.
    let obs = visit.browser.open(640, 360).await;
    obs.goto(address.as_str().unwrap()).await.unwrap();
    obs.until("document.body.className === 'general'").await;
    waddle_until_open(&visit).await;

    visit.press("#overlay-general details:last-of-type summary").await;
    visit.press("#overlay-general .confirm button").await;
    visit.page.until("document.querySelector('.notice')").await;
    let new = visit.page.look("document.querySelector('#url-general').value").await;
    assert_ne!(new, address);
    // The page that came with the old address is sent away, and does not come back.
    obs.until("(window.closed_with ??= (() => { const s = new WebSocket(location.href.replace('http', 'ws').replace('/browser/source/', '/ws/')); \
               s.onclose = (e) => { window.closed_with = e.code; }; return 0; })()) === 1008")
        .await;
    visit.go("/overlays").await;
    assert!(visit.text("#overlay-general").await.contains("not open"), "nobody shows the new one yet");
}

async fn waddle_until_open(visit: &Visit) {
    let mut shown = String::new();
    for _ in 0..50 {
        visit.go("/overlays").await;
        shown = visit.text("#overlay-general .state").await;
        if shown.contains("open in 1 place") {
            return;
        }
    }
    panic!("the hub says {shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_is_switched_off_is_silent_at_once_and_back_at_once() {
    let visit = Visit::begin().await;
    visit.go("/modules").await;
    visit.page.keep_picture("hub-modules").await;
    for (on, answered) in [(false, false), (true, true)] {
        visit.go("/modules").await;
        visit.press("#module-basics .switch").await;
        visit.page.until(&format!("document.querySelector('#module-basics .switch').getAttribute('aria-checked') === '{on}'")).await;
        assert_eq!(visit.page.look("location.hash").await, "#module-basics", "the page stays where one was");
        visit.go("/chat").await;
        visit.page.until("document.querySelector('[data-state]').textContent === 'live'").await;
        let word = if on { "there" } else { "gone" };
        visit.write("[name=text]", &format!("!ping {word}")).await;
        visit.press(".typing button").await;
        // A line of a module that is on tells that what was said before it is through.
        visit.page.until(&format!("document.querySelector('.lines').textContent.includes('!ping {word}')")).await;
        visit.write("[name=text]", "!so stats").await;
        visit.press(".typing button").await;
        visit.page.until("document.querySelector('.line.bot:last-child')?.textContent.includes('Nobody was introduced yet')").await;
        let pong = format!("document.querySelector('.lines').textContent.includes('pong {word}')");
        assert_eq!(visit.page.look(&pong).await, answered);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_shows_who_lives_here_live_and_what_one_remembers() {
    let visit = Visit::begin().await;
    visit.go("/actors").await;
    visit.page.until("document.querySelector('[data-state]').textContent === 'live'").await;
    let keys = "[...document.querySelectorAll('.key a')].map(a => a.textContent)";
    visit.page.until(&format!("{keys}.includes('node') && {keys}.some(key => key.startsWith('overlay'))")).await;
    assert_eq!(visit.page.look(&format!("{keys}.some(key => key === 'local:lobby')")).await, false, "nobody spoke yet");

    let other = visit.browser.open(800, 600).await;
    let cookie = visit.page.devtools("Network.getCookies", json!({})).await["cookies"][0].clone();
    other.devtools("Network.setCookie", json!({ "name": cookie["name"], "value": cookie["value"], "url": visit.bot.url("/") })).await;
    other.goto(&visit.bot.url("/chat")).await.unwrap();
    other.until("document.querySelector('[data-state]').textContent === 'live'").await;
    other.look("(document.querySelector('[name=text]').value = '!ping', document.querySelector('.typing button').click())").await;
    visit.page.until(&format!("{keys}.includes('local:lobby')")).await;
    visit.page.keep_picture("hub-actors").await;
    let depth = "[...document.querySelectorAll('.key')].filter(td => td.textContent === 'local:lobby/delivery')[0]?.className";
    assert_eq!(visit.page.look(depth).await, "key depth-2", "a child stands under its parent");

    visit.write("[name=find]", "lobby").await;
    visit.press(".find button").await;
    visit.page.until("location.search.includes('find=lobby')").await;
    visit.page.until(&format!("{keys}.length > 0 && {keys}.every(key => key.includes('lobby'))")).await;
    visit.page.look("[...document.querySelectorAll('.key a')].find(a => a.textContent === 'local:lobby').click()").await;
    visit.page.until("document.querySelector('h1').textContent === 'local:lobby'").await;
    let memory: Value = serde_json::from_str(&visit.text(".memory").await).unwrap();
    assert_eq!(memory["counts"]["messages"], 1, "{memory}");
    visit.page.keep_picture("hub-actor").await;
}

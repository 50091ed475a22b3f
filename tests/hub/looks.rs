//! Every page in light, in dark and on a phone: nothing runs out of the page, everything has a name, nobody else is asked.

use serde_json::json;

use crate::visit::Visit;

const PAGES: [(&str, &str); 15] = [
    ("front", "/"),
    ("chat", "/chat"),
    ("overlays", "/overlays"),
    ("modules", "/modules"),
    ("commands", "/commands"),
    ("new command", "/commands/new"),
    ("people", "/people"),
    ("role changes", "/people/changes"),
    ("rules", "/rules"),
    ("new rule", "/rules/new"),
    ("rule", "/rules/1"),
    ("cluster", "/cluster"),
    ("actors", "/actors"),
    ("actor", "/actors/node"),
    ("api", "/docs"),
];

/// Fields and buttons that a screen reader could not name.
const NAMELESS: &str = "[...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a[href]')].filter(e => \
    !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim() || e.title)).map(e => e.outerHTML).join('\\n')";

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_desk_and_a_phone_in_light_and_in_dark_and_asks_nobody_else() {
    let visit = Visit::begin().await;
    visit.go("/rules/new").await;
    visit.write("[name=string]", "iceberg").await;
    visit.press(".fields summary").await;
    visit.write("[name=entities]", "local:elsewhere\nlocal:nowhere").await;
    visit.press(".fields > .buttons button").await;
    for (id, role) in [("ana", "owner"), ("a-name-that-is-much-longer-than-anybody-ever-should-be-called", "moderator")] {
        visit.go("/people").await;
        visit.write("[name=platform]:not([type=hidden])", "local").await;
        visit.write("[name=id]:not([type=hidden])", id).await;
        visit.press(&format!(".fields select [value={role}]")).await;
        visit.press(".fields button").await;
        visit.page.until("document.querySelector('.notice')").await;
    }
    visit.go("/chat").await;
    visit.page.until("document.querySelector('[data-state]').textContent === 'live'").await;
    for line in ["!ping hello", "!so @ninja", "what a lovely iceberg, is it not? I could look at it all day, and then some more"] {
        visit.write("[name=text]", line).await;
        visit.press(".typing button").await;
        visit.page.until("document.querySelector('[name=text]').value === ''").await;
    }
    visit.page.requests().await;
    for scheme in ["light", "dark"] {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        visit.page.devtools("Emulation.setEmulatedMedia", media).await;
        for (width, height) in [(1280, 800), (390, 844)] {
            visit.page.resize(width, height).await;
            for (name, path) in PAGES {
                visit.go(path).await;
                if path == "/chat" {
                    visit.page.until("document.querySelectorAll('.line').length >= 5").await;
                }
                visit.page.keep_picture(&format!("hub-{name}-{scheme}-{width}")).await;
                let wide = visit.page.look("document.documentElement.scrollWidth - innerWidth").await;
                assert!(wide.as_i64().unwrap() <= 0, "{name} is {wide} pixels too wide for {width}");
                assert_eq!(visit.page.look(NAMELESS).await, "", "{name}: things without a name");
                assert_eq!(visit.page.look("document.querySelectorAll('h1').length").await, 1, "{name}");
            }
        }
    }
    let own = visit.bot.url("/");
    let foreign: Vec<_> =
        visit.page.requests().await.into_iter().filter(|url| !url.starts_with(&own) && !url.starts_with("data:")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert_eq!(visit.page.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_keyboard_alone_one_comes_everywhere() {
    let visit = Visit::begin().await;
    visit.go("/modules").await;
    visit
        .page
        .devtools("Input.dispatchKeyEvent", json!({ "type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 }))
        .await;
    assert_eq!(visit.page.look("document.activeElement.textContent.trim()").await, "Skip to the content");
    let mut reached = Vec::new();
    for _ in 0..15 {
        visit
            .page
            .devtools("Input.dispatchKeyEvent", json!({ "type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 }))
            .await;
        let seen = "(() => { const e = document.activeElement, s = getComputedStyle(e); \
                    return [e.textContent.trim() || e.name, s.outlineStyle !== 'none' || s.boxShadow !== 'none']; })()";
        let at = visit.page.look(seen).await;
        assert_eq!(at[1], true, "one sees where one is: {at}");
        reached.push(at[0].as_str().unwrap().to_owned());
    }
    for wanted in ["Overview", "Chat", "Overlays", "Modules", "Cluster", "Actors", "Log out", "on"] {
        assert!(reached.iter().any(|one| one == wanted), "{wanted} is not reached: {reached:?}");
    }
}

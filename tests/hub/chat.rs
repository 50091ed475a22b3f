//! The chat room: type and see, with a script and without.

use fantoccini::Locator;

use crate::visit::Visit;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_answered_before_ones_eyes() {
    let mut visit = Visit::begin().await;
    visit.go("/chat").await;
    visit.page.until("document.querySelector('[data-state]').textContent === 'live'").await;
    assert_eq!(visit.page.look("document.activeElement.name").await, "text", "one can type at once");
    visit.page.keep_picture("hub-chat-empty").await;
    let field = visit.page.find(Locator::Css("[name=text]")).await.unwrap();
    field.send_keys("!ping hello\u{E007}").await.unwrap();
    visit.page.until("[...document.querySelectorAll('.line.bot .text')].some(line => line.textContent.endsWith('pong hello'))").await;
    assert_eq!(visit.page.look("document.querySelector('[name=text]').value").await, "");

    // As somebody else, with markup, which stays text.
    visit.write(".say [name=user]", "ana").await;
    visit.page.look("document.querySelector('[name=role]').value = 'moderator'").await;
    for line in ["<img src=x onerror=document.title=1> hi", "!so @ninja"] {
        field.send_keys(&format!("{line}\u{E007}")).await.unwrap();
        visit.page.until("document.querySelector('[name=text]').value === ''").await;
    }
    visit.page.until("[...document.querySelectorAll('.line.bot')].some(line => line.textContent.includes('Go check out ninja'))").await;
    assert_eq!(visit.page.look("document.querySelectorAll('.lines img').length").await, 0);
    visit.press(".happen button[value=raid]").await;
    visit.page.until("[...document.querySelectorAll('.line.event')].some(line => line.textContent.includes('raid: ninja (12)'))").await;
    visit.page.keep_picture("hub-chat").await;
    assert_eq!(visit.page.title().await.unwrap(), "Chat · WaddleBot");

    // A bot that was away and knows nobody any more says so; nobody types into the void.
    visit.bot.kill_9();
    visit.page.until("document.querySelector('[data-state]').textContent !== 'live'").await;
    visit.bot.start_again().wait_healthy();
    visit.page.until("document.querySelector('main').innerText.includes('waddlebot login')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_script_the_answer_stands_on_the_next_page() {
    let visit = Visit::begin().await;
    visit.without_script().await;
    visit.go("/chat").await;
    visit.write(".say [name=user]", "ana").await;
    visit.write("[name=text]", "!ping there").await;
    visit.press(".typing button").await;
    let lines = visit.reads(".lines", "pong there").await;
    assert!(lines.contains("!ping there"), "{lines}");
    let name = visit.page.find(Locator::Css(".say [name=user]")).await.unwrap().prop("value").await.unwrap();
    assert_eq!(name.as_deref(), Some("ana"), "one goes on speaking as the same person");
    visit.press(".happen button[value=follow]").await;
    visit.reads(".lines", "follow: ninja").await;

    visit.go("/modules").await;
    visit.press("#module-basics .switch").await;
    visit.reads("#module-basics .switch", "off").await;
    visit.go("/chat").await;
    visit.write("[name=text]", "!ping again").await;
    visit.press(".typing button").await;
    let lines = visit.reads(".lines", "!ping is switched off").await;
    assert!(!lines.contains("pong again"), "{lines}");
}

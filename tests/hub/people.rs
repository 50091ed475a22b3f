//! Roles in a real browser, with and without script: given to somebody who was seen in chat, obeyed at once, taken again.

use crate::visit::Visit;

async fn says_as_a_viewer(visit: &Visit, text: &str, answer: &str) {
    visit.go("/chat").await;
    visit.page.until("document.querySelector('[data-state]').textContent === 'live'").await;
    visit.write("[name=user]", "gina").await;
    visit.press("[name=role] [value=viewer]").await;
    visit.write("[name=text]", text).await;
    visit.press(".typing button").await;
    visit.reads(".line:last-child .text", answer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_seen_in_chat_is_made_a_moderator_and_may_at_once() {
    let visit = Visit::begin().await;
    says_as_a_viewer(&visit, "!so @ninja", "for moderators").await;
    visit.without_script().await;
    // Who was seen is written down within two seconds.
    let deadline = waddlebot_testbed::Deadline::within(std::time::Duration::from_secs(60));
    loop {
        visit.go("/people?who=everybody&find=gin").await;
        if visit.text("main").await.contains("1 person") {
            break;
        }
        assert!(!deadline.passed(), "gina is nowhere: {}", visit.text("main").await);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    visit.press("td [name=role] [value=moderator]").await;
    visit.press("td .inline button").await;
    visit.reads(".notice", "The role is changed.").await;
    visit.go("/people").await;
    visit.reads("tbody", "gina").await;
    visit.reads(".panel:last-of-type tbody", "moderator").await;
    visit.go("/people/changes").await;
    visit.reads("tbody", "gina").await;
}

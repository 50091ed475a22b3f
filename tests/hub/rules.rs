//! String rules in a real browser: tried out, made, obeyed in chat, switched off.

use crate::visit::Visit;

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_tried_out_made_obeyed_at_once_and_switched_off() {
    let visit = Visit::begin().await;
    visit.go("/rules/new").await;
    visit.write("[name=string]", "buy followers").await;
    visit.write("[name=message]", "not here, {user}").await;
    visit.write("[name=lines]", "where to BUY FOLLOWERS?\nhello").await;
    visit.press("[formaction='/rules/test']").await;
    visit.page.until("document.querySelector('[role=status]')?.textContent === '1 of 2 lines would have matched.'").await;
    visit.press(".fields > .buttons button:not([formaction])").await;
    visit.page.until("document.querySelector('.notice')?.textContent === 'It is saved.'").await;

    let say = async |text: &str| {
        visit.go("/chat").await;
        visit.page.until("document.querySelector('[data-state]').textContent === 'live'").await;
        visit.write("[name=text]", text).await;
        visit.press(".typing button").await;
    };
    say("Buy followers now").await;
    visit.page.until("document.querySelector('.line.bot .text')?.textContent.includes('not here, ')").await;

    visit.go("/rules").await;
    visit.press("#rule-1 .switch").await;
    visit.page.until("document.querySelector('#rule-1 .switch').getAttribute('aria-checked') === 'false'").await;
    say("buy followers again").await;
    visit.page.until("document.querySelectorAll('.line').length >= 3").await;
    say("!ping still there").await;
    visit.page.until("[...document.querySelectorAll('.line.bot')].at(-1).textContent.includes('pong still there')").await;
    assert_eq!(visit.page.look("document.querySelectorAll('.line.bot').length").await, 2, "the rule is off");
}

//! A form on the stream: filled in at the page, and its answers arrive.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use fantoccini::Locator;
use serde_json::{Value, json};
use waddlebot_testbed::{Browser, eventually};

use crate::stage::{SETTLED, Stage};

/// Takes what is sent to it and says thanks.
fn letterbox() -> (SocketAddr, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, (sender, letters)) = (listener.local_addr().unwrap(), channel());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let (mut bytes, mut some) = (Vec::new(), [0; 4096]);
            let whole = loop {
                let count = stream.read(&mut some).unwrap_or(0);
                bytes.extend_from_slice(&some[..count]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
                if let Some(body) = body.and_then(|body| serde_json::from_str(&body).ok()) {
                    break Some((text.lines().next().unwrap_or_default().to_owned(), body));
                }
                if count == 0 {
                    break None;
                }
            };
            stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").ok();
            let Some(letter) = whole else { continue };
            if sender.send(letter).is_err() {
                return;
            }
        }
    });
    (address, letters)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_filled_in_arrives_where_it_says_and_as_an_event() {
    let (post, letters) = letterbox();
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "general", 1280, 720).await;
    stage.show(
        "general",
        json!({ "content_type": "form", "duration": 0, "form_data": {
            "title": "Join the tournament", "description": "Sixteen places, first come, first served.",
            "submit_url": format!("http://{post}/signup"), "callback_url": format!("http://{post}/done"),
            "fields": [
                { "name": "nick", "type": "text", "label": "Your name", "required": true },
                { "name": "age", "type": "number", "label": "Age" },
                { "name": "team", "type": "select", "label": "Team", "options": ["Adélie", "Emperor"] },
                { "name": "days", "type": "multiselect", "label": "Days", "options": ["Friday", "Saturday", "Sunday"] },
                { "name": "rules", "type": "checkbox", "label": "I know the rules", "required": true },
                { "name": "word", "type": "password", "label": "Password" },
                { "name": "round", "type": "hidden" },
            ] } }),
    );
    page.until("document.querySelector('.panel.on form')").await;
    stage.wait_acknowledged("general");
    page.until(SETTLED).await;
    page.picture().await.keep("overlay-form");
    let labels =
        "[...document.querySelectorAll('.field > span:first-child, .field > legend, .choice span')].map(e => e.innerText).join('|')";
    assert_eq!(page.look(labels).await, "Your name *|Age|Team|Days|I know the rules *| *|Password");

    // What is required is asked for.
    let submit = "document.querySelector('button[type=submit]').click()";
    page.look(submit).await;
    assert_eq!(page.look("document.querySelector('.thanks')").await, Value::Null, "an empty form is not sent");
    for (name, text) in [("nick", "Pengu \"the\" <b>in</b>"), ("age", "7"), ("word", "hunter2")] {
        let field = page.find(Locator::Css(&format!("[name={name}]"))).await.unwrap();
        field.send_keys(text).await.unwrap();
    }
    page.look("document.querySelector('[name=team]').value = 'Emperor'").await;
    page.look("document.querySelectorAll('[name=days]').forEach((box, at) => { if (at !== 1) box.click(); })").await;
    page.look("document.querySelector('[name=rules]').click()").await;
    page.look(submit).await;
    page.until("document.querySelector('.thanks')?.innerText.includes('Thank you')").await;

    let (request, letter) = letters.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(request, "POST /signup HTTP/1.1");
    assert_eq!((&letter["type"], &letter["form_title"]), (&json!("form_submit"), &json!("Join the tournament")));
    assert_eq!(
        letter["form_data"],
        json!({ "nick": "Pengu \"the\" <b>in</b>", "age": 7, "team": "Emperor", "days": ["Friday", "Sunday"], "rules": true,
            "word": "hunter2", "round": "" })
    );
    let (request, letter) = letters.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!((request.as_str(), &letter["success"]), ("POST /done HTTP/1.1", &json!(true)));

    // The community's channel heard of it, and the password went nowhere else.
    eventually("the channel handled an event", Duration::from_secs(30), || {
        let (status, channel) = stage.ask("GET", "/admin/actors/local%3Alobby", &json!(null));
        status == 200 && channel["actor"]["handled"].as_u64().unwrap_or(0) > 0
    });
    let database = std::fs::read_dir(stage.bot.data()).unwrap().flatten().map(|file| std::fs::read(file.path()).unwrap_or_default());
    let whole: Vec<u8> = database.flatten().collect();
    assert!(find(&whole, b"form_submission"), "the event was written down before it was handled");
    assert!(!find(&whole, b"hunter2"), "a password is not");
    // Thanked, the form leaves by itself.
    page.until("!document.querySelector('.panel')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_can_be_declined_and_fits_a_small_source() {
    let stage = Stage::open();
    let browser = Browser::start();
    let page = stage.page(&browser, "general", 640, 360).await;
    let fields: Vec<_> = (0..12).map(|at| json!({ "name": format!("f{at}"), "type": "text", "label": format!("Question {at}") })).collect();
    stage.show("general", json!({ "content_type": "form", "form_data": { "title": "Many questions", "fields": fields } }));
    page.until("document.querySelector('.panel.on form')").await;
    page.until(SETTLED).await;
    page.picture().await.keep("overlay-form-640x360");
    page.look("document.querySelector('.buttons .quiet').scrollIntoView()").await;
    let inside = "(() => { const r = document.querySelector('.buttons .quiet').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; })()";
    assert_eq!(page.look(inside).await, true, "the buttons can be reached");
    page.look("document.querySelector('.buttons .quiet').click()").await;
    page.until("!document.querySelector('.panel')").await;
}

fn find(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

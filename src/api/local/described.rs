//! What is said about the rooms: what may be said in one, what may happen there, and what comes of it.

use serde_json::json;
use waddlebot_platforms::local::MOST;
use waddlebot_runtime::event::EventKind;

use super::super::openapi::operation::Operation;
use super::super::openapi::schema::{NOT_BLANK, Schema, choice, instant, list, object, text, whole};

/// A name: something is in it besides `@`, and nothing that breaks a line.
const NAME: &str = r"^[^\x00-\x1F\x7F-\x9F]*[^\x00-\x20\x7F-\xA0@][^\x00-\x1F\x7F-\x9F]*$";
const ROLES: [&str; 10] = ["viewer", "member", "user", "everyone", "vip", "moderator", "mod", "admin", "owner", "broadcaster"];

/// `GET …/messages`
pub(super) fn lines() -> Operation {
    let line = object()
        .with("id", whole().from(1))
        .with("kind", text().about("who speaks: a person, the bot, or nobody because it happened"))
        .with("name", text())
        .with("role", text())
        .with("text", text())
        .with("at", instant());
    in_room("Reads along")
        .query("after", whole().from(0).to(i64::MAX).about("lines with a higher id, oldest first; without it the newest"))
        .query("wait", whole().from(0).unless(0).about("seconds to wait for the next line when there is none, 20 at the longest"))
        .answers(object().with("lines", list(line).most(200)).with("last", whole().from(0).about("to come back with")))
}

/// `POST …/messages`
pub(super) fn messages() -> Operation {
    let say = object()
        .with("user", name())
        .may("role", choice(&ROLES).or_null().unless("viewer"))
        .with("text", text().longest(2000).pattern(NOT_BLANK))
        .may("id", text().longest(200).or_null().about("the same id twice is the same line"));
    in_room("Says something, and answers what came of it")
        .says("A room that is not there is opened.")
        .body(say)
        .example(json!({"user": "ana", "role": "moderator", "text": "!so @ninja"}))
        .answers(caused())
}

/// `POST …/events`
pub(super) fn events() -> Operation {
    let others = ["sub", "gift_subscription", "streamStart", "streamEnd", "superChat", "videoPublished"];
    let kinds: Vec<_> = EventKind::ALL.map(EventKind::name).into_iter().chain(others).collect();
    let happen = object()
        .with("type", choice(&kinds))
        .with("user", name())
        .may("viewers", whole().from(0).to(MOST).or_null())
        .may("amount", whole().from(0).to(MOST).or_null())
        .may("text", text())
        .may("id", text().longest(200).or_null().about("the same id twice is the same event"));
    in_room("Lets something happen, and answers what came of it")
        .body(happen)
        .example(json!({"type": "raid", "user": "ninja", "viewers": 12}))
        .answers(caused())
}

fn in_room(summary: &'static str) -> Operation {
    let room = text().shortest(1).longest(64).about("letters and digits of any script, and - _ . #").like("lobby");
    Operation::new(summary).path("room", room).fails(&[404])
}

fn name() -> Schema {
    text().longest(64).pattern(NAME)
}

fn caused() -> Schema {
    let ran = object().with("module", text()).with("command", text());
    object()
        .with("replies", list(text()).about("the lines that this caused, in order"))
        .with("verdict", text())
        .with("ran", list(ran))
        .with("responses", list(object()).about("everything the modules answered"))
        .called("Caused")
}

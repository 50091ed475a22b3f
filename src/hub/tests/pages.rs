//! What the pages show, and what their forms do.

use axum::http::{Method, StatusCode};
use futures_util::StreamExt as _;

use super::browser::Rig;
use super::pretend::{HOSTILE, Pretend};
use crate::hub::house::Community;

#[tokio::test]
async fn the_overview_shows_the_own_community_and_where_to_go() {
    let rig = Rig::new().await;
    let shown = rig.owner().await.get("/").await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.says("<h1>Ducks &#38; &#60;b&#62;friends&#60;/b&#62;</h1>"), "{}", shown.text);
    for part in
        ["href=\"/chat?community=7\"", "href=\"/overlays?community=7\"", "1 <small>of 1 on", "2 <small>open now", "1 with a failure"]
    {
        assert!(shown.says(part), "{part}");
    }
    assert!(rig.owner().await.get("/?community=1").await.says("<h1>waddlebot-global</h1>"));
    assert_eq!(rig.owner().await.get("/?community=99").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_house_of_very_many_communities_names_a_few_and_the_one_that_is_looked_at() {
    let house = Pretend::default();
    house.state.lock().communities = (1..=5000).map(|id| Community { id, name: format!("house {id}") }).collect();
    let rig = Rig::with(house, false).await;
    let shown = rig.owner().await.get("/?community=4711").await;
    assert!(shown.says("<h1>house 4711</h1>") && shown.says("house 20<") && !shown.says("house 21<"), "{}", shown.text);
    assert!(shown.says("4980 more, by number"), "{}", shown.text);
}

#[tokio::test]
async fn a_house_without_communities_is_told_kindly() {
    let rig = Rig::with(Pretend::default(), false).await;
    let mut owner = rig.owner().await;
    for (path, words) in [
        ("/", "There is no community yet."),
        ("/chat", "no room to type in"),
        ("/overlays", "There is no overlay yet."),
        ("/modules", "There is no module here."),
    ] {
        let shown = owner.get(path).await;
        assert_eq!(shown.status, StatusCode::OK, "{path}");
        assert!(shown.says(words), "{path}");
    }
}

#[tokio::test]
async fn what_is_said_without_script_is_seen_after_it_with_the_answer() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    assert!(owner.get("/chat").await.says("Nothing was said here yet."));
    let said = owner.submit("/chat/say", &SAY).await;
    assert_eq!(said.status, StatusCode::SEE_OTHER, "{}", said.text);
    assert_eq!(said.header("location"), "/chat?community=7&room=local%3Alobby&user=ana&role=moderator");
    let shown = owner.get(said.header("location")).await;
    for part in [
        "<span class=\"text\">!ping</span>",
        "<span class=\"text\">pong</span>",
        "value=\"ana\"",
        "<option value=\"moderator\" selected>",
        "data-after=\"2\"",
    ] {
        assert!(shown.says(part), "{part} in {}", shown.text);
    }
}

const SAY: [(&str, &str); 5] = [("community", "7"), ("room", "local:lobby"), ("user", "ana"), ("role", "moderator"), ("text", "!ping")];

fn with<'a>(fields: &[(&'a str, &'a str)], name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(field, old)| (*field, if *field == name { value } else { *old })).collect()
}

#[tokio::test]
async fn hostile_names_and_words_are_shown_as_they_are_and_run_nothing() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let said = owner.submit("/chat/say", &with(&with(&SAY, "user", "<img/src=x>"), "text", HOSTILE)).await;
    assert_eq!(said.status, StatusCode::SEE_OTHER);
    let shown = owner.get(said.header("location")).await;
    assert!(shown.says("&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;&#34;&#38;"), "{}", shown.text);
    assert!(shown.says("value=\"&#60;img/src=x&#62;\""));
    for page in [shown, owner.get("/actors").await, owner.get("/actors/node").await] {
        assert!(!page.says("<script>alert") && !page.says("<img/src"));
        assert!(page.says("<script src=\"/assets/hub.js?v="));
    }
    for path in
        ["/actors?find=\"><script>alert(1)</script>", "/chat?user=<script>alert(1)</script>", "/chat?room=<script>alert(1)</script>"]
    {
        let path = path.replace('<', "%3C").replace('>', "%3E").replace('"', "%22");
        assert!(!owner.get(&path).await.says("<script>alert"), "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_said_is_refused_in_words() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let long = "x".repeat(2001);
    for (field, value, status) in [
        ("text", "   ", StatusCode::BAD_REQUEST),
        ("text", "a\nb", StatusCode::BAD_REQUEST),
        ("text", &long, StatusCode::BAD_REQUEST),
        ("user", "", StatusCode::BAD_REQUEST),
        ("user", "two words", StatusCode::BAD_REQUEST),
        ("role", "emperor", StatusCode::NOT_FOUND),
        ("room", "irc:other", StatusCode::NOT_FOUND),
        ("community", "1", StatusCode::NOT_FOUND),
        ("community", "x", StatusCode::BAD_REQUEST),
    ] {
        let shown = owner.submit("/chat/say", &with(&SAY, field, value)).await;
        assert_eq!(shown.status, status, "{field} = {value:?}");
        assert!(shown.says("<h1>"), "a page, not a bare text");
    }
    assert_eq!(owner.submit("/chat/say", &[("text", &"x".repeat(300_000))]).await.status, StatusCode::BAD_REQUEST);
    assert!(rig.house.state.lock().lines.is_empty());
}

#[tokio::test]
async fn things_can_be_made_to_happen() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let raid = [("community", "7"), ("room", "local:lobby"), ("user", "ninja"), ("role", "viewer"), ("kind", "raid"), ("amount", "12")];
    let done = owner.submit("/chat/event", &raid).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let shown = owner.get(done.header("location")).await;
    assert!(shown.says("raid with 12") && shown.says("welcome") && shown.says("It happened."));
    for (field, value) in [("kind", "ban"), ("kind", "nonsense")] {
        assert_eq!(owner.submit("/chat/event", &with(&raid, field, value)).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(owner.submit("/chat/event", &with(&raid, "amount", "-1")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_page_without_script_does_not_wait_for_ever_for_an_answer() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let sent =
        waddlebot_runtime::spawn::task("page", async move { owner.submit("/chat/say", &with(&SAY, "text", "chatter")).await.status });
    while !sent.is_finished() {
        rig.clock.turn(std::time::Duration::from_millis(10));
        tokio::task::yield_now().await;
    }
    assert_eq!(sent.await.unwrap(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_script_stays_on_the_page() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let body = format!("csrf={}&community=7&room=local%3Alobby&user=ana&role=owner&text=hi", owner.csrf);
    let headers = [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(owner.send(Method::POST, "/chat/say", &headers, body).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_room_is_followed_live_and_picked_up_where_it_was_left() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    owner.submit("/chat/say", &SAY).await;
    let response = owner.open(Method::GET, "/chat/live?room=local:lobby&after=1", &[], String::new()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut lines = response.into_body().into_data_stream();
    let first = next(&mut lines).await;
    assert!(first.contains("id: 2\n") && first.contains("\"text\":\"pong\"") && first.contains("\"role\":null"), "{first}");
    owner.submit("/chat/say", &with(&SAY, "text", HOSTILE)).await;
    let second = next(&mut lines).await;
    assert!(second.contains("id: 3\n") && second.contains("\"role\":\"moderator\""), "{second}");
    let resumed = owner.open(Method::GET, "/chat/live?room=local:lobby&after=0", &[("last-event-id", "2")], String::new()).await;
    assert!(next(&mut resumed.into_body().into_data_stream()).await.contains("id: 3\n"));
    rig.closing.cancel();
    assert_eq!(lines.count().await, 1, "the answer still comes, then the stop ends it");
    assert_eq!(owner.get("/chat/live?room=local:other").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_live_page_must_show_its_log_in_again_after_a_while() {
    let rig = Rig::new().await;
    let owner = rig.owner().await;
    let response = owner.open(Method::GET, "/chat/live?room=local:lobby", &[], String::new()).await;
    let mut lines = response.into_body().into_data_stream();
    let waiting = waddlebot_runtime::spawn::task("page", async move { lines.next().await.is_none() });
    tokio::task::yield_now().await;
    rig.clock.turn(std::time::Duration::from_secs(300));
    assert!(waiting.await.unwrap());
}

async fn next(lines: &mut (impl futures_util::Stream<Item = Result<axum::body::Bytes, axum::Error>> + Unpin)) -> String {
    String::from_utf8(lines.next().await.unwrap().unwrap().into()).unwrap()
}

#[tokio::test]
async fn an_overlay_gets_a_new_address_and_the_page_says_what_to_do() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let shown = owner.get("/overlays").await;
    for part in ["TOKEN0", "1920", "are secret", "Copy the address", "rel=\"noopener noreferrer\""] {
        assert!(shown.says(part), "{part}");
    }
    let done = owner.submit("/overlays/regenerate", &[("community", "7"), ("kind", "ticker")]).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/overlays?community=7&done=regenerated"));
    let shown = owner.get(done.header("location")).await;
    assert!(shown.says("TOKEN1") && shown.says("has a new address") && !shown.says("TOKEN0"));
    assert_eq!(owner.submit("/overlays/regenerate", &[("community", "7"), ("kind", "x")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(owner.submit("/overlays/regenerate", &[("community", "99"), ("kind", "ticker")]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_module_is_switched_off_and_on_again() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    assert!(owner.get("/modules").await.says("aria-checked=\"true\""));
    let done = owner.submit("/modules", &[("community", "7"), ("module", "shoutout"), ("on", "false")]).await;
    assert_eq!(done.header("location"), "/modules?community=7&done=off#module-shoutout");
    let shown = owner.get("/modules?community=7&done=off").await;
    assert!(shown.says("aria-checked=\"false\"") && shown.says("The module is off.") && shown.says("!so &#60;streamer&#62;"));
    owner.submit("/modules", &[("community", "7"), ("module", "shoutout"), ("on", "true")]).await;
    assert!(owner.get("/modules").await.says("aria-checked=\"true\""));
    assert_eq!(owner.submit("/modules", &[("community", "7"), ("module", "x"), ("on", "true")]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_inspector_shows_the_tree_and_one_actors_memory_without_secrets() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let shown = owner.get("/actors").await;
    let (node, child) = (shown.text.find(">node<").unwrap(), shown.text.find(">local:lobby<").unwrap());
    assert!(node < child, "the parent stands above its child");
    assert!(
        shown.says("key depth-1") && shown.says("12 µs") && shown.says("1.2 ms") && shown.says("href=\"/actors/local%3Alobby?node=n1\"")
    );
    let rows: serde_json::Value = serde_json::from_str(&owner.get("/actors.json?find=LOBBY").await.text).unwrap();
    assert_eq!((&rows["found"], &rows["total"], &rows["rows"][0]["handled"]), (&1.into(), &2.into(), &1234.into()));
    let one = owner.get("/actors/a%2Fb%3Fc").await;
    assert!(one.says("(hidden)") && !one.says("geheim") && one.says("<h1>a/b?c</h1>"), "{}", one.text);
    assert_eq!(owner.get("/actors/gone").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_not_available_now_is_told_as_such() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    rig.house.state.lock().away = true;
    let shown = owner.get("/modules").await;
    assert_eq!(shown.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(shown.says("The community is not available now."));
}

#[tokio::test]
async fn assets_come_from_the_program_itself() {
    let rig = Rig::new().await;
    let mut stranger = rig.stranger();
    for (path, kind) in
        [("/assets/hub.css?v=1", "text/css"), ("/assets/hub.js?v=1", "text/javascript"), ("/assets/icon.svg?v=1", "image/svg")]
    {
        let shown = stranger.get(path).await;
        assert_eq!(shown.status, StatusCode::OK);
        assert!(shown.header("content-type").starts_with(kind) && shown.header("cache-control").contains("immutable"));
        assert!(!shown.text.replace("http://www.w3.org/2000/svg", "").contains("://"), "nothing from elsewhere");
    }
    assert_eq!(stranger.get("/assets/..%2f..%2fCargo.toml").await.status, StatusCode::NOT_FOUND);
}

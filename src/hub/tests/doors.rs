//! Who comes in and who does not: links, cookies, forms of strangers, keys.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use waddlebot_runtime::keys::KeyRole;

use super::browser::Rig;
use super::pretend::Pretend;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn every_page_but_the_log_in_is_closed_to_strangers() {
    let rig = Rig::new().await;
    let mut stranger = rig.stranger();
    for path in [
        "/",
        "/chat",
        "/overlays",
        "/modules",
        "/commands",
        "/commands/new",
        "/commands/1",
        "/rules",
        "/rules/new",
        "/rules/1",
        "/actors",
        "/actors/node",
        "/cluster",
        "/login",
    ] {
        let shown = stranger.get(path).await;
        assert_eq!(shown.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(shown.says("waddlebot login"), "{path}");
        assert!(!shown.says("TOKEN") && !shown.says("Ducks"), "{path}");
    }
    for path in ["/actors.json", "/chat/live?room=local:lobby", "/api/v1/communities"] {
        let shown = stranger.get(path).await;
        assert_eq!((shown.status, shown.between("\"code\":\"", "\"")), (StatusCode::UNAUTHORIZED, "unauthorized"), "{path}");
    }
    for path in [
        "/chat/say",
        "/chat/event",
        "/overlays/regenerate",
        "/modules",
        "/commands",
        "/commands/save",
        "/commands/test",
        "/commands/remove",
        "/rules",
        "/rules/save",
        "/rules/test",
        "/rules/remove",
        "/rules/settings",
        "/rules/erase",
        "/cluster",
        "/logout",
    ] {
        assert_eq!(stranger.post(path, &[("csrf", "x")]).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn a_link_asks_first_then_opens_once() {
    let rig = Rig::new().await;
    let link = rig.link().await;
    for _ in 0..3 {
        let asked = rig.stranger().get(&link).await;
        assert_eq!(asked.status, StatusCode::OK);
        assert!(asked.says("Log in as owner") && asked.headers.get("set-cookie").is_none());
    }
    let mut browser = rig.stranger();
    let entered = browser.post(&link, &[]).await;
    assert_eq!((entered.status, entered.header("location")), (StatusCode::SEE_OTHER, "/"));
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    for again in [rig.stranger().post(&link, &[]).await, rig.stranger().get(&link).await] {
        assert_eq!(again.status, StatusCode::GONE);
        assert!(again.says("used already") && again.headers.get("set-cookie").is_none());
    }
}

#[tokio::test]
async fn two_who_press_at_once_are_not_both_let_in() {
    let rig = Rig::new().await;
    let link = rig.link().await;
    let (mut one, mut other) = (rig.stranger(), rig.stranger());
    let (first, second) = tokio::join!(one.post(&link, &[]), other.post(&link, &[]));
    let mut statuses = [first.status, second.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::GONE]);
}

#[tokio::test]
async fn an_old_link_and_an_invented_one_open_nothing() {
    let rig = Rig::new().await;
    let link = rig.link().await;
    rig.clock.turn(DAY);
    for shown in [rig.stranger().get(&link).await, rig.stranger().post(&link, &[]).await] {
        assert_eq!(shown.status, StatusCode::GONE);
        assert!(shown.says("older than a day"));
    }
    let invented = rig.stranger().post("/login/aaaa", &[]).await;
    assert_eq!(invented.status, StatusCode::GONE);
    assert!(!rig.links.anybody_came().await.unwrap());
    rig.owner().await;
    assert!(rig.links.anybody_came().await.unwrap());
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_and_other_sites() {
    let rig = Rig::new().await;
    let entered = rig.stranger().post(&rig.link().await, &[]).await;
    let cookie = entered.header("set-cookie");
    assert!(cookie.starts_with("wb_session=sess_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    let rig = Rig::with(Pretend::furnished(), true).await;
    let entered = rig.stranger().post(&rig.link().await, &[]).await;
    assert!(entered.header("set-cookie").ends_with("; SameSite=Lax; Secure"));
}

#[tokio::test]
async fn a_session_planted_before_the_log_in_is_not_the_one_after_it() {
    let rig = Rig::new().await;
    let before = rig.owner().await;
    let mut again = before.clone();
    again.post(&rig.link().await, &[]).await;
    assert_ne!(again.cookie, before.cookie);
    assert_eq!(again.get("/").await.status, StatusCode::OK);
    assert_eq!(before.clone().get("/").await.status, StatusCode::UNAUTHORIZED, "the old session has ended");
    let mut planted = rig.stranger();
    planted.cookie = Some("wb_session=sess_00000000000000000000000000000000".into());
    planted.post(&rig.link().await, &[]).await;
    assert!(!planted.cookie.as_ref().unwrap().contains("0000000000000000"));
}

#[tokio::test]
async fn a_log_in_ends_by_log_out_or_after_an_hour_of_rest() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let mut thief = owner.clone();
    let left = owner.submit("/logout", &[]).await;
    assert!(left.header("set-cookie").contains("wb_session=; ") && left.header("set-cookie").ends_with("Max-Age=0"));
    assert_eq!(thief.get("/").await.status, StatusCode::UNAUTHORIZED);
    let mut owner = rig.owner().await;
    for _ in 0..4 {
        rig.clock.turn(Duration::from_secs(3000));
        assert_eq!(owner.get("/").await.status, StatusCode::OK);
    }
    rig.clock.turn(Duration::from_secs(3600));
    assert_eq!(owner.get("/").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nobody_stays_for_more_than_a_month_without_logging_in() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    for _ in 0..30 * 24 * 2 {
        rig.clock.turn(Duration::from_secs(1800));
        assert_eq!(owner.get("/").await.status, StatusCode::OK);
    }
    rig.clock.turn(Duration::from_secs(1800));
    assert_eq!(owner.get("/").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_form_without_its_own_token_changes_nothing() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let other = rig.owner().await.csrf;
    let switch = [("community", "7"), ("module", "shoutout"), ("on", "false")];
    let say = [("community", "7"), ("room", "local:lobby"), ("user", "ana"), ("role", "owner"), ("text", "hi")];
    for token in ["", "x", &other] {
        for (path, fields) in [("/modules", &switch[..]), ("/chat/say", &say[..]), ("/logout", &[])] {
            let mut all = vec![("csrf", token)];
            all.extend(fields);
            let refused = owner.post(path, &all).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path} with {token:?}");
            assert!(refused.says("Nothing was changed"));
        }
    }
    assert_eq!(owner.post("/modules", &switch).await.status, StatusCode::BAD_REQUEST);
    let state = rig.house.state.lock();
    assert!(state.off.is_empty() && state.lines.is_empty());
}

#[tokio::test]
async fn a_change_from_another_sites_page_is_refused_even_with_the_token() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    let body = format!("csrf={}&community=7&module=shoutout&on=false", owner.csrf);
    for (site, status) in
        [("cross-site", StatusCode::FORBIDDEN), ("same-site", StatusCode::FORBIDDEN), ("same-origin", StatusCode::SEE_OTHER)]
    {
        let headers = [("sec-fetch-site", site), ("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(owner.send(Method::POST, "/modules", &headers, body.clone()).await.status, status, "{site}");
    }
}

#[tokio::test]
async fn pages_tell_the_browser_to_be_careful() {
    let rig = Rig::new().await;
    for shown in [rig.owner().await.get("/").await, rig.stranger().get("/nothing").await, rig.stranger().get("/login").await] {
        let policy = shown.header("content-security-policy");
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"));
        assert_eq!(shown.header("x-content-type-options"), "nosniff");
        assert_eq!(shown.header("referrer-policy"), "same-origin");
        assert_eq!(shown.header("cache-control"), "no-store");
        assert!(!shown.says("style=\"") && !shown.says("<style") && !shown.says("onclick"), "nothing inline");
    }
}

#[tokio::test]
async fn a_request_can_be_found_again_by_its_number() {
    let rig = Rig::new().await;
    let mut stranger = rig.stranger();
    let named = stranger.send(Method::GET, "/login", &[("x-request-id", "abc-123")], String::new()).await;
    assert_eq!(named.header("x-request-id"), "abc-123");
    let odd = stranger.send(Method::GET, "/login", &[("x-request-id", "a b<c>")], String::new()).await;
    assert_eq!(odd.header("x-request-id").len(), 16);
}

#[tokio::test]
async fn keys_open_the_api_in_both_headers_and_to_nobody_else() {
    let rig = Rig::new().await;
    let (_, key) = rig.keys.create("deck", KeyRole::User).await.unwrap();
    let mut program = rig.stranger();
    let path = "/api/v1/communities";
    for header in [("x-api-key", key.clone()), ("authorization", format!("Bearer {key}")), ("authorization", format!("bearer {key}"))] {
        let shown = program.send(Method::GET, path, &[(header.0, &header.1)], String::new()).await;
        assert_eq!(shown.status, StatusCode::OK, "{header:?}");
        let list: serde_json::Value = serde_json::from_str(&shown.text).unwrap();
        assert_eq!((&list["total"], &list["communities"][1]["id"]), (&2.into(), &7.into()));
    }
    for header in [("x-api-key", "wbot_wrong"), ("authorization", "Basic eDp5"), ("authorization", &key), ("cookie", &key)] {
        let shown = program.send(Method::GET, path, &[header], String::new()).await;
        assert_eq!(shown.status, StatusCode::UNAUTHORIZED, "{header:?}");
        assert_eq!(shown.between("\"code\":\"", "\""), "unauthorized");
    }
    for (asked, ids, total) in [("?limit=1&offset=1", vec![7], 2), ("?search=DUCKS", vec![7], 1), ("?offset=9", vec![], 2)] {
        let shown = program.send(Method::GET, &format!("{path}{asked}"), &[("x-api-key", &key)], String::new()).await;
        let list: serde_json::Value = serde_json::from_str(&shown.text).unwrap();
        let found: Vec<_> = list["communities"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
        assert_eq!((found, &list["total"]), (ids, &total.into()), "{asked}");
    }
    for odd in ["?limit=0", "?limit=1001", "?offset=-1", "?page=2"] {
        let shown = program.send(Method::GET, &format!("{path}{odd}"), &[("x-api-key", &key)], String::new()).await;
        assert_eq!(shown.status, StatusCode::BAD_REQUEST, "{odd}");
    }
    rig.keys.revoke("deck").await.unwrap();
    let shown = program.send(Method::GET, path, &[("x-api-key", &key)], String::new()).await;
    assert_eq!(shown.status, StatusCode::UNAUTHORIZED);
    assert_eq!(rig.owner().await.get(path).await.status, StatusCode::OK, "the hub's own pages may ask too");
}

#[tokio::test]
async fn who_tries_wrong_keys_too_often_is_slowed_down_but_a_right_key_opens() {
    let rig = Rig::new().await;
    let (_, key) = rig.keys.create("deck", KeyRole::Admin).await.unwrap();
    let mut program = rig.stranger();
    let path = "/api/v1/communities";
    let mut slowed = 0;
    for _ in 0..30 {
        let shown = program.send(Method::GET, path, &[("x-api-key", "wbot_wrong")], String::new()).await;
        if shown.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(shown.header("retry-after").parse::<u32>().unwrap() > 0);
            slowed += 1;
        }
    }
    assert_eq!(slowed, 10);
    assert_eq!(program.post("/login/guess", &[]).await.status, StatusCode::TOO_MANY_REQUESTS);
    let shown = program.send(Method::GET, path, &[("x-api-key", &key)], String::new()).await;
    assert_eq!(shown.status, StatusCode::OK);
}

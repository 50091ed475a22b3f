//! People in the hub, without script: found, turned over, raised, refused, sent away; and who did it.

use axum::http::StatusCode;
use waddlebot_actors::roles::table::{Member, Person};
use waddlebot_runtime::chat::Role;

use super::browser::Rig;
use super::pretend::HOSTILE;

fn member(id: &str, name: &str, role: Role) -> Member {
    let who = Person { platform: "local".into(), id: id.into(), name: name.into() };
    Member { who, role, joined_at: 1_767_225_600_000, granted: (String::new(), 0) }
}

#[tokio::test]
async fn somebody_is_given_a_role_found_raised_and_sent_away_and_it_is_written_who_did_it() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    assert!(owner.get("/people?community=7").await.says("Nobody is found."));
    let fields = [("community", "7"), ("platform", "Local"), ("id", "u1"), ("name", "@Ana"), ("role", "moderator")];
    let given = owner.submit("/people", &fields).await;
    assert_eq!(given.header("location"), "/people?community=7&done=role", "{}", given.text);
    let ana = rig.house.state.lock().people[0].clone();
    assert_eq!((ana.who.platform.as_str(), ana.who.name.as_str(), ana.role), ("local", "Ana", Role::Moderator));

    let shown = owner.get("/people?community=7&done=role").await;
    for part in ["The role is changed.", "aria-label=\"Role of Ana\"", "<option value=\"moderator\" selected>", "2026-01-01", "1 person"] {
        assert!(shown.says(part), "{part} in {}", shown.text);
    }
    let raised =
        [("community", "7"), ("platform", "local"), ("id", "u1"), ("name", "Ana"), ("role", "admin"), ("find", "An a"), ("page", "2")];
    let given = owner.submit("/people", &raised).await;
    assert_eq!(given.header("location"), "/people?community=7&find=An%20a&page=2&done=role", "one is back where one was");
    let changes = owner.get("/people/changes?community=7").await;
    assert!(changes.says("<td>moderator</td><td>admin</td><td>everywhere</td>"), "{}", changes.text);

    let gone = owner.submit("/people/remove", &[("community", "7"), ("platform", "local"), ("id", "u1")]).await;
    assert_eq!(gone.header("location"), "/people?community=7&done=left");
    assert!(rig.house.state.lock().people.is_empty());
    let again = owner.submit("/people/remove", &[("community", "7"), ("platform", "local"), ("id", "u1")]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn many_people_stand_on_pages_and_are_searched_by_name_and_role() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    {
        let mut state = rig.house.state.lock();
        state.people = (0..120).map(|n| member(&format!("u{n}"), &format!("name{n:03}"), Role::Viewer)).collect();
        state.people.push(member("x", HOSTILE, Role::Vip));
    }
    let first = owner.get("/people?community=7").await;
    assert!(first.says("121 people") && first.says("Page 1 of 3") && first.says("name049") && !first.says("name050"), "{}", first.text);
    assert_eq!(first.between("rel=\"next\" href=\"", "\""), "/people?community=7&#38;page=2");
    assert!(!first.says("rel=\"prev\""));
    let last = owner.get("/people?community=7&page=3").await;
    assert!(last.says("name119") && last.says("rel=\"prev\"") && !last.says("rel=\"next\"") && !last.says("<script>alert"));
    let found = owner.get("/people?community=7&find=name11").await;
    assert!(found.says("10 people") && found.says("value=\"name11\""));
    let vips = owner.get("/people?community=7&only=vip").await;
    assert!(vips.says("1 person") && vips.says("<option value=\"vip\" selected>vip</option>"));
    for odd in ["page=-3", "page=99999999999", "only=nonsense", "who=%3Cb%3E"] {
        assert_eq!(owner.get(&format!("/people?community=7&{odd}")).await.status, StatusCode::OK, "{odd}");
    }
    assert_eq!(owner.get("/people?page=x").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nobody_changes_roles_without_the_forms_token_or_in_the_global_community() {
    let rig = Rig::new().await;
    let fields = [("community", "7"), ("platform", "local"), ("id", "u1"), ("role", "owner")];
    assert_eq!(rig.stranger().post("/people", &fields).await.status, StatusCode::UNAUTHORIZED);
    let mut owner = rig.owner().await;
    let forged = [&[("csrf", "forged")][..], &fields].concat();
    for address in ["/people", "/people/remove"] {
        assert_eq!(owner.post(address, &forged).await.status, StatusCode::FORBIDDEN, "{address}");
    }
    rig.house.state.lock().people = vec![member("u1", "Ana", Role::Viewer)];
    let global = owner.get("/people?community=1").await;
    assert!(global.says("Everybody the bot ever met") && !global.says("action=\"/people\" method") && !global.says("name=\"role\""));
    for wrong in [
        [("community", "1"), ("platform", "local"), ("id", "u1"), ("role", "owner")],
        [("community", "7"), ("platform", "local"), ("id", " "), ("role", "owner")],
        [("community", "7"), ("platform", "local"), ("id", "u1"), ("role", "subscriber")],
        [("community", "7"), ("platform", "local"), ("id", "u1"), ("role", "emperor")],
    ] {
        assert_eq!(owner.submit("/people", &wrong).await.status, StatusCode::BAD_REQUEST, "{wrong:?}");
    }
    assert_eq!(rig.house.state.lock().people[0].role, Role::Viewer);
}

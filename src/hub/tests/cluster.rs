//! The cluster in the hub, without script: nodes drained, claims found, turned over, moved and cleared; and by nobody else.

use axum::http::StatusCode;
use waddlebot_runtime::store::{Known, Shown};

use super::browser::Rig;
use super::pretend::HOSTILE;

fn node(name: &str, state: &str) -> Known {
    let (address, http_address) = (String::new(), String::new());
    let (node, state, version) = (name.into(), state.into(), "0.1.0".into());
    Known { node, incarnation: 1, state, address, http_address, version, capacity: 500, load: 0, renewed_at: 0 }
}

fn claim(entity: &str, kind: &str, node: &str, status: &str) -> Shown {
    let error = (status == "error").then(|| "it broke".to_owned());
    let (entity, kind, node, status) = (entity.into(), kind.into(), node.into(), status.into());
    Shown {
        entity,
        kind,
        node,
        epoch: 3,
        claimed_at: None,
        status,
        beside: String::new(),
        near: String::new(),
        is_near: false,
        is_live: false,
        errors: 0,
        error,
    }
}

#[tokio::test]
async fn a_community_is_moved_and_a_node_drained_and_one_is_back_where_one_was() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    {
        let mut state = rig.house.state.lock();
        state.nodes = vec![node("n1", "up"), node("n2", "up"), node("n3", "dead")];
        state.claims = vec![claim("community:7", "community", "n1", "claimed"), claim("local:lobby", "channel", "n1", "claimed")];
    }
    let shown = owner.get("/cluster?find=7").await;
    for part in
        ["<option value=\"n2\">", "aria-label=\"Move community:7\"", "1 claim</span>", "1 community, 1 channel", "Nothing changed hands"]
    {
        assert!(shown.says(part), "{part} in {}", shown.text);
    }
    assert!(!shown.says("<option value=\"n1\">") && !shown.says("<option value=\"n3\">"), "nobody moves to who has it or is gone");
    assert_eq!(shown.text.matches("value=\"drain\"").count(), 2, "who is dead drains nothing");
    let address = shown.between("method=\"post\" action=\"/cluster", "\"").to_owned();
    let moved = owner.submit(&format!("/cluster{address}"), &[("what", "move"), ("entity", "community:7"), ("node", "n2")]).await;
    assert_eq!(moved.header("location"), "/cluster?find=7&done=moved", "{}", moved.text);
    assert_eq!(rig.house.state.lock().claims[0].node, "n2");
    let shown = owner.get("/cluster?done=moved").await;
    for part in ["It is moved", "<td class=\"day\">2026-01-01 00:00</td><td>community:7</td><td>n2</td><td class=\"number\">4</td>"] {
        assert!(shown.says(part), "{part} in {}", shown.text);
    }

    let drained = owner.submit("/cluster", &[("what", "drain"), ("node", "n2")]).await;
    assert_eq!(drained.header("location"), "/cluster?done=drained", "{}", drained.text);
    let shown = owner.get("/cluster?done=drained").await;
    assert!(shown.says("hands everything over") && shown.says("Let n2 take part again"), "{}", shown.text);
    assert_eq!(owner.submit("/cluster", &[("what", "undrain"), ("node", "n2")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(rig.house.state.lock().nodes[1].state, "up");

    for wrong in [("move", "community:7", "n3"), ("move", "community:7", ""), ("burn", "community:7", "n1")] {
        let fields = [("what", wrong.0), ("entity", wrong.1), ("node", wrong.2)];
        assert_eq!(owner.submit("/cluster", &fields).await.status, StatusCode::BAD_REQUEST, "{wrong:?}");
    }
    for unknown in [("move", "community:\0", "n1"), ("clear", "community:7", ""), ("drain", "", "n9")] {
        let fields = [("what", unknown.0), ("entity", unknown.1), ("node", unknown.2)];
        assert_eq!(owner.submit("/cluster", &fields).await.status, StatusCode::NOT_FOUND, "{unknown:?}");
    }
}

#[tokio::test]
async fn many_claims_stand_on_pages_and_those_that_failed_are_found_and_served_again() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    {
        let mut state = rig.house.state.lock();
        state.nodes = vec![node("n1", "up"), node("n2", "up"), node(HOSTILE, "outside")];
        state.claims = (0..120).map(|n| claim(&format!("community:{n:03}"), "community", "n1", "claimed")).collect();
        state.claims.push(claim(HOSTILE, "channel", HOSTILE, "live"));
        state.claims.push(claim("local:broken", "channel", "", "error"));
    }
    let first = owner.get("/cluster?node=n1").await;
    assert!(first.says("120 claims") && first.says("community:049") && !first.says("community:050"), "{}", first.text);
    assert_eq!(first.between("rel=\"next\" href=\"", "\""), "/cluster?node=n1&#38;page=2");
    let last = owner.get("/cluster?page=3").await;
    assert!(last.says("Page 3 of 3") && !last.says("rel=\"next\"") && !last.says("<script>alert"), "{}", last.text);
    assert!(last.says("1 failed too often</a> and is left alone."));
    let failed = owner.get("/cluster?failed=true").await;
    assert!(
        failed.says("error: it broke") && failed.says("Let local:broken be served again") && failed.says("1 claim<"),
        "{}",
        failed.text
    );
    let cleared = owner.submit("/cluster?failed=true", &[("what", "clear"), ("entity", "local:broken")]).await;
    assert_eq!(cleared.header("location"), "/cluster?failed=true&done=cleared", "{}", cleared.text);
    assert!(owner.get("/cluster?failed=true&done=cleared").await.says("No claim is found."));
    for odd in ["page=-3", "page=99999999999", "failed=maybe", "node=%00", "find=%25_%21%00", "done=%3Cb%3E"] {
        assert_eq!(owner.get(&format!("/cluster?{odd}")).await.status, StatusCode::OK, "{odd}");
    }
}

#[tokio::test]
async fn a_node_that_is_alone_says_so_and_offers_nothing_that_it_cannot_do() {
    let rig = Rig::new().await;
    let mut owner = rig.owner().await;
    {
        let mut state = rig.house.state.lock();
        state.nodes = vec![node("n1", "up"), node("old", "down")];
        state.claims = vec![claim("community:7", "community", "n1", "claimed")];
    }
    let shown = owner.get("/cluster").await;
    assert!(shown.says("One node serves everything.") && shown.says("community:7"), "{}", shown.text);
    assert!(!shown.says("value=\"drain\"") && !shown.says("value=\"move\""), "{}", shown.text);
}

#[tokio::test]
async fn the_cluster_obeys_no_stranger_and_no_form_of_another_page() {
    let rig = Rig::new().await;
    rig.house.state.lock().nodes = vec![node("n1", "up"), node("n2", "up")];
    let fields = [("what", "drain"), ("node", "n1")];
    assert_eq!(rig.stranger().post("/cluster", &fields).await.status, StatusCode::UNAUTHORIZED);
    let mut owner = rig.owner().await;
    let forged = [&[("csrf", "forged")][..], &fields].concat();
    assert_eq!(owner.post("/cluster", &forged).await.status, StatusCode::FORBIDDEN);
    assert_eq!(rig.house.state.lock().nodes[0].state, "up");
}

//! A page at one node, its community at another: what is shown there appears here, whoever dies.

use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::{Browser, eventually};

use crate::page::{Page, counted, display, token};
use crate::rig::{Cluster, LIMIT, Node, meet};

/// Two nodes; the first serves the community.
fn two(cluster: &Cluster) -> (Node, Node) {
    let mut nodes = cluster.nodes(2);
    meet(&nodes);
    assert_eq!(nodes[0].hears("lobby", "!ping"), "pong");
    assert_eq!(cluster.owner("community:2"), "n1");
    let second = nodes.remove(1);
    (nodes.remove(0), second)
}

fn overlay(node: &Node, source: &str) -> Value {
    node.memory(&format!("overlay%2F2%2F{source}"))
}

fn is_acknowledged(node: &Node, source: &str) {
    eventually("it is acknowledged", LIMIT, || {
        overlay(node, source)["acknowledged"] == true && !overlay(node, source)["showing"].is_null()
    });
}

fn note(text: &str, seconds: u32) -> Value {
    json!({ "content_type": "announcement", "content": text, "duration": seconds })
}

#[test]
fn what_is_shown_goes_once_to_each_node_and_from_there_to_all_its_pages() {
    let cluster = Cluster::new();
    let (one, two) = two(&cluster);
    let general = token(&two, "general");
    let mut pages: Vec<_> = (0..3).map(|_| Page::open(two.address(), &general, "general")).collect();
    let mut own = Page::open(one.address(), &general, "general");
    eventually("the owner knows of them", LIMIT, || overlay(&one, "general")["nodes"]["n2"] == 3);
    assert_eq!(overlay(&one, "general")["pages"], 4);

    one.hears("lobby", "!so @ninja");
    for page in &mut pages {
        let frame = page.sees("ninja");
        assert_eq!(frame["type"], "general", "{frame}");
    }
    own.sees("ninja");
    assert_eq!(counted(&one, "waddlebot_overlay_node_frames_total"), 1, "one frame for the node and its three pages");
    assert_eq!(overlay(&one, "general")["acknowledged"], false);
    let shown = overlay(&one, "general")["showing"].clone();
    pages[1].says(&json!({ "type": "ack", "id": shown }));
    is_acknowledged(&one, "general");

    // Handed in at the node that does not keep the queue; and each of many once and in order.
    for number in 0..20 {
        assert_eq!(display(&two, "general", &note(&format!("number {number}"), 0)), "showing");
    }
    for page in &mut pages {
        for number in 0..20 {
            assert_eq!(page.hears()["content"], format!("number {number}"));
        }
    }
    assert_eq!(counted(&one, "waddlebot_overlay_node_frames_total"), 21);
    // A page that comes later is told what shows.
    Page::open(two.address(), &general, "general").shows("number 19");
    drop(pages);
    eventually("the owner knows that they are gone", LIMIT, || overlay(&one, "general")["pages"] == 1);

    // A form goes out to the page and its answers come back to the owner.
    let mut page = Page::open(two.address(), &general, "general");
    let form = json!({ "title": "T", "fields": [{ "name": "nick", "type": "text", "label": "Nick" }] });
    display(&one, "general", &json!({ "content_type": "form", "duration": 0, "form_data": form }));
    let asked = page.shows("\"nick\"");
    page.says(&json!({ "type": "form_submit", "id": asked["id"], "form_data": { "nick": "ana", "other": 1 } }));
    eventually("the answers are noted", LIMIT, || {
        let noted = cluster.sql("SELECT event_data FROM browser_source_analytics WHERE event_type = 'form_submit'");
        noted.contains("ana") && !noted.contains("other")
    });
}

#[test]
fn a_killed_owner_is_followed_and_what_nobody_acknowledged_is_shown_again() {
    let cluster = Cluster::new();
    let (mut one, two) = two(&cluster);
    let ticker = token(&one, "ticker");
    let mut page = Page::open(two.address(), &ticker, "ticker");
    for text in ["first", "second"] {
        display(&two, "ticker", &json!({ "ticker_text": text, "ticker_duration": 600 }));
    }
    let first = page.sees("first");
    one.bot().kill_9();
    // It never said that it has it: the new owner shows it again.
    let again = page.shows("first");
    assert_eq!(again["id"], first["id"]);
    assert_eq!(cluster.owner("community:2"), "n2");
    is_acknowledged(&two, "ticker");
    assert_eq!(overlay(&two, "ticker")["waiting"], 1);

    // The dead one comes back, and a page there looks on at what was its own.
    one.start();
    let mut other = Page::open(one.address(), &ticker, "ticker");
    let frame = other.sees("first");
    assert_eq!(frame["id"], first["id"]);
    assert!(frame["elapsed"].as_i64().expect("a number") > 0, "{frame}");
}

#[test]
fn a_page_whose_node_was_killed_finds_at_another_what_waits() {
    let cluster = Cluster::new();
    let (one, mut two) = two(&cluster);
    let general = token(&one, "general");
    let mut page = Page::open(two.address(), &general, "general");
    eventually("the owner knows of it", LIMIT, || overlay(&one, "general")["nodes"]["n2"] == 1);
    display(&one, "general", &note("before", 0));
    page.shows("before");
    is_acknowledged(&one, "general");
    two.bot().kill_9();
    display(&one, "general", &note("meanwhile", 600));
    eventually("the owner knows that the page is gone", LIMIT, || overlay(&one, "general")["pages"] == 0);
    let mut page = Page::open(one.address(), &general, "general");
    page.shows("meanwhile");
    is_acknowledged(&one, "general");
    two.start();
    Page::open(two.address(), &general, "general").sees("meanwhile");
}

#[test]
fn a_community_that_is_handed_over_keeps_its_pages_at_both_nodes() {
    let cluster = Cluster::new();
    let (mut one, two) = two(&cluster);
    let general = token(&one, "general");
    let mut far = Page::open(two.address(), &general, "general");
    display(&one, "general", &note("before", 0));
    far.shows("before");
    is_acknowledged(&one, "general");
    let status = one.bot().terminate();
    assert!(status.success(), "{status:?}");
    assert_eq!(cluster.owner("community:2"), "n2");
    assert_eq!(display(&two, "general", &note("after", 0)), "showing");
    far.shows("after");
    is_acknowledged(&two, "general");
}

#[test]
fn a_token_that_is_revoked_at_one_node_is_dead_at_all() {
    let cluster = Cluster::new();
    let (one, two) = two(&cluster);
    let general = token(&one, "general");
    let mut page = Page::open(two.address(), &general, "general");
    let reply = one.asks("POST", &format!("/browser/source/admin/tokens/{general}/regenerate"), &Value::Null).expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(page.ends(), Some(1008));
    let opened = two.asks("GET", &format!("/browser/source/{general}/general"), &Value::Null).expect("an answer");
    assert_eq!(opened.status, 404, "the old address is dead there, too");
    let mut page = Page::open(two.address(), &token(&two, "general"), "general");
    // As when the node could not be told: it looks in the table.
    cluster.sql("UPDATE browser_source_tokens SET is_active = FALSE");
    assert_eq!(page.ends(), Some(1008));
}

#[tokio::test(flavor = "multi_thread")]
async fn obs_at_one_node_shows_the_shout_out_of_a_community_at_another() {
    let cluster = Cluster::new();
    let (one, two) = two(&cluster);
    let browser = Browser::start();
    let page = browser.open(1280, 720).await;
    page.goto(&format!("http://{}/browser/source/{}/general", two.address(), token(&one, "general"))).await.expect("it opens");
    eventually("the owner knows of it", Duration::from_secs(60), || overlay(&one, "general")["nodes"]["n2"] == 1);
    assert!(one.hears("lobby", "!so @ninja").contains("ninja"));
    page.until("document.querySelector('.panel.on .shoutout')?.innerText.includes('ninja')").await;
    is_acknowledged(&one, "general");
}

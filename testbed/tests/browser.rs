//! A real Chromium opens, runs a page, and leaves nothing behind.
#![cfg(feature = "browser")]

use std::fs;
use std::time::Duration;

use waddlebot_testbed::{Browser, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_runs_in_chromium_and_nothing_is_left_behind() {
    let browser = Browser::start();
    let page = browser.open(640, 360).await;
    page.goto("data:text/html,<title>t</title><script>document.title = 'it runs'</script>").await.unwrap();
    assert_eq!(page.title().await.unwrap(), "it runs");
    let profiles = browser.profiles().display().to_string();
    assert!(chromiums(&profiles) > 0, "we look for the wrong processes");
    // Not closed on purpose: a failing test closes nothing either.
    drop(browser);
    eventually("Chromium is gone", Duration::from_secs(10), || chromiums(&profiles) == 0);
    drop(page);
}

/// How many processes name a profile in this folder on their command line.
fn chromiums(profiles: &str) -> usize {
    let names_it = |entry: &fs::DirEntry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(profiles)
    };
    fs::read_dir("/proc").expect("this is Linux").flatten().filter(names_it).count()
}

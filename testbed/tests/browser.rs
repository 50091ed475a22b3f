//! A real Chromium opens, runs a page, shows what is transparent, and leaves nothing behind.
#![cfg(feature = "browser")]

use std::fs;
use std::time::Duration;

use waddlebot_testbed::{Browser, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_runs_in_chromium_and_nothing_is_left_behind() {
    let browser = Browser::start();
    let page = browser.open(640, 360).await;
    page.goto("data:text/html,<title>t</title><script>document.title = innerWidth + 'x' + innerHeight</script>").await.unwrap();
    assert_eq!(page.title().await.unwrap(), "640x360");
    let profiles = browser.profiles().display().to_string();
    assert!(chromiums(&profiles) > 0, "we look for the wrong processes");
    // Not closed on purpose: a failing test closes nothing either.
    drop(page);
    eventually("Chromium is gone", Duration::from_secs(30), || chromiums(&profiles) == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screenshot_keeps_what_is_transparent() {
    let browser = Browser::start();
    let page = browser.open(64, 48).await;
    page.goto("data:text/html,<body style='margin:0'><div style='width:32px;height:48px;background:red'>").await.unwrap();
    let shot = page.screenshot_with_alpha().await;
    let mut reader = png::Decoder::new(std::io::Cursor::new(shot)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let picture = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((picture.width, picture.height, picture.color_type), (64, 48, png::ColorType::Rgba));
    let pixel = |x: usize, y: usize| &pixels[(y * 64 + x) * 4..][..4];
    assert_eq!(pixel(10, 10), [255, 0, 0, 255]);
    assert_eq!(pixel(50, 10)[3], 0);
}

/// How many processes name a profile in this folder on their command line.
fn chromiums(profiles: &str) -> usize {
    let names_it = |entry: &fs::DirEntry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&format!("--user-data-dir={profiles}"))
    };
    fs::read_dir("/proc").expect("this is Linux").flatten().filter(names_it).count()
}

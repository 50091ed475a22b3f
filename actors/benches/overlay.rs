//! What one overlay item costs once, however many pages show it: encoded as a whole WebSocket frame.

use std::hint::black_box;

use divan::Bencher;
use serde_json::json;
use waddlebot_actors::overlay::frame;
use waddlebot_actors::overlay::item::{Item, Source};

fn main() {
    divan::main();
}

fn item(source: Source) -> Item {
    let data = match source {
        Source::Ticker => json!({ "text": "ninja raids with 1,234 viewers", "duration": 10, "style": "success" }),
        _ => json!({ "content_type": "announcement", "content": "<b>ninja</b> raids with 1,234 viewers", "style": { "title": "Raid" } }),
    };
    Item::read(source, data.as_object().expect("an object")).expect("a good item")
}

#[divan::bench]
fn a_ticker_line(bencher: Bencher<'_, '_>) {
    let item = item(Source::Ticker);
    bencher.bench_local(|| frame::show(black_box(&item), "i-1", 7, 0, 2, 1_767_225_600_123));
}

#[divan::bench]
fn a_panel(bencher: Bencher<'_, '_>) {
    let item = item(Source::General);
    bencher.bench_local(|| frame::show(black_box(&item), "i-1", 7, 0, 2, 1_767_225_600_123));
}

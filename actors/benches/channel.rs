//! What one message costs a channel before any module runs: found out what it means, admitted, and its answer cut.

use std::hint::black_box;
use std::time::Duration;

use divan::Bencher;
use waddlebot_actors::channel::admit::{Gatekeeper, Rate};
use waddlebot_actors::channel::resolve::{Resolution, Table, is_command};
use waddlebot_actors::delivery::cut::cut;
use waddlebot_actors::modules;
use waddlebot_runtime::chat::{Role, User};
use waddlebot_runtime::platform::{Limits, Unit};

fn main() {
    divan::main();
}

fn table() -> Table {
    Table::new(&modules::list(), |_| true, &[])
}

#[divan::bench(args = ["hello everybody, how is the stream today?", "!ping", "!!!"])]
fn plain_chatter_or_not(text: &str) -> bool {
    is_command(black_box(text))
}

#[divan::bench(args = ["!ping", "!inventory add hat 3", "!nothing at all"])]
fn resolve(bencher: Bencher<'_, '_>, text: &str) {
    let table = table();
    bencher.bench_local(|| matches!(table.resolve(black_box(text), "ana"), Resolution::Command { .. }));
}

#[divan::bench]
fn admit(bencher: Bencher<'_, '_>) {
    let table = table();
    let Resolution::Command { row, .. } = table.resolve("!ping", "ana") else { unreachable!("every chat may ping") };
    let mut gatekeeper = Gatekeeper::new(Rate { uses: 60, window: Duration::from_secs(60) });
    let people: Vec<_> = (0..1000).map(|number| User { id: format!("u{number}").into(), name: "ana".into(), role: Role::Viewer }).collect();
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        gatekeeper.admit(row, &people[turn % people.len()], Duration::from_millis(turn as u64 * 10))
    });
}

#[divan::bench(args = [50, 400, 2000])]
fn cut_an_answer(bencher: Bencher<'_, '_>, letters: usize) {
    let text = "word after word ".repeat(letters / 16 + 1).into();
    bencher.bench_local(|| cut(black_box(&text), Limits { length: 400, unit: Unit::Bytes, budget: None }));
}

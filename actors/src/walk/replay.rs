//! A great many deliveries of the same messages and events, in any order, over restarts: each takes effect once, none is lost.
//!
//! `WADDLEBOT_REPLAY` says how many deliveries there are; `cargo xtask replay` plays a million.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Role, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::command::Spec;
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::intake::{self, Ears as _, Outcome, Unheard, Verdict};
use waddlebot_runtime::module::{Answer, Context, Module};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Place, file_in};

use crate::seat::entry;
use crate::stage::Stage;

/// How many deliveries there are, unless `WADDLEBOT_REPLAY` says otherwise.
const FEW: usize = 30_000;
/// Each thing is delivered so often on average.
const COPIES: usize = 10;
/// How far a copy strays from its place, in deliveries.
const STRAY: usize = 3000;
/// One copy in so many comes at any time at all, perhaps after a restart.
const LATE: u32 = 8;
/// So many channels, of which each has its own order.
const CHANNELS: usize = 24;
/// So many deliveries are under way at once.
const AT_ONCE: usize = 256;
/// The house is closed and opened again so often.
const HOUSES: usize = 5;

/// Gives out numbers, each once.
#[derive(Default, Serialize, Deserialize)]
struct Numbers {
    last: i64,
}

impl Numbers {
    fn next(&mut self, cx: &Context<'_, Self>) -> Answer {
        self.last += 1;
        Ok(vec![Response::say(format!("{} {}", cx.community, self.last))])
    }
}

impl Module for Numbers {
    const NAME: &'static str = "numbers";
    const ABOUT: &'static str = "Gives out numbers";
    const WAKES_ON: &'static [EventKind] = &[EventKind::Donation];
    type Command = ();
    type Settings = ();
    const COMMANDS: &'static [Spec<()>] = &[Spec::new("number", "", |_| Ok(())).writes()];

    async fn command(&mut self, (): (), _: &User, cx: &Context<'_, Self>) -> Answer {
        self.next(cx)
    }

    async fn event(&mut self, _: &Event, cx: &Context<'_, Self>) -> Answer {
        self.next(cx)
    }
}

/// Delivers one thing, again and again while the channel is busy.
async fn deliver(stage: &Stage, thing: usize) -> Arc<Outcome> {
    let channel = ChannelKey::new("stage", "", &format!("room{}", thing % CHANNELS));
    let id = format!("m{thing}");
    // Nobody asks twice, so that nobody is slowed down.
    let by = User { id: id.as_str().into(), name: id.as_str().into(), role: Role::Viewer };
    loop {
        let ear = stage.household.channel(&channel).await.expect("the channel opens");
        let answered = if thing.is_multiple_of(3) {
            let event = Event { id: id.as_str().into(), kind: EventKind::Donation, by: by.clone(), amount: 1, text: "".into() };
            intake::tell(ear.as_ref(), event).await
        } else {
            let at = stage.clock.now();
            intake::ask(ear.as_ref(), ChatMessage { id: id.as_str().into(), by: by.clone(), text: "!number".into(), at }).await
        };
        match answered {
            Ok(outcome) => return outcome,
            Err(Unheard::Busy) => tokio::task::yield_now().await,
            Err(other) => panic!("{thing}: {other}"),
        }
    }
}

/// The things in the order of their deliveries: each at least once, copies near their first or anywhere.
fn order(deliveries: usize, chance: &mut StdRng) -> Vec<usize> {
    let things = deliveries / COPIES;
    let mut placed: Vec<(usize, usize)> = (0..deliveries)
        .map(|copy| {
            let thing = if copy < things { copy } else { chance.random_range(0..things) };
            let late = copy >= things && chance.random_ratio(1, LATE);
            let place = if late { chance.random_range(0..deliveries) } else { thing * COPIES + chance.random_range(0..STRAY) };
            (place, thing)
        })
        .collect();
    placed.sort_unstable();
    placed.into_iter().map(|(_, thing)| thing).collect()
}

fn said(outcome: &Outcome) -> String {
    match outcome.responses.as_slice() {
        [Response::Chat(line)] => line.text.to_string(),
        other => panic!("one line was expected: {other:?} ({:?})", outcome.verdict),
    }
}

/// What was answered to each thing, and how often each line was said aloud.
#[derive(Default)]
struct Book {
    answers: HashMap<usize, String>,
    lines: HashMap<String, usize>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_delivered_again_and_again_in_any_order_takes_effect_once_and_nothing_is_lost() {
    let deliveries = std::env::var("WADDLEBOT_REPLAY").map_or(FEW, |text| text.parse().expect("WADDLEBOT_REPLAY is a number"));
    let mut chance = StdRng::seed_from_u64(3);
    let order = Arc::new(order(deliveries, &mut chance));
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::turned();
    let book = Arc::new(Mutex::new(Book::default()));
    let each = deliveries.div_ceil(HOUSES);
    for part in 0..HOUSES {
        let stage = Arc::new(Stage::open(&[entry::<Numbers>()], &Place::Sqlite(file_in(folder.path())), clock.clone()).await);
        let range = part * each..((part + 1) * each).min(deliveries);
        let next = Arc::new(Mutex::new(range));
        let couriers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (stage, order, next, book) = (stage.clone(), order.clone(), next.clone(), book.clone());
                spawn::task("courier", async move {
                    loop {
                        let Some(place) = next.lock().next() else { return };
                        let thing = order[place];
                        let outcome = deliver(&stage, thing).await;
                        assert!(matches!(outcome.verdict, Verdict::Done | Verdict::Duplicate), "{thing}: {:?}", outcome.verdict);
                        let answer = said(&outcome);
                        let lines = if place.is_multiple_of(64) { stage.seen.lines() } else { Vec::new() };
                        let mut book = book.lock();
                        let first = book.answers.entry(thing).or_insert_with(|| answer.clone());
                        assert_eq!(*first, answer, "{thing} was answered otherwise before");
                        lines.into_iter().for_each(|(_, line)| *book.lines.entry(line).or_default() += 1);
                    }
                })
            })
            .collect();
        for courier in couriers {
            courier.await.expect("it delivers");
        }
        let seen = stage.seen.clone();
        Arc::into_inner(stage).expect("every courier is back").close().await;
        seen.lines().into_iter().for_each(|(_, line)| *book.lock().lines.entry(line).or_default() += 1);
        // Nobody remembers what came so long ago, except the database.
        clock.turn(Duration::from_secs(20 * 60));
    }
    let book = book.lock();
    assert_eq!(book.answers.len(), deliveries / COPIES, "nothing is missing");
    let mut numbers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for answer in book.answers.values() {
        let (community, number) = answer.split_once(' ').expect("two words");
        numbers.entry(community).or_default().push(number.parse().expect("a number"));
    }
    for given in numbers.values_mut() {
        given.sort_unstable();
        assert!(given.iter().copied().eq(1..=given.len()), "a number was given out twice, or without an answer");
    }
    let repeated: Vec<_> = book.lines.iter().filter(|(_, times)| **times != 1).take(5).collect();
    assert!(repeated.is_empty(), "said more than once: {repeated:?}");
    assert_eq!(book.lines.len(), book.answers.len(), "every answer was said aloud");
}

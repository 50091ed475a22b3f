//! A room followed live: its lines as Server-Sent Events, picked up where the page left off.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{Stream, unfold};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::Hub;
use super::house::Said;
use super::refusal::Refusal;
use super::visitor::Visitor;
use crate::api::error::ApiError;

/// After so long a page must ask again, and show that it is still logged in.
const LONGEST: Duration = Duration::from_secs(300);

/// The sign of life in a quiet room.
const ALIVE: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
pub(super) struct Asked {
    room: String,
    #[serde(default)]
    after: u64,
}

/// `GET /chat/live`
pub(super) async fn follow(
    State(hub): State<Hub>,
    visitor: Result<Visitor, Refusal>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    visitor.map_err(|_| ApiError::unauthorized("log in to the hub"))?;
    let place = hub.live.clone().try_acquire_owned().map_err(|_| ApiError::unavailable("too many pages are open"))?;
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let after = resumed.unwrap_or(asked.after);
    // A room that is not there is told as an error, not as an empty stream.
    let waiting = hub.house.lines(&asked.room, after).await?.into();
    let until = hub.clock.since_boot() + LONGEST;
    let follower = Follower { hub, room: asked.room, after, waiting, until, _place: place };
    let lines = unfold(follower, |mut follower| async move {
        let line = follower.next().await?;
        let event = Event::default().id(line.number.to_string()).retry(Duration::from_secs(1));
        let event = event.json_data(&line).expect("a line is plain data");
        Some((Ok(event), follower))
    });
    Ok(Sse::new(lines).keep_alive(KeepAlive::new().interval(ALIVE)))
}

struct Follower {
    hub: Hub,
    room: String,
    after: u64,
    waiting: VecDeque<Said>,
    until: Duration,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next line; `None` when the page has to ask again.
    async fn next(&mut self) -> Option<Said> {
        while self.waiting.is_empty() {
            let left = self.until.saturating_sub(self.hub.clock.since_boot());
            tokio::select! {
                news = self.hub.house.news(&self.room, self.after) => news.ok()?,
                () = self.hub.clock.sleep(left) => return None,
                () = self.hub.closing.cancelled() => return None,
            }
            self.waiting = self.hub.house.lines(&self.room, self.after).await.ok()?.into();
        }
        let line = self.waiting.pop_front()?;
        self.after = line.number;
        Some(line)
    }
}

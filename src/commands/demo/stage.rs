//! Plays the stream on a running node as any program could: over the API, and shows the room's lines.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_runtime::clock::Clock;

use super::stream::{self, Scene};
use crate::client::Client;
use crate::client::room::Room;
use crate::terminal::{self, Paint};

/// The room the stream happens in.
const ROOM: &str = "lobby";

/// Between two scenes, between two rounds; and how long the last answers may take.
const SCENE: Duration = Duration::from_millis(1500);
const ROUND: Duration = Duration::from_secs(15);
const LAST: Duration = Duration::from_secs(10);

/// The node as the stream sees it.
pub(super) struct Stage {
    client: Client,
    community: i64,
    /// Name and address of each overlay.
    pub(super) overlays: Vec<(String, String)>,
    speed: f64,
    clock: Clock,
}

#[derive(Deserialize)]
struct Communities {
    communities: Vec<Community>,
}

#[derive(Deserialize)]
struct Community {
    id: i64,
}

#[derive(Deserialize)]
struct Tokens {
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
struct Token {
    source_type: String,
    url: String,
}

impl Stage {
    /// Finds the community of the room and the addresses of its overlays.
    pub(super) async fn open(client: Client, speed: f64) -> Result<Self> {
        let all: Communities = client.get(&["api", "v1", "communities"]).await?;
        let community = all.communities.first().context("there is no community to play in")?.id;
        let path = ["browser", "source", "admin", "tokens"];
        let made: Tokens = client.post(&path, &json!({ "community_id": community })).await?;
        let overlays = made.tokens.into_iter().map(|token| (token.source_type, token.url)).collect();
        Ok(Self { client, community, overlays, speed, clock: Clock::real() })
    }

    /// Plays round after round, or one; returns when the last line of it was shown.
    pub(super) async fn play(&self, once: bool) -> Result<()> {
        let mut room = Room::new(self.client.clone(), ROOM);
        room.history().await?;
        for number in 0.. {
            let awaited = self.round(&mut room, number).await?;
            self.show(&mut room, LAST, awaited).await?;
            if once {
                break;
            }
            let rest = ROUND.div_f64(self.speed);
            terminal::line(format!("\n… the next round begins in {:.0} s\n", rest.as_secs_f64()))?;
            self.show(&mut room, rest, usize::MAX).await?;
        }
        Ok(())
    }

    /// Plays the scenes of a round; returns how many lines of it were not shown yet.
    async fn round(&self, room: &mut Room, number: usize) -> Result<usize> {
        let (mut said, mut shown) = (0, 0);
        for scene in stream::round(number) {
            said += self.act(room, scene).await?;
            shown += self.show(room, SCENE.div_f64(self.speed), usize::MAX).await?;
        }
        Ok(said.saturating_sub(shown))
    }

    /// Lets one scene happen; returns how many lines the room got from it.
    async fn act(&self, room: &Room, scene: Scene) -> Result<usize> {
        Ok(match scene {
            Scene::Says(who, role, text) => room.say(who, role.name(), &text).await?,
            Scene::Happens(kind, who, amount) => room.happen(kind.name(), who, amount).await?,
            Scene::Ticker(text) => self.display("ticker", json!({ "ticker_text": text, "duration": 10 })).await?,
            Scene::Card(title, artist, seconds) => {
                let data = json!({ "title": title, "artist": artist, "duration_ms": seconds * 1000 });
                self.display("media", json!({ "media_type": "music", "media_data": data, "duration": seconds })).await?
            }
        })
    }

    async fn display(&self, source: &str, data: Value) -> Result<usize> {
        let item = json!({
            "session_id": "demo",
            "community_id": self.community,
            "source_type": source,
            "module_name": "demo",
            "display_data": data,
        });
        let _: Value = self.client.post(&["browser", "source", "display"], &item).await?;
        Ok(0)
    }

    /// Shows the room's lines for so long, or until there were `most`; returns how many there were.
    async fn show(&self, room: &mut Room, time: Duration, most: usize) -> Result<usize> {
        let paint = Paint::wanted();
        let until = self.clock.since_boot() + time;
        let mut shown = 0;
        while shown < most {
            let left = until.saturating_sub(self.clock.since_boot());
            let news = tokio::select! {
                news = room.news() => news?,
                () = self.clock.sleep(left) => break,
            };
            shown += news.len();
            for line in news {
                terminal::line(line.shown(paint))?;
            }
        }
        Ok(shown)
    }
}

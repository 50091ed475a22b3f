//! The two servers that are compared, each alone in its process and told over one line of text when to broadcast.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::SinkExt;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use waddlebot_actors::household::Claims;
use waddlebot_actors::overlay::item::{Item, Source};
use waddlebot_actors::overlay::{Forms, Origin, Overlays, Settings, Submission};
use waddlebot_runtime::actor::World;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::Keys;
use waddlebot_runtime::placement::Unclaimed;
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::secret::Secret;
use waddlebot_runtime::sessions::{MemorySessions, Sessions};
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Claim, Place, Store, file_in, sql};

use super::Server;
use crate::api;
use crate::api::auth::Door;

/// What is shown: an announcement of usual length.
const WORDS: &str = "<b>ninja</b> raids with 1,234 viewers. Welcome to the pond, everybody: say hello, get a snack and stay a while!";

/// Serves until the one who started it hangs up.
pub(crate) async fn serve(server: Server, control: SocketAddr) -> Result<()> {
    let stream = TcpStream::connect(control).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    match server {
        Server::Ours => ours(listener, stream).await,
        Server::Bare => bare(listener, stream).await,
    }
}

async fn ours(listener: TcpListener, control: TcpStream) -> Result<()> {
    let folder = Folder::make()?;
    let (clock, address) = (Clock::real(), listener.local_addr()?);
    let store = Store::open(&Place::Sqlite(file_in(&folder.0))).await?;
    store.migrate().await?;
    let mut tx = store.begin().await?;
    tx.run(sql("INSERT INTO communities (id, name, created_at) VALUES (7, 'Pond', 0)")).await?;
    tx.run(sql("INSERT INTO coordination (entity_id, claimed_by, incarnation, epoch) VALUES ('community:7', 'n', 1, 1)")).await?;
    tx.commit().await?;
    let secret = Secret::open(&folder.0, None)?;
    let overlays = Overlays::new(Settings::default(), store.clone(), secret.clone(), clock.clone(), Arc::new(Held), Arc::new(Nowhere));
    let opened = overlays.open(&World::new(clock.clone())).await.map_err(anyhow::Error::from_boxed)?;
    let token = overlays.tokens().ensure(7).await?.into_iter().find(|token| token.grant.source == Source::General).context("a token")?;
    let sessions: Arc<dyn Sessions> = Arc::new(MemorySessions::new(clock.clone(), Duration::from_secs(3600)));
    let door = Door::new(Keys::new(store.clone(), clock.clone()), sessions, secret, clock, false);
    let routes = api::overlays::serve(&door, overlays.clone(), store, None).into_make_service_with_connect_info::<SocketAddr>();
    spawn::task("http", async move { axum::serve(listener, routes).await });
    let data = json!({ "content_type": "announcement", "content": WORDS, "style": { "type": "announcement", "title": "Raid" } });
    let item = Item::read(Source::General, data.as_object().context("an object")?)?;
    obey(control, address, &format!("/ws/{}/general", token.text), move || {
        let (overlays, item) = (overlays.clone(), item.clone());
        spawn::task("show", async move {
            if let Err(error) = overlays.show(7, item, "", Origin::default()).await {
                tracing::error!(%error, "a broadcast was not shown");
            }
        });
    })
    .await?;
    opened.close().await;
    Ok(())
}

async fn bare(listener: TcpListener, control: TcpStream) -> Result<()> {
    let address = listener.local_addr()?;
    let (sender, _) = broadcast::channel::<Utf8Bytes>(64);
    let source = sender.clone();
    spawn::task("accept", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut frames = source.subscribe();
            spawn::task("client", async move {
                stream.set_nodelay(true).ok();
                let Ok(mut web) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Ok(text) = frames.recv().await {
                    if web.send(Message::Text(text)).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    // As long as ours: the item and what goes with it.
    let text = Utf8Bytes::from(format!("{WORDS}{}", "x".repeat(210)));
    obey(control, address, "/", move || drop(sender.send(text.clone()))).await
}

async fn obey(control: TcpStream, address: SocketAddr, path: &str, show: impl Fn()) -> Result<()> {
    let (read, mut write) = control.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(format!("{address} {path}\n").as_bytes()).await?;
    while let Some(line) = lines.next_line().await? {
        let answer = match line.as_str() {
            "show" => {
                show();
                continue;
            }
            "cpu" => cpu_micros(),
            "rss" => resident_bytes()?,
            _ => break,
        };
        write.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}

fn cpu_micros() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1000
}

fn resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("/proc/self/status has a line VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}

struct Held;

impl Claims for Held {
    fn claim<'a>(&'a self, entity: &'a str) -> Boxed<'a, Result<Claim, Unclaimed>> {
        Box::pin(async move { Ok(Claim { entity: entity.to_owned(), owner: "n".into(), incarnation: 1, epoch: 1 }) })
    }
}

struct Nowhere;

impl Forms for Nowhere {
    fn submitted(&self, _: Submission) -> Boxed<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// A folder that goes with the process.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("waddlebot-bench-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

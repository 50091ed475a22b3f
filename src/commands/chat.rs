//! `waddlebot chat`: a room of a running node in the terminal, also for scripts that pipe lines in.

mod keyboard;
mod typed;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::chat::Role;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::KeyRole;
use waddlebot_runtime::spawn;

use self::keyboard::Keyed;
use self::typed::Typed;
use crate::client::access::{Access, Reach};
use crate::client::room::{Line, Room};
use crate::client::{Client, ClientError};
use crate::config::Flags;
use crate::terminal::{self, Paint};

const EXAMPLES: &str = "\
Examples:
  waddlebot chat                                        type as yourself, as the owner
  waddlebot chat --user bob --role viewer               what may a viewer do?
  printf '!ping\\n/raid ninja 12\\n' | waddlebot chat     for scripts: ends after the last answer

While it runs, /help shows what can be typed besides talk.";

/// Where, and who types.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Asked {
    /// The room; an unknown name opens a new one
    #[arg(long, default_value = "lobby", value_name = "ROOM")]
    channel: String,

    /// Who types [default: your name on this machine]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// As what: viewer, vip, moderator, admin or owner
    #[arg(long, default_value = "owner", value_parser = role)]
    role: Role,

    #[command(flatten)]
    reach: Reach,
}

/// How many lines from before are shown to a person.
const HISTORY: usize = 20;

/// How long the last answers may take once everything is said.
const LAST: Duration = Duration::from_secs(10);

/// How often a node that went away is looked for, and how many times.
const AGAIN: Duration = Duration::from_secs(1);
const TIMES: u32 = 60;

/// What the terminal is told.
enum News {
    /// Lines of the room.
    Lines(Vec<Line>),
    /// Something for who types.
    Note(String),
    /// What was typed was sent, and gives the room so many lines.
    Sent(usize),
    /// What was typed was not sent.
    Refused(String),
    /// Nothing more is typed.
    Over,
    /// The node is gone, and stays so.
    Gone(ClientError),
}

/// Talks until the end of the input, `/quit` or a signal.
pub(crate) async fn run(asked: Asked, flags: &Flags, closing: CancellationToken) -> Result<()> {
    let access = Access::open(&asked.reach, flags, KeyRole::Trigger).await?;
    let talked = tokio::select! {
        talked = talk(&asked, access.client.clone()) => talked,
        () = closing.cancelled() => Ok(()),
    };
    access.close().await;
    talked
}

async fn talk(asked: &Asked, client: Client) -> Result<()> {
    let (paint, person) = (Paint::wanted(), terminal::is_typed());
    let mut room = Room::new(client, &asked.channel);
    let history = room.history().await?;
    let user = asked.user.clone().unwrap_or_else(own_name);
    if person {
        for line in &history[history.len().saturating_sub(HISTORY)..] {
            terminal::line(line.shown(paint))?;
        }
        terminal::line(format!("You are {} ({}) in {}. /help helps, /quit ends.", terminal::plain(&user), asked.role, asked.channel))?;
    }
    let (teller, news) = mpsc::channel(64);
    let follower = spawn::task("chat follower", follow(room.clone(), teller.clone()));
    let hand = Hand { room, user, role: asked.role, erases: person && terminal::is_seen() };
    let hand = spawn::task("chat hand", hand.works(keyboard::lines()?, teller));
    let shown = show(news, paint).await;
    follower.abort();
    hand.abort();
    shown
}

/// Shows what there is until everything that was typed is answered.
async fn show(mut news: mpsc::Receiver<News>, paint: Paint) -> Result<()> {
    let (mut seen, mut awaited, mut refused) = (0, 0, 0);
    let mut over = false;
    let clock = Clock::real();
    while !over || seen < awaited {
        let next = tokio::select! {
            next = news.recv() => next,
            () = clock.sleep(LAST), if over => None,
        };
        match next {
            Some(News::Lines(lines)) => {
                seen += lines.len();
                for line in lines {
                    terminal::line(line.shown(paint))?;
                }
            }
            Some(News::Note(text)) => terminal::line(text)?,
            Some(News::Sent(lines)) => awaited += lines,
            Some(News::Refused(why)) => {
                refused += 1;
                eprintln!("not sent: {}", terminal::plain(&why));
            }
            Some(News::Over) => over = true,
            Some(News::Gone(error)) => return Err(error.into()),
            None => break,
        }
    }
    match refused {
        _ if terminal::is_typed() => Ok(()),
        0 => Ok(()),
        1 => bail!("1 line was not sent"),
        more => bail!("{more} lines were not sent"),
    }
}

/// Tells every line of the room, and looks for the node again when it went away.
async fn follow(mut room: Room, teller: mpsc::Sender<News>) {
    let clock = Clock::real();
    let mut failed = 0;
    loop {
        let told = match room.news().await {
            Ok(lines) => {
                failed = 0;
                News::Lines(lines)
            }
            Err(error @ ClientError::Lost { .. }) if failed < TIMES => {
                failed += 1;
                clock.sleep(AGAIN).await;
                if failed > 1 {
                    continue;
                }
                News::Note(format!("{error}; trying again …"))
            }
            Err(error) => News::Gone(error),
        };
        if teller.send(told).await.is_err() {
            return;
        }
    }
}

/// Who types.
struct Hand {
    room: Room,
    user: String,
    role: Role,
    erases: bool,
}

impl Hand {
    /// Sends what is typed, one line after the other.
    async fn works(mut self, mut lines: mpsc::Receiver<Keyed>, teller: mpsc::Sender<News>) {
        while let Some(line) = lines.recv().await {
            let told = match line {
                Keyed::TooLong(length) => Some(News::Refused(format!("a line of {length} bytes is too long"))),
                Keyed::Line(line) => match typed::read(&line) {
                    Ok(None) => None,
                    Ok(Some(Typed::Quit)) => break,
                    Ok(Some(typed)) => Some(self.obeys(typed).await),
                    Err(why) => Some(News::Refused(why)),
                },
            };
            if let Some(told) = told
                && teller.send(told).await.is_err()
            {
                return;
            }
        }
        teller.send(News::Over).await.ok();
    }

    async fn obeys(&mut self, typed: Typed) -> News {
        let sent = match typed {
            Typed::Say(text) => {
                if self.erases {
                    // What was typed comes back as a line of the room.
                    terminal::text("\u{1b}[1A\u{1b}[2K\r").ok();
                }
                self.room.say(&self.user, self.role.name(), &text).await
            }
            Typed::Happen(kind, who, amount) => self.room.happen(kind.name(), &who, amount).await,
            Typed::As(user, role) => {
                (self.user, self.role) = (user, role);
                return News::Note(format!("You are {} ({role}) now.", terminal::plain(&self.user)));
            }
            Typed::Help | Typed::Quit => return News::Note(typed::HELP.to_owned()),
        };
        match sent {
            Ok(lines) => News::Sent(lines),
            Err(error) => News::Refused(error.to_string()),
        }
    }
}

fn role(name: &str) -> Result<Role, String> {
    Role::parse(name).ok_or_else(|| "viewer, vip, moderator, admin and owner are known".to_owned())
}

/// What this machine calls who sits at it.
fn own_name() -> String {
    let name = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    name.unwrap_or_else(|| "you".to_owned())
}

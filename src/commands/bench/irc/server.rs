//! A scripted IRC server for one client: lets it in, then speaks as a crowd does, as fast as the socket takes it.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use waddlebot_runtime::clock::Clock;

/// Where everybody speaks.
pub(super) const CHANNELS: [&str; 8] = ["#pond", "#lake", "#river", "#brook", "#ocean", "#puddle", "#creek", "#marsh"];
/// How many speak.
const PEOPLE: usize = 500;
/// What they say, when it is no command.
const TALK: [&str; 6] = [
    "hello everybody, how is the stream today?",
    "lol",
    "that was close! did you see how it jumped over the second pipe?",
    "GG",
    "is this the new update or still the old one",
    "I have to go in ten minutes, see you all tomorrow :)",
];
/// Longest wait for anything the client has to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits for its one client.
pub(super) struct Server(TcpListener);

impl Server {
    pub(super) async fn open() -> Result<Self> {
        Ok(Self(TcpListener::bind("127.0.0.1:0").await?))
    }

    /// `host:port`.
    pub(super) fn address(&self) -> String {
        self.0.local_addr().map(|address| address.to_string()).unwrap_or_default()
    }

    /// The client, logged in and in every channel.
    pub(super) async fn client(self) -> Result<Guest> {
        let entered = async {
            let (stream, _) = self.0.accept().await?;
            Guest::welcome(stream).await
        };
        within(entered).await.context("the bot did not come into the channels")
    }
}

/// The client, in every channel.
pub(super) struct Guest {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    said: usize,
}

impl Guest {
    async fn welcome(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let mut guest = Self { read, write, said: 0 };
        let (mut text, mut chunk, mut entered) = (String::new(), [0; 4096], 0);
        while entered < CHANNELS.len() {
            let size = guest.read.read(&mut chunk).await?;
            ensure!(size > 0, "the bot hung up while it logged in");
            text.push_str(std::str::from_utf8(&chunk[..size])?);
            while let Some((line, rest)) = text.split_once('\n') {
                let answer = answer(line.trim_end(), &mut entered);
                guest.write.write_all(answer.as_bytes()).await?;
                text = rest.to_owned();
            }
        }
        Ok(guest)
    }

    /// Says so much, every tenth a `!ping`, and waits until each of those is answered.
    pub(super) async fn flood(&mut self, messages: usize) -> Result<()> {
        ensure!(messages.is_multiple_of(10), "every tenth message is a command");
        let talk: Vec<u8> = (self.said..self.said + messages).flat_map(|number| message(number).into_bytes()).collect();
        self.said += messages;
        let (read, write) = (&mut self.read, &mut self.write);
        let spoken = async { Ok(write.write_all(&talk).await?) };
        within(async { tokio::try_join!(spoken, answers(read, messages / 10)) }).await.context("the bot did not answer every !ping")?;
        Ok(())
    }
}

/// Reads until so many messages came.
async fn answers(read: &mut OwnedReadHalf, wanted: usize) -> Result<()> {
    let (mut seen, mut torn, mut chunk) = (0, Vec::new(), vec![0; 64 * 1024]);
    while seen < wanted {
        let size = read.read(&mut chunk).await?;
        ensure!(size > 0, "the bot hung up after {seen} of {wanted} answers");
        torn.extend_from_slice(&chunk[..size]);
        let whole = torn.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let said = torn[..whole].split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"PRIVMSG "));
        for line in said {
            ensure!(line.trim_ascii_end().ends_with(b"pong"), "not an answer to !ping: {}", String::from_utf8_lossy(line));
            seen += 1;
        }
        torn.drain(..whole);
    }
    ensure!(seen == wanted, "the bot said more than it was asked: {seen} lines for {wanted} commands");
    Ok(())
}

async fn within<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let clock = Clock::real();
    tokio::select! {
        done = work => done,
        () = clock.sleep(PATIENCE) => bail!("nothing more came for {} s", PATIENCE.as_secs()),
    }
}

/// What the server says to one line of a client that logs in.
fn answer(line: &str, entered: &mut usize) -> String {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    match command {
        "CAP" if rest.starts_with("LS") => ":bench CAP * LS :\r\n".to_owned(),
        "USER" => ":bench 001 waddle :Welcome\r\n\
                   :bench 005 waddle CASEMAPPING=ascii CHANTYPES=# PREFIX=(ov)@+ NETWORK=Bench :are supported\r\n\
                   :bench 375 waddle :-\r\n:bench 376 waddle :End\r\n"
            .to_owned(),
        "PING" => format!(":bench PONG bench {rest}\r\n"),
        "JOIN" => {
            let names = rest.split(' ').next().unwrap_or_default();
            let join = |name: &str| {
                *entered += 1;
                format!(":waddle!bot@127.0.0.1 JOIN {name}\r\n:bench 353 waddle = {name} :waddle\r\n:bench 366 waddle {name} :End\r\n")
            };
            names.split(',').map(join).collect()
        }
        _ => String::new(),
    }
}

/// The message of this number.
fn message(number: usize) -> String {
    let (person, channel) = (number * 7 % PEOPLE, CHANNELS[(number + number / 10) % CHANNELS.len()]);
    let text = if number % 10 == 9 { "!ping" } else { TALK[number % TALK.len()] };
    format!(":viewer{person}!~v{person}@host-{person}.example.net PRIVMSG {channel} :{text}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_in_ten_is_a_command_and_commands_come_from_many_people_in_every_channel() {
        let all: Vec<_> = (0..10_000).map(message).filter(|line| line.ends_with(" :!ping\r\n")).collect();
        assert_eq!(all.len(), 1000);
        for channel in CHANNELS {
            assert!(all.iter().any(|line| line.contains(&format!(" {channel} :"))), "nobody asks in {channel}");
        }
    }
}

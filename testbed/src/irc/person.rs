//! Somebody in an IRC channel: the second client that a test looks at the bot with.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::patience::Deadline;

/// How long a person listens for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connected, plain IRC client without any extension.
pub struct Person {
    nick: String,
    stream: TcpStream,
    unread: Vec<u8>,
    heard: Vec<String>,
}

impl Person {
    /// Connects and registers.
    ///
    /// # Panics
    /// When the server refuses.
    pub(super) fn connect(address: SocketAddr, nick: &str) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the IRC server takes no connection");
        stream.set_nodelay(true).expect("a socket can be set up");
        let mut person = Self { nick: nick.to_owned(), stream, unread: Vec::new(), heard: Vec::new() };
        person.send(&format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}"));
        person.hears(" 001 ");
        person
    }

    /// Their nick.
    pub fn nick(&self) -> &str {
        &self.nick
    }

    /// Sends a line as it stands.
    ///
    /// # Panics
    /// When the connection is lost.
    pub fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\r\n").as_bytes());
    }

    /// Sends bytes, which need not be text.
    ///
    /// # Panics
    /// When the connection is lost.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap_or_else(|e| panic!("{} lost the connection: {e}", self.nick));
    }

    /// Enters a channel and waits until inside.
    pub fn joins(&mut self, channel: &str) {
        self.send(&format!("JOIN {channel}"));
        self.hears(" 366 ");
    }

    /// Says something in a channel, or to somebody.
    pub fn says(&mut self, to: &str, text: &str) {
        self.send(&format!("PRIVMSG {to} :{text}"));
    }

    /// Reads on until a line contains `part`, and returns that line.
    ///
    /// # Panics
    /// With everything heard so far, when it does not come within half a minute.
    pub fn hears(&mut self, part: &str) -> String {
        self.hears_within(part, PATIENCE).unwrap_or_else(|| {
            panic!("{} never heard {part:?}, but:\n{}", self.nick, self.heard.join("\n"));
        })
    }

    /// As [`Person::hears`], with a limit and without the panic.
    pub fn hears_within(&mut self, part: &str, limit: Duration) -> Option<String> {
        let deadline = Deadline::within(limit);
        while let Some(line) = self.next_line(deadline) {
            if line.contains(part) {
                return Some(line);
            }
        }
        None
    }

    /// Whether a line that was read already contains `part`.
    pub fn has_heard(&self, part: &str) -> bool {
        self.heard.iter().any(|line| line.contains(part))
    }

    /// Every line read so far.
    pub fn heard(&self) -> &[String] {
        &self.heard
    }

    /// Asks the server for a sign of life and reads up to it: whatever was sent to us before has then been heard.
    pub fn catches_up(&mut self) {
        let token = format!("caught-up-{}", self.heard.len());
        self.send(&format!("PING :{token}"));
        self.hears(&token);
    }

    /// Leaves the server.
    pub fn quit(mut self) {
        let _ = self.stream.write_all(b"QUIT :bye\r\n");
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// The next line, or nothing at the deadline or the end of the connection; answers the server's pings.
    fn next_line(&mut self, deadline: Deadline) -> Option<String> {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let bytes: Vec<u8> = self.unread.drain(..=end).collect();
                let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                if let Some(token) = line.strip_prefix("PING ") {
                    let _ = self.stream.write_all(format!("PONG {token}\r\n").as_bytes());
                }
                self.heard.push(line.clone());
                return Some(line);
            }
            let left = deadline.left().max(Duration::from_millis(1));
            self.stream.set_read_timeout(Some(left)).expect("a socket can be set up");
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.unread.extend_from_slice(&bytes[..count]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return None;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => panic!("{} lost the connection: {e}", self.nick),
            }
        }
    }
}

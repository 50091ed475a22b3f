//! What the operator says about the IRC connection, in `[irc]` or by `WADDLEBOT_IRC_*`.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// One connection to one IRC server.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `host:port`, an IPv6 address in brackets; without a port 6697 with TLS and 6667 without.
    pub server: String,
    /// The nick the bot wants.
    pub nick: String,
    /// Channels to be in, each `#name` or `#name key`.
    pub channels: Vec<String>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// How fast the bot may speak.
    pub flood: Flood,
    /// For PASS; on Twitch `oauth:…`.
    pub password: Option<Secret>,
    /// The account for SASL PLAIN.
    pub sasl_user: Option<String>,
    /// Its password.
    pub sasl_password: Option<Secret>,
    /// Whether the bot stays away when SASL is refused. Otherwise it goes on without an account.
    pub sasl_required: bool,
    /// Further certificate authorities to trust, in PEM.
    pub ca_file: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: String::new(),
            nick: "waddlebot".to_owned(),
            channels: Vec::new(),
            tls: true,
            flood: Flood::Rfc,
            password: None,
            sasl_user: None,
            sasl_password: None,
            sasl_required: true,
            ca_file: None,
        }
    }
}

/// How fast the bot may speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flood {
    /// What every server bears: five lines, then one every two seconds; Twitch's own limit there.
    #[default]
    #[serde(alias = "on")]
    Rfc,
    /// As fast as it can, for a server that allows it.
    Off,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the wire.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(hidden)")
    }
}

/// What is wrong with [`Settings`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// No host, or a port that is none.
    #[error("irc: `{0}` is no host:port; set server (WADDLEBOT_IRC_SERVER), for example irc.libera.chat:6697")]
    Server(String),
    /// Not a nick any server takes.
    #[error("irc: `{0}` is no nick; set nick (WADDLEBOT_IRC_NICK) to letters, digits and -_[]{{}}|^`")]
    Nick(String),
    /// Not a channel name.
    #[error("irc: `{0}` is no channel; channels (WADDLEBOT_IRC_CHANNELS) begin with # or & and have no space, comma or control character")]
    Channel(String),
    /// Half of the SASL login.
    #[error("irc: sasl_user and sasl_password (WADDLEBOT_IRC_SASL_USER, WADDLEBOT_IRC_SASL_PASSWORD) go together")]
    Sasl,
    /// A password that would break its line.
    #[error("irc: the password must be one line")]
    Password,
}

impl Settings {
    /// Host and port to connect to.
    pub fn host_and_port(&self) -> Result<(&str, u16), Wrong> {
        let wrong = || Wrong::Server(self.server.clone());
        let default = if self.tls { 6697 } else { 6667 };
        let (host, port) = if let Some(bracketed) = self.server.strip_prefix('[') {
            let (host, after) = bracketed.split_once(']').ok_or_else(wrong)?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or_else(wrong)?) })
        } else {
            match self.server.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (self.server.as_str(), None),
            }
        };
        let port = port.map_or(Ok(default), str::parse).map_err(|_| wrong())?;
        let sound = !host.is_empty() && port != 0 && !host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/');
        if sound { Ok((host, port)) } else { Err(wrong()) }
    }

    /// Refuses what no server could take, and what would break out of its line.
    pub fn check(&self) -> Result<(), Wrong> {
        self.host_and_port()?;
        let letter = |c: char| c.is_ascii_alphanumeric() || "-_[]{}|^`\\".contains(c);
        let starts = |c: char| letter(c) && !c.is_ascii_digit() && c != '-';
        if !(self.nick.starts_with(starts) && self.nick.chars().all(letter) && self.nick.len() <= 64) {
            return Err(Wrong::Nick(self.nick.clone()));
        }
        // A trailing comma in the environment leaves a blank, which names no channel.
        for channel in self.channels.iter().filter(|channel| !channel.trim().is_empty()) {
            let mut words = channel.split_whitespace();
            let name = words.next().unwrap_or_default();
            let key = words.next().unwrap_or("x");
            let sound = name.starts_with(['#', '&', '+', '!'])
                && (2..=200).contains(&name.len())
                && key.len() <= 64
                && !channel.contains(|c: char| c.is_control() || c == ',')
                && words.next().is_none();
            if !sound {
                return Err(Wrong::Channel(channel.clone()));
            }
        }
        if self.sasl_user.is_some() != self.sasl_password.is_some() {
            return Err(Wrong::Sasl);
        }
        if self.password.as_ref().is_some_and(|word| word.reveal().is_empty() || word.reveal().contains(['\r', '\n', '\0'])) {
            return Err(Wrong::Password);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(server: &str) -> Settings {
        Settings { server: server.to_owned(), channels: vec!["#a".into(), " #b key".into(), String::new()], ..Settings::default() }
    }

    #[test]
    fn servers_are_read_with_and_without_a_port() {
        assert_eq!(on("irc.example").host_and_port(), Ok(("irc.example", 6697)));
        assert_eq!(on("127.0.0.1:6667").host_and_port(), Ok(("127.0.0.1", 6667)));
        assert_eq!(on("[::1]:7000").host_and_port(), Ok(("::1", 7000)));
        for server in ["", ":6667", "a:b", "a:0", "a b:1", "[::1", "[::1]x", "http://x:1/"] {
            assert!(on(server).check().is_err(), "{server:?}");
        }
    }

    #[test]
    fn what_no_server_could_take_is_refused_with_the_setting_named() {
        let refused = |change: fn(&mut Settings)| {
            let mut settings = on("a:1");
            change(&mut settings);
            settings.check().expect_err("is refused").to_string()
        };
        assert!(on("a:1").check().is_ok());
        assert!(refused(|s| s.nick = "two words".into()).contains("WADDLEBOT_IRC_NICK"));
        assert!(refused(|s| s.nick = "9lives".into()).contains("WADDLEBOT_IRC_NICK"));
        assert!(refused(|s| s.channels = vec!["lobby".into()]).contains("`lobby`"));
        assert!(refused(|s| s.channels = vec!["#a\r\nQUIT".into()]).contains("WADDLEBOT_IRC_CHANNELS"));
        assert!(refused(|s| s.sasl_user = Some("x".into())).contains("go together"));
        assert!(refused(|s| s.password = Some(Secret::new("a\nb"))).contains("one line"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let settings = Settings { password: Some(Secret::new("hunter2")), ..on("a:1") };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}

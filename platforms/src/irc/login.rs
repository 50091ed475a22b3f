//! From the first byte to the welcome: capabilities, SASL, and a nick that is free.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;

use super::line::{Line, write};
use super::settings::{Secret, Settings};
use super::trouble::Trouble;

/// The capabilities worth having, where the server offers them.
const WANTED: [&str; 8] =
    ["message-tags", "server-time", "account-tag", "echo-message", "multi-prefix", "chghost", "twitch.tv/tags", "twitch.tv/commands"];
/// Longest piece of an AUTHENTICATE answer.
const SASL_PIECE: usize = 400;
/// Most bytes of capability names collected from one server.
const MOST_OFFERED: usize = 16 * 1024;
/// Nick length every server takes (RFC 2812 section 1.2.1).
const SHORT_NICK: usize = 9;
/// Spellings of the nick tried before giving up.
const MOST_NICKS: u32 = 12;

/// What came of a line during the login.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Go on; worth a warning.
    Noted(Trouble),
    /// Connect again later.
    Lost(Trouble),
    /// Do not try again with these settings.
    Stop(Trouble),
}

/// The state of one login; a new one for each connection.
#[derive(Debug)]
pub struct Login {
    wanted: String,
    nick: String,
    /// Which spelling of the nick is being tried.
    spelling: u32,
    password: Option<Secret>,
    sasl: Option<(String, Secret)>,
    sasl_required: bool,
    offered: String,
    enabled: Vec<String>,
    asked: Vec<String>,
    negotiating: bool,
}

impl Login {
    /// A login that has not begun.
    pub fn new(settings: &Settings) -> Self {
        Self {
            wanted: settings.nick.clone(),
            nick: settings.nick.clone(),
            spelling: 0,
            password: settings.password.clone(),
            sasl: settings.sasl_user.clone().zip(settings.sasl_password.clone()),
            sasl_required: settings.sasl_required,
            offered: String::new(),
            enabled: Vec::new(),
            asked: Vec::new(),
            negotiating: true,
        }
    }

    /// The first lines of a connection.
    pub fn begin(&self, out: &mut BytesMut) {
        write(out, "CAP", &["LS", "302"]);
        if let Some(password) = &self.password {
            write(out, "PASS", &[password.reveal()]);
        }
        write(out, "NICK", &[&self.nick]);
        write(out, "USER", &["waddlebot", "0", "*", "WaddleBot"]);
    }

    /// Whether the server has granted a capability.
    pub fn has(&self, capability: &str) -> bool {
        self.enabled.iter().any(|name| name == capability)
    }

    /// A CAP line, at any time of the connection.
    pub fn capability(&mut self, line: &Line<'_>, out: &mut BytesMut) -> Option<Step> {
        let list = line.last();
        match line.param(1) {
            "LS" => {
                if self.offered.len() + list.len() <= MOST_OFFERED {
                    self.offered.push_str(list);
                    self.offered.push(' ');
                }
                (line.param(2) != "*").then(|| self.ask(out)).flatten()
            }
            "NEW" => {
                self.offered = list.to_owned();
                self.ask(out)
            }
            "ACK" => {
                for name in list.split_whitespace() {
                    self.asked.retain(|asked| asked != name);
                    if let Some(gone) = name.strip_prefix('-') {
                        self.enabled.retain(|enabled| enabled != gone);
                    } else if !self.has(name) && self.enabled.len() < WANTED.len() + 1 {
                        self.enabled.push(name.to_owned());
                    }
                }
                self.asked.is_empty().then(|| self.granted(out)).flatten()
            }
            "NAK" => {
                // A request is granted or refused as a whole, so each name is asked for by itself once more.
                let refused: Vec<&str> = list.split_whitespace().filter(|name| self.asked.iter().any(|asked| asked == name)).collect();
                match refused.as_slice() {
                    [] => {}
                    [only] => self.asked.retain(|asked| asked != only),
                    several => several.iter().for_each(|name| write(out, "CAP", &["REQ", name])),
                }
                self.asked.is_empty().then(|| self.granted(out)).flatten()
            }
            "DEL" => {
                for name in list.split_whitespace() {
                    self.enabled.retain(|enabled| enabled != name);
                }
                None
            }
            _ => None,
        }
    }

    /// Asks for what is offered and wanted.
    fn ask(&mut self, out: &mut BytesMut) -> Option<Step> {
        let mut ask = Vec::new();
        for offer in self.offered.split_whitespace() {
            let (name, value) = offer.split_once('=').unwrap_or((offer, ""));
            let plain = value.is_empty() || value.split(',').any(|mechanism| mechanism.eq_ignore_ascii_case("PLAIN"));
            let wanted = WANTED.contains(&name) || (name == "sasl" && self.sasl.is_some() && self.negotiating && plain);
            if wanted && !self.has(name) && !ask.iter().any(|asked| asked == name) {
                ask.push(name.to_owned());
            }
        }
        self.offered.clear();
        if ask.is_empty() {
            return self.granted(out);
        }
        write(out, "CAP", &["REQ", &ask.join(" ")]);
        self.asked = ask;
        None
    }

    /// Every request has been answered: SASL next, or the end of the negotiation.
    fn granted(&mut self, out: &mut BytesMut) -> Option<Step> {
        if !self.negotiating {
            return None;
        }
        if self.sasl.is_some() {
            if self.has("sasl") {
                write(out, "AUTHENTICATE", &["PLAIN"]);
                return None;
            }
            return self.without_sasl(Trouble::SaslMissing { reason: "not offered".into() }, out);
        }
        self.end(out);
        None
    }

    fn end(&mut self, out: &mut BytesMut) {
        self.negotiating = false;
        write(out, "CAP", &["END"]);
    }

    fn without_sasl(&mut self, trouble: Trouble, out: &mut BytesMut) -> Option<Step> {
        if !self.negotiating {
            return None;
        }
        if self.sasl_required {
            return Some(match trouble {
                Trouble::SaslRefused { .. } => Step::Stop(trouble),
                other => Step::Lost(other),
            });
        }
        self.end(out);
        Some(Step::Noted(trouble))
    }

    /// An AUTHENTICATE line: the server is ready for the answer.
    pub fn authenticate(&self, line: &Line<'_>, out: &mut BytesMut) {
        let Some((user, password)) = self.sasl.as_ref().filter(|_| self.negotiating && line.param(0) == "+") else {
            return;
        };
        let answer = STANDARD.encode(format!("{user}\0{user}\0{}", password.reveal()));
        let whole = answer.len() % SASL_PIECE == 0;
        for piece in answer.as_bytes().chunks(SASL_PIECE) {
            write(out, "AUTHENTICATE", &[std::str::from_utf8(piece).unwrap_or_default()]);
        }
        if whole {
            write(out, "AUTHENTICATE", &["+"]);
        }
    }

    /// Numerics about the login and the nick. `None` also where there is nothing to say.
    pub fn numeric(&mut self, line: &Line<'_>, out: &mut BytesMut) -> Option<Step> {
        let reason = || line.last().to_owned();
        match line.command {
            "903" | "907" if self.negotiating => {
                self.end(out);
                None
            }
            "902" | "904" | "905" => {
                let account = self.sasl.as_ref().map(|(user, _)| user.clone()).unwrap_or_default();
                self.without_sasl(Trouble::SaslRefused { account, reason: reason() }, out)
            }
            "906" => self.without_sasl(Trouble::SaslMissing { reason: reason() }, out),
            "464" => Some(Step::Stop(Trouble::PasswordRefused { reason: reason() })),
            "432" | "433" | "436" | "437" => self.next_nick(line.command == "432", reason(), out),
            _ => None,
        }
    }

    /// Tries the next spelling of the nick.
    fn next_nick(&mut self, refused: bool, reason: String, out: &mut BytesMut) -> Option<Step> {
        // A nick the server would not take is too long as a rule: no use in making it longer.
        self.spelling = if refused { self.spelling.max(2) } else { self.spelling } + 1;
        if self.spelling > MOST_NICKS {
            return Some(Step::Lost(Trouble::NoNick { wanted: self.wanted.clone(), reason }));
        }
        self.nick = spelling(&self.wanted, self.spelling);
        write(out, "NICK", &[&self.nick]);
        None
    }
}

/// The `n`-th way to spell a nick: `duck`, `duck_`, `duck__`, then short ones with a digit.
fn spelling(wanted: &str, n: u32) -> String {
    match n {
        0..=2 => format!("{wanted}{}", "_".repeat(n as usize)),
        _ => {
            let short = &wanted[..wanted.floor_char_boundary(SHORT_NICK - 1)];
            format!("{short}{}", (n - 2) % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { nick: "duck".into(), ..Settings::default() }
    }

    fn with_sasl(required: bool) -> Settings {
        Settings { sasl_user: Some("duck".into()), sasl_password: Some(Secret::new("quack")), sasl_required: required, ..settings() }
    }

    /// What the bot writes on hearing `heard`.
    fn answers(login: &mut Login, heard: &str) -> (String, Option<Step>) {
        let mut out = BytesMut::new();
        let line = Line::parse(heard).expect("a line");
        let step = match line.command {
            "CAP" => login.capability(&line, &mut out),
            "AUTHENTICATE" => {
                login.authenticate(&line, &mut out);
                None
            }
            _ => login.numeric(&line, &mut out),
        };
        (String::from_utf8_lossy(&out).into_owned(), step)
    }

    #[test]
    fn it_begins_with_capabilities_password_and_names() {
        let mut out = BytesMut::new();
        Login::new(&Settings { password: Some(Secret::new("pass word")), ..settings() }).begin(&mut out);
        assert_eq!(&out[..], b"CAP LS 302\r\nPASS :pass word\r\nNICK duck\r\nUSER waddlebot 0 * WaddleBot\r\n");
    }

    #[test]
    fn it_asks_for_what_is_offered_over_several_lines_and_ends() {
        let mut login = Login::new(&settings());
        assert_eq!(answers(&mut login, "CAP * LS * :away-notify message-tags").0, "");
        assert_eq!(
            answers(&mut login, "CAP * LS :sasl=PLAIN server-time twitch.tv/tags").0,
            "CAP REQ :message-tags server-time twitch.tv/tags\r\n"
        );
        assert_eq!(answers(&mut login, "CAP duck ACK :message-tags server-time").0, "");
        assert_eq!(answers(&mut login, "CAP duck ACK :twitch.tv/tags").0, "CAP END\r\n");
        assert!(login.has("server-time") && !login.has("sasl"));
        assert_eq!(answers(&mut login, "CAP duck NEW :account-tag").0, "CAP REQ account-tag\r\n");
        assert_eq!(answers(&mut login, "CAP duck DEL :server-time").0, "");
        assert!(!login.has("server-time"));
    }

    #[test]
    fn a_refused_request_is_repeated_name_by_name() {
        let mut login = Login::new(&settings());
        answers(&mut login, "CAP * LS :message-tags multi-prefix");
        assert_eq!(answers(&mut login, "CAP duck NAK :message-tags multi-prefix").0, "CAP REQ message-tags\r\nCAP REQ multi-prefix\r\n");
        assert_eq!(answers(&mut login, "CAP duck NAK :message-tags").0, "");
        assert_eq!(answers(&mut login, "CAP duck ACK :multi-prefix").0, "CAP END\r\n");
        assert!(login.has("multi-prefix") && !login.has("message-tags"));
    }

    #[test]
    fn sasl_plain_goes_before_the_end() {
        let mut login = Login::new(&with_sasl(true));
        assert_eq!(answers(&mut login, "CAP * LS :sasl=EXTERNAL,PLAIN").0, "CAP REQ sasl\r\n");
        assert_eq!(answers(&mut login, "CAP duck ACK :sasl").0, "AUTHENTICATE PLAIN\r\n");
        assert_eq!(answers(&mut login, "AUTHENTICATE +").0, "AUTHENTICATE ZHVjawBkdWNrAHF1YWNr\r\n");
        assert_eq!(answers(&mut login, "903 duck :SASL authentication successful"), ("CAP END\r\n".into(), None));
    }

    #[test]
    fn long_secrets_go_in_pieces() {
        let mut login = Login::new(&Settings { sasl_password: Some(Secret::new("x".repeat(590))), ..with_sasl(true) });
        answers(&mut login, "CAP * LS :sasl");
        answers(&mut login, "CAP duck ACK :sasl");
        let sent = answers(&mut login, "AUTHENTICATE +").0;
        let lengths: Vec<usize> = sent.lines().map(|line| line.len() - "AUTHENTICATE ".len()).collect();
        assert_eq!(lengths, [400, 400, 1]);
        assert!(sent.ends_with("AUTHENTICATE +\r\n"));
    }

    #[test]
    fn a_refused_sasl_login_stops_the_bot_or_not_as_configured() {
        let refused = "904 duck :SASL authentication failed";
        let mut login = Login::new(&with_sasl(true));
        let (_, step) = answers(&mut login, refused);
        let Some(Step::Stop(trouble)) = step else { panic!("{step:?}") };
        assert!(trouble.to_string().contains("check sasl_user"));

        let mut login = Login::new(&with_sasl(false));
        let (sent, step) = answers(&mut login, refused);
        assert_eq!(sent, "CAP END\r\n");
        assert!(matches!(step, Some(Step::Noted(Trouble::SaslRefused { .. }))));
    }

    #[test]
    fn a_server_without_sasl_is_tried_again_later() {
        let mut login = Login::new(&with_sasl(true));
        let (_, step) = answers(&mut login, "CAP * LS :sasl=EXTERNAL message-tags");
        assert_eq!(step, None);
        let (_, step) = answers(&mut login, "CAP duck ACK :message-tags");
        assert!(matches!(step, Some(Step::Lost(Trouble::SaslMissing { .. }))));
    }

    #[test]
    fn a_taken_nick_is_varied_and_a_refused_one_shortened() {
        let mut login = Login::new(&settings());
        assert_eq!(answers(&mut login, "433 * duck :Nickname is already in use").0, "NICK duck_\r\n");
        assert_eq!(answers(&mut login, "433 * duck_ :Nickname is already in use").0, "NICK duck__\r\n");
        assert_eq!(answers(&mut login, "436 * duck__ :Nickname collision").0, "NICK duck1\r\n");

        let mut login = Login::new(&Settings { nick: "muchtoolonganame".into(), ..settings() });
        assert_eq!(answers(&mut login, "432 * muchtoolonganame :Erroneous nickname").0, "NICK muchtool1\r\n");
        assert_eq!(answers(&mut login, "433 * muchtool1 :taken").0, "NICK muchtool2\r\n");
        for _ in 0..8 {
            assert_eq!(answers(&mut login, "433 * x :taken").1, None);
        }
        assert!(matches!(answers(&mut login, "433 * x :taken").1, Some(Step::Lost(Trouble::NoNick { .. }))));
    }
}

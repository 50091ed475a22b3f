//! What a server says about itself (ISUPPORT, numeric 005) and how it compares names.

use std::collections::HashMap;

use foldhash::quality::RandomState;

/// Longest name that is folded without an allocation.
const SHORT: usize = 64;
/// Most status modes a server may declare; each is a bit of a [`Status`].
const MOST_PREFIXES: usize = 8;

/// Which status modes somebody holds in a channel: bit `i` is the `i`-th mode of PREFIX, the highest first.
pub type Status = u8;

/// How letters compare in nicks and channel names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Casemapping {
    /// A–Z are a–z.
    Ascii,
    /// Also `[]\^` are `{}|~`.
    Rfc1459,
    /// Also `[]\` are `{}|`.
    StrictRfc1459,
}

impl Casemapping {
    /// The lower-case form of one byte.
    fn lower(self, byte: u8) -> u8 {
        match (self, byte) {
            (Self::Rfc1459, b'^') => b'~',
            (Self::Rfc1459 | Self::StrictRfc1459, b'[' | b']' | b'\\') => byte + 32,
            _ => byte.to_ascii_lowercase(),
        }
    }

    /// Whether two names are one.
    pub fn same(self, one: &str, other: &str) -> bool {
        one.len() == other.len() && (one == other || one.bytes().zip(other.bytes()).all(|(a, b)| self.lower(a) == self.lower(b)))
    }

    /// Whether `name` is its own lower-case form.
    pub fn is_lower(self, name: &str) -> bool {
        name.bytes().all(|byte| self.lower(byte) == byte)
    }

    /// The form under which `name` is kept and found.
    pub fn fold(self, name: &str) -> Box<[u8]> {
        name.bytes().map(|byte| self.lower(byte)).collect()
    }

    /// `name` in lower case.
    pub fn lowered(self, name: &str) -> String {
        name.chars().map(|letter| u8::try_from(letter).map_or(letter, |byte| self.lower(byte).into())).collect()
    }

    /// Looks `name` up in a map of folded names, without an allocation for names of usual length.
    pub fn find<'m, T>(self, map: &'m HashMap<Box<[u8]>, T, RandomState>, name: &str) -> Option<&'m T> {
        if map.is_empty() {
            return None;
        }
        let mut short = [0; SHORT];
        match short.get_mut(..name.len()) {
            Some(folded) => {
                for (to, from) in folded.iter_mut().zip(name.bytes()) {
                    *to = self.lower(from);
                }
                map.get(&*folded)
            }
            None => map.get(&self.fold(name)),
        }
    }
}

/// The server as declared so far; RFC 2812 where it has said nothing.
#[derive(Clone, Debug)]
pub struct Server {
    /// How names compare.
    pub casemapping: Casemapping,
    /// Longest nick in bytes.
    pub nick_len: usize,
    /// Longest line in bytes with CR-LF and without tags.
    pub line_len: usize,
    /// Most channels in one JOIN.
    pub joins: usize,
    /// The network's name, where it has one.
    pub network: Option<String>,
    channel_types: Vec<u8>,
    /// Mode letter and the mark shown in front of a nick, highest first.
    prefixes: Vec<(u8, u8)>,
    /// Other modes that always take a parameter.
    with_param: Vec<u8>,
    /// Modes that take a parameter only when they are set.
    with_param_set: Vec<u8>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            casemapping: Casemapping::Rfc1459,
            nick_len: 9,
            line_len: 512,
            joins: 20,
            network: None,
            channel_types: b"#&".to_vec(),
            prefixes: vec![(b'o', b'@'), (b'v', b'+')],
            with_param: b"beIk".to_vec(),
            with_param_set: b"l".to_vec(),
        }
    }
}

impl Server {
    /// Learns from the tokens of one 005 line. What makes no sense is passed over.
    pub fn learn<'a>(&mut self, tokens: impl Iterator<Item = &'a str>) {
        for token in tokens {
            let (key, value) = token.split_once('=').unwrap_or((token, ""));
            match key {
                "CASEMAPPING" => match value {
                    "ascii" => self.casemapping = Casemapping::Ascii,
                    "rfc1459" => self.casemapping = Casemapping::Rfc1459,
                    "strict-rfc1459" => self.casemapping = Casemapping::StrictRfc1459,
                    _ => {}
                },
                "CHANTYPES" => self.channel_types = value.bytes().collect(),
                "NICKLEN" | "MAXNICKLEN" => read(value, 1..=512, &mut self.nick_len),
                "LINELEN" => read(value, 512..=16 * 1024, &mut self.line_len),
                "NETWORK" if !value.is_empty() => self.network = Some(value.replace("\\x20", " ")),
                "PREFIX" => {
                    if let Some(prefixes) = prefixes(value) {
                        self.prefixes = prefixes;
                    }
                }
                "CHANMODES" => {
                    let mut kinds = value.split(',').map(str::as_bytes);
                    let (lists, always, set) = (kinds.next(), kinds.next(), kinds.next());
                    self.with_param = [lists.unwrap_or_default(), always.unwrap_or_default()].concat();
                    self.with_param_set = set.unwrap_or_default().to_vec();
                }
                "TARGMAX" => {
                    for limit in value.split(',') {
                        if let Some(most) = limit.strip_prefix("JOIN:") {
                            read(most, 1..=100, &mut self.joins);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether `target` is a channel and not a person.
    pub fn is_channel(&self, target: &str) -> bool {
        target.bytes().next().is_some_and(|first| self.channel_types.contains(&first))
    }

    /// Splits the marks off a name in a 353 line: who it is, and what they hold.
    pub fn status_and_nick<'a>(&self, name: &'a str) -> (Status, &'a str) {
        let mut status = 0;
        for (index, byte) in name.bytes().enumerate() {
            match self.prefixes.iter().position(|(_, mark)| *mark == byte) {
                Some(place) => status |= 1 << place,
                None => return (status, &name[index..]),
            }
        }
        (status, "")
    }

    /// The status changes in the parameters of a MODE line, those after the channel: nick, bit, given or taken.
    pub fn status_changes<'a>(&self, mut params: impl Iterator<Item = &'a str>) -> Vec<(&'a str, Status, bool)> {
        let mut changes = Vec::new();
        let mut given = true;
        for mode in params.next().unwrap_or_default().bytes() {
            match mode {
                b'+' => given = true,
                b'-' => given = false,
                _ => {
                    if let Some(place) = self.prefixes.iter().position(|(letter, _)| *letter == mode) {
                        if let Some(nick) = params.next() {
                            changes.push((nick, 1 << place, given));
                        }
                    } else if self.with_param.contains(&mode) || (given && self.with_param_set.contains(&mode)) {
                        params.next();
                    }
                }
            }
        }
        changes
    }

    /// The highest mark somebody with this status has.
    pub fn highest(&self, status: Status) -> Option<char> {
        let place = status.trailing_zeros() as usize;
        self.prefixes.get(place).map(|(_, mark)| char::from(*mark))
    }

    /// Whether the highest mode of this status stands above the channel's operators.
    pub fn is_above_operator(&self, status: Status) -> bool {
        let operator = self.prefixes.iter().position(|(letter, _)| *letter == b'o');
        operator.is_some_and(|place| (status.trailing_zeros() as usize) < place)
    }
}

/// `(ohv)@%+` as pairs; a server may also have none.
fn prefixes(value: &str) -> Option<Vec<(u8, u8)>> {
    if value.is_empty() {
        return Some(Vec::new());
    }
    let (letters, marks) = value.strip_prefix('(')?.split_once(')')?;
    let fits = letters.is_ascii() && letters.len() == marks.len() && letters.len() <= MOST_PREFIXES;
    fits.then(|| letters.bytes().zip(marks.bytes()).collect())
}

/// Sets `to` if `value` is a number in the range.
fn read(value: &str, range: std::ops::RangeInclusive<usize>, to: &mut usize) {
    if let Some(number) = value.parse().ok().filter(|number| range.contains(number)) {
        *to = number;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server(tokens: &str) -> Server {
        let mut server = Server::default();
        server.learn(tokens.split(' '));
        server
    }

    #[test]
    fn names_compare_as_the_server_declares() {
        assert!(Casemapping::Rfc1459.same("Ana[^]", "aNA{~}"));
        assert!(!Casemapping::StrictRfc1459.same("a^", "a~"));
        assert!(!Casemapping::Ascii.same("a[", "a{"));
        assert_eq!(server("CASEMAPPING=ascii").casemapping, Casemapping::Ascii);
        assert_eq!(Casemapping::Rfc1459.lowered("ÄNA[x]"), "Äna{x}");
    }

    #[test]
    fn marks_and_modes_become_status() {
        let server = server("PREFIX=(qaohv)~&@%+ CHANMODES=beI,k,l,imnpst");
        assert_eq!(server.status_and_nick("@+ana"), (0b10100, "ana"));
        assert_eq!(server.status_and_nick("bob"), (0, "bob"));
        assert_eq!(server.highest(0b10100), Some('@'));
        assert_eq!(server.highest(0), None);
        let params = ["+bol-vlk", "*!*@x", "ana", "9", "bob", "key"];
        assert_eq!(server.status_changes(params.into_iter()), [("ana", 0b100, true), ("bob", 0b10000, false)]);
    }

    #[test]
    fn limits_and_name_are_learned_and_nonsense_is_not() {
        let server = server("NICKLEN=30 LINELEN=x TARGMAX=PRIVMSG:4,JOIN:5 NETWORK=Duck\\x20Pond CHANTYPES=# PREFIX=(o)");
        assert_eq!((server.nick_len, server.line_len, server.joins), (30, 512, 5));
        assert_eq!(server.network.as_deref(), Some("Duck Pond"));
        assert!(server.is_channel("#a") && !server.is_channel("&a") && !server.is_channel(""));
        assert_eq!(server.status_and_nick("@x"), (1, "x"));
    }

    proptest! {
        #[test]
        fn no_tokens_make_it_panic(tokens in prop::collection::vec("(PREFIX|CHANMODES|TARGMAX|NICKLEN|CASEMAPPING)=[(),:a-z@+\u{e4}0-9]{0,20}", 0..5), name in any::<String>()) {
            let mut server = Server::default();
            server.learn(tokens.iter().map(String::as_str));
            let _ = server.status_and_nick(&name);
            let _ = server.status_changes(name.split(' '));
        }

        #[test]
        fn a_name_is_found_under_any_spelling(name in "[a-zA-Z\\[\\]\\\\^]{1,80}") {
            let map = HashMap::from_iter([(Casemapping::Rfc1459.fold(&name), 1)]);
            prop_assert_eq!(Casemapping::Rfc1459.find(&map, &name.to_ascii_uppercase()), Some(&1));
        }
    }
}

//! A network of its own for a test: Linux network namespaces, one a place, joined by a bridge, in which a packet filter
//! drops or refuses what goes between two places, in one direction as well.

use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use crate::eventually;
use crate::process::{Process, Recipe, folder, we_are_root};
use crate::program;

/// The networks of a machine: so many times 32 addresses of 198.18.0.0/15, which RFC 2544 keeps for tests.
const NETWORKS: u32 = 4096;
/// How long the kernel may take to have a namespace.
const MADE: Duration = Duration::from_secs(10);

/// Places that reach each other, and that this process reaches; gone with the value, and with the process.
pub struct Network {
    /// Holds the bridge, and so nothing of it outlives us.
    street: Arc<Space>,
    number: u32,
    taken: Mutex<u32>,
    places: Mutex<Vec<Place>>,
}

/// Where a program runs: this machine's loopback, or a place of its own in a [`Network`].
#[derive(Clone)]
pub struct Place {
    address: Ipv4Addr,
    own: Option<Arc<Own>>,
}

struct Own {
    space: Space,
    filter: Mutex<Filter>,
    _street: Arc<Space>,
}

/// What is dropped and refused: rules of nft on what arrives and on what leaves.
#[derive(Default)]
struct Filter {
    arrives: Vec<String>,
    leaves: Vec<String>,
}

/// A network namespace: it is there as long as a process is in it.
struct Space {
    holder: Process,
    _folder: TempDir,
}

impl Network {
    /// A network without places. None where nobody may make one: without root, and not under CI.
    ///
    /// # Panics
    /// When it cannot be made though we are root or under CI, with what is missing.
    pub fn where_permitted() -> Option<Self> {
        if !we_are_root() && std::env::var_os("CI").is_none() {
            println!("without root there are no network namespaces: nothing is cut here (sudo, or CI, does it)");
            return None;
        }
        Some(Self::new().unwrap_or_else(|why| panic!("network namespaces cannot be made, which takes root and CAP_NET_ADMIN: {why}")))
    }

    fn new() -> Result<Self, String> {
        let street = Space::new()?;
        street.runs("ip", &["link", "add", "hall", "type", "bridge"])?;
        street.runs("ip", &["link", "set", "hall", "up"])?;
        // The name is the lock: no other process of the machine has the same.
        let id = street.id();
        let begin = std::process::id();
        let made = (0..NETWORKS).map(|step| begin.wrapping_add(step) % NETWORKS).find_map(|number| {
            let words = ["link", "add", &format!("wb{number}"), "type", "veth", "peer", "name", "here", "netns", &id];
            match here("ip", &words) {
                Err(why) if why.contains("File exists") => None,
                other => Some(other.map(|_| number)),
            }
        });
        let number = made.ok_or("all networks are taken")??;
        let network = Self { street: Arc::new(street), number, taken: Mutex::new(1), places: Mutex::default() };
        let door = format!("wb{number}");
        here("ip", &["addr", "add", &format!("{}/27", network.door()), "dev", &door])?;
        here("ip", &["link", "set", &door, "up"])?;
        network.street.runs("ip", &["link", "set", "here", "master", "hall", "up"])?;
        Ok(network)
    }

    /// The address that this process has in it.
    pub fn door(&self) -> Ipv4Addr {
        self.at(1)
    }

    /// An address that nobody has yet.
    ///
    /// # Panics
    /// When all thirty are given away.
    pub fn address(&self) -> Ipv4Addr {
        let mut taken = self.taken.lock().expect("nobody panics with it");
        *taken += 1;
        assert!(*taken < 31, "a network has thirty addresses");
        self.at(*taken)
    }

    /// A new place.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn place(&self) -> Place {
        self.makes_place().unwrap_or_else(|why| panic!("a place in the network cannot be made: {why}"))
    }

    fn makes_place(&self) -> Result<Place, String> {
        let (address, space) = (self.address(), Space::new()?);
        let (street, own, name) = (self.street.id(), space.id(), format!("p{}", address.octets()[3]));
        let pair = ["link", "add", &name, "netns", &street, "type", "veth", "peer", "name", "e0", "netns", &own];
        here("ip", &pair)?;
        self.street.runs("ip", &["link", "set", &name, "master", "hall", "up"])?;
        for words in [format!("addr add {address}/27 dev e0"), "link set e0 up".to_owned(), "link set lo up".to_owned()] {
            space.runs("ip", &words.split(' ').collect::<Vec<_>>())?;
        }
        let own = Own { space, filter: Mutex::default(), _street: self.street.clone() };
        let place = Place { address, own: Some(Arc::new(own)) };
        self.places.lock().expect("nobody panics with it").push(place.clone());
        Ok(place)
    }

    /// An address is another place's from now on, and everybody learns of it, as of a service address that is moved.
    ///
    /// # Panics
    /// When it cannot be moved.
    pub fn moves(&self, address: Ipv4Addr, from: Option<&Place>, to: &Place) {
        let address = format!("{address}/32");
        if let Some(from) = from {
            from.runs("ip", &["addr", "del", &address, "dev", "e0"], "");
        }
        to.runs("ip", &["addr", "add", &address, "dev", "e0"], "");
        // What a gratuitous ARP does; the filter of a place that is cut off would drop that.
        for place in &*self.places.lock().expect("nobody panics with it") {
            place.runs("ip", &["neigh", "flush", "dev", "e0"], "");
        }
        here("ip", &["neigh", "flush", "dev", &format!("wb{}", self.number)]).unwrap_or_else(|why| panic!("{why}"));
    }

    fn at(&self, last: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + self.number * 32 + last)
    }
}

impl Place {
    /// This machine's loopback, in which nothing can be cut.
    pub fn here() -> Self {
        Self { address: Ipv4Addr::LOCALHOST, own: None }
    }

    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Whether it is a place of its own in a [`Network`].
    pub fn is_apart(&self) -> bool {
        self.own.is_some()
    }

    /// Nothing that these send arrives here; what is sent to them does.
    pub fn is_deaf_to(&self, these: &[Ipv4Addr]) {
        self.cuts(|filter| filter.arrives.push(format!("ip saddr {} drop", set(these))));
    }

    /// Nothing that is sent from here arrives at these; what they send does.
    pub fn is_mute_to(&self, these: &[Ipv4Addr]) {
        self.cuts(|filter| filter.leaves.push(format!("ip daddr {} drop", set(these))));
    }

    /// Nothing goes between here and these, in either direction.
    pub fn is_cut_from(&self, these: &[Ipv4Addr]) {
        self.is_deaf_to(these);
        self.is_mute_to(these);
    }

    /// Its port refuses these, and what they are connected to there is reset.
    pub fn refuses(&self, these: &[Ipv4Addr], port: u16) {
        let rule = format!("ip saddr {} tcp dport {port} reject with tcp reset", set(these));
        self.cuts(|filter| filter.arrives.push(rule));
    }

    /// These refuse whatever is sent from here, and what they still send is refused here.
    pub fn is_refused_by(&self, these: &[Ipv4Addr]) {
        let rule = |end: &str| format!("ip {end} {} meta l4proto tcp reject with tcp reset", set(these));
        self.cuts(|filter| {
            filter.arrives.push(rule("saddr"));
            filter.leaves.push(rule("daddr"));
        });
    }

    /// Its cable is pulled: nothing goes to or from here.
    pub fn is_unplugged(&self) {
        self.runs("ip", &["link", "set", "e0", "down"], "");
    }

    /// Nothing is cut, refused or unplugged any more. What was sent meanwhile arrives when TCP sends it again.
    pub fn mends(&self) {
        self.cuts(|filter| *filter = Filter::default());
        self.runs("ip", &["link", "set", "e0", "up"], "");
    }

    fn cuts(&self, change: impl FnOnce(&mut Filter)) {
        let own = self.own.as_ref().expect("only a place of its own can be cut: see Network::place");
        let mut filter = own.filter.lock().expect("nobody panics with it");
        change(&mut filter);
        // One transaction: no packet passes between the old rules and the new.
        let chain = |name: &str, hook: &str, rules: &[String]| {
            format!("chain {name} {{ type filter hook {hook} priority 0; policy accept; {}; }}\n", rules.join("; "))
        };
        let (arrives, leaves) = (chain("arrives", "input", &filter.arrives), chain("leaves", "output", &filter.leaves));
        self.runs("nft", &["-f", "-"], &format!("table inet cut\ndelete table inet cut\ntable inet cut {{\n{arrives}{leaves}}}\n"));
    }

    /// Runs a program in this place; what it prints.
    ///
    /// # Panics
    /// When it fails.
    fn runs(&self, program: &str, args: &[&str], input: &str) -> String {
        let own = self.own.as_ref().expect("only a place of its own can be changed: see Network::place");
        own.space.fed(program, args, input).unwrap_or_else(|why| panic!("{why}"))
    }

    /// What starts a program here: a program and words that go before its own.
    pub(crate) fn entrance(&self) -> Option<(std::path::PathBuf, String)> {
        let own = self.own.as_ref()?;
        Some((program::find("nsenter", "util-linux"), format!("--net=/proc/{}/ns/net", own.space.id())))
    }
}

impl Space {
    fn new() -> Result<Self, String> {
        let folder = folder("network");
        let unshare = program::find("unshare", "util-linux");
        let sleep = program::find("sleep", "coreutils").display().to_string();
        let args = ["--net", "--", &sleep, "infinity"].map(str::to_owned).to_vec();
        let recipe = Recipe { name: "unshare --net", program: unshare, args, environment: None, user: None, place: Place::here() };
        let mut holder = Process::start(recipe, folder.path());
        let ours = std::fs::read_link("/proc/self/ns/net").map_err(|error| format!("/proc/self/ns/net: {error}"))?;
        let mut refused = None;
        eventually("a network namespace is made, or refused", MADE, || {
            refused = holder.try_wait();
            let id = holder.id().expect("it was started");
            refused.is_some() || std::fs::read_link(format!("/proc/{id}/ns/net")).is_ok_and(|space| space != ours)
        });
        match refused {
            Some(_) => Err(format!("unshare --net: {}", holder.stderr().trim())),
            None => Ok(Self { holder, _folder: folder }),
        }
    }

    /// The process that is in it.
    fn id(&self) -> String {
        self.holder.id().expect("it runs").to_string()
    }

    fn runs(&self, program: &str, args: &[&str]) -> Result<String, String> {
        self.fed(program, args, "")
    }

    fn fed(&self, program: &str, args: &[&str], input: &str) -> Result<String, String> {
        let mut words = vec![format!("--net=/proc/{}/ns/net", self.id()), "--".to_owned(), path(program)];
        words.extend(args.iter().map(|&word| word.to_owned()));
        ran(Command::new(program::find("nsenter", "util-linux")).args(words), input)
    }
}

/// Runs a program outside of all places.
fn here(program: &str, args: &[&str]) -> Result<String, String> {
    ran(Command::new(path(program)).args(args), "")
}

fn path(name: &str) -> String {
    let package = match name {
        "ip" => "iproute2",
        "nft" => "nftables",
        other => other,
    };
    program::find(name, package).display().to_string()
}

fn ran(command: &mut Command, input: &str) -> Result<String, String> {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("{command:?} does not start: {error}"))?;
    let written = child.stdin.take().expect("it has one").write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().map_err(|error| error.to_string())?;
    match written {
        _ if !status.success() => Err(format!("{command:?} ({status}): {}", String::from_utf8_lossy(&stderr).trim())),
        Err(error) => Err(error.to_string()),
        Ok(()) => Ok(String::from_utf8_lossy(&stdout).into_owned()),
    }
}

/// `{ 198.18.0.2, 198.18.0.3 }`
fn set(addresses: &[Ipv4Addr]) -> String {
    let words: Vec<_> = addresses.iter().map(Ipv4Addr::to_string).collect();
    format!("{{ {} }}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read};
    use std::net::{SocketAddr, TcpStream};

    use super::*;
    use crate::Redis;

    const SOON: Duration = Duration::from_millis(400);

    fn knocks(at: SocketAddr) -> Result<(), ErrorKind> {
        TcpStream::connect_timeout(&at, SOON).map(drop).map_err(|error| error.kind())
    }

    fn hears(stream: &mut TcpStream, within: Duration) -> Option<String> {
        let mut answer = [0; 5];
        stream.set_read_timeout(Some(within)).unwrap();
        stream.read_exact(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    }

    #[test]
    fn what_is_cut_is_silent_in_that_direction_what_refuses_refuses_and_what_is_mended_is_heard() {
        let Some(network) = Network::where_permitted() else { return };
        let (place, other) = (network.place(), network.place());
        let redis = Redis::start_at(&place);
        let (at, door) = (SocketAddr::from((place.address(), redis.port())), network.door());
        let asks_from_elsewhere = |key: &str| {
            let (address, port) = (place.address().to_string(), redis.port().to_string());
            other.runs("redis-cli", &["-h", &address, "-p", &port, "GET", key], "").trim().to_owned()
        };
        let mut stream = TcpStream::connect_timeout(&at, SOON).unwrap();
        stream.write_all(b"SET a 1\r\n").unwrap();
        assert_eq!(hears(&mut stream, SOON).as_deref(), Some("+OK\r\n"));

        // Its answers are lost: what was asked for is done, and who asked hears of it when the way is whole.
        place.is_mute_to(&[door]);
        stream.write_all(b"SET a 2\r\n").unwrap();
        assert_eq!(hears(&mut stream, SOON), None);
        assert_eq!(asks_from_elsewhere("a"), "2", "the other direction is whole, and so is the way to the other place");
        assert_eq!(knocks(at), Err(ErrorKind::TimedOut));
        place.mends();
        assert_eq!(hears(&mut stream, MADE).as_deref(), Some("+OK\r\n"));

        // What it is asked is lost: it does not happen.
        place.is_deaf_to(&[door]);
        stream.write_all(b"SET a 3\r\n").unwrap();
        assert_eq!(hears(&mut stream, SOON), None);
        assert_eq!(asks_from_elsewhere("a"), "2");
        place.mends();
        assert_eq!(hears(&mut stream, MADE).as_deref(), Some("+OK\r\n"));
        assert_eq!(asks_from_elsewhere("a"), "3");

        place.is_unplugged();
        assert!(matches!(knocks(at), Err(ErrorKind::TimedOut | ErrorKind::HostUnreachable)));
        place.mends();
        eventually("it is plugged in", MADE, || knocks(at).is_ok());

        place.refuses(&[door], redis.port());
        assert_eq!(knocks(at), Err(ErrorKind::ConnectionRefused));
        assert_eq!(asks_from_elsewhere("a"), "3");
        stream.write_all(b"SET a 4\r\n").unwrap();
        assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
        place.mends();
        assert_eq!(knocks(at), Ok(()));
    }

    #[test]
    fn an_address_is_moved_from_one_place_to_another() {
        let Some(network) = Network::where_permitted() else { return };
        let (one, two, service) = (network.place(), network.place(), network.address());
        let (first, second) = (Redis::start_at(&one), Redis::start_at(&two));
        assert_eq!(first.port(), second.port(), "each place has all ports");
        network.moves(service, None, &one);
        let says = |word: &str| {
            let mut stream = TcpStream::connect_timeout(&SocketAddr::from((service, first.port())), MADE).unwrap();
            stream.write_all(format!("{word}\r\n").as_bytes()).unwrap();
            hears(&mut stream, SOON).unwrap()
        };
        assert_eq!(says("SET a 1"), "+OK\r\n");
        assert_eq!(says("GET a"), "$1\r\n1");
        network.moves(service, Some(&one), &two);
        assert_eq!(says("GET a"), "$-1\r\n", "who is there now knows nothing of it");
    }
}

//! Real IRC servers, one without tags and one with everything, and a person who sits in their channels.

mod configuration;
mod person;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

pub use person::Person;

use crate::eventually;
use crate::network::Place;
use crate::process::{Process, Recipe, folder, free_port, we_are_root};
use crate::program;

/// A running IRC server; an operator may log in with `OPER boss boss`.
pub struct Server {
    // In this order: the services must not see their server go first.
    services: Option<Process>,
    process: Process,
    at: SocketAddr,
    tls: Option<Tls>,
    _folder: TempDir,
}

/// The encrypted side of a server.
struct Tls {
    port: u16,
    authority: PathBuf,
}

impl Server {
    /// ngircd: plain RFC 2812, refuses message tags, no SASL, no TLS.
    ///
    /// # Panics
    /// When it is not installed or does not come up.
    pub fn ngircd() -> Self {
        Self::ngircd_at(&Place::here())
    }

    /// As [`Server::ngircd`], in this place.
    pub fn ngircd_at(place: &Place) -> Self {
        let folder = folder("ngircd");
        let at = SocketAddr::from((place.address(), free_port()));
        let file = write(folder.path(), "ngircd.conf", &configuration::ngircd(at));
        let args = vec!["-n".to_owned(), "-f".to_owned(), file.display().to_string()];
        let program = program::find("ngircd", "ngircd");
        let recipe = Recipe { place: place.clone(), ..recipe("ngircd", program, args) };
        let process = Process::start(recipe, folder.path());
        Self { services: None, process, at, tls: None, _folder: folder }.ready()
    }

    /// InspIRCd with the IRCv3 extensions: tags, server-time, msgid, echo-message, batches; also a TLS port.
    ///
    /// # Panics
    /// When it is not installed or does not come up.
    pub fn inspircd() -> Self {
        Self::start_inspircd(false)
    }

    /// As [`Server::inspircd`], with Atheme services beside it: accounts ([`Server::register`]) and SASL PLAIN.
    ///
    /// # Panics
    /// When one of the two is not installed or does not come up.
    pub fn inspircd_with_services() -> Self {
        Self::start_inspircd(true)
    }

    fn start_inspircd(services: bool) -> Self {
        let folder = folder("inspircd");
        let ports = configuration::Ports { plain: free_port(), tls: free_port(), services: free_port() };
        let authority = make_certificates(folder.path());
        let file = write(folder.path(), "inspircd.conf", &configuration::inspircd(folder.path(), &ports));
        let mut args = vec!["--nofork".to_owned(), "--nopid".to_owned(), format!("--config={}", file.display())];
        if we_are_root() {
            args.push("--runasroot".to_owned());
        }
        let program = program::find("inspircd", "inspircd");
        let process = Process::start(recipe("inspircd", program, args), folder.path());
        let tls = Some(Tls { port: ports.tls, authority });
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.plain));
        let mut server = Self { services: None, process, at, tls, _folder: folder }.ready();
        if services {
            server.start_services(ports.services);
        }
        server
    }

    fn start_services(&mut self, port: u16) {
        let home = self._folder.path().join("services");
        fs::create_dir(&home).expect("a new folder can be made");
        let file = write(&home, "atheme.conf", &configuration::atheme(port));
        let mut args = vec!["-n".to_owned(), "-c".to_owned(), file.display().to_string()];
        for (flag, name) in [("-D", ""), ("-l", "atheme.log"), ("-p", "atheme.pid")] {
            args.extend([flag.to_owned(), home.join(name).display().to_string()]);
        }
        if we_are_root() {
            // It refuses to be root; everybody on the machine may then walk through our folder, which holds nothing secret.
            open_to_all(self._folder.path());
            let status = Command::new("chown").args(["-R", "nobody:nogroup"]).arg(&home).status();
            assert!(status.is_ok_and(|s| s.success()), "{} cannot be given away", home.display());
        }
        let program = program::find("atheme-services", "atheme-services");
        let recipe = Recipe { user: Some(("nobody", "nogroup")), ..recipe("atheme-services", program, args) };
        let mut services = Process::start(recipe, &home);
        services.wait_ready(|process| process.stderr().contains("finished synching"));
        self.services = Some(services);
    }

    /// Where it listens without TLS.
    pub fn address(&self) -> SocketAddr {
        self.at
    }

    /// Where it listens with TLS; its certificate is for `localhost` and `127.0.0.1`.
    ///
    /// # Panics
    /// When this server has no TLS.
    pub fn tls_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.tls().port))
    }

    /// The PEM file of the authority that signed its certificate.
    ///
    /// # Panics
    /// When this server has no TLS.
    pub fn authority(&self) -> &Path {
        &self.tls().authority
    }

    fn tls(&self) -> &Tls {
        self.tls.as_ref().expect("this server has no TLS: take Server::inspircd()")
    }

    /// Somebody who has just connected as `nick`.
    pub fn person(&self, nick: &str) -> Person {
        Person::connect(self.address(), nick)
    }

    /// Makes an account at the services.
    ///
    /// # Panics
    /// When the server has no services or they refuse.
    pub fn register(&self, account: &str, password: &str) {
        assert!(self.services.is_some(), "no services here: take Server::inspircd_with_services()");
        let mut person = self.person(account);
        person.send(&format!("PRIVMSG NickServ :REGISTER {password} {account}@testbed.invalid"));
        person.hears("is now registered to");
        person.quit();
    }

    /// Stops it in order.
    pub fn stop(&mut self) {
        self.process.terminate();
    }

    /// Stops it at once.
    pub fn kill_9(&mut self) {
        self.process.kill_9();
    }

    /// Starts it again on the same port.
    pub fn start_again(&mut self) {
        self.process.start_again();
        let address = self.address();
        self.process.wait_ready(|_| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok());
    }

    fn ready(mut self) -> Self {
        let address = self.address();
        self.process.wait_ready(|_| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok());
        self
    }

    /// Waits until somebody called `nick` is on the server.
    ///
    /// # Panics
    /// When nobody came within `limit`.
    pub fn wait_for_nick(&self, nick: &str, limit: Duration) {
        let mut watcher = self.person("watcher");
        let sign = format!(":{}", nick.to_ascii_lowercase());
        eventually(&format!("{nick} is on the server"), limit, || {
            watcher.send(&format!("ISON {nick}"));
            watcher.hears(" 303 ").to_ascii_lowercase().ends_with(&sign)
        });
        watcher.quit();
    }
}

fn recipe(name: &'static str, program: PathBuf, args: Vec<String>) -> Recipe {
    Recipe { name, program, args, environment: None, user: None, place: Place::here() }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap_or_else(|e| panic!("{} cannot be written: {e}", path.display()));
    path
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("our own folder can be opened");
}

/// An authority and a certificate for this machine, as `authority.pem`, `server.pem` and `server.key`.
fn make_certificates(folder: &Path) -> PathBuf {
    const WHY: &str = "a test certificate can be made";
    let authority_key = KeyPair::generate().expect(WHY);
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "Testbed authority");
    let authority_certificate = authority.self_signed(&authority_key).expect(WHY);
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().expect(WHY);
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).and_then(|params| params.signed_by(&key, &issuer)).expect(WHY);
    write(folder, "server.key", &key.serialize_pem());
    write(folder, "server.pem", &certificate.pem());
    write(folder, "authority.pem", &authority_certificate.pem())
}

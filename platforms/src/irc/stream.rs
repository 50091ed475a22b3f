//! The socket to the server: TCP, and TLS on top of it unless switched off.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use waddlebot_runtime::clock::Clock;

use super::settings::{Settings, Wrong};

/// Longest wait for the connection, and again for the TLS handshake.
const CONNECT: Duration = Duration::from_secs(15);

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where and how to connect, made once from the settings.
#[derive(Clone)]
pub struct Dialer {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// Why there can be no connection with these settings.
#[derive(Debug, thiserror::Error)]
pub enum Undialable {
    /// The settings make no sense.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// The file of certificate authorities.
    #[error("irc: cannot read certificates from {} ({why}); check ca_file (WADDLEBOT_IRC_CA_FILE)", path.display())]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A host no certificate can be for.
    #[error("irc: `{0}` is no host name a certificate could be for")]
    Host(String),
    /// Nothing to check a server's certificate against.
    #[error("irc: this system has no trusted certificates ({0}); install ca-certificates or set ca_file (WADDLEBOT_IRC_CA_FILE)")]
    NoRoots(String),
    /// The TLS library refuses its own defaults.
    #[error("irc: TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Why a connection failed this time.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// No TCP connection.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// No TLS on it.
    #[error("the TLS handshake failed: {0}; does the port speak TLS, and is its certificate for this host?")]
    Handshake(io::Error),
}

impl Dialer {
    /// Reads what is needed from the settings and the certificate store.
    pub fn new(settings: &Settings) -> Result<Self, Undialable> {
        settings.check()?;
        let (host, port) = settings.host_and_port()?;
        let tls = settings.tls.then(|| tls(settings, host)).transpose()?;
        Ok(Self { host: host.to_owned(), port, tls })
    }

    /// Host and port, as in the keys of the channels.
    pub fn server(&self) -> String {
        format!("{}:{}", self.host.to_ascii_lowercase(), self.port)
    }

    /// Connects, within a bounded time.
    pub async fn dial(&self, clock: &Clock) -> Result<Box<dyn Stream>, Unreached> {
        let tcp = within(clock, TcpStream::connect((self.host.as_str(), self.port))).await.map_err(Unreached::Connect)?;
        tcp.set_nodelay(true).map_err(Unreached::Connect)?;
        let Some((connector, name)) = &self.tls else { return Ok(Box::new(tcp)) };
        let tls = within(clock, connector.connect(name.clone(), tcp)).await.map_err(Unreached::Handshake)?;
        Ok(Box::new(tls))
    }
}

async fn within<T>(clock: &Clock, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::select! {
        done = future => done,
        () = clock.sleep(CONNECT) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", CONNECT.as_secs()))),
    }
}

fn tls(settings: &Settings, host: &str) -> Result<(TlsConnector, ServerName<'static>), Undialable> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Undialable::Host(host.to_owned()))?;
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = &settings.ca_file {
        let wrong = |why: String| Undialable::CaFile { path: path.clone(), why };
        let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            added += 1;
        }
        if added == 0 {
            return Err(wrong("there is none in it".into()));
        }
    }
    if roots.is_empty() {
        let why = native.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(Undialable::NoRoots(why));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((TlsConnector::from(Arc::new(config)), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(settings: &Settings) -> String {
        Dialer::new(settings).err().expect("is refused").to_string()
    }

    #[test]
    fn a_missing_or_empty_ca_file_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let settings = Settings { server: "irc.test".into(), ca_file: Some(path.clone()), ..Settings::default() };
        assert!(refused(&settings).contains("WADDLEBOT_IRC_CA_FILE"));
        fs::write(&path, "no certificate").expect("writes");
        assert!(refused(&settings).contains("there is none in it"));
        fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").expect("writes");
        assert!(refused(&settings).contains("ca.pem"));
    }

    #[test]
    fn the_server_is_named_by_host_and_port() {
        let settings = Settings { server: "IRC.Example".into(), tls: false, ..Settings::default() };
        assert_eq!(Dialer::new(&settings).expect("dials").server(), "irc.example:6667");
    }
}

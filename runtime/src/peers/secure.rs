//! The wire between two nodes: TLS with certificates on both sides, or plain text on the loopback.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Where a node's papers are: PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Papers {
    /// Its certificate, with what stands between it and the authority.
    pub certificate: PathBuf,
    /// The certificate's key.
    pub key: PathBuf,
    /// The authorities whose certificates the peers have.
    pub authority: PathBuf,
}

/// Why papers are no good.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct BadPapers {
    path: PathBuf,
    why: String,
}

/// How connections are made safe.
#[derive(Clone)]
pub struct Seal(Option<(TlsAcceptor, TlsConnector)>);

impl Seal {
    /// None: for nodes on one machine.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// TLS, in which both sides show a certificate of the same authority.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else.
    pub fn of(papers: &Papers) -> Result<Self, BadPapers> {
        let bad = |path: &Path, why: String| BadPapers { path: path.to_owned(), why };
        let roots = Arc::new(authorities(&papers.authority)?);
        let chain = || certificates(&papers.certificate);
        let key = || PrivateKeyDer::from_pem_file(&papers.key).map_err(|error| bad(&papers.key, error.to_string()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
        let verifier = verifier.build().map_err(|error| bad(&papers.authority, error.to_string()))?;
        let unfit = |error: rustls::Error| bad(&papers.certificate, error.to_string());
        let server = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&rustls::version::TLS13]);
        let server = server.map_err(unfit)?.with_client_cert_verifier(verifier).with_single_cert(chain()?, key()?).map_err(unfit)?;
        let client = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]);
        let client = client.map_err(unfit)?.with_root_certificates(roots).with_client_auth_cert(chain()?, key()?).map_err(unfit)?;
        Ok(Self(Some((TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client))))))
    }

    /// Whether anything may be said to this address.
    pub(super) fn suits(&self, address: SocketAddr) -> bool {
        self.0.is_some() || address.ip().is_loopback()
    }

    /// Makes a connection safe that somebody opened.
    pub(super) async fn answer(&self, stream: TcpStream) -> io::Result<Wire> {
        match &self.0 {
            None => Ok(Wire::plain(stream)),
            Some((acceptor, _)) => {
                let stream = acceptor.accept(stream).await?;
                let binding = bound(|bytes| stream.get_ref().1.export_keying_material(bytes, LABEL, None))?;
                Ok(Wire { stream: Box::new(stream), binding })
            }
        }
    }

    /// Makes a connection safe that this node opened to `host`.
    pub(super) async fn call(&self, stream: TcpStream, host: &str) -> io::Result<Wire> {
        match &self.0 {
            None => Ok(Wire::plain(stream)),
            Some((_, connector)) => {
                let name = ServerName::try_from(host.to_owned()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
                let stream = connector.connect(name, stream).await?;
                let binding = bound(|bytes| stream.get_ref().1.export_keying_material(bytes, LABEL, None))?;
                Ok(Wire { stream: Box::new(stream), binding })
            }
        }
    }
}

/// For what the bytes are taken from the TLS session.
const LABEL: &[u8] = b"EXPORTER-waddlebot-peer";

fn bound(export: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, rustls::Error>) -> io::Result<Vec<u8>> {
    export(vec![0; 32]).map_err(io::Error::other)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BadPapers> {
    let bad = |why: String| BadPapers { path: path.to_owned(), why };
    let read = CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
    let all: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| bad(error.to_string()))?;
    if all.is_empty() { Err(bad("there is no certificate in it".into())) } else { Ok(all) }
}

fn authorities(path: &Path) -> Result<RootCertStore, BadPapers> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| BadPapers { path: path.to_owned(), why: error.to_string() })?;
    }
    Ok(roots)
}

impl fmt::Debug for Seal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_some() { "Seal(tls)" } else { "Seal(none)" })
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection, and what only its two ends know of it.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    binding: Vec<u8>,
}

impl Wire {
    pub(super) fn plain(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { stream: Box::new(stream), binding: Vec::new() }
    }

    /// Bytes of this very TLS session: who stands between cannot have the same on both sides.
    pub(super) fn binding(&self) -> Vec<u8> {
        self.binding.clone()
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

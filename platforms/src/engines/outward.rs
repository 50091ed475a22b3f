//! The one way out to addresses that a community chose: no private network, no redirect, no endless answer.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use waddlebot_runtime::engine::{EngineError, Reply};

/// The pauses before the second, third and fourth try.
pub(super) const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// The most bytes of an answer.
pub const LONGEST: usize = 256 * 1024;
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Makes requests to the world outside. Cloning shares its connections.
#[derive(Clone)]
pub struct Outward {
    client: Client,
    allowed: Arc<HashSet<String>>,
}

/// Something to send to an address, once.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// `POST`, `PUT` or `PATCH`.
    pub method: &'a str,
    /// Where to.
    pub url: &'a str,
    /// What sends it, for `X-WaddleBot-Source`.
    pub source: &'a str,
    /// What, as JSON.
    pub body: &'a Value,
}

/// Why there can be no way out.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    /// Nothing to check certificates against.
    #[error("this system has no trusted certificates; install ca-certificates")]
    NoRoots,
    /// The TLS library refuses its defaults.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The client cannot be made.
    #[error("no client for requests to the outside: {0}")]
    Client(#[from] reqwest::Error),
}

impl Outward {
    /// A way out; `allowed` are hosts (`host` or `host:port`) that may be called though their addresses are private.
    ///
    /// # Errors
    /// When the system has no trusted certificates.
    pub fn new(allowed: impl IntoIterator<Item = String>) -> Result<Self, Unmade> {
        let allowed: Arc<HashSet<String>> = Arc::new(allowed.into_iter().map(|host| host.to_ascii_lowercase()).collect());
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(Unmade::NoRoots);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?.with_root_certificates(roots);
        let client = Client::builder()
            .tls_backend_preconfigured(tls.with_no_client_auth())
            .dns_resolver(Arc::new(Public(allowed.clone())))
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(4)
            .user_agent("WaddleBot-Router/1.0")
            .build()?;
        Ok(Self { client, allowed })
    }

    /// Reads an address and refuses one that may not be called.
    ///
    /// # Errors
    /// [`EngineError::Forbidden`].
    pub fn address(&self, location: &str) -> Result<Url, EngineError> {
        let forbidden = |why: &str| EngineError::Forbidden(why.to_owned());
        let url = Url::parse(location).map_err(|_| forbidden("this is no address"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(forbidden("an address begins with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(forbidden("an address holds no name and password"));
        }
        let host = url.host_str().ok_or_else(|| forbidden("this address has no host"))?;
        if self.is_allowed(host, url.port_or_known_default()) {
            return Ok(url);
        }
        // A literal address never passes the resolver.
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if literal.is_ok_and(|address| !is_public(address)) {
            return Err(forbidden("this address is in a private network"));
        }
        Ok(url)
    }

    fn is_allowed(&self, host: &str, port: Option<u16>) -> bool {
        let host = host.to_ascii_lowercase();
        self.allowed.contains(&host) || port.is_some_and(|port| self.allowed.contains(&format!("{host}:{port}")))
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a letter once, all within `limit`; only a success is an answer.
    ///
    /// # Errors
    /// When its address may not be called, or did not take it.
    pub async fn post(&self, letter: Letter<'_>, limit: Duration) -> Result<Reply, EngineError> {
        let url = self.address(letter.url)?;
        let method = reqwest::Method::from_bytes(letter.method.as_bytes()).map_err(|_| EngineError::Forbidden("no such method".into()))?;
        let request = self.client.request(method, url).header("x-waddlebot-source", letter.source).json(letter.body);
        self.send(request, limit).await
    }

    /// Sends a request and reads its answer, all within `limit`.
    pub(super) async fn send(&self, request: RequestBuilder, limit: Duration) -> Result<Reply, EngineError> {
        let whole = async {
            let response = request.send().await.map_err(|error| unreached(&error))?;
            let status = response.status();
            if !status.is_success() {
                return Err(EngineError::Status(status.as_u16()));
            }
            // A function that threw is answered with 200 and this header.
            if response.headers().contains_key("x-amz-function-error") {
                return Err(EngineError::Status(502));
            }
            let text = read(response).await?;
            let body = serde_json::from_slice(&text).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&text).into_owned()));
            Ok(Reply { status: status.as_u16(), body, tries: 1 })
        };
        tokio::time::timeout(limit, whole).await.unwrap_or(Err(EngineError::Timeout(limit)))
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, EngineError> {
    let mut text = Vec::new();
    while let Some(some) = response.chunk().await.map_err(|error| unreached(&error))? {
        if text.len() + some.len() > LONGEST {
            return Err(EngineError::TooLong(LONGEST));
        }
        text.extend_from_slice(&some);
    }
    Ok(text)
}

/// The innermost cause, without the address: it may hold a key.
fn unreached(error: &reqwest::Error) -> EngineError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<Private>() {
        Some(private) => EngineError::Forbidden(private.to_string()),
        None if error.is_timeout() => EngineError::Unreachable("no connection in time".into()),
        None => EngineError::Unreachable(cause.to_string()),
    }
}

/// The name leads into a private network.
#[derive(Debug, thiserror::Error)]
#[error("this name leads to a private network")]
struct Private;

/// Looks names up and keeps only public addresses, so that no name leads inside.
struct Public(Arc<HashSet<String>>);

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_ascii_lowercase();
        let any = self.0.iter().any(|allowed| allowed.rsplit_once(':').map_or(allowed.as_str(), |(name, _)| name) == host);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let public: Vec<_> = found.into_iter().filter(|address| any || is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(Box::new(Private) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the open internet's (the special-purpose registries of IANA).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let parts = address.segments();
    // Global unicast is 2000::/3; in it, tunnels, documentation and benchmarks are none of the open internet.
    let special = (parts[0] == 0x2001 && (parts[1] < 0x0200 || parts[1] == 0x0db8))
        || parts[0] == 0x2002
        || (parts[0] == 0x3fff && parts[1] < 0x1000);
    (0x2000..0x4000).contains(&parts[0]) && !special
}

//! A running node, asked over its HTTP port.

pub(crate) mod access;
pub(crate) mod room;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use waddlebot_runtime::telemetry::Hidden;

/// How long a node may take to take the connection.
const CONNECT: Duration = Duration::from_secs(3);

/// How long a node may take for an answer, on top of what it was asked to wait.
const ANSWER: Duration = Duration::from_secs(15);

/// The most bytes of an answer that are read.
const LARGEST: usize = 16 << 20;

/// Why a node gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody is there, or it went away: try again later.
    #[error("nothing answers at {base} ({why})")]
    Lost {
        /// Where it should be.
        base: String,
        /// The system's own words.
        why: String,
    },
    /// It says no.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// Its own words.
        message: String,
    },
    /// It is something else, or of another version.
    #[error("what answers at {base} is no WaddleBot of this version ({why})")]
    Strange {
        /// Where it is.
        base: String,
        /// What is odd.
        why: String,
    },
    /// The address cannot be one.
    #[error("{0:?} is no address of a node: http://HOST:PORT or https://HOST is expected")]
    Address(String),
}

/// What a node says about itself to everybody.
#[derive(Debug, Deserialize)]
pub(crate) struct Health {
    /// `healthy` or not.
    pub(crate) status: String,
    /// The program's version.
    pub(crate) version: String,
}

/// One node. Cloning shares the connections.
#[derive(Clone)]
pub(crate) struct Client {
    base: Url,
    key: Option<Hidden<String>>,
    http: reqwest::Client,
}

impl Client {
    /// A client for the node at this address, without a key.
    pub(crate) fn new(address: &str) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(address.to_owned());
        let base = Url::parse(address).map_err(|_| wrong())?;
        if !["http", "https"].contains(&base.scheme()) || !base.has_host() || base.cannot_be_a_base() {
            return Err(wrong());
        }
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT);
        Ok(Self { base, key: None, http: http.build().map_err(|_| wrong())? })
    }

    /// The same with a key.
    pub(crate) fn with_key(self, key: Hidden<String>) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Where the node is, without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// How the node is, within `limit`; one that is not well answers too.
    pub(crate) async fn health(&self, limit: Duration) -> Result<Health, ClientError> {
        let request = self.request::<u64>(Method::GET, &["health"], &[]).timeout(limit);
        let (status, body) = self.sent(request).await?;
        let told = serde_json::from_slice(&body).ok().filter(|_| [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&status));
        told.ok_or_else(|| self.strange(format!("its /health answers {status}")))
    }

    /// Asks for what is at this path.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ClientError> {
        self.read(self.request::<u64>(Method::GET, path, &[]).timeout(ANSWER)).await
    }

    /// As [`Client::get`] with words behind the question mark; empty ones are left out.
    pub(crate) async fn find<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, String)]) -> Result<T, ClientError> {
        let words: Vec<_> = query.iter().filter(|(_, word)| !word.is_empty()).cloned().collect();
        self.read(self.request(Method::GET, path, &words).timeout(ANSWER)).await
    }

    /// As [`Client::get`] with a query, which makes the node wait for up to `wait`.
    pub(crate) async fn wait<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, u64)], wait: Duration) -> Result<T, ClientError> {
        self.read(self.request(Method::GET, path, query).timeout(ANSWER + wait)).await
    }

    /// Sends this there.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &[&str], body: &Value) -> Result<T, ClientError> {
        self.read(self.request::<u64>(Method::POST, path, &[]).timeout(ANSWER).json(body)).await
    }

    fn request<V: ToString>(&self, method: Method, path: &[&str], query: &[(&str, V)]) -> RequestBuilder {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("an http address has a path").pop_if_empty().extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query.iter().map(|(name, value)| (name, value.to_string())));
        }
        let request = self.http.request(method, url);
        match &self.key {
            Some(key) => request.header("x-api-key", key.reveal()),
            None => request,
        }
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let (status, body) = self.sent(request).await?;
        if !status.is_success() {
            let said: Option<Value> = serde_json::from_slice(&body).ok();
            let said = said.as_ref().and_then(|body| body["error"]["message"].as_str());
            let message = said.map_or_else(|| format!("the node answers {status}"), str::to_owned);
            return Err(ClientError::Refused { status, message });
        }
        serde_json::from_slice(&body).map_err(|error| self.strange(error.to_string()))
    }

    async fn sent(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), ClientError> {
        let mut response = request.send().await.map_err(|error| self.lost(&error))?;
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.lost(&error))? {
            if body.len() + part.len() > LARGEST {
                return Err(self.strange(format!("its answer is larger than {} MB", LARGEST >> 20)));
            }
            body.extend_from_slice(&part);
        }
        Ok((response.status(), body))
    }

    fn lost(&self, error: &reqwest::Error) -> ClientError {
        let why = if error.is_timeout() { "it takes too long".to_owned() } else { innermost(error) };
        ClientError::Lost { base: self.base().to_owned(), why }
    }

    fn strange(&self, why: String) -> ClientError {
        ClientError::Strange { base: self.base().to_owned(), why }
    }
}

/// The cause of all causes: "connection refused" rather than five lines around it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Result<Client, ClientError> {
        // An error is that another test did it before.
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        Client::new(address)
    }

    #[test]
    fn only_the_address_of_a_node_is_one() {
        for wrong in ["", "127.0.0.1:8060", "ftp://x", "http://", "data:x"] {
            assert!(matches!(client(wrong), Err(ClientError::Address(_))), "{wrong}");
        }
        assert_eq!(client("http://bot.example:80/").unwrap().base(), "http://bot.example");
    }

    #[test]
    fn a_key_of_an_actor_is_one_part_of_a_path() {
        let client = client("http://127.0.0.1:1/below/").unwrap();
        let request = client.request(Method::GET, &["admin", "actors", "channel:a::#b/c?"], &[("wait", 3)]).build().unwrap();
        assert_eq!(request.url().as_str(), "http://127.0.0.1:1/below/admin/actors/channel:a::%23b%2Fc%3F?wait=3");
    }
}

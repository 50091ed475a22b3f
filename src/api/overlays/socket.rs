//! `/ws/{token}/{source_type}`: the socket of an overlay page, upgraded from HTTP and handed to the overlays.

use std::time::Duration;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use waddlebot_actors::overlay::item::Source;
use waddlebot_actors::overlay::{Arrival, Refused};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::spawn;

use super::Desk;
use crate::api::auth::address;
use crate::api::error::ApiError;
use crate::server::socket::Socket;

/// What a page says about itself on arrival.
#[derive(Deserialize)]
pub(super) struct About {
    /// It still shows something from before it lost its connection.
    #[serde(default)]
    holds: u8,
}

pub(super) async fn open(
    State(desk): State<Desk>,
    Path((token, source)): Path<(String, String)>,
    Query(about): Query<About>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let Some(accept) = accepted(request.headers()) else {
        let refusal = ApiError::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "this address speaks WebSocket, version 13");
        return Ok(([(header::UPGRADE, "websocket"), (header::SEC_WEBSOCKET_VERSION, "13")], refusal).into_response());
    };
    let overlays = desk.0.overlays.clone();
    let from = address(request.extensions());
    let found = overlays.tokens().look_up(&token).await?;
    let grant = found.filter(|grant| Source::parse(&source) == Some(grant.source));
    let seat = overlays.admit(from, grant).map_err(|refused| match refused {
        Refused::Full => ApiError::unavailable(refused.to_string()),
        Refused::TooOften => ApiError::too_many(60),
    })?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let upgrade = upgrade.ok_or_else(|| ApiError::bad_request("not_upgradable", "this connection cannot be upgraded"))?;
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let agent: String = agent.unwrap_or_default().chars().take(120).collect();
    let holds = about.holds != 0;
    spawn::task("overlay upgrade", async move {
        let Some((stream, first)) = raw(upgrade).await else { return };
        match grant {
            Some(grant) => overlays.enter(Arrival { stream, first, grant, address: from.to_string(), agent, holds, seat }),
            None => {
                refuse(stream, overlays.clock()).await;
                drop(seat);
            }
        }
    });
    Ok(switching(accept))
}

/// The answer to the page's key, when the request is a WebSocket's.
fn accepted(headers: &HeaderMap) -> Option<String> {
    let has = |name, wanted: &str| {
        let lines = headers.get_all(name).into_iter().filter_map(|line: &HeaderValue| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    let asked = has(header::UPGRADE, "websocket") && has(header::CONNECTION, "upgrade") && has(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    (asked && key.len() == 24).then(|| derive_accept_key(key.as_bytes()))
}

fn switching(accept: String) -> Response {
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, HeaderValue::try_from(accept).expect("base64 is a header value"));
    response
}

/// The connection itself, out of the HTTP server's hands, and what came along with the request.
async fn raw(upgrade: OnUpgrade) -> Option<(TcpStream, Bytes)> {
    let upgraded: Upgraded = upgrade.await.map_err(|error| tracing::debug!(%error, "an overlay page left during the upgrade")).ok()?;
    let parts = downcast::<TokioIo<Socket>>(upgraded).ok();
    let raw = parts.and_then(|parts| Some((parts.io.into_inner().into_inner()?, parts.read_buf)));
    if raw.is_none() {
        tracing::error!("the HTTP server does not stand on plain TCP: overlay sockets cannot be served");
    }
    raw
}

/// Says that the token is not good, in the words of the protocol, and waits a little for the page to hear it.
async fn refuse(mut stream: TcpStream, clock: &Clock) {
    const CLOSE: &[u8] = b"\x88\x0f\x03\xf0unknown token";
    let goodbye = async {
        stream.write_all(CLOSE).await?;
        let mut ignored = [0; 256];
        while stream.read(&mut ignored).await? > 0 {}
        std::io::Result::Ok(())
    };
    tokio::select! {
        _ = goodbye => {}
        () = clock.sleep(Duration::from_secs(3)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_websocket_request_is_told_from_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(accepted(&headers), None);
        for (name, value) in [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        // The example of RFC 6455 section 1.3.
        assert_eq!(accepted(&headers).as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        headers.insert("sec-websocket-version", HeaderValue::from_static("8"));
        assert_eq!(accepted(&headers), None);
    }
}

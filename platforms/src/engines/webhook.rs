//! Webhooks and containers: the payload as a signed JSON body, or as the query of a GET.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use waddlebot_runtime::chat::Millis;
use waddlebot_runtime::engine::{EngineError, EngineKind, Job, Method, Purpose, Reply};
use waddlebot_runtime::secret::hexadecimal;

use super::outward::Outward;

/// Headers that a community may not set: they are the connection's or ours.
const OURS: [&str; 8] = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "content-type"];

pub(super) async fn run(outward: &Outward, job: &Job, now: Millis) -> Result<Reply, EngineError> {
    let target = &job.target;
    let mut url = outward.address(&target.location)?;
    let body = match target.method {
        Method::Post => job.payload.to_string(),
        Method::Get => {
            let mut query = url.query_pairs_mut();
            for (name, value) in job.payload.as_object().into_iter().flatten() {
                match value {
                    Value::String(text) => query.append_pair(name, text),
                    other => query.append_pair(name, &other.to_string()),
                };
            }
            drop(query);
            String::new()
        }
    };
    // What is signed is what is sent: the body, or the query of a GET.
    let signed = if target.method == Method::Get { url.query().unwrap_or_default().to_owned() } else { body.clone() };
    let mut request = match target.method {
        Method::Post => outward.client().post(url).header("content-type", "application/json").body(body),
        Method::Get => outward.client().get(url),
    };
    for (name, value) in &target.headers {
        let lower = name.to_ascii_lowercase();
        if !OURS.contains(&lower.as_str()) && !lower.starts_with("x-waddlebot-") {
            request = request.header(name, value);
        }
    }
    let (source, kind) = match (target.purpose, target.engine) {
        (Purpose::StringMatch, _) => ("string-matcher", "string-match-webhook"),
        (Purpose::Command, EngineKind::Container) => ("router", "local-interaction"),
        (Purpose::Command, _) => ("router", "community-webhook"),
    };
    request = request
        .header("x-waddlebot-source", source)
        .header("x-waddlebot-type", kind)
        .header("x-waddlebot-execution-id", &job.execution_id)
        .header("x-waddlebot-timestamp", now / 1000);
    if let Some(secret) = &target.secret {
        request = request.header("x-waddlebot-signature", signature(secret, now / 1000, &signed));
    }
    outward.send(request, target.timeout).await
}

/// `sha256=` and the HMAC-SHA256 of `TIMESTAMP.BODY` in hexadecimal.
fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(format!("{seconds}.{body}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    hexadecimal("sha256=", &bytes)
}

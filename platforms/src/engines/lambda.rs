//! AWS Lambda: one signed Invoke, its result as the answer.

use jiff::Timestamp;
use waddlebot_runtime::chat::Millis;
use waddlebot_runtime::engine::{EngineError, Job, Reply};

use super::outward::Outward;
use super::sigv4::{Signer, path_part};

/// How functions are reached (spec 01 section 16).
#[derive(Clone)]
pub struct Lambda {
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: String,
    /// `AWS_SESSION_TOKEN`, for credentials that end.
    pub token: Option<String>,
    /// `LAMBDA_FUNCTION_PREFIX`, put before every function's name.
    pub prefix: String,
    /// `AWS_ENDPOINT_URL_LAMBDA`: another place that speaks Lambda's protocol.
    pub endpoint: Option<String>,
}

impl Lambda {
    pub(super) async fn run(&self, outward: &Outward, job: &Job, now: Millis) -> Result<Reply, EngineError> {
        let name = path_part(&format!("{}{}", self.prefix, job.target.location));
        // The endpoint is the operator's, not a community's: it may be anywhere.
        let base = match &self.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://lambda.{}.amazonaws.com", self.region),
        };
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let host = base.split_once("://").map_or(base.as_str(), |(_, rest)| rest).to_owned();
        let time = Timestamp::from_millisecond(now).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string();
        let body = job.payload.to_string();
        let mut headers = vec![("content-type", "application/json"), ("host", host.as_str()), ("x-amz-date", time.as_str())];
        if let Some(token) = &self.token {
            headers.push(("x-amz-security-token", token));
        }
        let signer = Signer { key_id: &self.key_id, secret: &self.secret, region: &self.region, service: "lambda" };
        let authorization = signer.authorization("POST", &path, &headers, body.as_bytes(), &time);
        let mut request = outward.client().post(format!("{base}{path}")).header("authorization", authorization).body(body);
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            request = request.header(*name, *value);
        }
        outward.send(request, job.target.timeout).await
    }
}

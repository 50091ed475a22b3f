//! Apache OpenWhisk: one blocking invocation of an action, its result as the answer.

use waddlebot_runtime::engine::{EngineError, Job, Reply};

use super::outward::Outward;
use super::sigv4::path_part;

/// How actions are reached (spec 01 section 16).
#[derive(Clone)]
pub struct OpenWhisk {
    /// `OPENWHISK_API_HOST`: a host, or an address that begins with its scheme.
    pub host: String,
    /// `OPENWHISK_AUTH_KEY`: `user:password`.
    pub key: String,
    /// `OPENWHISK_NAMESPACE`.
    pub namespace: String,
}

impl OpenWhisk {
    pub(super) async fn run(&self, outward: &Outward, job: &Job) -> Result<Reply, EngineError> {
        let base = if self.host.contains("://") { self.host.trim_end_matches('/').to_owned() } else { format!("https://{}", self.host) };
        // `package/action` stays two parts.
        let action = job.target.location.split('/').map(path_part).collect::<Vec<_>>().join("/");
        let url = format!("{base}/api/v1/namespaces/{}/actions/{action}?blocking=true&result=true", path_part(&self.namespace));
        let (user, password) = self.key.split_once(':').unwrap_or((&self.key, ""));
        let request = outward.client().post(url).basic_auth(user, Some(password));
        let request = request.header("content-type", "application/json").body(job.payload.to_string());
        let reply = outward.send(request, job.target.timeout).await?;
        // 202 says that the action goes on and its result is not there yet.
        if reply.status == 200 { Ok(reply) } else { Err(EngineError::Timeout(job.target.timeout)) }
    }
}

//! How the API says no: a status and `{"error":{"code":"…","message":"…"}}`, for every caller alike.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;
use waddlebot_runtime::intake::Unheard;
use waddlebot_runtime::intake::incoming::Unread;
use waddlebot_runtime::sessions::SessionError;
use waddlebot_runtime::store::StoreError;

/// A refusal, as a program and as a person can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// One word for programs; stable.
    pub(crate) code: &'static str,
    /// A sentence for people, without secrets.
    pub(crate) message: String,
    /// After how many seconds it is worth asking again.
    pub(crate) retry_after: Option<u64>,
}

impl ApiError {
    /// A refusal of any kind.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// What was sent cannot be understood; `code` says what is wrong with it.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Nobody says who is asking.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// Who is asking may not.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// There is no such thing.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Too often.
    pub(crate) fn too_many(retry_after: u64) -> Self {
        let message = format!("too many attempts, try again in {retry_after} s");
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message) }
    }

    /// Too much waits already.
    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", message) }
    }

    /// Not now.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message) }
    }
}

/// A refusal within a larger answer: the same words as alone.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Told {
    code: &'static str,
    message: String,
    status: u16,
}

impl ApiError {
    /// The refusal as a part of a larger answer.
    pub(crate) fn told(self) -> Told {
        Told { code: self.code, message: self.message, status: self.status.as_u16() }
    }
}

impl From<Unread> for ApiError {
    fn from(Unread { code, message }: Unread) -> Self {
        Self::bad_request(code, message)
    }
}

impl From<Unheard> for ApiError {
    fn from(why: Unheard) -> Self {
        match why {
            Unheard::Busy => Self::busy(why.to_string()),
            Unheard::Elsewhere | Unheard::Unavailable => Self::unavailable(why.to_string()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(json!({"error": {"code": self.code, "message": self.message}}));
        let mut response = (self.status, body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken => Self::new(StatusCode::CONFLICT, "conflict", "there is one already"),
            StoreError::Lost(_) | StoreError::Stale { .. } => {
                tracing::warn!(%error, "a request met a store that does not answer");
                Self::unavailable("the database cannot be reached now")
            }
            _ => {
                tracing::error!(%error, "a request failed in the store");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error")
            }
        }
    }
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        tracing::warn!(%error, "a request met a session store that does not answer");
        Self::unavailable("the session store cannot be reached now")
    }
}

/// A JSON body; what is wrong with it is told in our own form.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            let message = "a body is JSON and says so: Content-Type: application/json";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", rejection.body_text()),
            _ => ApiError::bad_request("bad_request", rejection.body_text()),
        })?;
        if let Ok(body) = serde_json::from_slice(&bytes) {
            return Ok(Self(body));
        }
        // Read again by who can say where it is wrong, at twice the price.
        match Json::from_bytes(&bytes) {
            Ok(Json(body)) => Ok(Self(body)),
            // It repeats what was sent: a field's name may be as long as the body.
            Err(rejection) => Err(Unread::new("bad_request", rejection.body_text()).into()),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind == "application/json" {
        return true;
    }
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The parts of the path; what is wrong with them is told in our own form.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(rejection) => Err(ApiError::bad_request("bad_path", rejection.body_text())),
        }
    }
}

/// What follows the question mark; what is wrong with it is told in our own form.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(ApiError::bad_request("bad_query", rejection.body_text())),
        }
    }
}

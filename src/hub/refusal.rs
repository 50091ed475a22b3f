//! How a page says no: in the hub's own look, with the right status, and with what to do next.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use waddlebot_runtime::sessions::SessionError;
use waddlebot_runtime::store::StoreError;

use super::house::Unanswered;
use super::page::Page;
use crate::api::error::ApiError;

/// Why a page is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nobody is logged in.
    LogIn,
    /// Who is logged in may not.
    Forbidden,
    /// The form is not one of ours, or is older than the log-in.
    Stale,
    /// What was sent cannot be understood.
    Wrong(String),
    /// There is no such thing.
    Unknown(&'static str),
    /// This log-in link opens nothing; why.
    Link(&'static str),
    /// Too many attempts; after how many seconds to come back.
    TooMany(u64),
    /// Not now.
    Unavailable(&'static str),
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct View {
    page: Page,
    what: String,
    next: &'static str,
    log_in: bool,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::LogIn => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Stale => StatusCode::FORBIDDEN,
            Self::Wrong(_) => StatusCode::BAD_REQUEST,
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::Link(_) => StatusCode::GONE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn view(&self) -> View {
        let (title, what, next) = match self {
            Self::LogIn => ("Log in", "This is the hub of a WaddleBot. Only its owner may come in.".to_owned(), ""),
            Self::Forbidden => ("Not for you", "You are logged in, but may not do this.".to_owned(), "Ask the owner of the community."),
            Self::Stale => {
                let what = "This form is older than your log-in, or it did not come from this hub. Nothing was changed.".to_owned();
                ("Please try again", what, "Go back, reload the page, and send it again.")
            }
            Self::Wrong(why) => ("That did not work", why.clone(), "Go back and change it."),
            Self::Unknown(what) => ("Nothing here", format!("There is no such {what}."), "It may have ended or been renamed."),
            Self::Link(why) => ("This link does not open any more", (*why).to_owned(), ""),
            Self::TooMany(seconds) => ("Too many attempts", format!("Try again in {seconds} seconds."), ""),
            Self::Unavailable(what) => ("Not now", format!("{what} is not available now."), "Try again in a moment."),
        };
        let log_in = matches!(self, Self::LogIn | Self::Link(_));
        View { page: Page::for_anybody(title), what, next, log_in }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status(), rendered(&self.view())).into_response();
        if let Self::TooMany(seconds) = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A page as a response.
pub(super) fn rendered(view: &impl Template) -> Response {
    match view.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl From<Unanswered> for Refusal {
    fn from(answer: Unanswered) -> Self {
        match answer {
            Unanswered::Unknown(what) => Self::Unknown(what),
            Unanswered::Refused(why) => Self::Wrong(why),
            Unanswered::Unavailable(what) => Self::Unavailable(what),
        }
    }
}

impl From<Unanswered> for ApiError {
    fn from(answer: Unanswered) -> Self {
        match answer {
            Unanswered::Unknown(_) => Self::not_found(answer.to_string()),
            Unanswered::Refused(why) => Self::bad_request("refused", why),
            Unanswered::Unavailable(_) => Self::unavailable(answer.to_string()),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a page met a store that does not answer");
        Self::Unavailable("The database")
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        tracing::warn!(%error, "a page met a session store that does not answer");
        Self::Unavailable("The session store")
    }
}

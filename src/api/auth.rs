//! The door: who is asking, by key or by the hub's cookie, and which callers a route admits.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use waddlebot_runtime::chat::{Millis, Role};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::{KeyInfo, KeyRole, Keys};
use waddlebot_runtime::secret::{Secret, equal};
use waddlebot_runtime::sessions::{SessionError, Sessions, Validity};
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::admitted::Admitted;
use super::error::ApiError;
use super::failures::Failures;
use super::rates::{Allowance, Rates, Service, Standing};

/// The cookie of a logged-in person.
const COOKIE: &str = "wb_session";

/// What hub sessions are bound to; no channel is called so.
const ENTITY: &str = "hub";

/// The longest anybody stays logged in, however busy, in milliseconds: 30 days.
const LONGEST: Millis = 30 * 24 * 3600 * 1000;

/// Lets callers in or refuses them. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Door(Arc<Lock>);

struct Lock {
    keys: Keys,
    sessions: Arc<dyn Sessions>,
    secret: Secret,
    clock: Clock,
    https: bool,
    failures: Failures,
    rates: Rates,
}

/// Who is asking. A route that is behind no [`Admitted`] has no caller, and so refuses.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// A program with a key.
    Key(Arc<KeyInfo>),
    /// Somebody who is logged in to the hub.
    Person(Person),
}

/// Somebody who is logged in to the hub.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// As shown.
    pub(crate) name: String,
    /// What they may do.
    pub(crate) role: Role,
    /// What each of their forms must bring back.
    pub(crate) csrf: String,
}

impl Caller {
    /// What the caller counts as.
    pub(crate) fn role(&self) -> KeyRole {
        match self {
            Self::Key(key) => key.role,
            Self::Person(person) if person.role >= Role::Admin => KeyRole::Admin,
            Self::Person(_) => KeyRole::User,
        }
    }

    /// For the log.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Key(key) => &key.name,
            Self::Person(person) => &person.name,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}

impl Person {
    /// Whether a form's or a script's token is this person's own.
    pub(crate) fn sent(&self, token: &str) -> bool {
        equal(&self.csrf, token)
    }
}

impl Door {
    /// A door for keys and hub sessions. With `https` the cookie never travels without it.
    pub(crate) fn new(keys: Keys, sessions: Arc<dyn Sessions>, secret: Secret, clock: Clock, https: bool) -> Self {
        Self::limited(keys, sessions, secret, clock, https, Allowance::default())
    }

    /// The same, and each key may ask only so often.
    pub(crate) fn limited(
        keys: Keys,
        sessions: Arc<dyn Sessions>,
        secret: Secret,
        clock: Clock,
        https: bool,
        allowance: Allowance,
    ) -> Self {
        Self(Arc::new(Lock { keys, sessions, secret, clock, https, failures: Failures::default(), rates: Rates::new(allowance) }))
    }

    /// Admits callers of these roles, and always an admin; everybody else is refused before the handler runs.
    pub(crate) fn admits<H>(&self, roles: &'static [KeyRole], service: Service, runs: H) -> Admitted<H> {
        Admitted { door: self.clone(), roles, service, runs }
    }

    /// Where a key stands with its allowance; people in the hub have none.
    pub(super) fn standing(&self, caller: &Caller, service: Service) -> Option<Standing> {
        match caller {
            Caller::Key(key) => self.0.rates.take(&key.id, key.role, service, self.0.clock.since_boot()),
            Caller::Person(_) => None,
        }
    }

    /// A program whose key was let in just now.
    pub(super) fn remembered(&self, headers: &HeaderMap) -> Option<Caller> {
        self.0.keys.remembered(key(headers)?).map(Caller::Key)
    }

    pub(super) async fn caller(&self, headers: HeaderMap, from: IpAddr, changes: bool) -> Result<Caller, ApiError> {
        if let Some(key) = key(&headers) {
            return match self.0.keys.holder(key).await? {
                Some(info) => Ok(Caller::Key(info)),
                None => {
                    self.failed(from, "no such key").map_err(ApiError::too_many)?;
                    Err(ApiError::unauthorized("this key is unknown or revoked"))
                }
            };
        }
        let person = self.person(&headers).await?.ok_or_else(nobody)?;
        let token = headers.get("x-csrf-token").and_then(|token| token.to_str().ok()).unwrap_or_default();
        if changes && !person.sent(token) {
            return Err(ApiError::forbidden("a change from the hub needs its X-CSRF-Token"));
        }
        Ok(Caller::Person(person))
    }

    /// Who is logged in by these headers' cookie; counts as a use of the session.
    pub(crate) async fn person(&self, headers: &HeaderMap) -> Result<Option<Person>, SessionError> {
        let Some(id) = cookie(headers) else { return Ok(None) };
        let Validity::Valid(session) = self.0.sessions.validate(id, ENTITY).await? else { return Ok(None) };
        let role = session.facts.get("role").and_then(|role| Role::parse(role));
        let (Some(name), Some(role)) = (session.facts.get("name"), role) else { return Ok(None) };
        if self.0.clock.now() - session.created_at > LONGEST {
            self.0.sessions.delete(id).await?;
            return Ok(None);
        }
        let person = Person { name: name.clone(), role, csrf: self.0.secret.derive_text("csrf", &[id]) };
        Ok(self.0.sessions.touch(id).await?.map(|_| person))
    }

    /// Logs somebody in under a new session; one the browser had before ends. Returns the cookie.
    pub(crate) async fn log_in(&self, headers: &HeaderMap, name: &str, role: Role) -> Result<HeaderValue, SessionError> {
        self.end(headers).await?;
        let session = self.0.sessions.create(ENTITY, &[("name", name), ("role", role.name())]).await?;
        aaa::authn("login").user(name).result(Outcome::Success).message("logged in to the hub").log();
        Ok(self.set_cookie(&session.id, ""))
    }

    /// Logs out. Returns the cookie that takes the old one's place.
    pub(crate) async fn log_out(&self, headers: &HeaderMap, name: &str) -> Result<HeaderValue, SessionError> {
        self.end(headers).await?;
        aaa::authn("logout").user(name).result(Outcome::Success).message("logged out of the hub").log();
        Ok(self.set_cookie("", "; Max-Age=0"))
    }

    /// Notes a failed attempt; `Err` with the seconds to wait when there were too many.
    pub(crate) fn failed(&self, from: IpAddr, why: &'static str) -> Result<(), u64> {
        // A right key always opens, even while wrong ones rain from the same address (a proxy's,
        // perhaps): keys cannot be guessed, so the limit is there to slow down and to be seen.
        self.0.failures.note(from, self.0.clock.since_boot())?;
        aaa::authn("authenticate").result(Outcome::Failure).message(why).with("address", from).log();
        Ok(())
    }

    async fn end(&self, headers: &HeaderMap) -> Result<(), SessionError> {
        if let Some(id) = cookie(headers)
            && let Validity::Valid(_) = self.0.sessions.validate(id, ENTITY).await?
        {
            self.0.sessions.delete(id).await?;
        }
        Ok(())
    }

    fn set_cookie(&self, id: &str, end: &str) -> HeaderValue {
        let secure = if self.0.https { "; Secure" } else { "" };
        let text = format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax{secure}{end}");
        HeaderValue::try_from(text).expect("session ids are plain letters")
    }
}

/// Where a request comes from.
pub(crate) fn address(extensions: &Extensions) -> IpAddr {
    let info = extensions.get::<ConnectInfo<SocketAddr>>();
    info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

pub(super) fn allowed(caller: Caller, roles: &[KeyRole]) -> Result<Caller, ApiError> {
    let role = caller.role();
    if role == KeyRole::Admin || roles.contains(&role) {
        return Ok(caller);
    }
    aaa::authz("request").user(caller.name()).result(Outcome::Denied).with("role", role).log();
    Err(ApiError::forbidden(format!("a caller of the role {role} may not do this")))
}

fn nobody() -> ApiError {
    ApiError::unauthorized("send a key in X-API-Key or Authorization: Bearer")
}

/// The key a request brings. One that is no text counts as a wrong one.
fn key(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.to_str().unwrap_or_default());
    }
    let text = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, key) = text.split_once(' ').unwrap_or((text, ""));
    Some(if scheme.eq_ignore_ascii_case("bearer") { key.trim() } else { "" })
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == COOKIE && !value.is_empty()).map(|(_, value)| value)
}

/// A response that sets a cookie beside what it says.
pub(crate) fn with_cookie(cookie: HeaderValue, answer: impl IntoResponse) -> Response {
    ([(header::SET_COOKIE, cookie)], answer).into_response()
}

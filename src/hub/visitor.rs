//! Who looks at a page, and the forms they send back.

use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use waddlebot_runtime::chat::Role;
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::Hub;
use super::refusal::Refusal;
use crate::api::auth::Person;

/// Somebody who is logged in and may run the hub. A handler that takes one is closed to all others.
pub(super) struct Visitor(pub(super) Person);

impl FromRequestParts<Hub> for Visitor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Refusal> {
        let person = hub.door.person(&parts.headers).await?.ok_or(Refusal::LogIn)?;
        if person.role < Role::Admin {
            return Err(Refusal::Forbidden);
        }
        Ok(Self(person))
    }
}

/// A form that proves it was shown to this very log-in.
pub(super) trait Signed: DeserializeOwned {
    /// The token the form brought back.
    fn csrf(&self) -> &str;
}

/// A form from somebody who may run the hub, and from a page of ours.
pub(super) struct Filled<T> {
    /// What was filled in.
    pub(super) form: T,
    /// Who did.
    pub(super) by: Person,
}

impl<T: Signed> FromRequest<Hub> for Filled<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, hub: &Hub) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let Visitor(by) = Visitor::from_request_parts(&mut parts, hub).await?;
        let Form(form) = Form::<T>::from_request(Request::from_parts(parts, body), hub)
            .await
            .map_err(|rejection| Refusal::Wrong(format!("The form could not be read: {}.", rejection.body_text())))?;
        if !by.sent(form.csrf()) {
            aaa::authz("form").user(&by.name).result(Outcome::Denied).message("a form without its token").log();
            return Err(Refusal::Stale);
        }
        Ok(Self { form, by })
    }
}

//! `POST /router/events`: one event, answered when it is done; what must not be lost is durable before.

use std::sync::Arc;

use axum::extract::State;
use waddlebot_runtime::intake::incoming::{Incoming, Meaning};
use waddlebot_runtime::intake::{self, Ears as _};

use super::Desk;
use super::answer::Answer;
use super::named::Named;
use crate::api::error::{ApiError, Body};

pub(super) async fn post(State(desk): State<Arc<Desk>>, Body(incoming): Body<Incoming>) -> Result<Answer, ApiError> {
    let started = desk.clock.since_boot();
    let (key, meaning) = incoming.meaning(desk.clock.now())?;
    let named = Named::of(&key, meaning.id());
    let ear = desk.household.channel(&key).await?;
    let outcome = match meaning {
        Meaning::Said(message) => intake::ask(ear.as_ref(), message).await?,
        Meaning::Happened(event) => intake::tell(ear.as_ref(), event).await?,
    };
    Ok(Answer::new(outcome, named, desk.clock.since_boot().saturating_sub(started)))
}

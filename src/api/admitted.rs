//! A handler behind the door. It is a handler itself and no layer of axum's, which would be boxes around boxes at each request.

use std::future::{Future, ready};
use std::pin::Pin;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use waddlebot_runtime::keys::KeyRole;

use super::auth::{Caller, Door, address, allowed};
use super::error::ApiError;
use super::guard;
use super::rates::Service;

/// A handler that runs for callers of some roles only.
#[derive(Clone)]
pub(crate) struct Admitted<H> {
    pub(super) door: Door,
    pub(super) roles: &'static [KeyRole],
    pub(super) service: Service,
    pub(super) runs: H,
}

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

impl<H> Admitted<H> {
    fn enter<T, S>(self, caller: Caller, mut request: Request, state: S) -> Answering
    where
        H: Handler<T, S>,
        S: Send + 'static,
    {
        let caller = match allowed(caller, self.roles) {
            Ok(caller) => caller,
            Err(refusal) => return Box::pin(ready(refusal.into_response())),
        };
        let standing = self.door.standing(&caller, self.service);
        request.extensions_mut().insert(caller);
        let Some(standing) = standing else { return Box::pin(self.runs.call(request, state)) };
        let answer = (!standing.over).then(|| self.runs.call(request, state));
        Box::pin(async move {
            let mut response = match answer {
                Some(answer) => answer.await,
                None => ApiError::too_many(standing.reset).into_response(),
            };
            standing.tell(response.headers_mut());
            response
        })
    }
}

impl<H, T, S> Handler<T, S> for Admitted<H>
where
    H: Handler<T, S>,
    T: 'static,
    S: Send + 'static,
{
    type Future = Answering;

    fn call(self, request: Request, state: S) -> Answering {
        if let Some(caller) = self.door.remembered(request.headers()) {
            return self.enter(caller, request, state);
        }
        Box::pin(async move {
            let changes = guard::changes(request.method());
            let from = address(request.extensions());
            match self.door.caller(request.headers().clone(), from, changes).await {
                Ok(caller) => self.enter(caller, request, state).await,
                Err(refusal) => refusal.into_response(),
            }
        })
    }
}

//! Engines that run what lives elsewhere: HTTP addresses, AWS Lambda, Apache OpenWhisk; one way out for all.

mod breaker;
pub mod lambda;
pub mod openwhisk;
pub mod outward;
mod sigv4;
mod webhook;

use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::engine::{Engine, EngineError, EngineKind, Job, Reply, Target};
use waddlebot_runtime::platform::Boxed;

use breaker::Breakers;
use lambda::Lambda;
use openwhisk::OpenWhisk;
use outward::Outward;

/// Runs each job on the engine its target names, each target behind its own circuit breaker.
pub struct Engines {
    outward: Outward,
    lambda: Option<Lambda>,
    openwhisk: Option<OpenWhisk>,
    breakers: Breakers,
    clock: Clock,
}

impl Engines {
    /// Webhooks and containers always; the others where they are configured.
    #[must_use]
    pub fn new(outward: Outward, lambda: Option<Lambda>, openwhisk: Option<OpenWhisk>, clock: Clock) -> Self {
        Self { outward, lambda, openwhisk, breakers: Breakers::new(clock.clone()), clock }
    }

    async fn once(&self, job: &Job) -> Result<Reply, EngineError> {
        match job.target.engine {
            EngineKind::Webhook | EngineKind::Container => webhook::run(&self.outward, job, self.clock.now()).await,
            EngineKind::Lambda => match &self.lambda {
                Some(lambda) => lambda.run(&self.outward, job, self.clock.now()).await,
                None => Err(EngineError::Unconfigured("set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")),
            },
            EngineKind::OpenWhisk => match &self.openwhisk {
                Some(openwhisk) => openwhisk.run(&self.outward, job).await,
                None => Err(EngineError::Unconfigured("set OPENWHISK_API_HOST and OPENWHISK_AUTH_KEY")),
            },
        }
    }

    /// Tries again after 1, 2 and 4 seconds where that may help.
    async fn tried(&self, job: &Job) -> Result<Reply, EngineError> {
        let mut pauses = outward::PAUSES.iter();
        let mut tries = 1;
        loop {
            match (self.once(job).await, pauses.next()) {
                (Ok(reply), _) => return Ok(Reply { tries, ..reply }),
                (Err(error), Some(pause)) if may_pass(&error) => {
                    tracing::debug!(%error, tries, "an engine's target is tried again");
                    self.clock.sleep(*pause).await;
                    tries += 1;
                }
                (Err(error), _) => return Err(error),
            }
        }
    }
}

impl Engine for Engines {
    fn may(&self, target: &Target) -> Result<(), EngineError> {
        match target.engine {
            EngineKind::Webhook | EngineKind::Container => self.outward.address(&target.location).map(drop),
            EngineKind::Lambda | EngineKind::OpenWhisk => Ok(()),
        }
    }

    fn run<'a>(&'a self, job: &'a Job) -> Boxed<'a, Result<Reply, EngineError>> {
        Box::pin(async move {
            let breaker = self.breakers.of(&job.target);
            breaker.admit()?;
            let done = self.tried(job).await;
            breaker.note(done.as_ref().err());
            done
        })
    }
}

/// Whether the same call may succeed a little later.
fn may_pass(error: &EngineError) -> bool {
    match error {
        EngineError::Status(status) => *status == 429 || *status >= 500,
        EngineError::Unreachable(_) | EngineError::Timeout(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;

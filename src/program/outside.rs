//! The way out to programs elsewhere, made when the first is called: most houses never call one.

use std::sync::OnceLock;

use waddlebot_platforms::engines::Engines;
use waddlebot_platforms::engines::lambda::Lambda;
use waddlebot_platforms::engines::openwhisk::OpenWhisk;
use waddlebot_platforms::engines::outward::Outward;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::engine::{Engine, EngineError, Job, Reply, Target};
use waddlebot_runtime::platform::Boxed;

/// Where programs run that may be called.
#[derive(Clone, Default)]
pub(crate) struct Reach {
    /// Hosts that may be called though their addresses are private.
    pub(crate) allowed: Vec<String>,
    /// AWS Lambda.
    pub(crate) lambda: Option<Lambda>,
    /// Apache OpenWhisk.
    pub(crate) openwhisk: Option<OpenWhisk>,
}

/// Every engine there is.
pub(crate) struct WayOut {
    reach: Reach,
    clock: Clock,
    made: OnceLock<Option<(Outward, Engines)>>,
}

impl WayOut {
    pub(crate) fn new(reach: Reach, clock: Clock) -> Self {
        Self { reach, clock, made: OnceLock::new() }
    }

    fn engines(&self) -> Result<&Engines, EngineError> {
        self.made().map(|(_, engines)| engines)
    }

    /// What requests go through that no engine makes.
    pub(crate) fn outward(&self) -> Result<&Outward, EngineError> {
        self.made().map(|(outward, _)| outward)
    }

    fn made(&self) -> Result<&(Outward, Engines), EngineError> {
        let made = self.made.get_or_init(|| {
            let outward = Outward::new(self.reach.allowed.clone());
            let outward = outward.inspect_err(|error| tracing::error!(%error, "no program elsewhere can be called")).ok()?;
            let engines = Engines::new(outward.clone(), self.reach.lambda.clone(), self.reach.openwhisk.clone(), self.clock.clone());
            Some((outward, engines))
        });
        made.as_ref().ok_or(EngineError::Unconfigured("there is no way out; the log of the start says why"))
    }
}

impl Engine for WayOut {
    fn may(&self, target: &Target) -> Result<(), EngineError> {
        self.engines()?.may(target)
    }

    fn run<'a>(&'a self, job: &'a Job) -> Boxed<'a, Result<Reply, EngineError>> {
        match self.engines() {
            Ok(engines) => engines.run(job),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

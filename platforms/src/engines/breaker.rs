//! Leaves a target alone that fails again and again, and lets one call through now and then to see whether it is back.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use parking_lot::Mutex;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::engine::{EngineError, Target};

/// So many failed calls in a row open the circuit.
const FAILURES: u32 = 5;
/// For so long nothing is tried then.
const REST: Duration = Duration::from_secs(30);
/// So many targets are remembered; beyond that, those without a failure are forgotten.
const REMEMBERED: usize = 10_000;

/// One breaker for each target that failed lately.
pub(super) struct Breakers {
    known: DashMap<u64, Arc<Breaker>>,
    clock: Clock,
}

/// The breaker of one target.
pub(super) struct Breaker {
    state: Mutex<State>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    failures: u32,
    rests_until: Option<Duration>,
}

impl Breakers {
    pub(super) fn new(clock: Clock) -> Self {
        Self { known: DashMap::new(), clock }
    }

    pub(super) fn of(&self, target: &Target) -> Arc<Breaker> {
        let mut hasher = DefaultHasher::new();
        (target.engine, &target.location).hash(&mut hasher);
        if self.known.len() >= REMEMBERED {
            self.known.retain(|_, breaker| breaker.state.lock().failures > 0);
        }
        let new = || Arc::new(Breaker { state: Mutex::default(), clock: self.clock.clone() });
        self.known.entry(hasher.finish()).or_insert_with(new).clone()
    }
}

impl Breaker {
    /// Whether a call may be made. While the circuit is open, one is let through each time the rest is over.
    pub(super) fn admit(&self) -> Result<(), EngineError> {
        let now = self.clock.since_boot();
        let mut state = self.state.lock();
        match state.rests_until {
            Some(until) if now < until => Err(EngineError::Resting(until - now)),
            Some(_) => {
                state.rests_until = Some(now + REST);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Learns how the call ended. A call that was never made says nothing about the target.
    pub(super) fn note(&self, error: Option<&EngineError>) {
        let now = self.clock.since_boot();
        let mut state = self.state.lock();
        match error {
            None | Some(EngineError::Status(400..=428 | 430..=499)) => *state = State::default(),
            Some(EngineError::Forbidden(_) | EngineError::Unconfigured(_) | EngineError::Resting(_)) => {}
            Some(_) => {
                state.failures += 1;
                if state.failures >= FAILURES {
                    state.rests_until = Some(now + REST);
                }
            }
        }
    }
}

//! How long hyper waits for a request's head: one timer for a whole connection. One for each request would be entered among all
//! others and taken out again before it ever rang.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use parking_lot::Mutex;

type Alarm = Pin<Box<tokio::time::Sleep>>;

/// Lends a connection its timer; it waits for one thing at a time.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Option<Alarm>>>);

/// A wait that has the timer from when it is first looked at. The timer may be set for an earlier wait that was given up.
struct Wait {
    until: tokio::time::Instant,
    alarm: Option<Alarm>,
    watch: Watch,
}

impl Watch {
    /// The timer, set for this time or an earlier one.
    fn lends(&self, until: tokio::time::Instant) -> Alarm {
        match self.0.lock().take() {
            Some(alarm) if alarm.deadline() <= until => alarm,
            _ => Box::pin(tokio::time::sleep_until(until)),
        }
    }
}

impl Timer for Watch {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait { until: deadline.into(), alarm: None, watch: self.clone() })
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { until, alarm, watch } = self.get_mut();
        let alarm = alarm.get_or_insert_with(|| watch.lends(*until));
        loop {
            ready!(alarm.as_mut().poll(context));
            if alarm.deadline() >= *until {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(*until);
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(alarm) = self.alarm.take() {
            *self.watch.0.lock() = Some(alarm);
        }
    }
}

impl Sleep for Wait {}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_secs(3600);

    async fn given_up(watch: &Watch, after: Duration) {
        let mut wait = watch.sleep(after);
        let looked = std::future::poll_fn(|context| Poll::Ready(wait.as_mut().poll(context)));
        assert!(looked.await.is_pending());
    }

    #[tokio::test]
    async fn a_wait_lasts_its_own_time_whatever_the_timer_was_set_for_before() {
        let watch = Watch::default();
        given_up(&watch, SOON).await;
        let long = watch.sleep(LATE);
        tokio::select! {
            () = long => panic!("it ended with the wait that was given up"),
            () = tokio::time::sleep(SOON * 3) => {}
        }
        watch.sleep(SOON).await;
        given_up(&watch, LATE).await;
        watch.sleep(SOON).await;
    }
}

//! Where a module's answer goes: to the channel's delivery, in order; or to who asked, where nobody else hears of it.

use std::time::Duration;

use tokio::sync::oneshot;
use waddlebot_runtime::actor::Address;
use waddlebot_runtime::chat::Text;
use waddlebot_runtime::intake::Outcome;
use waddlebot_runtime::response::Response;

use super::{Answered, Asked, Coming, Order, failed};
use crate::channel::{Asker, Before};

/// Who is given a module's answer.
pub enum Reply {
    /// The delivery, which waits for it in the order of the channel.
    Delivery(oneshot::Sender<Answered>),
    /// Who asked.
    Straight(Box<Straight>),
}

/// The way to who asked, past the delivery: where lines leave with the answer, the order of others is none of theirs. Who
/// never gets an answer is told that it failed.
pub struct Straight {
    /// Who asked; nobody once they were told.
    pub(crate) asked: Option<Asker>,
    /// What was answered is remembered there.
    pub(crate) before: Before,
    /// Brings what is not a line.
    pub(crate) delivery: Address<Order>,
    /// The module.
    pub(crate) module: Text,
    /// What it was asked for.
    pub(crate) asked_for: Asked,
    /// Whom to tell when it fails.
    pub(crate) who: Text,
    /// When it was asked.
    pub(crate) now: Duration,
}

impl Reply {
    /// Gives the answer; nobody may wait for it any more.
    pub fn send(self, answered: Answered) {
        match self {
            Self::Delivery(waits) => drop(waits.send(answered)),
            Self::Straight(mut straight) => straight.answer(answered),
        }
    }
}

impl Straight {
    fn answer(&mut self, answered: Answered) {
        let Some(asked) = self.asked.take() else { return };
        if !answered.parcels.iter().all(|parcel| matches!(parcel.response, Response::Chat(_))) {
            self.delivery.send(Order { coming: vec![Coming::Ready(answered)], asked: Some(asked), entry: None }).ok();
            return;
        }
        let Answered { parcels, ran, verdict, .. } = answered;
        let responses = parcels.into_iter().map(|parcel| parcel.response).collect();
        self.before.answer(asked, Outcome { responses, ran: ran.into_iter().collect(), verdict }, false, self.now);
    }
}

impl Drop for Straight {
    fn drop(&mut self) {
        if self.asked.is_some() {
            self.answer(failed(&self.module, &self.asked_for, &self.who));
        }
    }
}

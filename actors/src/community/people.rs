//! The open sessions of a community: one for each person who ran a command lately.

use std::collections::HashMap;

use waddlebot_runtime::actor::{Address, Me};
use waddlebot_runtime::chat::Text;

use crate::session::{self, UserSession};

/// Who has a session open.
#[derive(Default)]
pub(super) struct People(HashMap<Text, Address<session::Order>>);

impl People {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) async fn session(&mut self, id: Text, name: Text, me: &Me<super::Order>) -> Option<Address<session::Order>> {
        if let Some(session) = self.0.get(&id) {
            return Some(session.clone());
        }
        let opened = me.open::<UserSession>(key(me, &id), session::Seed { id: id.clone(), name }).await;
        let session = opened.inspect_err(|error| tracing::warn!(%error, "a session could not be opened")).ok()?;
        self.0.insert(id, session.clone());
        Some(session)
    }

    pub(super) fn ended(&mut self, key: &str) {
        self.0.retain(|_, session| session.meter().key() != key);
    }
}

fn key(me: &Me<super::Order>, id: &str) -> String {
    format!("{}/@{id}", me.key())
}

//! An answer that a program elsewhere gives later: held against its session, stored, and delivered as one that came at once.

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::ChannelKey;
use waddlebot_runtime::journal::{self, Cause, Effect, Known};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::secret::{fingerprint, random_text};
use waddlebot_runtime::sessions::{SessionError, Validity};
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::StoreError;

use super::errands::Errand;
use super::{Absent, Household};
use crate::delivery::Parcel;
use crate::responses::{self, Later, MOST};

/// An answer as it arrives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrived {
    /// The session it names.
    pub session: String,
    /// The execution it names.
    pub execution: String,
    /// Who answers.
    pub module: String,
    /// Whether it did what it was asked for.
    pub success: bool,
    /// Its action, by name.
    pub action: String,
    /// What is to be done; nothing when it only failed.
    pub response: Option<Response>,
    /// What went wrong.
    pub error: String,
    /// How long it worked.
    pub processing_time_ms: i64,
    /// The same key twice is the same answer.
    pub key: Option<String>,
}

/// Why an answer is not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotTaken {
    /// It names no execution there is.
    #[error("there is no such execution")]
    Execution,
    /// It names no session there is.
    #[error("there is no such session, or it has ended")]
    Session,
    /// Its session is bound to another channel.
    #[error("this session belongs to another entity")]
    Foreign,
    /// The execution has enough of them.
    #[error("this execution has {MOST} answers already")]
    Many,
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<StoreError> for NotTaken {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<SessionError> for NotTaken {
    fn from(error: SessionError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Household {
    /// Takes an answer that comes later; gives its id. The same answer again is not delivered again.
    ///
    /// # Errors
    /// When it names what there is not, may not, or cannot be written now.
    pub async fn answer_later(&self, arrived: Arrived) -> Result<String, NotTaken> {
        let known = self.justified(&arrived).await?;
        match self.community(known.community).await {
            Err(Absent::Elsewhere) => {
                let errand = Errand::Answer(known.community, Box::new(arrived));
                self.where_served(known.community, errand).await.map_err(NotTaken::Unavailable)
            }
            _ => self.answer_here(arrived).await,
        }
    }

    /// Holds an answer against its execution and its session.
    async fn justified(&self, arrived: &Arrived) -> Result<Known, NotTaken> {
        let sessions = self.outside().sessions();
        let known = journal::known(self.store(), &arrived.execution).await?.ok_or(NotTaken::Execution)?;
        match sessions.validate(&arrived.session, &known.entity).await? {
            Validity::Valid(_) => Ok(known),
            Validity::Foreign => Err(NotTaken::Foreign),
            Validity::Missing => Err(NotTaken::Session),
        }
    }

    /// Takes an answer for a community that this node serves.
    pub(super) async fn answer_here(&self, arrived: Arrived) -> Result<String, NotTaken> {
        let known = self.justified(&arrived).await?;
        let channel = ChannelKey::parse(&known.entity).ok_or(NotTaken::Execution)?;
        let (_, claim) = self.community(known.community).await.map_err(|why| NotTaken::Unavailable(why.to_string()))?;
        let id = match &arrived.key {
            Some(key) => format!("resp_{}", &fingerprint(&format!("{}|{key}", arrived.execution))[..32]),
            None => format!("resp_{}", random_text()),
        };
        let mut told: Vec<Response> = arrived.response.iter().cloned().collect();
        // Who failed at what somebody typed owes them a word.
        if told.is_empty() && !arrived.success && known.command.starts_with(['!', '#']) {
            told.push(Response::tell(known.user_name.clone(), arrived.error.clone()));
        }
        let later = Later {
            id: id.clone(),
            execution_id: arrived.execution,
            community: known.community,
            entity: known.entity.clone(),
            module: arrived.module,
            success: arrived.success,
            action: arrived.action,
            response: arrived.response,
            error: arrived.error,
            processing_time_ms: arrived.processing_time_ms,
            at: self.world().clock.now(),
        };
        let mut tx = self.store().begin_fenced(&claim).await?;
        let enough = responses::total(&mut tx, &later.execution_id).await? >= MOST;
        if !responses::add(&mut tx, &later).await? {
            return Ok(id);
        }
        if enough {
            return Err(NotTaken::Many);
        }
        let effect =
            |response: &Response| Effect { entity: known.entity.clone(), body: serde_json::to_string(response).unwrap_or_default() };
        let effects: Vec<_> = told.iter().map(effect).collect();
        let cause = Cause { id: &id, community: known.community, epoch: claim.epoch, holder: &claim.owner().life(), at: later.at };
        let ids = journal::put(&mut tx, cause, &effects).await?;
        tx.into_inner().commit().await?;
        self.outside().sessions().touch(&arrived.session).await?;
        let parcels = ids.into_iter().zip(told).map(|(id, response)| Parcel { id: Some(id), response }).collect();
        let courier = self.0.on.courier.clone();
        spawn::task("later answer", async move { courier.carry(&channel, known.community, parcels).await });
        Ok(id)
    }
}

//! The answers to a form on the stream: an event for the modules, and a request to the address the form names.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Map, Value, json};
use waddlebot_actors::household::Household;
use waddlebot_actors::overlay::{Forms, Submission};
use waddlebot_actors::registry;
use waddlebot_platforms::engines::outward::Letter;
use waddlebot_runtime::chat::{Role, User};
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::intake::{self, Ears as _};
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::secret::random_text;

use crate::program::outside::WayOut;

/// How long the other side has for its answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Takes answers from all overlays of this node.
pub(crate) struct Answers {
    household: OnceLock<Household>,
    way_out: Arc<WayOut>,
}

impl Answers {
    /// Sends what is filled in by this way.
    pub(crate) fn new(way_out: Arc<WayOut>) -> Self {
        Self { household: OnceLock::new(), way_out }
    }

    /// From now on events go to this household. The overlays stand before it does.
    pub(crate) fn go_to(&self, household: Household) {
        // Set once, at the start.
        self.household.set(household).ok();
    }

    /// Tells the community's channel; durable when this returns `Ok`.
    async fn tell(&self, submission: &Submission) -> Result<(), String> {
        let household = self.household.get().ok_or("the node is starting")?;
        let channels = registry::channels(household.store(), submission.community).await.map_err(|error| error.to_string())?;
        // Without a channel there is no module that could be woken.
        let Some(channel) = channels.first() else { return Ok(()) };
        let kept = kept(submission);
        let text = json!({ "item": submission.item, "form": submission.form.title, "answers": kept }).to_string();
        let by = User { id: "overlay".into(), name: "overlay".into(), role: Role::Viewer };
        let id = format!("form-{}", random_text());
        let event = Event { id: id.into(), kind: EventKind::FormSubmission, by, amount: 0, text: text.into() };
        let ear = household.channel(channel).await.map_err(|why| why.to_string())?;
        intake::tell(ear.as_ref(), event).await.map(drop).map_err(|why| why.to_string())
    }

    /// Sends the answers where the form says, then tells its second address how that went.
    async fn forward(&self, submission: &Submission) -> Result<(), String> {
        let form = &submission.form;
        if form.submit_url.is_empty() {
            return Ok(());
        }
        let method = match form.submit_method.to_ascii_uppercase().as_str() {
            "" | "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            other => return Err(format!("a form is not sent with {other}")),
        };
        let about = json!({ "community_id": submission.community, "item_id": submission.item, "form_title": form.title });
        let whole = with(&about, [("type", "form_submit".into()), ("form_data", submission.answers.clone().into())]);
        let sent = self.send(method, &form.submit_url, &whole).await;
        if !form.callback_url.is_empty() {
            let told = with(&about, [("type", "form_sent".into()), ("success", sent.is_ok().into())]);
            self.send("POST", &form.callback_url, &told).await?;
        }
        sent
    }

    async fn send(&self, method: &'static str, url: &str, body: &Value) -> Result<(), String> {
        let outward = self.way_out.outward().map_err(|error| error.to_string())?;
        let letter = Letter { method, url, source: "overlay-form", body };
        outward.post(letter, LIMIT).await.map(drop).map_err(|error| format!("the form's address: {error}"))
    }
}

impl Forms for Answers {
    fn submitted(&self, submission: Submission) -> Boxed<'_, Result<(), String>> {
        Box::pin(async move {
            let (told, sent) = (self.tell(&submission).await, self.forward(&submission).await);
            told.and(sent)
        })
    }
}

/// What is written down: all but passwords, which only the form's own address gets.
fn kept(submission: &Submission) -> Map<String, Value> {
    let secret = |name: &str| submission.form.fields.iter().any(|field| field.name == name && field.kind == "password");
    submission.answers.iter().filter(|(name, _)| !secret(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn with<const N: usize>(about: &Value, more: [(&str, Value); N]) -> Value {
    let mut whole = about.clone();
    for (name, value) in more {
        whole[name] = value;
    }
    whole
}

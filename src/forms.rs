//! The answers to a form on the stream: an event for the modules, and a request to the address the form names.

use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};
use serde_json::{Map, Value, json};
use waddlebot_actors::household::Household;
use waddlebot_actors::overlay::{Forms, Submission};
use waddlebot_actors::registry;
use waddlebot_runtime::chat::{Role, User};
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::intake::{self, Ears as _};
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::secret::random_text;

/// How long the other side has for its answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Takes answers from all overlays of this node.
#[derive(Default)]
pub(crate) struct Answers {
    household: OnceLock<Household>,
    client: OnceLock<Client>,
}

impl Answers {
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
            "" | "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            other => return Err(format!("a form is not sent with {other}")),
        };
        let about = json!({ "community_id": submission.community, "item_id": submission.item, "form_title": form.title });
        let whole = with(&about, [("type", "form_submit".into()), ("form_data", submission.answers.clone().into())]);
        let sent = self.send(method, &form.submit_url, &whole).await;
        if !form.callback_url.is_empty() {
            let told = with(&about, [("type", "form_sent".into()), ("success", sent.is_ok().into())]);
            self.send(Method::POST, &form.callback_url, &told).await?;
        }
        sent
    }

    async fn send(&self, method: Method, url: &str, body: &Value) -> Result<(), String> {
        let url = address(url)?;
        let request = self.client().request(method, url).header("X-WaddleBot-Source", "overlay-form").json(body);
        let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("the form's address answered {}", answer.status())) }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            // Where a form goes stands in the form: nobody may send its answers on to somewhere else.
            let client = Client::builder().timeout(LIMIT).redirect(Policy::none()).no_proxy().dns_resolver(Resolver);
            client.build().expect("a TLS provider was installed at the start")
        })
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

/// The address when a form may be sent there.
fn address(url: &str) -> Result<Url, String> {
    let url = Url::parse(url).map_err(|error| format!("the form's address is none: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("a form is not sent to {}:", url.scheme()));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(address) if is_reserved(address) => Err(format!("a form is not sent to {address}")),
        _ => Ok(url),
    }
}

/// Where machines in clouds keep their own secrets, and where nobody is.
fn is_reserved(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast(),
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast() || v6.segments()[..3] == [0xfd00, 0x0ec2, 0]
        }
    }
}

/// Names are looked up as usual; what they mean is held to the same rule.
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let fine: Vec<SocketAddr> = found.filter(|address| !is_reserved(address.ip())).collect();
            if fine.is_empty() {
                return Err(format!("{} is nowhere a form may be sent", name.as_str()).into());
            }
            Ok(Box::new(fine.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use waddlebot_runtime::response::{Field, Form};

    use super::*;

    #[test]
    fn a_form_goes_to_web_addresses_and_not_to_where_clouds_keep_secrets() {
        for fine in ["https://example.org/x", "http://127.0.0.1:9000/community/form", "http://10.0.0.7/form", "http://[::1]/"] {
            assert!(address(fine).is_ok(), "{fine}");
        }
        for bad in [
            "",
            "/community/form",
            "file:///etc/passwd",
            "javascript:1",
            "http://169.254.169.254/latest",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://0.0.0.0/",
            "http://2852039166/",
            "http://[fd00:ec2::254]/",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_not_written_down() {
        let field = |name: &str, kind: &str| Field { name: name.into(), kind: kind.into(), ..Field::default() };
        let form = Form { fields: vec![field("who", "text"), field("word", "password")], ..Form::default() };
        let answers = Map::from_iter([("who".into(), "ana".into()), ("word".into(), "secret".into())]);
        let submission = Submission { community: 1, item: "x".into(), form, answers };
        assert_eq!(Value::from(kept(&submission)), json!({ "who": "ana" }));
    }
}

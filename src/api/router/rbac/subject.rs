//! How a request names a person, a place and a role.

use serde::Deserialize;
use waddlebot_actors::roles::bulk::{Place, Subject};
use waddlebot_actors::roles::table::Person;
use waddlebot_runtime::chat::{ChannelKey, CommunityId, Role};

use crate::api::error::ApiError;

/// The most characters of a name or an id.
const LONGEST: usize = 255;

/// Somebody, and where: a channel by its entity, or a community.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    user_id: String,
    #[serde(default, alias = "username")]
    user_name: Option<String>,
    #[serde(default)]
    platform: Option<String>,
    #[serde(default)]
    entity_id: Option<String>,
    #[serde(default)]
    community_id: Option<CommunityId>,
}

/// Who it is. A channel says which platform they are on.
pub(super) fn person(named: &Named) -> Result<Person, ApiError> {
    let key = entity(named)?;
    let platform = match (&named.platform, &key) {
        (Some(platform), Some(key)) if platform != key.platform() => {
            return Err(ApiError::bad_request("bad_platform", format!("{key} is on another platform than {platform:.32}")));
        }
        (Some(platform), _) => bounded("platform", platform)?,
        (None, Some(key)) => key.platform(),
        (None, None) => return Err(ApiError::bad_request("missing_field", "platform is missing")),
    };
    let name = match named.user_name.as_deref().map(str::trim) {
        None | Some("") => "",
        Some(name) => bounded("user_name", name)?.trim_start_matches('@'),
    };
    Ok(Person { platform: platform.to_owned(), id: bounded("user_id", &named.user_id)?.to_owned(), name: name.to_owned() })
}

/// Who it is and where.
pub(super) fn subject(named: &Named) -> Result<Subject, ApiError> {
    let Person { platform, id, .. } = person(named)?;
    let place = match (entity(named)?, named.community_id) {
        (Some(key), None) => Place::Entity(key),
        (None, Some(community)) => Place::Community(community),
        _ => return Err(ApiError::bad_request("missing_field", "say where: either entity_id or community_id")),
    };
    Ok(Subject { platform, user: id, place })
}

/// A role that a person can have.
pub(in crate::api::router) fn rank(word: &str) -> Result<Role, ApiError> {
    Role::parse(word).filter(|role| Role::RANKS.contains(role)).ok_or_else(|| {
        let word: String = word.chars().take(40).collect();
        ApiError::bad_request("bad_role", format!("there is no role {word:?}: owner, admin, moderator, vip and member are known"))
    })
}

/// A role in the specification's words.
pub(in crate::api::router) fn shown(role: Role) -> &'static str {
    if role == Role::Viewer { "member" } else { role.name() }
}

fn entity(named: &Named) -> Result<Option<ChannelKey>, ApiError> {
    let read =
        |text: &str| ChannelKey::parse(text).ok_or_else(|| ApiError::bad_request("bad_field", "entity_id is platform:server:channel"));
    named.entity_id.as_deref().map(read).transpose()
}

fn bounded<'a>(name: &str, value: &'a str) -> Result<&'a str, ApiError> {
    let value = value.trim();
    if value.is_empty() || value.chars().count() > LONGEST || value.chars().any(char::is_control) {
        return Err(ApiError::bad_request("bad_field", format!("{name} has 1 to {LONGEST} characters without line breaks")));
    }
    Ok(value)
}

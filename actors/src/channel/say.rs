//! What the channel itself answers: to what nobody knows, may not, or must wait for. Pure.

use std::fmt;
use std::time::Duration;

use waddlebot_runtime::chat::{Text, User};
use waddlebot_runtime::intake::Verdict;
use waddlebot_runtime::response::Response;

use super::admit::Admission;
use super::resolve::Row;
use crate::delivery::{Answered, Parcel};

/// An answer of the channel's own.
pub(super) fn own(by: &User, verdict: Verdict, text: impl Into<String>) -> Answered {
    let response = Response::tell(by.name.clone(), text);
    Answered { parcels: vec![Parcel { id: None, response }], ran: None, verdict, again: false }
}

pub(super) fn unknown(by: &User, word: &str) -> Answered {
    own(by, Verdict::Unknown, format!("I know no command {}. Try !help", clipped(word)))
}

pub(super) fn too_deep(by: &User, word: &str) -> Answered {
    own(by, Verdict::Failed, format!("{} stands for itself without end. A moderator can remove it with !alias remove", clipped(word)))
}

/// A word that only begins commands: what may follow it, as far as this person may.
pub(super) fn group(by: &User, word: &str, rows: &[&Row]) -> Answered {
    let usable: Vec<_> = rows.iter().filter(|row| row.enabled && by.role >= row.info.role).map(|row| row.info.usage()).collect();
    if usable.is_empty() {
        let verdict = if rows.iter().any(|row| row.enabled) { Verdict::Denied } else { Verdict::Disabled };
        return own(by, verdict, format!("there is nothing under {} that you may use here", clipped(word)));
    }
    own(by, Verdict::Unknown, format!("Usage: {}", usable.join(" · ")))
}

/// Why somebody may not, or `None` when they may. The word has its prefix.
pub(super) fn refused(by: &User, word: impl fmt::Display, admission: Admission) -> Option<Answered> {
    let word = || clipped(&word.to_string());
    Some(match admission {
        Admission::Go => return None,
        Admission::Disabled => own(by, Verdict::Disabled, format!("{} is switched off in this community", word())),
        Admission::Denied(role) => own(by, Verdict::Denied, format!("{} is for {role}s and above", word())),
        Admission::Resting(wait) => own(by, Verdict::Limited, format!("{} is on cooldown, wait {}", word(), shown(wait))),
        Admission::Limited(wait) => {
            own(by, Verdict::Limited, format!("that is too fast: {} is on cooldown for you, wait {}", word(), shown(wait)))
        }
    })
}

pub(super) fn unavailable(by: &User, word: &str, why: &str) -> Answered {
    tracing::debug!(word, why, "a module cannot be asked now");
    own(by, Verdict::Failed, format!("!{word} is not available right now, try again in a minute"))
}

fn shown(wait: Duration) -> String {
    let seconds = wait.as_secs_f64().ceil() as u64;
    match seconds {
        120.. => format!("{} minutes", seconds.div_ceil(60)),
        1 => "1 second".to_owned(),
        _ => format!("{seconds} seconds"),
    }
}

/// What somebody typed, short enough to be said back.
fn clipped(word: &str) -> Text {
    word.chars().take(40).filter(|letter| !letter.is_control()).collect::<String>().into()
}

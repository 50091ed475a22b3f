//! Who chats here: a few hundred bytes each, no actor, no query; points are banked every two seconds.

use std::collections::HashMap;

use foldhash::quality::RandomState;
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Millis, Text};
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::journal::{Earned, Points};

use super::Seed;
use crate::community::roles::Seen;
use crate::roles::table::Person;

/// Points for one message (spec 04 section 2).
const MESSAGE: i64 = 5;
/// Who was silent for this long is no chatter any more.
const PRESENT: Millis = 15 * 60 * 1000;

#[derive(Default)]
pub(super) struct Chatters {
    present: HashMap<Text, Chatter, RandomState>,
    /// Who came since the last look.
    new: Vec<(Text, Text)>,
    /// Whether it is known who was first here.
    owned: bool,
}

struct Chatter {
    name: Text,
    points: i64,
    messages: i64,
    last: Millis,
}

/// More than this many newcomers are not kept between two looks.
const NEW: usize = 10_000;

impl Chatters {
    pub(super) fn new(owned: bool) -> Self {
        Self { owned, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.present.len()
    }

    pub(super) fn spoke(&mut self, message: &ChatMessage) {
        if let Some(chatter) = self.present.get_mut(&message.by.id) {
            chatter.points += MESSAGE;
            chatter.messages += 1;
            chatter.last = message.at;
        } else {
            self.add(&message.by.id, &message.by.name, MESSAGE, 1, message.at);
        }
    }

    /// Points for an event; what is durable about it is its modules' business.
    pub(super) fn did(&mut self, event: &Event, now: Millis) {
        let points = points(event);
        if points == 0 && !event.by.id.is_empty() && !self.present.contains_key(&event.by.id) {
            self.came(&event.by.id.to_string().into(), &event.by.name.to_string().into());
        }
        if points != 0 {
            match self.present.get_mut(&event.by.id) {
                Some(chatter) => chatter.points += points,
                None => self.add(&event.by.id, &event.by.name, points, 0, now),
            }
        }
    }

    fn add(&mut self, id: &Text, name: &Text, points: i64, messages: i64, last: Millis) {
        // Copies: a slice would keep the whole chunk alive that it was read from.
        let (id, name) = (Text::from(id.to_string()), Text::from(name.to_string()));
        self.came(&id, &name);
        self.present.insert(id, Chatter { name, points, messages, last });
    }

    fn came(&mut self, id: &Text, name: &Text) {
        if self.new.len() < NEW {
            self.new.push((id.clone(), name.clone()));
        }
    }

    /// Who came since the last look, and who was first where nobody was before.
    pub(super) fn newcomers(&mut self, channel: &ChannelKey) -> Option<Seen> {
        if self.new.is_empty() {
            return None;
        }
        let person =
            |(id, name): (Text, Text)| Person { platform: channel.platform().to_owned(), id: id.to_string(), name: name.to_string() };
        let people: Vec<_> = std::mem::take(&mut self.new).into_iter().map(person).collect();
        let first = if self.owned { None } else { people.first().map(|who| (channel.clone(), who.clone())) };
        self.owned = true;
        Some(Seen { people, first })
    }

    pub(super) fn earned(&mut self, seed: &Seed) -> Option<Points> {
        let earned: Vec<_> = self
            .present
            .iter_mut()
            .filter(|(_, chatter)| chatter.points != 0 || chatter.messages != 0)
            .map(|(id, chatter)| Earned {
                user_id: id.to_string(),
                user_name: chatter.name.to_string(),
                points: std::mem::take(&mut chatter.points),
                messages: std::mem::take(&mut chatter.messages),
                last_seen: chatter.last,
            })
            .collect();
        (!earned.is_empty()).then(|| Points {
            claim: seed.community_claim.clone(),
            community: seed.community,
            platform: seed.key.platform().to_owned(),
            earned,
        })
    }

    pub(super) fn sweep(&mut self, now: Millis) {
        self.present.retain(|_, chatter| chatter.last + PRESENT > now || chatter.points != 0);
    }
}

/// What an event earns (spec 04 section 2, spec 05 for the rest).
fn points(event: &Event) -> i64 {
    match event.kind {
        EventKind::Follow | EventKind::MemberJoin => 10,
        EventKind::Subscription | EventKind::Resub => 50,
        EventKind::Subgift => 60,
        EventKind::Raid => 30,
        EventKind::Cheer => event.amount.clamp(0, 1_000_000),
        EventKind::Ban => -10,
        EventKind::VoiceJoin => 8,
        EventKind::VoiceTime => event.amount.clamp(0, 1440),
        EventKind::Boost => 100,
        EventKind::Reaction => 2,
        EventKind::FileShare => 15,
        EventKind::AppMention => 8,
        _ => 0,
    }
}

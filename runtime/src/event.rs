//! What happened besides talk: raids, follows, subscriptions and the rest of the message types.

use serde::{Deserialize, Serialize};

use crate::chat::{Text, User};

/// The message types of spec 01 section 4.2 other than plain chat, and what overlays send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Somebody pays monthly for the first time.
    Subscription,
    /// Somebody follows.
    Follow,
    /// Money from outside the platform.
    Donation,
    /// The platform's own money.
    Cheer,
    /// Another channel arrives with its viewers.
    Raid,
    /// Another channel shows this one.
    Host,
    /// A subscription for somebody else.
    Subgift,
    /// A subscription goes on.
    Resub,
    /// A reaction to a message.
    Reaction,
    /// Somebody joined the server.
    MemberJoin,
    /// Somebody left the server.
    MemberLeave,
    /// Somebody entered a voice channel.
    VoiceJoin,
    /// Somebody left a voice channel.
    VoiceLeave,
    /// Minutes spent in voice.
    VoiceTime,
    /// A server boost.
    Boost,
    /// Somebody was banned.
    Ban,
    /// Somebody was removed.
    Kick,
    /// Somebody was silenced for a while.
    Timeout,
    /// Somebody was warned.
    Warn,
    /// A file was shared.
    FileShare,
    /// The bot was addressed.
    AppMention,
    /// Somebody joined a channel.
    ChannelJoin,
    /// The stream went live.
    StreamOnline,
    /// The stream ended.
    StreamOffline,
    /// Somebody used a button, a menu or a command of the platform's own.
    Interaction,
    /// Somebody pressed a button under a message.
    ButtonClick,
    /// Somebody chose from a menu under a message.
    SelectMenu,
    /// Somebody sent a dialogue.
    ModalSubmit,
    /// Somebody spoke to the bot by its name.
    Mention,
    /// Somebody used a shortcut of the platform.
    Shortcut,
    /// A message somebody paid for.
    SuperChat,
    /// Somebody became a paying member.
    Membership,
    /// A video came out.
    VideoPublished,
    /// Somebody filled in a form on an overlay; the text holds the answers as JSON.
    FormSubmission,
    /// Somebody said something that is no command. It is heard as chat and never sent in as an event.
    #[serde(rename = "chatMessage")]
    ChatMessage,
}

impl EventKind {
    /// Every kind that is sent in as an event, in the order of the specification, our own last.
    pub const ALL: [Self; 34] = [
        Self::Subscription,
        Self::Follow,
        Self::Donation,
        Self::Cheer,
        Self::Raid,
        Self::Host,
        Self::Subgift,
        Self::Resub,
        Self::Reaction,
        Self::MemberJoin,
        Self::MemberLeave,
        Self::VoiceJoin,
        Self::VoiceLeave,
        Self::VoiceTime,
        Self::Boost,
        Self::Ban,
        Self::Kick,
        Self::Timeout,
        Self::Warn,
        Self::FileShare,
        Self::AppMention,
        Self::ChannelJoin,
        Self::StreamOnline,
        Self::StreamOffline,
        Self::Interaction,
        Self::ButtonClick,
        Self::SelectMenu,
        Self::ModalSubmit,
        Self::Mention,
        Self::Shortcut,
        Self::SuperChat,
        Self::Membership,
        Self::VideoPublished,
        Self::FormSubmission,
    ];

    /// The kind's name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::Follow => "follow",
            Self::Donation => "donation",
            Self::Cheer => "cheer",
            Self::Raid => "raid",
            Self::Host => "host",
            Self::Subgift => "subgift",
            Self::Resub => "resub",
            Self::Reaction => "reaction",
            Self::MemberJoin => "member_join",
            Self::MemberLeave => "member_leave",
            Self::VoiceJoin => "voice_join",
            Self::VoiceLeave => "voice_leave",
            Self::VoiceTime => "voice_time",
            Self::Boost => "boost",
            Self::Ban => "ban",
            Self::Kick => "kick",
            Self::Timeout => "timeout",
            Self::Warn => "warn",
            Self::FileShare => "file_share",
            Self::AppMention => "app_mention",
            Self::ChannelJoin => "channel_join",
            Self::StreamOnline => "stream_online",
            Self::StreamOffline => "stream_offline",
            Self::FormSubmission => "form_submission",
            Self::ChatMessage => "chatMessage",
            Self::Interaction => "interaction",
            Self::ButtonClick => "button_click",
            Self::SelectMenu => "select_menu",
            Self::ModalSubmit => "modal_submit",
            Self::Mention => "mention",
            Self::Shortcut => "shortcut",
            Self::SuperChat => "super_chat",
            Self::Membership => "membership",
            Self::VideoPublished => "video_published",
        }
    }

    /// Reads a kind's name, the other names that collectors use included.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = match name {
            "sub" => "subscription",
            "gift_subscription" => "subgift",
            "streamStart" => "stream_online",
            "streamEnd" => "stream_offline",
            "superChat" => "super_chat",
            "videoPublished" => "video_published",
            name => name,
        };
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Reads the name of what may set a command off: any event, or chat.
    #[must_use]
    pub fn parse_trigger(name: &str) -> Option<Self> {
        if name == Self::ChatMessage.name() { Some(Self::ChatMessage) } else { Self::parse(name) }
    }
}

/// One thing that happened in a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The platform's id of the event; the same id twice is the same event.
    pub id: Text,
    /// What happened.
    pub kind: EventKind,
    /// Who did it, or who it is about.
    pub by: User,
    /// How much: viewers of a raid, bits of a cheer, months of a resub, minutes of voice, cents of a donation.
    #[serde(default)]
    pub amount: i64,
    /// The words that came with it.
    #[serde(default)]
    pub text: Text,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_own_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.name()), Some(kind));
            assert_eq!(serde_json::to_value(kind).expect("json"), kind.name());
        }
        assert_eq!(EventKind::parse("superChat"), Some(EventKind::SuperChat));
        assert_eq!(EventKind::parse("nonsense"), None);
        assert_eq!((EventKind::parse("chatMessage"), EventKind::parse_trigger("chatMessage")), (None, Some(EventKind::ChatMessage)));
        assert_eq!(serde_json::to_value(EventKind::ChatMessage).expect("json"), "chatMessage");
    }
}

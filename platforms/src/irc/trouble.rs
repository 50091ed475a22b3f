//! What can go wrong between the bot and an IRC server, and what the operator can do about it.

/// A refusal, a loss or a nuisance; whether the bot goes on is said by the [`Fact`](super::fact::Fact) around it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Numerics 902, 904, 905.
    #[error("the server refused the SASL login as `{account}` ({reason}); check sasl_user and sasl_password")]
    SaslRefused {
        /// The account that was tried.
        account: String,
        /// The server's words.
        reason: String,
    },
    /// SASL is configured but cannot be had now.
    #[error("SASL PLAIN is configured but the server does not offer it now ({reason}); are its services running?")]
    SaslMissing {
        /// What the server said or left out.
        reason: String,
    },
    /// Numeric 464, or Twitch's notice before the connection is registered.
    #[error("the server refused the password ({reason}); check password")]
    PasswordRefused {
        /// The server's words.
        reason: String,
    },
    /// Every spelling of the nick was taken or refused.
    #[error("the nick `{wanted}` and all its variations are taken or refused ({reason}); choose another")]
    NoNick {
        /// As configured.
        wanted: String,
        /// The server's last words.
        reason: String,
    },
    /// Another nick had to do for now.
    #[error("the nick `{wanted}` is not to be had ({reason}); the bot is `{nick}` until it is free")]
    OtherNick {
        /// As configured.
        wanted: String,
        /// As the server calls the bot.
        nick: String,
        /// The server's words.
        reason: String,
    },
    /// The bot was not let into a channel; it tries again later.
    #[error("{channel} does not let the bot in ({reason}); it will try again")]
    KeptOut {
        /// The channel's name.
        channel: String,
        /// The server's words.
        reason: String,
    },
    /// The bot was put out of a channel; it tries again later.
    #[error("the bot was put out of {channel} by {by} ({reason}); it will join again")]
    PutOut {
        /// The channel's name.
        channel: String,
        /// Who did it.
        by: String,
        /// Their words.
        reason: String,
    },
    /// Numeric 404.
    #[error("{channel} did not take a message of the bot ({reason})")]
    Unsaid {
        /// The channel's name.
        channel: String,
        /// The server's words.
        reason: String,
    },
    /// The connection was closed with an ERROR line or a RECONNECT.
    #[error("the server ended the connection ({reason})")]
    Closed {
        /// The server's words.
        reason: String,
    },
    /// No answer to a PING.
    #[error("the server has been silent for {seconds} s and did not answer a ping")]
    Silent {
        /// How long.
        seconds: u64,
    },
    /// Registration did not end in time.
    #[error("the server did not finish the registration within {seconds} s")]
    NeverReady {
        /// How long the bot waited.
        seconds: u64,
    },
}

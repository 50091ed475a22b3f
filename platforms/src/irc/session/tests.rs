//! The protocol as a conversation: what the server says, what the bot writes, what came of it.

use super::*;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

struct Talk {
    session: Session,
    now: Duration,
}

impl Talk {
    fn new(settings: Settings) -> Self {
        let mut talk = Self { session: Session::new(settings), now: secs(1000) };
        talk.session.begin(talk.now, &mut BytesMut::new());
        talk
    }

    /// A bot that is in `#ducks` of a server with all marks.
    fn in_ducks() -> Self {
        let mut talk = Self::new(settings());
        talk.welcome("PREFIX=(qaohv)~&@%+ CASEMAPPING=rfc1459");
        talk.hears(":waddle!~w@some.host JOIN #ducks");
        talk
    }

    /// A bot that is in `#ducks` of a server that grants `capabilities`.
    fn with(capabilities: &str) -> Self {
        let mut talk = Self::new(settings());
        talk.hears(&format!("CAP * LS :{capabilities}"));
        talk.hears(&format!("CAP * ACK :{capabilities}"));
        talk.welcome("PREFIX=(ov)@+");
        talk.hears(":waddle!~w@some.host JOIN #ducks");
        talk
    }

    fn welcome(&mut self, tokens: &str) {
        self.hears(":irc.test 001 waddle :Welcome");
        self.hears(&format!(":irc.test 005 waddle {tokens} :are supported by this server"));
        assert_eq!(self.hears(":irc.test 376 waddle :End of MOTD"), "JOIN #ducks\r\n");
    }

    /// What the bot writes to the server.
    fn hears(&mut self, line: &str) -> String {
        let mut out = BytesMut::new();
        self.session.hear(&Line::parse(line).expect("a line"), self.now, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// What came of it.
    fn fact<'a>(&mut self, line: &'a str) -> Option<Fact<'a>> {
        self.session.hear(&Line::parse(line).expect("a line"), self.now, &mut BytesMut::new())
    }

    fn said<'a>(&mut self, line: &'a str) -> Option<Said<'a>> {
        match self.fact(line) {
            Some(Fact::Said(said)) => Some(said),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    /// What the bot writes when that much time has passed, and what came of it.
    fn waits(&mut self, time: Duration) -> (String, Option<Fact<'static>>) {
        self.now += time;
        let mut out = BytesMut::new();
        let fact = self.session.tick(self.now, &mut out);
        (String::from_utf8_lossy(&out).into_owned(), fact)
    }
}

fn settings() -> Settings {
    Settings { nick: "waddle".into(), channels: vec!["#ducks".into()], ..Settings::default() }
}

fn nothing() -> (String, Option<Fact<'static>>) {
    (String::new(), None)
}

#[test]
fn a_message_names_its_room_speaker_and_words() {
    let said = Talk::in_ducks()
        .said(":Ana!~a@h PRIVMSG #DUCKS :!so @ninja")
        .map(|said| (said.room, said.user.into_owned(), said.name.into_owned(), said.text));
    assert_eq!(said, Some((0, "ana".to_owned(), "Ana".to_owned(), "!so @ninja")));
}

#[test]
fn only_what_people_say_in_our_rooms_is_heard() {
    let mut talk = Talk::in_ducks();
    for line in [
        ":ana!~a@h PRIVMSG waddle :!ping",
        ":ana!~a@h PRIVMSG #elsewhere :!ping",
        ":ana!~a@h PRIVMSG @#ducks :!ping",
        ":Waddle!~w@some.host PRIVMSG #ducks :!ping",
        ":irc.test PRIVMSG #ducks :!ping",
        ":NickServ!s@services NOTICE #ducks :!ping",
        ":ana!~a@h PRIVMSG #ducks :\u{1}VERSION\u{1}",
        ":ana!~a@h PRIVMSG #ducks",
        ":ana!~a@h TAGMSG #ducks",
    ] {
        assert_eq!(talk.fact(line), None, "{line}");
    }
}

#[test]
fn an_action_is_its_words() {
    let mut talk = Talk::in_ducks();
    assert_eq!(talk.said(":ana!~a@h PRIVMSG #ducks :\u{1}ACTION waves\u{1}").map(|said| said.text), Some("waves"));
}

#[test]
fn channel_status_is_a_role() {
    let mut talk = Talk::in_ducks();
    talk.hears(":irc.test 353 waddle = #ducks :waddle ~fay &gus @ana %hal +eve bob");
    let mut role = |nick: &str| {
        let line = format!(":{nick}!x@h PRIVMSG #ducks :hi");
        talk.said(&line).map(|said| said.role)
    };
    assert_eq!(
        ["fay", "gus", "ANA", "hal", "eve", "bob"].map(|nick| role(nick).expect("said")),
        [Role::Owner, Role::Admin, Role::Moderator, Role::Moderator, Role::Vip, Role::Viewer]
    );
    talk.hears(":fay!x@h MODE #ducks +o-o bob ana");
    talk.hears(":bob!x@h NICK bobby");
    talk.hears(":eve!x@h PART #ducks :bye");
    let mut role = |line: &'static str| talk.said(line).map(|said| said.role);
    assert_eq!(role(":ana!x@h PRIVMSG #ducks :hi"), Some(Role::Viewer));
    assert_eq!(role(":bobby!x@h PRIVMSG #ducks :hi"), Some(Role::Moderator));
    assert_eq!(role(":eve!x@h PRIVMSG #ducks :hi"), Some(Role::Viewer));
}

#[test]
fn where_accounts_are_shown_a_nick_alone_is_nobodys_account() {
    let mut talk = Talk::with("account-tag message-tags");
    let mut user = |line: &'static str| talk.said(line).map(|said| said.user.into_owned());
    assert_eq!(user("@account=Ana;msgid=1 :whoever!x@h PRIVMSG #ducks :hi").as_deref(), Some("ana"));
    assert_eq!(user("@msgid=2 :Ana!x@h PRIVMSG #ducks :hi").as_deref(), Some("ana!"));
}

#[test]
fn twitch_tells_roles_names_and_events_in_tags() {
    let mut talk = Talk::with("twitch.tv/tags twitch.tv/commands");
    let said = talk
        .said(r"@badges=moderator/1;display-name=Ana;id=m1;mod=1;user-id=7 :ana!ana@ana.tmi.twitch.tv PRIVMSG #ducks :!so @ninja")
        .expect("said");
    assert_eq!((said.role, said.user.as_ref(), said.name.as_ref(), said.id), (Role::Moderator, "7", "Ana", "m1"));
    let raid = talk.fact("@id=r;login=ninja;msg-id=raid;msg-param-viewerCount=5 :tmi.twitch.tv USERNOTICE #ducks");
    assert!(matches!(raid, Some(Fact::Happened(0, Event { kind: EventKind::Raid, amount: 5, .. }))));
    assert!(matches!(talk.fact(":tmi.twitch.tv RECONNECT"), Some(Fact::Lost(_))));
}

#[test]
fn badges_are_not_believed_elsewhere() {
    let mut talk = Talk::with("message-tags");
    let said = talk.said("@badges=broadcaster/1;mod=1;user-id=1;display-name=fay :bob!x@h PRIVMSG #ducks :hi").expect("said");
    assert_eq!((said.role, said.user.as_ref(), said.name.as_ref()), (Role::Viewer, "bob", "bob"));
}

#[test]
fn history_told_again_runs_no_command() {
    let mut talk = Talk::new(settings());
    talk.hears("CAP * LS :server-time");
    talk.hears("CAP * ACK :server-time");
    talk.hears("@time=2026-01-01T00:00:00.000Z :irc.test 001 waddle :Welcome");
    assert_eq!(talk.said("@time=2025-12-31T23:59:00.000Z :ana!x@h PRIVMSG #ducks :!ping"), None);
    assert!(talk.said("@time=2025-12-31T23:59:45.000Z :ana!x@h PRIVMSG #ducks :!ping").is_some());
    talk.now += secs(3600);
    assert!(talk.said("@time=2026-01-01T01:00:00.000Z :ana!x@h PRIVMSG #ducks :!ping").is_some());
    assert_eq!(talk.said("@time=2026-01-01T00:10:00.000Z :ana!x@h PRIVMSG #ducks :!ping"), None);
    assert_eq!(talk.session.late(), 2);
    // The server's clock was set back: the next ping tells.
    talk.hears("@time=2025-06-01T00:00:00.000Z PING :x");
    assert!(talk.said("@time=2025-06-01T00:00:00.000Z :ana!x@h PRIVMSG #ducks :!ping").is_some());
}

#[test]
fn pings_are_answered_and_silence_is_questioned() {
    let mut talk = Talk::in_ducks();
    assert_eq!(talk.hears("PING :irc.test with words"), "PONG :irc.test with words\r\n");
    assert_eq!(talk.waits(secs(59)), nothing());
    assert_eq!(talk.waits(secs(1)).0, "PING waddlebot\r\n");
    talk.hears(":irc.test PONG irc.test :waddlebot");
    assert_eq!(talk.waits(secs(59)), nothing());
    assert_eq!(talk.waits(secs(1)).0, "PING waddlebot\r\n");
    assert_eq!(talk.waits(secs(29)), nothing());
    assert_eq!(talk.waits(secs(1)).1, Some(Fact::Lost(Trouble::Silent { seconds: 90 })));
}

#[test]
fn a_server_that_never_welcomes_is_given_up() {
    let mut talk = Talk::new(settings());
    assert_eq!(talk.waits(secs(29)), nothing());
    assert!(matches!(talk.waits(secs(1)).1, Some(Fact::Lost(Trouble::NeverReady { .. }))));
}

#[test]
fn a_welcome_without_an_end_is_enough_after_a_while() {
    let mut talk = Talk::new(settings());
    talk.hears(":irc.test 001 waddle :Welcome");
    assert_eq!(talk.waits(secs(10)), ("JOIN #ducks\r\n".into(), Some(Fact::Ready)));
}

#[test]
fn a_kicked_bot_comes_back_after_a_pause_that_grows() {
    let mut talk = Talk::in_ducks();
    let left = talk.fact(":ana!x@h KICK #ducks waddle :out");
    assert!(matches!(left, Some(Fact::Left(0, Trouble::PutOut { .. }))));
    assert_eq!(talk.waits(secs(1)), nothing());
    assert_eq!(talk.waits(secs(1)).0, "JOIN #ducks\r\n");
    talk.hears(":waddle!~w@some.host JOIN #ducks");
    talk.hears(":ana!x@h KICK #ducks waddle :out");
    assert_eq!(talk.waits(secs(3)), nothing());
    assert_eq!(talk.waits(secs(1)).0, "JOIN #ducks\r\n");
    assert!(matches!(talk.fact(":irc.test 474 waddle #ducks :Cannot join channel (+b)"), Some(Fact::Noted(Trouble::KeptOut { .. }))));
    assert_eq!(talk.waits(secs(7)), nothing());
    assert_eq!(talk.hears(":ana!x@h INVITE waddle #ducks"), "JOIN #ducks\r\n");
}

#[test]
fn others_who_are_kicked_are_an_event() {
    let mut talk = Talk::in_ducks();
    let Some(Fact::Happened(0, event)) = talk.fact(":ana!x@h KICK #ducks Bob :rude") else { panic!("no event") };
    assert_eq!((event.kind, event.by.name.as_ref(), event.text.as_ref()), (EventKind::Kick, "Bob", "rude"));
}

#[test]
fn the_wanted_nick_is_taken_back_when_it_is_free() {
    let mut talk = Talk::new(settings());
    assert_eq!(talk.hears(":irc.test 433 * waddle :Nickname is already in use"), "NICK waddle_\r\n");
    assert!(matches!(talk.fact(":irc.test 001 waddle_ :Welcome"), Some(Fact::Noted(Trouble::OtherNick { .. }))));
    talk.hears(":irc.test 422 waddle_ :no MOTD");
    talk.hears(":waddle_!~w@some.host JOIN #ducks");
    assert_eq!(talk.waits(secs(59)), nothing());
    assert_eq!(talk.waits(secs(1)).0, "NICK waddle\r\nPING waddlebot\r\n");
    assert_eq!(talk.hears(":irc.test 433 waddle_ waddle :Nickname is already in use"), "");
    assert_eq!(talk.hears(":waddle!x@h QUIT :bye"), "NICK waddle\r\n");
    talk.hears(":waddle_!x@h NICK waddle");
    assert_eq!(talk.session.nick(), "waddle");
    assert_eq!(talk.waits(secs(30)), nothing());
}

#[test]
fn the_room_for_text_follows_our_name_and_host() {
    let mut talk = Talk::in_ducks();
    assert_eq!(talk.session.source_len(), "waddle!~w@some.host".len());
    talk.hears(":waddle!~w@some.host NICK wad");
    assert_eq!(talk.session.source_len(), "wad!~w@some.host".len());
    talk.hears(":irc.test 396 wad cloak.example :is now your displayed host");
    assert_eq!(talk.session.source_len(), "wad!~w@cloak.example".len());
    talk.hears(":wad!~w@cloak.example CHGHOST ww other.example");
    assert_eq!(talk.session.source_len(), "wad!ww@other.example".len());
    assert!(Talk::new(settings()).session.source_len() > 80);
}

#[test]
fn twitch_says_no_to_a_password_in_a_notice() {
    let mut talk = Talk::new(settings());
    let fact = talk.fact(":tmi.twitch.tv NOTICE * :Login authentication failed");
    assert!(matches!(fact, Some(Fact::Stop(Trouble::PasswordRefused { .. }))));
}

#[test]
fn many_channels_are_joined_as_fast_as_the_server_bears() {
    let channels: Vec<String> = (0..45).map(|n| format!("#c{n}")).collect();
    let mut talk = Talk::new(Settings { channels, ..settings() });
    talk.hears("CAP * LS :twitch.tv/tags");
    talk.hears("CAP * ACK :twitch.tv/tags");
    talk.hears(":tmi 001 waddle :Welcome");
    let count = |line: String| line.matches('#').count();
    assert_eq!(count(talk.hears(":tmi 376 waddle :>")), 20);
    assert_eq!(count(talk.waits(secs(10)).0), 0);
    assert_eq!(count(talk.waits(secs(1)).0), 20);
    assert_eq!(count(talk.waits(secs(11)).0), 5);
}

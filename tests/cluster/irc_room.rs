//! Two nodes and an IRC server: one node keeps the connection, the other serves the community, and Ana listens in its room.

use waddlebot_testbed::irc;

use crate::rig::{Cluster, Node, meet};

/// The settings of a node that is connected to this server.
pub(crate) fn connected(address: &str) -> [(&str, &str); 4] {
    [
        ("WADDLEBOT_IRC_SERVER", address),
        ("WADDLEBOT_IRC_NICK", "waddle"),
        ("WADDLEBOT_IRC_CHANNELS", "#room"),
        ("WADDLEBOT_IRC_TLS", "false"),
    ]
}

/// The setting of a node that says as much at once as it has to say.
pub(crate) const NO_FLOOD_LIMIT: (&str, &str) = ("WADDLEBOT_IRC_FLOOD", "off");

/// What is set up.
pub(crate) struct IrcRoom {
    pub(crate) cluster: Cluster,
    pub(crate) server: irc::Server,
    /// Ana, who is in `#room`.
    pub(crate) ana: irc::Person,
    /// Keeps the connection.
    pub(crate) one: Node,
    /// Serves the community.
    pub(crate) two: Node,
}

impl IrcRoom {
    /// Sets it up; the nodes have these settings besides.
    pub(crate) fn new(more: &[(&str, &str)]) -> Self {
        let (cluster, server) = (Cluster::new(), irc::Server::ngircd());
        let address = server.address().to_string();
        let settings = [&connected(&address), more].concat();
        let mut ana = server.person("ana");
        ana.joins("#room");
        let (mut one, mut two) = (cluster.node("n1"), cluster.node("n2"));
        one.start_with(&settings);
        ana.hears("JOIN");
        two.start_with(&settings);
        meet(&[&one, &two]);
        assert_eq!(two.hears("lobby", "!ping here"), "pong here");
        assert_eq!((cluster.owner("connection:irc"), cluster.owner("community:2")), ("n1".into(), "n2".into()));
        Self { cluster, server, ana, one, two }
    }
}

//! Every setting there is: one line each, with its default and its names in the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tracing::Level;
use waddlebot_runtime::telemetry::Hidden;

use super::error::ConfigError;
use super::layers::Layers;
use super::value::{Choice, Value};

/// What is known of one setting besides its value.
pub(crate) struct Setting {
    /// The table in `cluster.toml`.
    pub(crate) section: &'static str,
    /// Its name there.
    pub(crate) key: &'static str,
    /// What it is, from its documentation.
    pub(crate) about: &'static str,
    /// What holds when nobody says anything; empty for none.
    pub(crate) default: &'static str,
    /// Its older names in the environment; `WADDLEBOT_SECTION_KEY` is one in any case.
    pub(crate) environment: &'static [&'static str],
}

macro_rules! settings {
    ($(
        #[doc = $section_about:literal]
        $section:ident: $Section:ident {
            $( #[doc = $about:literal] $key:ident: $Type:ty = $default:literal $(, $environment:literal)*; )+
        }
    )+) => {
        $(
            #[doc = $section_about]
            #[derive(Debug, Clone)]
            pub(crate) struct $Section {
                $( #[doc = $about] pub(crate) $key: $Type, )+
            }
        )+

        /// Everything that can be set, after all layers.
        #[derive(Debug, Clone)]
        pub(crate) struct Config {
            /// The folder for everything that is kept.
            pub(crate) data: PathBuf,
            $( #[doc = $section_about] pub(crate) $section: $Section, )+
            /// Who said what.
            pub(crate) layers: Layers,
        }

        /// All of them, in the order of `cluster.toml`.
        pub(crate) const SETTINGS: &[Setting] = &[$($(
            Setting {
                section: stringify!($section),
                key: stringify!($key),
                about: $about,
                default: $default,
                environment: &[$($environment),*],
            },
        )+)+];

        /// The tables of `cluster.toml` and what they are about.
        pub(crate) const SECTIONS: &[(&str, &str)] = &[$((stringify!($section), $section_about),)+];

        impl Config {
            /// Reads every setting from the highest layer that says something about it.
            pub(crate) fn assemble(data: PathBuf, layers: Layers) -> Result<Self, ConfigError> {
                Ok(Self {
                    data,
                    $( $section: $Section { $( $key: layers.value(stringify!($section), stringify!($key))?, )+ }, )+
                    layers,
                })
            }

            /// The effective value of each setting as TOML, in the order of [`SETTINGS`]; nothing where it is not set.
            pub(crate) fn shown(&self) -> Vec<Option<String>> {
                vec![$($( self.$section.$key.show(), )+)+]
            }
        }
    };
}

settings! {
    /// This process among others.
    node: Node {
        /// Its name; no two nodes of a cluster may have the same.
        id: String = "n1", "NODE_ID";
        /// The most channels and communities it serves.
        max_claims: u32 = "20000", "MAX_CLAIMS";
    }
    /// How a node shows that it lives; the same on all nodes.
    lease: Lease {
        /// How long a node that is not heard of still owns its channels.
        ttl: Duration = "6s", "CLAIM_TIMEOUT";
        /// How often a node shows that it lives.
        renew: Duration = "1500ms", "HEARTBEAT_INTERVAL";
        /// How long before the end of its lease a node stops acting.
        guard: Duration = "1s", "GRACE_PERIOD";
        /// Whether a process that is seen to be gone is followed at once; not behind a pooler that shares sessions.
        quick: bool = "true";
    }
    /// Several nodes that share one PostgreSQL and one Redis; without a name a node is alone.
    cluster: Cluster {
        /// Its name, the same on all nodes.
        name: Option<String> = "", "CLUSTER_NAME";
        /// Where this node listens for its peers, as address:port.
        listen: SocketAddr = "127.0.0.1:8061", "CLUSTER_LISTEN";
        /// How peers reach it, as host:port, when that is not the address it listens on.
        advertise: Option<String> = "", "CLUSTER_ADVERTISE";
        /// Nodes that are asked at start whether this one fits, as host:port; any that are gone do not matter.
        seeds: Vec<String> = "", "CLUSTER_SEEDS";
        /// What all nodes know and nobody else, 16 characters or more.
        cookie: Option<Hidden<String>> = "", "CLUSTER_COOKIE";
        /// The file it stands in, where there is no cookie here.
        cookie_file: Option<PathBuf> = "", "CLUSTER_COOKIE_FILE";
        /// This node's certificate, a PEM file; without one nodes talk in plain text, on one machine only.
        tls_cert: Option<PathBuf> = "", "CLUSTER_TLS_CERT";
        /// The key of that certificate.
        tls_key: Option<PathBuf> = "", "CLUSTER_TLS_KEY";
        /// The authority that signed the certificates of all nodes.
        tls_ca: Option<PathBuf> = "", "CLUSTER_TLS_CA";
    }
    /// The one port for hub, overlays, webhooks and API.
    http: Http {
        /// Where it listens, as address:port.
        listen: SocketAddr = "127.0.0.1:8060", "WADDLEBOT_LISTEN";
        /// How browsers reach it, when that is not the address it listens on.
        base_url: Option<String> = "", "BASE_URL";
        /// Who may read /metrics: key (holders of a core or admin key), machine (also programs on this machine) or anybody.
        metrics: Choice<MetricsReaders> = "key";
        /// The origins whose pages may call the API from a browser, as https://example.org; none without.
        cors_origins: Vec<String> = "", "CORS_ORIGINS";
    }
    /// Where data is kept.
    store: Store {
        /// PostgreSQL, as postgres://user:password@host/database; without it SQLite in the data folder.
        database_url: Option<Hidden<String>> = "", "DATABASE_URL";
        /// A replica for reads that may be a second old.
        read_replica_url: Option<Hidden<String>> = "", "READ_REPLICA_URL";
        /// Redis for sessions, as redis://host:port; without it sessions live in this process.
        redis_url: Option<Hidden<String>> = "", "REDIS_URL";
        /// The host of Redis, where there is no redis_url.
        redis_host: Option<String> = "", "REDIS_HOST";
        /// Its port.
        redis_port: u16 = "6379", "REDIS_PORT";
        /// Its password.
        redis_password: Option<Hidden<String>> = "", "REDIS_PASSWORD";
        /// The number of the database in it.
        redis_db: u8 = "0", "REDIS_DB";
        /// How long a session lives after its last use.
        session_ttl: Duration = "1h", "SESSION_TTL";
        /// What cookies and overlay addresses are derived from, 32 characters or more; without it a file in the data folder.
        secret_key: Option<Hidden<String>> = "", "WADDLEBOT_SECRET_KEY";
    }
    /// What is written about the work.
    log: Log {
        /// The least important lines that are written: error, warning, info, debug or trace.
        level: Level = "info", "LOG_LEVEL";
        /// The folder of waddlebot.log; without it `log` in the data folder.
        dir: Option<PathBuf> = "", "LOG_DIR";
        /// Whether lines also go to syslog.
        syslog: bool = "false", "ENABLE_SYSLOG";
        /// The syslog server; localhost is the syslog of this machine, any other gets RFC 5424 over UDP.
        syslog_host: String = "localhost", "SYSLOG_HOST";
        /// Its port.
        syslog_port: u16 = "514", "SYSLOG_PORT";
        /// The facility lines are filed under: user, daemon or local0 to local7.
        syslog_facility: Choice<Facility> = "local0", "SYSLOG_FACILITY";
    }
    /// What is shown in OBS.
    overlay: Overlay {
        /// The most browser sources that may be connected to this node.
        max_connections: u32 = "20000", "MAX_CONNECTIONS";
        /// The most items that wait in one queue.
        queue_size: u32 = "100", "TICKER_QUEUE_SIZE";
        /// The most characters in a ticker line.
        max_ticker_length: u32 = "200", "MAX_TICKER_LENGTH";
        /// How long a ticker line stays.
        ticker_duration: Duration = "10s", "DEFAULT_TICKER_DURATION";
        /// How long a media card stays.
        media_duration: Duration = "30s", "DEFAULT_MEDIA_DURATION";
        /// For how many days it is kept who opened an overlay, and what it showed.
        access_log_days: u32 = "30", "ACCESS_LOG_RETENTION_DAYS";
    }
    /// One IRC server; without `server` there is none.
    irc: Irc {
        /// The server as host:port.
        server: Option<String> = "";
        /// The nick the bot wants.
        nick: String = "waddlebot";
        /// The channels it joins: "#name", or "#name key".
        channels: Vec<String> = "";
        /// Whether the connection is encrypted.
        tls: bool = "true";
        /// How fast the bot may speak: rfc (what every server bears) or off (a server that allows it).
        flood: Choice<Flood> = "rfc";
        /// The server's password; on Twitch oauth:….
        password: Option<Hidden<String>> = "";
        /// The account for SASL PLAIN.
        sasl_user: Option<String> = "";
        /// The password of that account.
        sasl_password: Option<Hidden<String>> = "";
        /// Whether the bot stays away when the account is refused.
        sasl_required: bool = "true";
        /// Further certificate authorities to trust, a PEM file.
        ca_file: Option<PathBuf> = "";
    }
    /// Programs elsewhere that answer commands.
    engines: Engines {
        /// Hosts that may be called though their addresses are private, as host or host:port.
        allow_hosts: Vec<String> = "", "ENGINE_ALLOW_HOSTS";
        /// How many may be called at once.
        at_once: u32 = "100", "ROUTER_MAX_CONCURRENT";
        /// How many of them for one community.
        of_community: u32 = "20", "ROUTER_MAX_WORKERS";
        /// The region of AWS Lambda.
        aws_region: String = "us-east-1", "AWS_REGION";
        /// The id of the key for it; without it there is no Lambda.
        aws_key_id: Option<Hidden<String>> = "", "AWS_ACCESS_KEY_ID";
        /// The key itself.
        aws_secret_key: Option<Hidden<String>> = "", "AWS_SECRET_ACCESS_KEY";
        /// What comes with a key that ends.
        aws_session_token: Option<Hidden<String>> = "", "AWS_SESSION_TOKEN";
        /// What stands before the name of every function.
        lambda_prefix: String = "waddlebot-", "LAMBDA_FUNCTION_PREFIX";
        /// Another place that speaks the protocol of Lambda.
        lambda_url: Option<String> = "", "AWS_ENDPOINT_URL_LAMBDA";
        /// The host of Apache OpenWhisk; without it there is none.
        openwhisk_host: Option<String> = "", "OPENWHISK_API_HOST";
        /// The key for it, as user:password.
        openwhisk_auth_key: Option<Hidden<String>> = "", "OPENWHISK_AUTH_KEY";
        /// The namespace of its actions.
        openwhisk_namespace: String = "waddlebot", "OPENWHISK_NAMESPACE";
    }
    /// How much is let through, and how long things may take.
    limits: Limits {
        /// Commands a person may run per window, where the command says nothing else.
        commands: u32 = "60", "ROUTER_DEFAULT_RATE_LIMIT";
        /// The length of that window.
        window: Duration = "60s", "ROUTER_RATE_LIMIT_WINDOW";
        /// Requests a service's API key may make per minute; 0 for any number.
        api_services: u32 = "600000";
        /// Requests a person's API key may make per minute; 0 for any number.
        api_people: u32 = "1000";
        /// Requests a key may make to a service beside that, as SERVICE [ROLE] PER_MINUTE[/PER_HOUR]; the services are router, collectors, overlays, rooms and house.
        api: Vec<String> = "";
        /// How long a module may work on one command.
        module_time: Duration = "5s";
        /// How long a stop may take before it is forced.
        drain_timeout: Duration = "25s";
    }
}

/// The words for `http.metrics`.
#[derive(Debug, Clone)]
pub(crate) struct MetricsReaders;

impl super::value::Words for MetricsReaders {
    const WORDS: &'static [&'static str] = &["key", "machine", "anybody"];
    const WANTS: &'static str = "key, machine or anybody";
}

/// The words for `irc.flood`.
#[derive(Debug, Clone)]
pub(crate) struct Flood;

impl super::value::Words for Flood {
    const WORDS: &'static [&'static str] = &["rfc", "on", "off"];
    const WANTS: &'static str = "rfc or off";
}

/// The words for `log.syslog_facility`.
#[derive(Debug, Clone)]
pub(crate) struct Facility;

impl super::value::Words for Facility {
    const WORDS: &'static [&'static str] =
        &["user", "daemon", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"];
    const WANTS: &'static str = "user, daemon or local0 to local7";
}

//! What the parts of the program are given of the configuration, in their own words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::Context as _;
use axum::http::HeaderValue;
use waddlebot_actors::{outside, overlay};
use waddlebot_platforms::engines::lambda::Lambda;
use waddlebot_platforms::engines::openwhisk::OpenWhisk;
use waddlebot_platforms::irc::settings as irc;
use waddlebot_runtime::membership::{self, Before, Here, Terms};
use waddlebot_runtime::store::{Member, Place, Store, file_in};
use waddlebot_runtime::telemetry::{self, Hidden};

use super::Config;
use crate::api::metrics::Readers;
use crate::api::rates::Allowance;
use crate::program::outside::Reach;

impl Config {
    /// The origins whose pages may call the API.
    pub(crate) fn origins(&self) -> anyhow::Result<Vec<HeaderValue>> {
        let origin = |text: &String| {
            let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
            let whole = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', '?', '#', '@', ' ']));
            let value = HeaderValue::try_from(text.as_str()).ok().filter(|_| whole);
            value.with_context(|| format!("http.cors_origins: {text:?} is no origin, as https://example.org is one"))
        };
        self.http.cors_origins.iter().map(origin).collect()
    }

    /// How often a key may ask.
    pub(crate) fn allowance(&self) -> anyhow::Result<Allowance> {
        let limits = &self.limits;
        let all = Allowance { services: limits.api_services, people: limits.api_people, ..Allowance::default() };
        all.said(&limits.api).map_err(|why| anyhow::anyhow!("limits.api: {why}"))
    }

    /// Who may read the metrics without a key.
    pub(crate) fn metrics_readers(&self) -> Readers {
        match self.http.metrics.0 {
            "machine" => Readers::ThisMachine,
            "anybody" => Readers::Anybody,
            _ => Readers::Keys,
        }
    }

    /// Where the rows are.
    pub(crate) fn place(&self) -> Place {
        match &self.store.database_url {
            None => Place::Sqlite(file_in(&self.data)),
            Some(url) => Place::Postgres {
                url: url.reveal().clone(),
                replica: self.store.read_replica_url.as_ref().map(|replica| replica.reveal().clone()),
            },
        }
    }

    /// This node among others: its row, and how it shows that it lives.
    pub(crate) fn membership(&self, here: &Here, store: &Store, before: Before) -> membership::Seed {
        let terms = Terms {
            ttl: self.lease.ttl,
            renew: self.lease.renew,
            guard: self.lease.guard,
            quick: self.lease.quick && self.cluster.name.is_some(),
        };
        let member = Member {
            node_id: self.node.id.clone(),
            address: self.peer_address().unwrap_or_default(),
            http_address: self.base_url(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config_hash: self.terms(),
            capacity: self.node.max_claims.into(),
        };
        membership::Seed { here: here.clone(), member, store: store.clone(), terms, before }
    }

    /// Where sessions are kept, when not in this process: `redis_url`, or what the single settings make of it.
    pub(crate) fn redis(&self) -> Option<Hidden<String>> {
        let store = &self.store;
        if let Some(url) = &store.redis_url {
            return Some(url.clone());
        }
        let host = store.redis_host.as_ref()?;
        let password = store.redis_password.as_ref().map(|word| format!(":{}@", percent_encoded(word.reveal()))).unwrap_or_default();
        Some(Hidden::new(format!("redis://{password}{host}:{}/{}", store.redis_port, store.redis_db)))
    }

    /// Where programs run that answer commands.
    pub(crate) fn engines(&self) -> Reach {
        let engines = &self.engines;
        let open = |hidden: &Option<Hidden<String>>| hidden.as_ref().map(|word| word.reveal().clone());
        let lambda = open(&engines.aws_key_id).zip(open(&engines.aws_secret_key)).map(|(key_id, secret)| Lambda {
            region: engines.aws_region.clone(),
            key_id,
            secret,
            token: open(&engines.aws_session_token),
            prefix: engines.lambda_prefix.clone(),
            endpoint: engines.lambda_url.clone(),
        });
        let namespace = engines.openwhisk_namespace.clone();
        let openwhisk = engines.openwhisk_host.clone().zip(open(&engines.openwhisk_auth_key));
        let openwhisk = openwhisk.map(|(host, key)| OpenWhisk { host, key, namespace });
        Reach { allowed: engines.allow_hosts.clone(), lambda, openwhisk }
    }

    /// How many of them are called at once.
    pub(crate) fn outside_limits(&self) -> outside::Limits {
        outside::Limits { at_once: self.engines.at_once as usize, of_community: self.engines.of_community as usize }
    }

    /// The connection to an IRC server, when one is named.
    pub(crate) fn irc_settings(&self) -> Option<irc::Settings> {
        let irc = &self.irc;
        let hide = |word: &Option<Hidden<String>>| word.as_ref().map(|word| irc::Secret::new(word.reveal().clone()));
        Some(irc::Settings {
            server: irc.server.clone()?,
            nick: irc.nick.clone(),
            channels: irc.channels.clone(),
            tls: irc.tls,
            flood: if irc.flood.0 == "off" { irc::Flood::Off } else { irc::Flood::Rfc },
            password: hide(&irc.password),
            sasl_user: irc.sasl_user.clone(),
            sasl_password: hide(&irc.sasl_password),
            sasl_required: irc.sasl_required,
            ca_file: irc.ca_file.clone(),
        })
    }

    /// How others reach the hub, without a slash at the end.
    pub(crate) fn base_url(&self) -> String {
        self.http.base_url.clone().unwrap_or_else(|| self.own_url()).trim_end_matches('/').to_owned()
    }

    /// How a program on this machine reaches the node: who listens on every address is at the machine's own.
    pub(crate) fn own_url(&self) -> String {
        let mut address = self.http.listen;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        format!("http://{address}")
    }

    /// What is logged, and where to.
    pub(crate) fn logging(&self) -> telemetry::Options {
        let log = &self.log;
        let syslog =
            telemetry::SyslogPlace { host: log.syslog_host.clone(), port: log.syslog_port, facility: log.syslog_facility.0.to_owned() };
        telemetry::Options {
            level: log.level,
            stdout: true,
            folder: Some(log.dir.clone().unwrap_or_else(|| self.data.join("log"))),
            syslog: log.syslog.then_some(syslog),
        }
    }

    /// What can be set about overlays.
    pub(crate) fn overlay_settings(&self) -> overlay::Settings {
        overlay::Settings {
            connections: self.overlay.max_connections as usize,
            queue: self.overlay.queue_size as usize,
            retention: Duration::from_secs(u64::from(self.overlay.access_log_days) * 86_400),
            page: crate::overlay_pages::version(),
            ..overlay::Settings::default()
        }
    }
}

/// What may not stand in the password of a URL as it is.
fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

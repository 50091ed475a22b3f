//! What is set about the cluster: what must be there, what does not go together, and what the parts are given of it.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result, ensure};
use waddlebot_runtime::membership::Here;
use waddlebot_runtime::peers::{Name, Papers};
use waddlebot_runtime::telemetry::Hidden;

use super::{Config, ConfigError};

/// The shortest cookie.
const COOKIE: usize = 16;
/// The longest file a cookie is read from, in bytes.
const LONGEST: u64 = 4096;

/// A node among others.
pub(crate) struct Among {
    /// Who it is to them.
    pub(crate) name: Name,
    /// Where it listens for them.
    pub(crate) listen: SocketAddr,
    /// Whom it asks first.
    pub(crate) seeds: Vec<String>,
    /// What makes the connections safe; none on one machine.
    pub(crate) papers: Option<Papers>,
}

impl Config {
    /// What this node needs to be one of several; nothing when it is alone.
    pub(crate) fn among(&self, here: &Here) -> Result<Option<Among>> {
        let Some(cluster) = self.cluster.name.clone() else { return Ok(None) };
        let cookie = self.cookie()?;
        ensure!(
            cookie.chars().count() >= COOKIE,
            "the cluster's cookie has {COOKIE} characters or more: openssl rand -base64 32 makes one"
        );
        let name = Name { cluster, here: here.clone(), terms: self.terms(), cookie: Hidden::new(cookie) };
        let seeds = self.cluster.seeds.iter().filter(|seed| Some(*seed) != self.peer_address().as_ref()).cloned().collect();
        Ok(Some(Among { name, listen: self.cluster.listen, seeds, papers: self.papers() }))
    }

    /// Where peers reach this node.
    pub(super) fn peer_address(&self) -> Option<String> {
        self.cluster.name.as_ref()?;
        Some(self.cluster.advertise.clone().unwrap_or_else(|| self.cluster.listen.to_string()))
    }

    /// What must be the same on all nodes, as they compare it.
    pub(super) fn terms(&self) -> String {
        let lease = &self.lease;
        format!("ttl={:?} renew={:?} guard={:?} quick={}", lease.ttl, lease.renew, lease.guard, lease.quick)
    }

    /// What is set must be enough for a cluster, and safe.
    pub(super) fn check_cluster(&self) -> Result<(), ConfigError> {
        let cluster = &self.cluster;
        let wrong = |why: String| Err(ConfigError::Contradiction(why));
        if cluster.name.is_none() {
            let stray = !cluster.seeds.is_empty() || cluster.cookie.is_some() || cluster.cookie_file.is_some();
            return match stray {
                true => wrong("cluster.seeds or cluster.cookie is set, but cluster.name is not: a cluster has a name".into()),
                false => Ok(()),
            };
        }
        let store = &self.store;
        let needs = [
            (store.database_url.is_some(), "store.database_url: nodes share a PostgreSQL; a SQLite file is for one node alone"),
            (self.redis().is_some(), "store.redis_url: nodes share their sessions, or who logs in at one would be a stranger at the next"),
            (store.secret_key.is_some(), "store.secret_key: cookies and overlay addresses of one node must be good at all of them"),
            (cluster.cookie.is_some() || cluster.cookie_file.is_some(), "cluster.cookie or cluster.cookie_file: how nodes know each other"),
        ];
        if let Some((_, what)) = needs.iter().find(|(there, _)| !there) {
            return wrong(format!("a cluster needs {what}"));
        }
        let papers = [&cluster.tls_cert, &cluster.tls_key, &cluster.tls_ca].map(|paper| paper.is_some());
        if papers.contains(&true) && papers.contains(&false) {
            return wrong("cluster.tls_cert, cluster.tls_key and cluster.tls_ca are set together or not at all".into());
        }
        if papers == [false; 3] && !(cluster.listen.ip().is_loopback() && self.is_reached_on_this_machine()) {
            let why = "without certificates (cluster.tls_cert, cluster.tls_key, cluster.tls_ca) nodes talk in plain text, which they do on \
                       one machine only: cluster.listen and cluster.advertise must be 127.0.0.1 or [::1]";
            return wrong(why.into());
        }
        let address = |text: &str| text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if let Some(odd) = cluster.seeds.iter().chain(&cluster.advertise).find(|text| !address(text)) {
            return wrong(format!("cluster.seeds and cluster.advertise want host:port, not {odd:?}"));
        }
        if cluster.listen.ip().is_unspecified() && cluster.advertise.is_none() {
            return wrong(format!("cluster.listen is {}: say with cluster.advertise how peers reach this node", cluster.listen));
        }
        Ok(())
    }

    fn is_reached_on_this_machine(&self) -> bool {
        let Some(advertise) = &self.cluster.advertise else { return true };
        let host = advertise.rsplit_once(':').map_or(advertise.as_str(), |(host, _)| host).trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    fn papers(&self) -> Option<Papers> {
        let cluster = &self.cluster;
        let (certificate, key, authority) = (cluster.tls_cert.clone()?, cluster.tls_key.clone()?, cluster.tls_ca.clone()?);
        Some(Papers { certificate, key, authority })
    }

    fn cookie(&self) -> Result<String> {
        if let Some(cookie) = &self.cluster.cookie {
            return Ok(cookie.reveal().clone());
        }
        let Some(path) = &self.cluster.cookie_file else { return Ok(String::new()) };
        let unreadable = || format!("the cluster's cookie cannot be read from {}", path.display());
        ensure!(fs::metadata(path).with_context(unreadable)?.len() <= LONGEST, "{}: it is too long for a cookie", unreadable());
        Ok(fs::read_to_string(path).with_context(unreadable)?.trim().to_owned())
    }
}

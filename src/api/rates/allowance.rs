//! What keys may ask for: so much of everything by who they are, and of each service by what it says of them.

use waddlebot_runtime::keys::KeyRole;

/// What is asked for, as far as it has an allowance of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Events, commands, rules, roles, responses: `/router/*`.
    Router,
    /// What collectors use beside it: `/router/coordination/*`, `/api/*`.
    Collectors,
    /// `/browser/source/*`.
    Overlays,
    /// The rooms of the house: `/api/v1/local/*`.
    Rooms,
    /// What is looked after: health, metrics, actors, the cluster.
    House,
}

/// Requests per key; 0 lets everything through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowance {
    /// In a minute, for keys of services: trigger, action, core, admin.
    pub(crate) services: u32,
    /// In a minute, for keys of people.
    pub(crate) people: u32,
    /// Of one service alone.
    pub(crate) lines: Vec<Line>,
}

/// What a service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    service: Service,
    /// Of whom; of everybody of whom nothing else is said when it is nothing.
    role: Option<KeyRole>,
    pub(super) minute: u32,
    pub(super) hour: u32,
}

impl Service {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Router, "router"),
        (Self::Collectors, "collectors"),
        (Self::Overlays, "overlays"),
        (Self::Rooms, "rooms"),
        (Self::House, "house"),
    ];

    /// The service that an address belongs to.
    pub(crate) fn of(path: &str) -> Self {
        let begins = |all: &[&str]| all.iter().any(|one| path.starts_with(one));
        if begins(&["/api/v1/local/"]) {
            Self::Rooms
        } else if begins(&["/browser/"]) {
            Self::Overlays
        } else if begins(&["/router/coordination/", "/api/modules", "/api/servers", "/api/gateway", "/api/context"])
            || begins(&["/api/reputation", "/api/events"])
        {
            Self::Collectors
        } else if begins(&["/router/"]) {
            Self::Router
        } else {
            Self::House
        }
    }
}

impl Allowance {
    /// Reads what is said of services: `SERVICE [ROLE] PER_MINUTE[/PER_HOUR]` each.
    pub(crate) fn said(mut self, lines: &[String]) -> Result<Self, String> {
        for text in lines {
            let line = Line::parse(text).ok_or_else(|| {
                format!("{text:?} is no limit as \"router trigger 1000/10000\" is one: router, collectors, overlays, rooms or house, a key's role or none, requests per minute and per hour")
            })?;
            self.lines.push(line);
        }
        Ok(self)
    }

    pub(super) fn all(&self, role: KeyRole) -> u32 {
        if role == KeyRole::User { self.people } else { self.services }
    }

    pub(super) fn of(&self, service: Service, role: KeyRole) -> Option<Line> {
        let of = |whose: Option<KeyRole>| self.lines.iter().find(|line| line.service == service && line.role == whose);
        of(Some(role)).or_else(|| of(None)).copied()
    }

    pub(super) fn has_hours(&self) -> bool {
        self.lines.iter().any(|line| line.hour > 0)
    }
}

impl Line {
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split_whitespace().collect();
        let (service, role, rate) = match words[..] {
            [service, rate] => (service, None, rate),
            [service, role, rate] => (service, Some(KeyRole::parse(role)?), rate),
            _ => return None,
        };
        let (service, _) = *Service::ALL.iter().find(|(_, name)| *name == service)?;
        let (minute, hour) = rate.split_once('/').unwrap_or((rate, "0"));
        Some(Self { service, role, minute: minute.parse().ok()?, hour: hour.parse().ok()? })
    }
}

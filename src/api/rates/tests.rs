//! Who may ask how often, and what they are told.

use super::*;

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn rates(services: u32, people: u32, lines: &[&str]) -> Rates {
    let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
    Rates::new(Allowance { services, people, ..Allowance::default() }.said(&lines).expect("limits"))
}

#[test]
fn a_key_may_ask_so_often_in_any_minute_and_others_are_not_touched() {
    let rates = rates(10, 0, &[]);
    let take = |key: &str, now: f64| rates.take(key, KeyRole::Trigger, Service::Router, at(now)).expect("limited");
    for n in 0..10 {
        let standing = take("a", f64::from(n));
        assert_eq!((standing.over, standing.remaining), (false, 9 - u32::try_from(n).expect("small")));
    }
    assert!(take("a", 11.0).over && !take("b", 11.0).over);
    assert_eq!(take("a", 20.0).reset, 40);
    assert!(take("a", 61.0).over, "the minute before still counts nearly whole");
    assert!(!take("a", 90.0).over, "half of it has faded");
    assert!(!take("a", 300.0).over);
}

#[test]
fn no_allowance_means_no_limit() {
    let rates = rates(0, 1, &[]);
    assert_eq!(rates.take("a", KeyRole::Admin, Service::House, at(0.0)), None);
    assert!(!rates.take("b", KeyRole::User, Service::House, at(0.0)).expect("limited").over);
    assert!(rates.take("b", KeyRole::User, Service::House, at(0.1)).expect("limited").over);
}

#[test]
fn a_service_limits_each_group_by_the_minute_and_by_the_hour_beside_the_others() {
    let rates = rates(100, 0, &["router 5", "router collectors 2/3", "overlays 0/1"]);
    let take = |key: &str, role: KeyRole, service: Service, now: f64| {
        let standing = rates.take(key, role, service, at(now)).expect("limited");
        (standing.limit, standing.over)
    };
    let (trigger, core) = (KeyRole::Trigger, KeyRole::Core);
    assert_eq!([take("t", trigger, Service::Router, 0.0), take("t", trigger, Service::Router, 1.0)], [(2, false), (2, false)]);
    assert_eq!(take("t", trigger, Service::Router, 2.0), (2, true), "two in a minute");
    assert_eq!(take("t", trigger, Service::Rooms, 2.0), (100, false), "other services are not touched");
    assert_eq!(take("t", trigger, Service::Router, 200.0), (3, false));
    assert_eq!(take("t", trigger, Service::Router, 400.0), (3, true), "three in an hour");
    assert_eq!((0..5).filter(|n| !take("c", core, Service::Router, f64::from(*n)).1).count(), 5, "a group of which nothing is said");
    assert_eq!(take("c", core, Service::Router, 6.0), (5, true));
    assert_eq!([take("c", core, Service::Overlays, 0.0), take("c", core, Service::Overlays, 90.0)], [(1, false), (1, true)]);
}

#[test]
fn what_is_no_limit_is_refused() {
    for wrong in ["", "router", "kitchen 5", "router king 5", "router 5/x", "router trigger 5 6"] {
        assert!(Allowance::default().said(&[wrong.to_owned()]).is_err(), "{wrong}");
    }
}

#[test]
fn each_address_belongs_to_a_service() {
    for (path, service) in [
        ("/router/events", Service::Router),
        ("/router/coordination/claim", Service::Collectors),
        ("/api/modules/register", Service::Collectors),
        ("/api/events", Service::Collectors),
        ("/browser/source/display", Service::Overlays),
        ("/api/v1/local/{room}/messages", Service::Rooms),
        ("/admin/actors", Service::House),
        ("/api/v1/communities", Service::House),
    ] {
        assert_eq!(Service::of(path), service, "{path}");
    }
}

//! Who tried wrong keys too often: a bounded table of addresses.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;

/// So many failures at once are answered as such …
const BURST: u32 = 20;

/// … and one more each time this has passed.
const EVERY: Duration = Duration::from_secs(3);

/// So many addresses are remembered; all further ones share one entry.
const MOST: usize = 4096;

/// The entry of the addresses that found no room.
const ALL_OTHERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// For each address, when its failures will be forgotten (time since boot).
#[derive(Default)]
pub(super) struct Failures(Mutex<HashMap<IpAddr, Duration>>);

impl Failures {
    /// Notes a failure. `Err` with the seconds to wait when there were too many.
    pub(super) fn note(&self, from: IpAddr, now: Duration) -> Result<(), u64> {
        let mut table = self.0.lock();
        let mut from = neighbourhood(from);
        if table.len() >= MOST && !table.contains_key(&from) {
            table.retain(|_, forgotten| *forgotten > now);
            if table.len() >= MOST {
                from = ALL_OTHERS;
            }
        }
        let forgotten = table.entry(from).or_default();
        let next = (*forgotten).max(now) + EVERY;
        let over = next.saturating_sub(now + EVERY * BURST);
        if over > Duration::ZERO {
            return Err(over.as_secs().max(1));
        }
        *forgotten = next;
        Ok(())
    }
}

/// One household: an IPv4 address, or the /64 an IPv6 address is in.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX))),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_failures_are_answered_then_one_every_three_seconds() {
        let failures = Failures::default();
        let from = IpAddr::from([192, 0, 2, 7]);
        let now = Duration::from_secs(1000);
        assert_eq!((0..100).filter(|_| failures.note(from, now).is_ok()).count(), 20);
        assert!(failures.note(IpAddr::from([192, 0, 2, 8]), now).is_ok());
        assert!(failures.note(from, now + Duration::from_secs(2)).is_err());
        assert!(failures.note(from, now + Duration::from_secs(3)).is_ok());
        assert!(failures.note(from, now + Duration::from_secs(3)).is_err());
    }

    #[test]
    fn the_table_does_not_grow_with_the_attackers_addresses() {
        let failures = Failures::default();
        for number in 0..100_000_u32 {
            let _ = failures.note(IpAddr::V4(std::net::Ipv4Addr::from_bits(number)), Duration::from_secs(1));
        }
        assert!(failures.0.lock().len() <= MOST + 1);
        assert!(failures.note(IpAddr::from([250, 1, 1, 1]), Duration::from_secs(1)).is_err());
        assert!(failures.note(IpAddr::from([250, 1, 1, 1]), Duration::from_secs(100)).is_ok());
    }

    #[test]
    fn one_household_counts_once() {
        let failures = Failures::default();
        let now = Duration::from_secs(1);
        for last in 0..20_u16 {
            assert!(failures.note(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]), now).is_ok());
        }
        assert!(failures.note(IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]), now).is_err());
        assert!(failures.note(IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1]), now).is_ok());
    }
}

//! Whose a connection is, as far as its address tells.

use std::net::{IpAddr, Ipv6Addr};

use super::hosts::is_loopback;

/// Bits of an IPv6 address that its owner cannot choose.
const PREFIX_BITS: u32 = 64;

/// Who calls: an address, or all those of a network of IPv6 that one owner has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Caller(IpAddr);

impl Caller {
    pub(super) fn of(address: IpAddr) -> Self {
        let prefix = |address: Ipv6Addr| {
            let mask = u128::MAX << (128 - PREFIX_BITS);
            Ipv6Addr::from_bits(address.to_bits() & mask)
        };
        match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => Self(prefix(address).into()),
            other => Self(other),
        }
    }

    /// How many of `all` places the caller may have, at least `least`. A proxy on this machine speaks
    /// for many; everybody else may have half of them.
    pub(super) fn share(self, all: usize, least: usize) -> usize {
        if is_loopback(self.0) { all } else { (all / 2).max(least).min(all) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_one_owner_is_one_caller() {
        let caller = |text: &str| Caller::of(text.parse().expect("an address"));
        for (a, b) in [("2001:db8::1", "2001:db8::ffff:2"), ("::ffff:10.0.0.1", "10.0.0.1")] {
            assert_eq!(caller(a), caller(b));
        }
        for (a, b) in [("2001:db8::1", "2001:db8:0:1::1"), ("10.0.0.1", "10.0.0.2")] {
            assert_ne!(caller(a), caller(b));
        }
        for (address, share) in [("::1", 32), ("127.0.0.9", 32), ("10.0.0.1", 16), ("fe80::1", 16)]
        {
            assert_eq!(caller(address).share(32, 8), share, "{address}");
        }
        assert_eq!([3, 9].map(|all| caller("10.0.0.1").share(all, 8)), [3, 8]);
    }
}

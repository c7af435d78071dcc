//! Addresses that people can open: where a server listens on all of a machine, those that it has.
//!
//! They are read from what the kernel tells in files: the service may not ask it by netlink.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Addresses that are told, at most: machines with containers have dozens.
const TOLD_MAX: usize = 6;

/// The addresses at which a server that listens on `address` can be opened, those first that other
/// machines can reach.
pub(super) fn addresses(address: SocketAddr) -> Vec<SocketAddr> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let (old, new) = (read("/proc/net/fib_trie"), read("/proc/net/if_inet6"));
    opened(address, of_version_4(&old).into_iter().chain(of_version_6(&new)))
}

/// The same, of a machine that has these addresses.
fn opened(address: SocketAddr, of_machine: impl Iterator<Item = IpAddr>) -> Vec<SocketAddr> {
    if !address.ip().is_unspecified() {
        return vec![address];
    }
    // A socket of version 6 takes connections of version 4, too, as Linux comes.
    let fits = |other: &IpAddr| address.is_ipv6() || other.is_ipv4();
    let mut told: Vec<IpAddr> = Vec::new();
    for other in of_machine.filter(fits) {
        if !told.contains(&other) {
            told.push(other);
        }
    }
    told.truncate(TOLD_MAX);
    told.push(Ipv4Addr::LOCALHOST.into());
    told.into_iter().map(|ip| SocketAddr::new(ip, address.port())).collect()
}

/// The machine's own addresses of version 4, but for loopback ones: in the trie of routes a leaf
/// `|-- ADDRESS` is followed by what it is, `/32 host LOCAL`.
fn of_version_4(trie: &str) -> Vec<IpAddr> {
    let mut leaf = None;
    let mut found = Vec::new();
    for line in trie.lines() {
        if let Some(address) = line.trim_start().strip_prefix("|-- ") {
            leaf = address.trim().parse::<Ipv4Addr>().ok();
        } else if line.trim() == "/32 host LOCAL" {
            found.extend(leaf.filter(|it| !it.is_loopback()).map(IpAddr::from));
        }
    }
    found
}

/// The machine's own addresses of version 6 that are good everywhere: lines of 32 hexadecimal digits,
/// number of the interface, length of the prefix, scope (00 is global), flags, name.
fn of_version_6(table: &str) -> Vec<IpAddr> {
    let global = table.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (digits, scope) = (words.next()?, words.nth(2)?);
        let bits = u128::from_str_radix(digits, 16).ok()?;
        (scope == "00").then(|| Ipv6Addr::from_bits(bits).into())
    });
    global.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIE: &str = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     \
                        |-- 127.0.0.1\n              /32 host LOCAL\n        |-- 192.168.1.7\n   \
                        /32 host LOCAL\n        |-- 192.168.1.255\n           /32 link BROADCAST\n\
                        Local:\n        |-- 192.168.1.7\n           /32 host LOCAL\n";
    const TABLE: &str = "fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n\
                         fd000000000000000000000000000002 04 40 00 82     eth0\n\
                         00000000000000000000000000000001 01 80 10 80       lo\nshort\n";

    #[track_caller]
    fn check(listen: &str, opened_at: &[&str]) {
        let listen = listen.parse().expect("an address");
        let machine = of_version_4(TRIE).into_iter().chain(of_version_6(TABLE));
        let told = opened(listen, machine).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told, opened_at, "{listen}");
    }

    #[test]
    fn what_is_told_can_be_opened() {
        check("0.0.0.0:8080", &["192.168.1.7:8080", "127.0.0.1:8080"]);
        check("[::]:80", &["192.168.1.7:80", "[fd00::2]:80", "127.0.0.1:80"]);
        check("127.0.0.1:8080", &["127.0.0.1:8080"]);
        check("[fe80::2]:9", &["[fe80::2]:9"]);
    }

    #[test]
    fn few_are_told_and_nonsense_is_none() {
        let many = (0..100).map(|last| IpAddr::from([10, 0, 0, last]));
        let told = opened(SocketAddr::from(([0, 0, 0, 0], 1)), many);
        assert_eq!(told.len(), TOLD_MAX + 1);
        assert!(of_version_4("|-- 1.2.3\n/32 host LOCAL\n/32 host LOCAL").is_empty());
        assert!(of_version_6("zz 01 02 00\nfd 01\n\n").is_empty());
    }
}

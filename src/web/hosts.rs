//! Whom a request may take this server for.
//!
//! A page elsewhere whose name was made to mean this machine (DNS rebinding) must not read the
//! camera. No such page can call itself by an address, `localhost`, or the name of this machine.

use std::net::IpAddr;

/// The names under which a server answers.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    /// Whether only this machine can connect.
    loopback: bool,
    /// Further names.
    names: Vec<String>,
}

impl Hosts {
    /// The names of a server that listens on `address`, and `names`.
    pub(super) fn new(address: IpAddr, names: &[String]) -> Self {
        Self { loopback: is_loopback(address), names: names.to_vec() }
    }

    /// Whether `host`, as a request tells it, is this server.
    pub(super) fn admit(&self, host: &str) -> bool {
        let name = name_of(host);
        let is_address = |address: IpAddr| !self.loopback || is_loopback(address);
        name.eq_ignore_ascii_case("localhost")
            || name.parse().is_ok_and(is_address)
            || self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Whether only this machine can connect to `address`.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// A host without its port.
pub(super) fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(listen: &str, good: &[&str], bad: &[&str]) {
        let names = ["Camera.example".to_owned()];
        let hosts = Hosts::new(listen.parse().expect("an address"), &names);
        for host in good {
            assert!(hosts.admit(host), "{host} was refused at {listen}");
        }
        for host in bad {
            assert!(!hosts.admit(host), "{host} was accepted at {listen}");
        }
    }

    #[test]
    fn only_names_of_this_server_are_its_names() {
        let foreign = ["", "evil.example", "localhost.evil.example", "camera.example.evil", "::1"];
        let own = ["localhost", "LocalHost:80", "127.0.0.1:8080", "[::1]:9", "camera.EXAMPLE:80"];
        let addresses = ["10.0.0.1", "192.168.1.7:8080", "[fe80::2]:80"];
        for listen in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            check(listen, &own, &[foreign.as_slice(), &addresses].concat());
        }
        for listen in ["0.0.0.0", "192.168.1.7", "::"] {
            check(listen, &[own.as_slice(), &addresses].concat(), &foreign);
        }
    }
}

//! How the server serves.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::hosts::is_loopback;
use super::token::Token;
use crate::keys;

/// How a [`Server`](super::Server) serves.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpOptions {
    /// Address and port to listen on; port 0 takes a free one.
    #[serde(deserialize_with = "keys::address")]
    pub listen: SocketAddr,
    /// Quality of the pictures that are shown, 1 to 100.
    #[serde(deserialize_with = "keys::within::<1, 100, _, _>")]
    pub quality: u8,
    /// Connections served at a time.
    #[serde(rename = "clients", deserialize_with = "keys::within::<1, 1000, _, _>")]
    pub clients_max: usize,
    /// What viewers must know; needed where other machines can connect.
    pub token: Option<Token>,
    /// A file that holds the token, for whoever reads files; a server has its token.
    pub token_file: Option<PathBuf>,
    /// Further names of this server.
    pub hosts: Vec<String>,
    /// Configuration file of Zenoh, where the page is to list the cameras of a fleet.
    pub fleet: Option<PathBuf>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            quality: 85,
            clients_max: 32,
            token: None,
            token_file: None,
            hosts: Vec::new(),
            fleet: None,
        }
    }
}

/// How patient a [`Server`](super::Server) is. Nobody configures this: whoever starts a server may
/// wait for its address, and tests would have to wait for the usual times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections without a seat, at most: those that say nothing within a second, and those that are
    /// told how the program is, so that a full house never looks like a dead one. Beyond them the
    /// oldest must go.
    pub callers_max: usize,
    /// How long the address may be taken by somebody else, or missing, before it is an error.
    pub bind_patience: Duration,
    /// How long a request's headers may take, and how long a connection may idle.
    pub header_patience: Duration,
    /// How long a viewer waits for a frame before it is told that there is none.
    pub frame_patience: Duration,
    /// How long no frame may come while the program counts as ready.
    pub stall_patience: Duration,
    /// How long a client may refuse to take more of an answer.
    pub write_patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            callers_max: 256,
            bind_patience: Duration::ZERO,
            header_patience: Duration::from_secs(5),
            frame_patience: Duration::from_secs(5),
            stall_patience: Duration::from_secs(2),
            write_patience: Duration::from_secs(10),
        }
    }
}

/// Whether a server that listens on `address` must ask for a token.
pub fn needs_token(address: SocketAddr) -> bool {
    !is_loopback(address.ip())
}

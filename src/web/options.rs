//! How the server serves.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::hosts::is_loopback;
use super::token::Token;

/// How a [`Server`](super::Server) serves.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What viewers must know; needed where other machines can connect.
    pub token: Option<Token>,
    /// Further names of this server.
    pub hosts: Vec<String>,
    /// Quality of the pictures that are shown, 1 to 100.
    pub quality: u8,
    /// Connections served at a time.
    pub clients_max: usize,
    /// Further connections that are told within a second how the program is, so that a full house
    /// never looks like a dead one; beyond them all are told to come back.
    pub callers_max: usize,
    /// Frames shown a second, at most, in the mean.
    pub rate_max: u32,
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

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            token: None,
            hosts: Vec::new(),
            quality: 85,
            clients_max: 32,
            callers_max: 256,
            rate_max: 30,
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

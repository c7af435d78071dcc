//! Everything that answers depend on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::face::{Face, Faces};
use super::hosts::Hosts;
use super::lobby::Lobby;
use super::lockout::Lockout;
use super::roster::Roster;
use super::seats::Seats;
use super::token::Token;

/// Everything an answer depends on.
#[derive(Debug)]
pub(super) struct Site {
    /// The stations as they are now.
    pub(super) faces: RwLock<Faces>,
    /// The cameras of all hosts, where this server hears of them.
    pub(super) roster: OnceLock<Roster>,
    pub(super) hosts: Hosts,
    /// What a viewer must know.
    pub(super) token: Option<Token>,
    /// Who told too many wrong ones.
    pub(super) lockout: Lockout,
    /// Connections that were let in, and those that were not yet.
    pub(super) seats: Seats,
    pub(super) lobby: Lobby,
    /// The port listened on.
    pub(super) port: u16,
    /// How long a viewer waits for a frame before it is told that there is none.
    pub(super) frame_patience: Duration,
    /// How long no frame may come while a station counts as ready.
    pub(super) stall_patience: Duration,
    pub(super) started: Instant,
    pub(super) connections: AtomicUsize,
}

/// A connection that is open; it counts for as long as it is held.
pub(super) struct Connection<'a>(&'a Site);

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Site {
    /// Counts a connection for as long as it is held.
    pub(super) fn connect(&self) -> Connection<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connection(self)
    }

    /// Connections that are open.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The stations that are meant: the one that is named, or all.
    pub(super) fn faces(&self, name: Option<&str>) -> Vec<Face> {
        let faces = self.faces.read().unwrap_or_else(PoisonError::into_inner);
        let meant = faces.all().iter().filter(|face| name.is_none_or(|name| face.name == name));
        meant.cloned().collect()
    }

    /// Whether there are several stations, so that what names none is of all.
    pub(super) fn has_several(&self) -> bool {
        let faces = self.faces.read().unwrap_or_else(PoisonError::into_inner);
        matches!(*faces, Faces::Named(_))
    }

    /// Shows these stations from now on.
    pub(super) fn show(&self, faces: Faces) {
        *self.faces.write().unwrap_or_else(PoisonError::into_inner) = faces;
    }
}

//! Who is at the other end of a connection: without a seat first, with one once it was let in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::caller::Caller;
use super::seats::Seat;
use super::site::Site;

/// A connection, seen from the site that it visits.
pub(super) struct Visitor<'a> {
    pub(super) site: &'a Site,
    pub(super) caller: Caller,
    number: u64,
    seat: Mutex<Option<Seat<'a>>>,
    is_seated: Arc<AtomicBool>,
}

impl<'a> Visitor<'a> {
    /// The connection of that number in the lobby.
    pub(super) fn new(site: &'a Site, caller: Caller, number: u64) -> Self {
        Self { site, caller, number, seat: Mutex::default(), is_seated: Arc::default() }
    }

    /// Whether it has a seat.
    pub(super) fn is_seated(&self) -> bool {
        self.is_seated.load(Ordering::Relaxed)
    }

    /// The same, for who cannot know the visitor.
    pub(super) fn seated(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_seated)
    }

    /// Gives it a seat, for as long as it stays; whether it has one now.
    pub(super) fn sit(&self) -> bool {
        let mut seat = self.seat.lock().unwrap_or_else(PoisonError::into_inner);
        if seat.is_none() {
            *seat = self.site.seats.take(self.caller);
            if seat.is_some() {
                self.is_seated.store(true, Ordering::Relaxed);
                self.site.lobby.leave(self.number);
            }
        }
        seat.is_some()
    }
}

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        self.site.lobby.leave(self.number);
    }
}

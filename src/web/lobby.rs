//! Connections that have no seat: they have said nothing yet, or may only be told how the program is.
//!
//! Whoever comes is let in here: where it is full, who came first must go, and where somebody has
//! sent many, the first of those. So connections that say nothing keep nobody out, however many they
//! are: whoever asks at once is answered long before it is the first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use super::caller::Caller;

/// Connections without a seat, the oldest first.
#[derive(Debug)]
pub(super) struct Lobby {
    room: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    /// Connections that ever came.
    count: u64,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    caller: Caller,
    end: AbortHandle,
}

impl Lobby {
    /// One for `room` connections.
    pub(super) fn new(room: usize) -> Self {
        Self { room, inside: Mutex::default() }
    }

    /// The number of a connection that comes.
    pub(super) fn number(&self) -> u64 {
        let mut inside = self.inside();
        inside.count += 1;
        inside.count
    }

    /// Lets a connection in, whatever there is no room for being ended; `end` would end this one.
    pub(super) fn enter(&self, number: u64, caller: Caller, end: AbortHandle) {
        let mut inside = self.inside();
        let of_caller = inside.waiting.iter().filter(|other| other.caller == caller).count();
        if of_caller >= caller.share(self.room, 1) {
            inside.end_first(|other| other.caller == caller);
        } else if inside.waiting.len() >= self.room {
            inside.end_first(|_| true);
        }
        inside.waiting.push_back(Waiting { number, caller, end });
    }

    /// Ends the oldest connection, for what it takes.
    pub(super) fn make_room(&self) {
        self.inside().end_first(|_| true);
    }

    /// A connection has a seat now, or is gone.
    pub(super) fn leave(&self, number: u64) {
        self.inside().waiting.retain(|other| other.number != number);
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn end_first(&mut self, is_meant: impl Fn(&Waiting) -> bool) {
        let first = self.waiting.iter().position(is_meant);
        if let Some(waiting) = first.and_then(|first| self.waiting.remove(first)) {
            waiting.end.abort();
        }
    }
}

//! The seats of those who look: for whoever is let in, and of each address a share.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::caller::Caller;

/// Seats of an address, at least: a browser opens up to six connections.
const SHARE_MIN: usize = 8;

/// All seats.
#[derive(Debug)]
pub(super) struct Seats {
    count: usize,
    taken: Mutex<HashMap<Caller, usize>>,
}

/// A seat, for as long as it is held.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    seats: &'a Seats,
    caller: Caller,
}

impl Seats {
    pub(super) fn new(count: usize) -> Self {
        Self { count, taken: Mutex::default() }
    }

    /// A seat, where one is free and the caller does not have its share.
    pub(super) fn take(&self, caller: Caller) -> Option<Seat<'_>> {
        let mut taken = self.taken();
        let is_full = taken.values().sum::<usize>() >= self.count;
        let own = taken.get(&caller).copied().unwrap_or(0);
        if is_full || own >= caller.share(self.count, SHARE_MIN) {
            return None;
        }
        taken.insert(caller, own + 1);
        Some(Seat { seats: self, caller })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Caller, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        match taken.get_mut(&self.caller) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.caller)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_can_take_all() {
        let caller = |text: &str| Caller::of(text.parse().expect("an address"));
        let [greedy, other, local] = ["10.0.0.1", "10.0.0.2", "127.0.0.1"].map(caller);
        let seats = Seats::new(20);
        let mut held: Vec<_> = (0..20).filter_map(|_| seats.take(greedy)).collect();
        assert_eq!(held.len(), 10, "half of them");
        held.extend((0..20).filter_map(|_| seats.take(other)).take(4));
        assert_eq!((0..20).filter_map(|_| seats.take(local)).count(), 20, "each came and went");
        held.extend((0..20).map_while(|_| seats.take(local)));
        assert_eq!(held.len(), 20);
        assert!(seats.take(other).is_none(), "more sit than there are seats");
        held.remove(0);
        assert!(seats.take(other).is_some(), "a seat that was left is not free");
    }
}

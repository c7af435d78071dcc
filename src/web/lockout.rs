//! Who has told many wrong tokens: no token of theirs is looked at for a while.
//!
//! A cookie is: a browser that was let in before is no guesser, though it may share its address with
//! one behind a proxy.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::caller::Caller;

/// Wrong tokens within [`WINDOW`] after which a caller is locked out.
const WRONG_MAX: u32 = 30;

/// How long wrong tokens are remembered, and how long a lock-out lasts from the last of them.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// Callers that are remembered, at most; beyond them the one of longest ago is forgotten.
const CALLERS_MAX: usize = 1024;

/// Callers that told wrong tokens.
#[derive(Debug, Default)]
pub(super) struct Lockout(Mutex<HashMap<Caller, Wrong>>);

#[derive(Debug, Clone, Copy)]
struct Wrong {
    count: u32,
    /// When the last one was told, or the one that was counted first.
    since: Instant,
}

impl Lockout {
    /// Whether nothing that the caller tells is looked at.
    pub(super) fn is_locked(&self, caller: Caller, now: Instant) -> bool {
        let wrong = self.wrong();
        wrong.get(&caller).is_some_and(|it| it.count >= WRONG_MAX && !it.is_over(now))
    }

    /// Counts a wrong token; whether it is the one after which the caller is locked out.
    pub(super) fn count(&self, caller: Caller, now: Instant) -> bool {
        let mut wrong = self.wrong();
        wrong.retain(|_, it| !it.is_over(now));
        let oldest = wrong.iter().min_by_key(|(_, it)| it.since).map(|(caller, _)| *caller);
        if let Some(oldest) = oldest.filter(|_| wrong.len() >= CALLERS_MAX) {
            wrong.remove(&oldest);
        }
        let it = wrong.entry(caller).or_insert(Wrong { count: 0, since: now });
        it.count = it.count.saturating_add(1);
        if it.count >= WRONG_MAX {
            it.since = now;
        }
        it.count == WRONG_MAX
    }

    fn wrong(&self) -> MutexGuard<'_, HashMap<Caller, Wrong>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wrong {
    fn is_over(self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn caller(number: u32) -> Caller {
        Caller::of(Ipv4Addr::from_bits(number).into())
    }

    #[test]
    fn many_wrong_tokens_lock_one_caller_out_for_a_while() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        let told = (0..WRONG_MAX).filter(|_| lockout.count(caller(1), start)).count();
        assert!(told == 1 && lockout.is_locked(caller(1), start), "told {told} times");
        assert!(!lockout.is_locked(caller(2), start), "somebody else pays for it");
        assert!(lockout.is_locked(caller(1), start + WINDOW / 2));
        assert!(!lockout.is_locked(caller(1), start + WINDOW), "for ever");
        for number in 0..10 * WRONG_MAX {
            let now = start + WINDOW * (number + 2) / 4;
            lockout.count(caller(3), now);
            assert!(!lockout.is_locked(caller(3), now), "four wrong ones a minute are no attack");
        }
    }

    #[test]
    fn little_is_remembered() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        for number in 0..3000 {
            lockout.count(caller(number), start + Duration::from_micros(number.into()));
        }
        assert!(lockout.wrong().len() <= CALLERS_MAX);
        assert!(lockout.wrong().contains_key(&caller(2999)), "the newest was forgotten");
    }
}

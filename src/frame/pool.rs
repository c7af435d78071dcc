//! A fixed set of buffers that are lent, shared and come home.
//!
//! A [`Pool`] allocates its values when it is made and never again. [`Pool::lease`] lends one to a
//! single owner; [`Lease::share`] turns the loan into one that any number of readers hold; when
//! the last holder drops it, wherever that happens, the value is free again. Free values wait in
//! a bounded lock-free queue.
//!
//! Each value sits behind a `RwLock` that is never contended: while a [`Lease`] lives nobody else
//! has the slot, and holders of a [`Shared`] only read. It is what makes sharing safe without
//! `unsafe` and without an allocation a frame, at the price of two uncontended atomic operations
//! an access.

use crate::sync::{
    Arc, ArrayQueue, AtomicUsize, Ordering, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

/// A fixed set of values to lend.
#[derive(Debug)]
pub struct Pool<T> {
    home: Arc<Home<T>>,
}

/// The exclusive loan of a value.
#[derive(Debug)]
pub struct Lease<T> {
    loan: Loan<T>,
}

/// One of several loans of the same value, for reading.
#[derive(Debug)]
pub struct Shared<T> {
    loan: Loan<T>,
}

struct Home<T> {
    slots: Vec<Slot<T>>,
    free: ArrayQueue<usize>,
    /// What is done to a value that comes home.
    tidy: Box<dyn Fn(&mut T) + Send + Sync>,
}

#[derive(Debug)]
struct Slot<T> {
    value: RwLock<T>,
    holders: AtomicUsize,
}

#[derive(Debug)]
struct Loan<T> {
    home: Arc<Home<T>>,
    index: usize,
}

impl<T> Pool<T> {
    /// A pool of `size` values, at least one.
    pub fn new(size: usize, value: impl FnMut() -> T) -> Self {
        Self::tidied(size, value, |_| {})
    }

    /// The same; whoever drops the last loan of a value does `tidy` to it first.
    pub fn tidied(
        size: usize,
        mut value: impl FnMut() -> T,
        tidy: impl Fn(&mut T) + Send + Sync + 'static,
    ) -> Self {
        let size = size.max(1);
        let slot = |_| Slot { value: RwLock::new(value()), holders: AtomicUsize::new(0) };
        let (slots, free) = ((0..size).map(slot).collect(), ArrayQueue::new(size));
        let home = Home { slots, free, tidy: Box::new(tidy) };
        for index in 0..size {
            home.give_back(index);
        }
        Self { home: Arc::new(home) }
    }

    /// Lends a value; `None` while all are out.
    pub fn lease(&self) -> Option<Lease<T>> {
        let index = self.home.free.pop()?;
        self.home.slots[index].holders.store(1, Ordering::Relaxed);
        Some(Lease { loan: Loan { home: Arc::clone(&self.home), index } })
    }

    /// Number of values in the pool, lent or free.
    pub fn size(&self) -> usize {
        self.home.slots.len()
    }

    /// Number of values that are free.
    pub fn free(&self) -> usize {
        self.home.free.len()
    }
}

impl<T> Lease<T> {
    /// The value, to change.
    pub fn get(&mut self) -> RwLockWriteGuard<'_, T> {
        self.loan.slot().value.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up the right to change the value for the right to have many readers.
    pub fn share(self) -> Shared<T> {
        Shared { loan: self.loan }
    }
}

impl<T> Shared<T> {
    /// The value, to read.
    pub fn get(&self) -> RwLockReadGuard<'_, T> {
        self.loan.slot().value.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { loan: self.loan.clone() }
    }
}

impl<T> Home<T> {
    fn give_back(&self, index: usize) {
        let displaced = self.free.push(index);
        assert!(displaced.is_ok(), "slot {index} came home twice");
    }
}

impl<T> Loan<T> {
    fn slot(&self) -> &Slot<T> {
        &self.home.slots[self.index]
    }
}

impl<T> Clone for Loan<T> {
    fn clone(&self) -> Self {
        self.slot().holders.fetch_add(1, Ordering::Relaxed);
        Self { home: Arc::clone(&self.home), index: self.index }
    }
}

impl<T> Drop for Loan<T> {
    fn drop(&mut self) {
        // Release our reads and writes to the next owner, acquire those of the other holders.
        if self.slot().holders.fetch_sub(1, Ordering::AcqRel) == 1 {
            let mut value = self.slot().value.write().unwrap_or_else(PoisonError::into_inner);
            (self.home.tidy)(&mut value);
            drop(value);
            self.home.give_back(self.index);
        }
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Home<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Home").field("slots", &self.slots).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_value_is_lent_once_and_comes_home(
            size in 1_usize..6,
            moves in prop::collection::vec(0_u8..4, 0..80),
        ) {
            let mut next = 0;
            let pool = Pool::new(size, || { next += 1; next });
            let (mut leases, mut shares) = (Vec::new(), Vec::new());
            for step in moves {
                match step {
                    0 => leases.extend(pool.lease()),
                    1 => shares.extend(leases.pop().map(Lease::share)),
                    2 => shares.extend(shares.last().cloned()),
                    _ => drop(shares.pop()),
                }
                let mut out: Vec<i32> = leases.iter_mut().map(|lease| *lease.get()).collect();
                let mut read: Vec<i32> = shares.iter().map(|share| *share.get()).collect();
                read.sort_unstable();
                read.dedup();
                out.extend(read);
                let lent = out.len();
                out.sort_unstable();
                out.dedup();
                prop_assert_eq!(out.len(), lent, "a value has two owners");
                prop_assert_eq!(pool.free() + lent, pool.size());
            }
            drop((leases, shares));
            prop_assert_eq!(pool.free(), size);
        }
    }

    #[test]
    fn a_value_is_tidied_by_whoever_holds_it_last() {
        let pool = Pool::tidied(1, || 0, |value| *value += 1);
        for turn in 0..3 {
            let mut lease = pool.lease().expect("it is tidied and free");
            assert_eq!(*lease.get(), turn, "tidied once for each time it came home");
            let shared = lease.share();
            drop((shared.clone(), shared));
        }
    }

    #[test]
    fn values_come_home_from_other_threads() {
        let pool = Pool::new(3, || 0_u64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let Some(mut lease) = pool.lease() else { continue };
                        *lease.get() += 1;
                        let share = lease.share();
                        let other = share.clone();
                        assert_eq!(*share.get(), *other.get());
                    }
                });
            }
        });
        assert_eq!(pool.free(), 3);
    }
}

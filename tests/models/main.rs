//! The queue and the pool under every kind of schedule: shuttle runs each test thousands of times,
//! each time with its threads in another order, and notices where all of them wait.
//!
//! The files tested are those of `src`, compiled here once more with other parts to share memory by.

#[path = "../harness/mod.rs"]
mod harness;
mod metrics;
#[path = "../../src/frame/pool.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "what its own tests and others need")]
mod pool;
#[path = "../../src/pipeline/queue.rs"]
#[allow(unreachable_pub, unused_imports, reason = "what its own tests need")]
mod queue;
mod sync;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use shuttle::thread;

use crate::harness::{apply, trial};
use crate::pool::{Lease, Pool};
use crate::queue::{Overflow, Pushed, queue};

fn main() -> std::process::ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = harness::trials(None, |case| (case.test)());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Runs it in many orders: by chance, and with few but well placed changes between threads.
fn check(model: fn()) {
    shuttle::check_random(model, 1_000);
    shuttle::check_pct(model, 1_000, 3);
}

/// A value of which every copy made is dropped once.
#[derive(Debug, PartialEq, Eq)]
struct Counted(usize);

static LIVING: AtomicUsize = AtomicUsize::new(0);

/// Tests that count what lives, one at a time.
static ALONE: Mutex<()> = Mutex::new(());

impl Counted {
    fn new(number: usize) -> Self {
        LIVING.fetch_add(1, Ordering::Relaxed);
        Self(number)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVING.fetch_sub(1, Ordering::Relaxed);
    }
}

#[apply(trial)]
fn waiting_loses_nothing() {
    check(|| {
        let (producer, consumer) = queue(1, Overflow::Wait, Arc::default());
        let pushing = thread::spawn(move || {
            (0..4).for_each(|item| assert_eq!(producer.push(item), Pushed::Queued));
        });
        let received: Vec<i32> = std::iter::from_fn(|| consumer.pop()).collect();
        assert_eq!(received, [0, 1, 2, 3]);
        pushing.join().expect("no panic");
    });
}

#[apply(trial)]
fn the_freshest_win_and_none_is_lost_unseen() {
    check(|| {
        let (producer, consumer) = queue(2, Overflow::DropOldest, Arc::default());
        let pushing = thread::spawn(move || {
            let displaced = (0..4).filter_map(|item| match producer.push(item) {
                Pushed::Displaced(item) => Some(item),
                pushed => {
                    assert_eq!(pushed, Pushed::Queued);
                    None
                }
            });
            displaced.collect::<Vec<i32>>()
        });
        let received: Vec<i32> = std::iter::from_fn(|| consumer.pop()).collect();
        assert!(received.is_sorted(), "{received:?}");
        let mut all = pushing.join().expect("no panic");
        all.extend(received);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3]);
    });
}

/// Whatever was pushed when the consumer goes is dropped or handed back, but for the one item whose
/// push is under way; and nobody waits for ever.
#[apply(trial)]
fn a_consumer_that_goes_frees_the_producer() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    check(|| {
        let before = LIVING.load(Ordering::Relaxed);
        let (producer, consumer) = queue(2, Overflow::Wait, Arc::default());
        let pushing = thread::spawn(move || {
            let closed = |item| matches!(producer.push(Counted::new(item)), Pushed::Closed(_));
            assert!((0..5).any(closed), "all are in a queue for two that nobody empties");
            producer
        });
        let first = consumer.pop();
        assert_eq!(first.map(|item| item.0), Some(0));
        drop(consumer);
        let producer = pushing.join().expect("no panic");
        assert!(LIVING.load(Ordering::Relaxed) <= before + 1, "items that are left");
        drop(producer);
        assert_eq!(LIVING.load(Ordering::Relaxed), before, "items that stay");
    });
}

/// What was pushed before is still seen, and then the end.
#[apply(trial)]
fn a_producer_that_goes_frees_the_consumer() {
    check(|| {
        let (producer, consumer) = queue(2, Overflow::DropOldest, Arc::default());
        let popping = thread::spawn(move || std::iter::from_fn(|| consumer.pop()).count());
        assert_eq!(producer.push(1), Pushed::Queued);
        assert_eq!(producer.push(2), Pushed::Queued);
        drop(producer);
        assert_eq!(popping.join().expect("no panic"), 2);
    });
}

#[apply(trial)]
fn values_have_one_owner_and_come_home_once() {
    check(|| {
        let pool = Arc::new(Pool::new(2, || 0_usize));
        let work = |pool: &Pool<usize>, own: usize| {
            let Some(mut lease) = pool.lease() else { return };
            *lease.get() = own;
            thread::yield_now();
            assert_eq!(*lease.get(), own, "a value has two owners");
        };
        let threads: Vec<_> = (1..4)
            .map(|own| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || (0..2).for_each(|_| work(&pool, own)))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        assert_eq!(pool.free(), 2);
    });
}

#[apply(trial)]
fn the_last_reader_brings_it_home() {
    check(|| {
        let pool = Arc::new(Pool::new(1, || 7));
        let shared = pool.lease().map(Lease::share).expect("a free value");
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (own, pool) = (shared.clone(), Arc::clone(&pool));
                thread::spawn(move || {
                    let other = own.clone();
                    drop(own);
                    assert!(pool.lease().is_none(), "a value that is read is lent");
                    assert_eq!(*other.get(), 7);
                })
            })
            .collect();
        drop(shared);
        readers.into_iter().for_each(|reader| reader.join().expect("no panic"));
        assert_eq!(pool.free(), 1);
        assert!(pool.lease().is_some(), "a value that is free is lent");
    });
}

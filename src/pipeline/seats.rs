//! How several stations share the workers: a part of a work needs a seat, there is one for each worker,
//! and a seat that gets free goes to the station that has worked least.
//!
//! What counts is the time that parts have taken, so that large frames push no small ones aside: whoever
//! asks for less than its share gets all that it asks for, and the others divide the rest. A station
//! that did not ask for a while has no more than [`CREDIT`] for it. Whoever ends a part of a work that
//! has more asks for the next in the same breath, or else a neighbour's long part would follow each short
//! one. Each station keeps threads of its own, which sleep while they wait; so no part has to be handed
//! from one thread to another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::executor::Executor;

/// How far a station that asks may be behind the others, in the time of parts: enough for a frame after
/// a pause, and too little for the others to miss one.
const CREDIT: Duration = Duration::from_millis(50);

/// The seats of a process.
#[derive(Debug)]
pub struct Seats(Mutex<Turns>);

/// Does the parts of one station, each on a seat.
#[derive(Debug)]
pub struct Seated {
    executor: Arc<dyn Executor>,
    seats: Arc<Seats>,
    number: u64,
    called: Arc<Condvar>,
}

/// A seat for a part of a work, for as long as it is held.
struct Seat<'a> {
    seated: &'a Seated,
    /// Parts of the work that have not asked for a seat yet. It is changed while the turns are locked.
    unasked: &'a AtomicUsize,
    since: Instant,
}

impl Seats {
    /// So many seats, at least one.
    pub fn new(count: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Turns::new(count))))
    }

    /// One more station, whose parts `executor` does.
    pub fn join(self: &Arc<Self>, executor: Arc<dyn Executor>) -> Seated {
        let called = Arc::<Condvar>::default();
        let number = self.turns().join(Arc::clone(&called));
        Seated { executor, seats: Arc::clone(self), number, called }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seated {
    /// Waits for a seat. Whoever holds one is at work and gives it back.
    fn sit<'a>(&'a self, unasked: &'a AtomicUsize) -> Seat<'a> {
        let mut turns = self.seats.turns();
        unasked.fetch_sub(1, Ordering::Relaxed);
        turns.ask(self.number);
        while !turns.take(self.number) {
            turns = self.called.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
        Seat { seated: self, unasked, since: Instant::now() }
    }
}

impl Executor for Seated {
    fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync)) {
        let unasked = AtomicUsize::new(count);
        self.executor.run(count, &|index| {
            let _seat = self.sit(&unasked);
            part(index);
        });
    }

    fn threads(&self) -> usize {
        self.executor.threads()
    }

    fn host(&self, work: &mut (dyn FnMut() + Send)) {
        self.executor.host(work);
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.seats.turns().accounts.remove(&self.number);
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let Self { seated, unasked, since } = self;
        let took = since.elapsed();
        let mut turns = seated.seats.turns();
        turns.leave(seated.number, took, unasked.load(Ordering::Relaxed));
    }
}

/// Who has worked for how long, and who waits. The clock is the caller's.
#[derive(Debug)]
struct Turns {
    free: usize,
    /// Stations that ever joined.
    joined: u64,
    accounts: BTreeMap<u64, Account>,
}

/// What one station has had, and wants.
#[derive(Debug, Default)]
struct Account {
    /// Time of its parts, and what it was denied as credit.
    had: Duration,
    waiting: usize,
    /// Of those who wait, how many are yet to come.
    announced: usize,
    /// Seats that it was called to and did not take yet.
    called_to: usize,
    seated: usize,
    called: Arc<Condvar>,
}

impl Account {
    fn is_active(&self) -> bool {
        self.waiting + self.called_to + self.seated > 0
    }
}

impl Turns {
    fn new(count: usize) -> Self {
        Self { free: count.max(1), joined: 0, accounts: BTreeMap::new() }
    }

    fn join(&mut self, called: Arc<Condvar>) -> u64 {
        self.joined += 1;
        self.accounts.insert(self.joined, Account { called, ..Account::default() });
        self.joined
    }

    /// A part of a station wants a seat.
    fn ask(&mut self, number: u64) {
        let account = self.accounts.get_mut(&number).filter(|account| account.announced > 0);
        if let Some(account) = account {
            account.announced -= 1;
            return;
        }
        let active = self.accounts.values().filter(|account| account.is_active());
        let least = active.map(|account| account.had).min().unwrap_or_default();
        if let Some(account) = self.accounts.get_mut(&number) {
            if !account.is_active() {
                account.had = account.had.max(least.saturating_sub(CREDIT));
            }
            account.waiting += 1;
        }
        self.call();
    }

    /// Takes a seat that the station was called to, if any.
    fn take(&mut self, number: u64) -> bool {
        let account = self.accounts.get_mut(&number).filter(|account| account.called_to > 0);
        account.is_some_and(|account| {
            account.called_to -= 1;
            account.seated += 1;
            true
        })
    }

    /// A part is over that took so long; of its work so many have not asked yet, one of whom will come
    /// for a seat at once.
    fn leave(&mut self, number: u64, took: Duration, unasked: usize) {
        self.free += 1;
        if let Some(account) = self.accounts.get_mut(&number) {
            account.seated -= 1;
            account.had += took;
            if unasked > account.announced {
                account.announced += 1;
                account.waiting += 1;
            }
        }
        self.call();
    }

    /// Calls those to free seats who have had least.
    fn call(&mut self) {
        while self.free > 0 {
            let waiting = self.accounts.values_mut().filter(|account| account.waiting > 0);
            let next = waiting.min_by_key(|account| (account.had, account.seated));
            let Some(account) = next else { return };
            account.waiting -= 1;
            account.called_to += 1;
            account.called.notify_one();
            self.free -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::pipeline::Workers;
    use proptest::prelude::*;

    /// A station of a trial: the time of its parts in microseconds, how many it wants at a time, and for
    /// how long it wants nothing after each of them.
    #[derive(Debug, Clone, Copy)]
    struct Wanting {
        part: u64,
        threads: usize,
        pause: u64,
    }

    /// Microseconds that each station has had of a trial of so many, on `seats` seats, by a clock that
    /// is only counted.
    fn shares(seats: usize, stations: &[Wanting], time: u64) -> Vec<u64> {
        let mut turns = Turns::new(seats);
        let numbers: Vec<u64> = stations.iter().map(|_| turns.join(Arc::default())).collect();
        let mut had = vec![0; stations.len()];
        // What ends when: a part, or a pause.
        let mut events: BTreeMap<(u64, u64), (usize, bool)> = BTreeMap::new();
        let mut count = 0;
        let mut at = |events: &mut BTreeMap<_, _>, when: u64, what: (usize, bool)| {
            count += 1;
            events.insert((when, count), what);
        };
        for (station, wanting) in stations.iter().enumerate() {
            (0..wanting.threads).for_each(|_| at(&mut events, 0, (station, false)));
        }
        while let Some(((now, _), (station, is_part))) = events.pop_first() {
            if now > time {
                break;
            }
            let Wanting { part, pause, .. } = stations[station];
            if is_part {
                had[station] += part;
                // One without pauses always has more.
                let unasked = if pause == 0 { usize::MAX } else { 0 };
                turns.leave(numbers[station], Duration::from_micros(part), unasked);
                at(&mut events, now + pause, (station, false));
            } else {
                turns.ask(numbers[station]);
            }
            for (station, number) in numbers.iter().enumerate() {
                while turns.take(*number) {
                    at(&mut events, now + stations[station].part, (station, true));
                }
            }
        }
        had
    }

    #[test]
    fn large_parts_push_no_small_ones_aside() {
        let hungry = |part| Wanting { part, threads: 2, pause: 0 };
        let had = shares(2, &[hungry(10_000), hungry(200), hungry(1_000), hungry(50)], 4_000_000);
        for (station, had) in had.iter().enumerate() {
            let is_fair = had.abs_diff(2_000_000) <= 70_000;
            assert!(is_fair, "{station} has {had} of 8,000,000 microseconds on two seats");
        }
    }

    #[test]
    fn who_wants_little_gets_it_at_once() {
        let hungry = Wanting { part: 5_000, threads: 2, pause: 0 };
        // A fifth of one seat, where its share is a whole one.
        let modest = Wanting { part: 1_000, threads: 1, pause: 4_000 };
        let had = shares(2, &[hungry, modest], 1_000_000);
        // It waits for one part of the other at most: 1 of every 5 to 10 milliseconds.
        assert!(had[1] >= 100_000, "{had:?}");
        assert!(had[0] + had[1] >= 1_980_000, "a seat was free: {had:?}");
        let alone = shares(2, &[modest], 1_000_000);
        assert_eq!(alone, [200_000]);
    }

    proptest! {
        /// Whatever the others want: who always wants has had its share, but for the last parts and a
        /// credit of each, and no seat is free meanwhile.
        #[test]
        fn nobody_is_below_its_share(
            seats in 1_usize..5,
            others in prop::collection::vec((1_u64..20_000, 1_usize..6, 0_u64..50_000), 0..6),
            part in 1_u64..20_000,
        ) {
            const TIME: u64 = 2_000_000;
            let others = others.into_iter();
            let others = others.map(|(part, threads, pause)| Wanting { part, threads, pause });
            let hungry = Wanting { part, threads: seats, pause: 0 };
            let stations: Vec<Wanting> = std::iter::once(hungry).chain(others).collect();
            let had = shares(seats, &stations, TIME);
            let count = stations.len() as u64;
            let share = seats as u64 * TIME / count;
            let slack = 50_000 * count + 20_000 * 2 * seats as u64;
            prop_assert!(had[0] + slack >= share, "{} of {share}: {stations:?}", had[0]);
            let all: u64 = had.iter().sum();
            prop_assert!(all + 20_000 * seats as u64 >= seats as u64 * TIME, "{all} in all");
        }
    }

    /// Stations at work at the same time: every part is done once, and never more than there are seats.
    #[test]
    fn as_many_parts_are_done_at_a_time_as_there_are_seats() {
        for (count, threads) in [(1, 1), (2, 2), (2, 3)] {
            let (seats, busy, most) = (Seats::new(count), AtomicUsize::new(0), AtomicUsize::new(0));
            let work = |seated: Seated| {
                let done: Vec<AtomicUsize> = (0..50).map(|_| AtomicUsize::new(0)).collect();
                seated.run(done.len(), &|index| {
                    let now = busy.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    std::thread::yield_now();
                    done[index].fetch_add(1, Ordering::SeqCst);
                    busy.fetch_sub(1, Ordering::SeqCst);
                });
                assert!(done.iter().all(|times| times.load(Ordering::SeqCst) == 1), "{count}");
            };
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    let executor: Arc<dyn Executor> = match threads {
                        1 => Arc::new(Sequential),
                        threads => Arc::new(Workers::start(threads).expect("threads")),
                    };
                    let seated = seats.join(executor);
                    scope.spawn(|| work(seated));
                }
            });
            assert!((1..=count).contains(&most.into_inner()), "more than {count} at a time");
            assert!(seats.turns().accounts.is_empty(), "those who went are remembered");
            assert_eq!(seats.turns().free, count, "a seat is lost");
        }
    }
}

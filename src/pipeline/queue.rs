//! A bounded queue from one thread to one other.
//!
//! Items move through crossbeam's `ArrayQueue`, bounded and without a mutex. A thread that has
//! nothing to do sleeps on a `Parker`, whose token makes a wake-up that comes early count: nothing
//! polls and no wake-up is lost. Dropping either end closes the queue, which wakes the other.

use crate::metrics::QueueMetrics;
use crate::sync::{Arc, ArrayQueue, AtomicBool, Ordering, Parker, Unparker};

/// What a full queue does with one more item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// Live: the freshest item wins, the oldest is given back to the producer.
    DropOldest,
    /// Files and tests: nothing is lost, the producer waits.
    Wait,
}

/// The end that puts in.
#[derive(Debug)]
pub(super) struct Producer<T> {
    shared: Arc<Shared<T>>,
    overflow: Overflow,
    space: Parker,
}

/// The end that takes out.
#[derive(Debug)]
pub(super) struct Consumer<T> {
    shared: Arc<Shared<T>>,
    items: Parker,
}

/// What became of an item that was pushed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed<T> {
    /// It is in the queue.
    Queued,
    /// It is in the queue, in the place of this older one.
    Displaced(T),
    /// The consumer is gone; here it is again.
    Closed(T),
}

#[derive(Debug)]
struct Shared<T> {
    queue: ArrayQueue<T>,
    is_closed: AtomicBool,
    books: Arc<QueueMetrics>,
    wake_producer: Unparker,
    wake_consumer: Unparker,
}

/// A queue for `capacity` items, at least one, whose depth is noted in `books`.
pub(super) fn queue<T>(
    capacity: usize,
    overflow: Overflow,
    books: Arc<QueueMetrics>,
) -> (Producer<T>, Consumer<T>) {
    let (space, items) = (Parker::new(), Parker::new());
    let shared = Arc::new(Shared {
        queue: ArrayQueue::new(capacity.max(1)),
        is_closed: AtomicBool::new(false),
        books,
        wake_producer: space.unparker().clone(),
        wake_consumer: items.unparker().clone(),
    });
    (Producer { shared: Arc::clone(&shared), overflow, space }, Consumer { shared, items })
}

impl<T> Producer<T> {
    /// Puts an item in, as the overflow policy says; waits only under [`Overflow::Wait`], and only
    /// until there is space or the consumer is gone.
    pub(super) fn push(&self, mut item: T) -> Pushed<T> {
        loop {
            if self.shared.is_closed() {
                return Pushed::Closed(item);
            }
            let pushed = match self.overflow {
                Overflow::DropOldest => {
                    self.shared.queue.force_push(item).map_or(Pushed::Queued, Pushed::Displaced)
                }
                Overflow::Wait => match self.shared.queue.push(item) {
                    Ok(()) => Pushed::Queued,
                    Err(back) => {
                        item = back;
                        self.space.park();
                        continue;
                    }
                },
            };
            self.shared.note_depth();
            self.shared.wake_consumer.unpark();
            return pushed;
        }
    }
}

impl<T> Consumer<T> {
    /// Takes the oldest item out, waiting for one; `None` once the producer is gone and the queue
    /// is empty.
    pub(super) fn pop(&self) -> Option<T> {
        loop {
            // Read before the queue is: what was pushed before the closing is then still seen.
            let was_closed = self.shared.is_closed();
            if let Some(item) = self.shared.queue.pop() {
                self.shared.note_depth();
                self.shared.wake_producer.unpark();
                return Some(item);
            }
            if was_closed {
                return None;
            }
            self.items.park();
        }
    }
}

impl<T> Shared<T> {
    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    fn note_depth(&self) {
        self.books.set_depth(self.queue.len());
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.wake_producer.unpark();
        self.wake_consumer.unpark();
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.shared.close();
        // Items left behind go home now, not when the producer happens to go.
        while self.shared.queue.pop().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waiting_loses_nothing_and_keeps_the_order() {
        for capacity in [1, 2, 7] {
            let (producer, consumer) = queue(capacity, Overflow::Wait, Arc::default());
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    (0..5_000).for_each(|n| assert_eq!(producer.push(n), Pushed::Queued))
                });
                let received: Vec<i32> = std::iter::from_fn(|| consumer.pop()).collect();
                assert_eq!(received, (0..5_000).collect::<Vec<_>>());
            });
        }
    }

    #[test]
    fn a_waiting_end_wakes_when_the_other_goes() {
        let (producer, consumer) = queue(1, Overflow::Wait, Arc::default());
        assert_eq!(producer.push(1), Pushed::Queued);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || producer.push(2));
            drop(consumer);
            assert_eq!(waiting.join().expect("no panic"), Pushed::Closed(2));
        });
        let (producer, consumer) = queue::<i32>(1, Overflow::Wait, Arc::default());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || consumer.pop());
            drop(producer);
            assert_eq!(waiting.join().expect("no panic"), None);
        });
    }

    proptest! {
        #[test]
        fn the_freshest_win_and_the_others_are_given_back(
            capacity in 1_usize..5, steps in prop::collection::vec(any::<bool>(), 0..60),
        ) {
            let (producer, consumer) = queue(capacity, Overflow::DropOldest, Arc::default());
            let mut expected = std::collections::VecDeque::new();
            for (item, is_push) in steps.into_iter().enumerate() {
                if is_push {
                    let displaced = (expected.len() == capacity).then(|| expected.pop_front()).flatten();
                    expected.push_back(item);
                    let outcome = displaced.map_or(Pushed::Queued, Pushed::Displaced);
                    prop_assert_eq!(producer.push(item), outcome);
                } else if let Some(item) = expected.pop_front() {
                    prop_assert_eq!(consumer.pop(), Some(item));
                }
            }
            drop(producer);
            let left: Vec<usize> = std::iter::from_fn(|| consumer.pop()).collect();
            prop_assert_eq!(left, Vec::from(expected));
        }
    }
}

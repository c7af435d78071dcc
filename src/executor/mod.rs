//! Who does the independent parts of a work, and the memory they work in.

mod free_list;

pub use free_list::FreeList;

use std::sync::{Mutex, PoisonError};

/// Runs independent parts of work, on one thread or on several. Results must not depend on which:
/// a part writes only what is its own.
pub trait Executor: Send + Sync + std::fmt::Debug {
    /// Calls `part` once with each index below `count`, in any order, and returns when all calls
    /// have returned.
    fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync));

    /// The most parts that are done at the same time.
    fn threads(&self) -> usize;

    /// Does `work`, which runs parts, and returns when it has returned: on one of the threads that do the
    /// parts, where there are such, so that their first part needs no other thread to wake up.
    fn host(&self, work: &mut (dyn FnMut() + Send)) {
        work();
    }
}

/// Does one part after another on the caller's thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequential;

impl Executor for Sequential {
    fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(part);
    }

    fn threads(&self) -> usize {
        1
    }
}

/// Calls `part` once with each chunk of `length` items, the last as long as it comes out, and with
/// its index.
pub fn for_chunks<T: Send>(
    executor: &dyn Executor,
    items: &mut [T],
    length: usize,
    part: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    for_all(executor, items.chunks_mut(length).enumerate(), &|(index, chunk)| part(index, chunk));
}

/// Calls `part` once with each of `items`. Parts take the next item instead of one of their number:
/// so each has one for itself without `unsafe`.
pub fn for_all<I: ExactSizeIterator + Send>(
    executor: &dyn Executor,
    items: I,
    part: &(dyn Fn(I::Item) + Sync),
) {
    let (count, items) = (items.len(), Mutex::new(items));
    executor.run(count, &|_| {
        let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
        if let Some(item) = next {
            part(item);
        }
    });
}

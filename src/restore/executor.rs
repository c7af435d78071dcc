//! Who does the independent parts of a stage.

/// Runs independent parts of work, on one thread or on several. Results must not depend on which:
/// a part writes only what is its own.
pub trait Executor: Send + Sync + std::fmt::Debug {
    /// Calls `part` once with each index below `count`, in any order, and returns when all calls
    /// have returned.
    fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync));
}

/// Does one part after another on the caller's thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequential;

impl Executor for Sequential {
    fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(part);
    }
}

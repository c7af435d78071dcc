//! Memory for what networks are given: a band has some while it is computed.
//!
//! Networks are run one after another, and of the bands of one no more at once than there are threads, so a few
//! inputs of each shape serve all of them, and are in the cache again when they are filled anew.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::restore::tract::{Tensor, TractResult};

/// Inputs of networks that no band has now.
#[derive(Debug)]
pub struct Inputs {
    threads: usize,
    free: Mutex<Vec<Arc<Tensor>>>,
}

impl Inputs {
    /// None yet, for networks that are computed by so many threads.
    pub fn new(threads: usize) -> Arc<Self> {
        Arc::new(Self { threads, free: Mutex::default() })
    }

    /// Makes as many of `shape` as so many bands can have at once, where there are fewer.
    pub(super) fn provide(
        &self,
        shape: &[usize],
        bands: usize,
        make: impl Fn() -> TractResult<Tensor>,
    ) -> TractResult<()> {
        let mut free = self.free();
        let there = free.iter().filter(|input| input.shape() == shape).count();
        for _ in there..bands.min(self.threads) {
            free.push(Arc::new(make()?));
        }
        Ok(())
    }

    /// One of `shape` that is free; it holds what another band has left.
    pub(super) fn take(&self, shape: &[usize]) -> Option<Arc<Tensor>> {
        let mut free = self.free();
        let last = free.iter().rposition(|input| input.shape() == shape)?;
        Some(free.remove(last))
    }

    /// Puts one back.
    pub(super) fn put(&self, input: Arc<Tensor>) {
        self.free().push(input);
    }

    fn free(&self) -> MutexGuard<'_, Vec<Arc<Tensor>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

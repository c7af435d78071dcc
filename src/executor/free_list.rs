//! Memory for the parts of a work: what was put back last is taken first, while the caches still
//! hold it.

use std::sync::{Mutex, PoisonError};

/// Values that are free.
#[derive(Debug)]
pub struct FreeList<T>(Mutex<Vec<T>>);

impl<T> FreeList<T> {
    /// `count` values to begin with.
    pub fn new(count: usize, make: impl FnMut() -> T) -> Self {
        Self(Mutex::new(std::iter::repeat_with(make).take(count).collect()))
    }

    /// Takes a free value; makes one where there is none.
    pub fn take(&self, make: impl FnOnce() -> T) -> T {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(make)
    }

    /// Works with a free value, and puts it back.
    pub fn with<R>(&self, make: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self.take(make);
        let done = work(&mut value);
        self.put(value);
        done
    }

    /// Puts a value back.
    pub fn put(&self, value: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(value);
    }
}

//! What `src/sync.rs` gives, made of parts whose schedules shuttle tries.
//!
//! A queue's operations are single steps here: that crossbeam's are, is crossbeam's to test.

use std::collections::VecDeque;

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub(crate) use shuttle::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use shuttle::sync::{Condvar, Mutex};
pub(crate) use std::sync::PoisonError;

/// As crossbeam's.
#[derive(Debug)]
pub(crate) struct ArrayQueue<T> {
    items: Mutex<VecDeque<T>>,
    capacity: usize,
}

impl<T> ArrayQueue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { items: Mutex::new(VecDeque::new()), capacity }
    }

    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        let mut items = self.items.lock().expect("no panic");
        if items.len() == self.capacity {
            return Err(item);
        }
        items.push_back(item);
        Ok(())
    }

    pub(crate) fn force_push(&self, item: T) -> Option<T> {
        let mut items = self.items.lock().expect("no panic");
        let displaced = if items.len() == self.capacity { items.pop_front() } else { None };
        items.push_back(item);
        displaced
    }

    pub(crate) fn pop(&self) -> Option<T> {
        self.items.lock().expect("no panic").pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.lock().expect("no panic").len()
    }
}

/// As crossbeam's: a token that is given and taken.
#[derive(Debug)]
pub(crate) struct Parker(Unparker);

#[derive(Debug, Clone)]
pub(crate) struct Unparker(Arc<(Mutex<bool>, Condvar)>);

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Unparker(Arc::new((Mutex::new(false), Condvar::new()))))
    }

    pub(crate) fn park(&self) {
        let (token, given) = &*self.0.0;
        let mut token = token.lock().expect("no panic");
        while !*token {
            token = given.wait(token).expect("no panic");
        }
        *token = false;
    }

    pub(crate) fn unparker(&self) -> &Unparker {
        &self.0
    }
}

impl Unparker {
    pub(crate) fn unpark(&self) {
        let (token, given) = &*self.0;
        *token.lock().expect("no panic") = true;
        given.notify_one();
    }
}

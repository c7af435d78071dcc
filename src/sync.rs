//! What threads share memory by, from one address: the model tests of the queue and the pool put
//! others in its place, which try the orders in which threads can run.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub(crate) use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use crossbeam::queue::ArrayQueue;
pub(crate) use crossbeam::sync::{Parker, Unparker};

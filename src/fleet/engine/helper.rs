//! A thread that works until its owner is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::farewell::farewell;
use crate::fleet::FleetError;
use crate::owner;

/// How soon the end is noticed, which the work has to look for.
pub(super) const GLANCE: Duration = Duration::from_millis(50);

/// A thread, and what tells it that it is over.
#[derive(Debug)]
pub(super) struct Helper {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    /// Has a thread of that name work until what it is given is true.
    pub(super) fn begin(
        name: &str,
        work: impl FnOnce(&AtomicBool) + Send + 'static,
    ) -> Result<Self, FleetError> {
        let is_over = Arc::<AtomicBool>::default();
        let over = Arc::clone(&is_over);
        let thread = owner::spawn(name, move || work(&over)).map_err(FleetError::Thread)?;
        Ok(Self { is_over, thread: Some(thread) })
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Where it panicked, the process has ended.
            farewell(move || drop(thread.join()));
        }
    }
}

//! The switch that stops a pipeline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A switch that tells a running pipeline to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Tells the pipeline to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

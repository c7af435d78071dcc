//! Where a restorer waits that is to take over from the running one.
//!
//! It is taken between two frames: no frame is lost, and none is restored by both. One that was
//! offered before and that no frame has met yet is dropped.

use std::sync::Arc;

use crossbeam::queue::ArrayQueue;

use crate::metrics::StageMetrics;
use crate::restore::Restorer;

/// A restorer and the books of its steps.
pub(super) struct Counted {
    pub(super) restorer: Box<dyn Restorer>,
    pub(super) books: Vec<Arc<StageMetrics>>,
}

/// Room for one restorer.
pub(super) struct Mailbox(ArrayQueue<Counted>);

impl Default for Mailbox {
    fn default() -> Self {
        Self(ArrayQueue::new(1))
    }
}

impl Mailbox {
    /// Puts a restorer in, in the place of one that still waits.
    pub(super) fn offer(&self, restorer: Counted) {
        drop(self.0.force_push(restorer));
    }

    /// Takes the restorer that waits, if any.
    pub(super) fn take(&self) -> Option<Counted> {
        self.0.pop()
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Mailbox").field("is_empty", &self.is_empty()).finish()
    }
}

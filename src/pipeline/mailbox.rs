//! Where a restorer waits that is to take over from the running one.
//!
//! It takes over between two frames: no frame is lost, and none is restored by both. One that was
//! offered before and that no frame has met yet is dropped. What has served until then is large, and to free it
//! takes longer than a step of a frame: that is left to whoever waits for the pipeline.

use std::sync::Arc;

use crossbeam::queue::ArrayQueue;

use crate::metrics::StageMetrics;
use crate::restore::Restorer;

/// A restorer and the books of its steps.
pub(super) struct Counted {
    pub(super) restorer: Box<dyn Restorer>,
    pub(super) books: Vec<Arc<StageMetrics>>,
}

/// Room for one restorer that is to serve, and for one that has served.
pub(super) struct Mailbox {
    offered: ArrayQueue<Counted>,
    relieved: ArrayQueue<Counted>,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self { offered: ArrayQueue::new(1), relieved: ArrayQueue::new(1) }
    }
}

impl Mailbox {
    /// Puts a restorer in, in the place of one that still waits.
    pub(super) fn offer(&self, restorer: Counted) {
        self.free_relieved();
        drop(self.offered.force_push(restorer));
    }

    /// Puts the restorer that waits, if any, in the place of the one that is serving.
    pub(super) fn relieve(&self, serving: &mut Counted) {
        if let Some(newer) = self.offered.pop() {
            drop(self.relieved.force_push(std::mem::replace(serving, newer)));
        }
    }

    /// Frees what has served.
    pub(super) fn free_relieved(&self) {
        drop(self.relieved.pop());
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.offered.is_empty()
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Mailbox").field("is_empty", &self.is_empty()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Effort, Picture};
    use crate::restore::{RestoreError, Step, Watch};

    /// Is there as long as it is not freed.
    struct Present {
        _mark: Arc<()>,
    }

    impl Restorer for Present {
        fn steps(&self) -> &[Step] {
            &[]
        }

        fn backend(&self) -> &'static str {
            "cpu"
        }

        fn restore(
            &mut self,
            _: &Picture,
            _: &mut Picture,
            _: Effort,
            _: &mut dyn Watch,
        ) -> Result<(), RestoreError> {
            Ok(())
        }
    }

    fn present(mark: &Arc<()>) -> Counted {
        Counted { restorer: Box::new(Present { _mark: Arc::clone(mark) }), books: Vec::new() }
    }

    #[test]
    fn what_has_served_is_freed_by_whoever_has_time() {
        let marks = [(); 4].map(Arc::new);
        let there = || marks.each_ref().map(|mark| Arc::strong_count(mark) - 1);
        let (mailbox, mut serving) = (Mailbox::default(), present(&marks[0]));
        mailbox.relieve(&mut serving);
        assert_eq!(there(), [1, 0, 0, 0], "nothing was offered");
        mailbox.offer(present(&marks[1]));
        mailbox.offer(present(&marks[2]));
        assert_eq!(there(), [1, 0, 1, 0], "the newest offer counts");
        mailbox.relieve(&mut serving);
        assert_eq!((there(), mailbox.is_empty()), ([1, 0, 1, 0], true), "it is not freed here");
        mailbox.offer(present(&marks[3]));
        assert_eq!(there(), [0, 0, 1, 1], "no more than one waits to be freed");
        mailbox.relieve(&mut serving);
        mailbox.free_relieved();
        assert_eq!(there(), [0, 0, 0, 1]);
    }
}

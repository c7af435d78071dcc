//! A copy of a frame, for whoever asks.
//!
//! Whoever asks brings what it is copied into, so that nothing is allocated while frames
//! flow; one is copied at a time.

use std::sync::Arc;

use crossbeam::queue::ArrayQueue;

use crate::frame::colour::load_luma;
use crate::frame::{Effort, Frame, Layout, Picture, PictureFormat};

/// Where a copy is asked for and taken.
#[derive(Debug, Clone)]
pub struct Tap<T>(Arc<Slots<T>>);

/// What a frame is copied into.
pub trait Copied {
    /// Copies a frame; `false` where it is of another format.
    fn copy(&mut self, frame: &Frame) -> bool;
}

/// The luma of a frame as it was captured and as it was restored.
#[derive(Debug, Clone)]
pub struct Pair {
    /// As it was captured.
    pub captured: Picture,
    /// As it was restored.
    pub restored: Picture,
    /// What was done to it.
    pub effort: Effort,
}

/// The taps of a pipeline, one for each who asks.
#[derive(Debug, Clone, Default)]
pub struct Taps {
    /// For whoever watches whether the calibration holds.
    pub watch: Tap<Picture>,
    /// For whoever follows the level of the frames, and what speaks against the PSF.
    pub level: Tap<Pair>,
    /// For whoever calibrates.
    pub calibration: Tap<Picture>,
}

impl Taps {
    /// Copies a frame for those who ask for one.
    pub(super) fn give(&self, frame: &Frame) {
        self.watch.give(frame);
        self.level.give(frame);
        self.calibration.give(frame);
    }
}

impl Copied for Picture {
    fn copy(&mut self, frame: &Frame) -> bool {
        let fits = self.format() == frame.blurred.format();
        if fits {
            self.copy_from(&frame.blurred);
        }
        fits
    }
}

impl Copied for Pair {
    fn copy(&mut self, frame: &Frame) -> bool {
        let luma = |of: &Picture| PictureFormat { layout: Layout::Gray, ..of.format() };
        let fits = self.captured.format() == luma(&frame.blurred)
            && self.restored.format() == luma(&frame.restored);
        if fits {
            load_luma(&frame.blurred, &mut self.captured);
            load_luma(&frame.restored, &mut self.restored);
            self.effort = frame.meta.effort;
        }
        fits
    }
}

#[derive(Debug)]
struct Slots<T> {
    asked: ArrayQueue<T>,
    filled: ArrayQueue<T>,
}

impl<T> Default for Tap<T> {
    fn default() -> Self {
        let [asked, filled] = [(); 2].map(|()| ArrayQueue::new(1));
        Self(Arc::new(Slots { asked, filled }))
    }
}

impl<T: Copied> Tap<T> {
    /// Asks for the next frame in `copy`, in the place of whatever was asked for before.
    pub fn ask(&self, copy: T) {
        drop(self.0.asked.force_push(copy));
    }

    /// The copy, once it is there.
    pub fn take(&self) -> Option<T> {
        self.0.filled.pop()
    }

    /// Copies a frame where one is asked for; stand-ins are none.
    fn give(&self, frame: &Frame) {
        if frame.meta.placeholder || self.0.asked.is_empty() {
            return;
        }
        let Some(mut copy) = self.0.asked.pop() else { return };
        if copy.copy(frame) {
            drop(self.0.filled.force_push(copy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Extent, PictureFormat};

    #[test]
    fn a_frame_is_copied_where_one_is_asked_for() {
        let tap = Tap::default();
        let format = PictureFormat::gray(Extent::new(4, 2));
        let mut frame = Frame::new(format);
        frame.blurred.planes_mut()[0].samples_mut().fill(7);
        tap.give(&frame);
        assert!(tap.take().is_none(), "nobody asked");
        tap.ask(Picture::new(format));
        frame.meta.placeholder = true;
        tap.give(&frame);
        assert!(tap.take().is_none(), "a stand-in");
        frame.meta.placeholder = false;
        tap.give(&frame);
        frame.blurred.planes_mut()[0].samples_mut().fill(9);
        tap.give(&frame);
        let copy = tap.take().expect("a copy");
        assert_eq!(copy.planes()[0].samples(), [7; 8]);
        assert!(tap.take().is_none(), "one was asked for");
    }
}

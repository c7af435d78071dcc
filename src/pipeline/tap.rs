//! A copy of a frame as it was captured, for whoever asks.
//!
//! Whoever asks brings the picture that it is copied into, so that nothing is allocated while frames
//! flow; one is copied at a time.

use std::sync::Arc;

use crossbeam::queue::ArrayQueue;

use crate::frame::{Frame, Picture};

/// Where a copy is asked for and taken.
#[derive(Debug, Clone)]
pub struct Tap(Arc<Slots>);

/// The taps of a pipeline, one for each who asks.
#[derive(Debug, Clone, Default)]
pub struct Taps {
    /// For whoever watches whether the calibration holds.
    pub watch: Tap,
    /// For whoever follows the level of the frames.
    pub level: Tap,
    /// For whoever calibrates.
    pub calibration: Tap,
}

impl Taps {
    /// Copies a frame for those who ask for one.
    pub(super) fn give(&self, frame: &Frame) {
        self.watch.give(frame);
        self.level.give(frame);
        self.calibration.give(frame);
    }
}

#[derive(Debug)]
struct Slots {
    asked: ArrayQueue<Picture>,
    filled: ArrayQueue<Picture>,
}

impl Default for Tap {
    fn default() -> Self {
        let [asked, filled] = [(); 2].map(|()| ArrayQueue::new(1));
        Self(Arc::new(Slots { asked, filled }))
    }
}

impl Tap {
    /// Asks for the next frame in `picture`, in the place of whatever was asked for before.
    pub fn ask(&self, picture: Picture) {
        drop(self.0.asked.force_push(picture));
    }

    /// The copy, once it is there.
    pub fn take(&self) -> Option<Picture> {
        self.0.filled.pop()
    }

    /// Copies a frame where one is asked for; stand-ins are none.
    fn give(&self, frame: &Frame) {
        if frame.meta.placeholder || self.0.asked.is_empty() {
            return;
        }
        let Some(mut picture) = self.0.asked.pop() else { return };
        if picture.format() == frame.blurred.format() {
            picture.copy_from(&frame.blurred);
            drop(self.0.filled.force_push(picture));
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

//! Pictures that frames have on a part of their way only, and the few that there are of them.
//!
//! A frame that was not restored yet has no restored picture, and one that is on its way to sinks of which none
//! shows what was captured has no captured one: of a colour picture of 1280x720 each is 5.5 MB. They
//! are lent to frames and come home with them, or before.

use std::sync::Arc;

use crossbeam::queue::ArrayQueue;

use super::PipelineOptions;
use crate::frame::{Frame, Picture, PictureFormat};

/// The pictures of a pipeline that no frame has now.
#[derive(Debug, Clone)]
pub(super) struct Pictures(Arc<Spare>);

#[derive(Debug)]
struct Spare {
    captured: ArrayQueue<Picture>,
    restored: ArrayQueue<Picture>,
    /// Whether frames keep the captured one to the end.
    keeps_captured: bool,
}

impl Pictures {
    /// As many pictures of `format` as frames can have at once on their way to `sinks` sinks, of which some show what
    /// was captured where `keeps_captured`.
    pub(super) fn new(
        format: PictureFormat,
        (sinks, keeps_captured): (usize, bool),
        options: PipelineOptions,
    ) -> Self {
        let capacity = options.queue_capacity.max(1);
        // In the hands of the source and the restorer, and one that each of both has just displaced.
        let before = capacity + 3;
        let behind = sinks * (capacity + 1);
        let captured = if keeps_captured { before + behind } else { before };
        let pictures = |count: usize| {
            let queue = ArrayQueue::new(count);
            for _ in 0..count {
                // There is room for as many.
                drop(queue.push(Picture::new(format)));
            }
            queue
        };
        let (captured, restored) = (pictures(captured), pictures(2 + behind));
        Self(Arc::new(Spare { captured, restored, keeps_captured }))
    }

    /// Gives a frame that is to be filled a captured picture.
    pub(super) fn capture(&self, frame: &mut Frame) {
        lend(&self.0.captured, &mut frame.blurred);
    }

    /// Gives a frame that is to be restored a restored picture.
    pub(super) fn restore(&self, frame: &mut Frame) {
        lend(&self.0.restored, &mut frame.restored);
    }

    /// Takes from a restored frame what no sink looks at.
    pub(super) fn offer(&self, frame: &mut Frame) {
        if !self.0.keeps_captured {
            take_back(&self.0.captured, &mut frame.blurred);
        }
    }

    /// Takes all pictures from a frame whose way is over.
    pub(super) fn come_home(&self, frame: &mut Frame) {
        take_back(&self.0.captured, &mut frame.blurred);
        take_back(&self.0.restored, &mut frame.restored);
    }
}

/// Lends a picture to a frame that has none.
fn lend(spare: &ArrayQueue<Picture>, picture: &mut Picture) {
    if picture.is_vacant() {
        let lent = spare.pop();
        assert!(lent.is_some(), "there are fewer pictures than frames can have");
        lent.into_iter().for_each(|lent| *picture = lent);
    }
}

/// Takes the picture of a frame, where it has one.
fn take_back(spare: &ArrayQueue<Picture>, picture: &mut Picture) {
    if !picture.is_vacant() {
        let none = Picture::vacant(picture.format());
        let displaced = spare.push(std::mem::replace(picture, none));
        assert!(displaced.is_ok(), "a picture came home twice");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Extent;
    use crate::pipeline::Overflow;

    /// As many frames as can be under way have what they need, and all of it comes home.
    #[track_caller]
    fn check_suffices(sinks: usize, keeps_captured: bool) {
        let format = PictureFormat::gray(Extent::new(8, 4));
        let options = PipelineOptions::new(Overflow::DropOldest);
        let pictures = Pictures::new(format, (sinks, keeps_captured), options);
        for _ in 0..2 {
            let mut frames = Vec::new();
            for at in 0..2 * sinks + 2 {
                let mut frame = Frame::vacant(format);
                pictures.capture(&mut frame);
                pictures.restore(&mut frame);
                pictures.capture(&mut frame);
                pictures.offer(&mut frame);
                assert_eq!(frame.restored.format(), format, "frame {at}");
                assert_eq!(frame.blurred.is_vacant(), !keeps_captured, "frame {at}");
                frames.push(frame);
            }
            for frame in &mut frames {
                pictures.come_home(frame);
                pictures.come_home(frame);
                assert!(frame.blurred.is_vacant() && frame.restored.is_vacant());
            }
        }
    }

    #[test]
    fn frames_have_pictures_while_they_need_them() {
        for sinks in 0..4 {
            check_suffices(sinks, true);
            check_suffices(sinks, false);
        }
    }
}

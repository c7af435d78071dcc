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
    format: PictureFormat,
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
        // One in the hands of the source and of the restorer, be it one that another has just displaced, and those
        // that wait between them; behind, in the hands of each sink and waiting for it.
        let before = capacity + 2;
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
        let (captured, restored) = (pictures(captured), pictures(1 + behind));
        Self(Arc::new(Spare { format, captured, restored, keeps_captured }))
    }

    /// Gives a frame that is to be filled a captured picture.
    pub(super) fn capture(&self, frame: &mut Frame) {
        lend(&self.0.captured, self.0.format, &mut frame.blurred);
    }

    /// Gives a frame that is to be restored a restored picture.
    pub(super) fn restore(&self, frame: &mut Frame) {
        lend(&self.0.restored, self.0.format, &mut frame.restored);
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
fn lend(spare: &ArrayQueue<Picture>, format: PictureFormat, picture: &mut Picture) {
    if picture.is_vacant() {
        // There is one: what is made anew costs time, no frame.
        *picture = spare.pop().unwrap_or_else(|| Picture::new(format));
    }
}

/// Takes the picture of a frame, where it has one.
fn take_back(spare: &ArrayQueue<Picture>, picture: &mut Picture) {
    if !picture.is_vacant() {
        let none = Picture::vacant(picture.format());
        // One that was made anew has no place and goes.
        drop(spare.push(std::mem::replace(picture, none)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Extent;
    use crate::pipeline::Overflow;

    /// As many frames as can be under way have what they need, of what there is from the beginning, and all of it
    /// comes home.
    #[track_caller]
    fn check_suffices(sinks: usize, keeps_captured: bool) {
        let format = PictureFormat::gray(Extent::new(8, 4));
        let options = PipelineOptions::new(Overflow::DropOldest);
        let pictures = Pictures::new(format, (sinks, keeps_captured), options);
        let Spare { captured, restored, .. } = &*pictures.0;
        let whole = [captured.len(), restored.len()];
        // With the source and waiting for the restorer; then in its hands, waiting for sinks, and in theirs.
        let mut early: Vec<Frame> = (0..2).map(|_| Frame::vacant(format)).collect();
        early.iter_mut().for_each(|frame| pictures.capture(frame));
        let mut late: Vec<Frame> = (0..=2 * sinks).map(|_| Frame::vacant(format)).collect();
        for frame in &mut late {
            pictures.capture(frame);
            pictures.restore(frame);
            pictures.offer(frame);
            assert_eq!(frame.restored.format(), format);
            assert_eq!(frame.blurred.is_vacant(), !keeps_captured);
        }
        assert_eq!(
            [captured.len(), restored.len()],
            [usize::from(!keeps_captured), 0],
            "left of {sinks} sinks"
        );
        for frame in early.iter_mut().chain(&mut late) {
            pictures.come_home(frame);
            assert!(frame.blurred.is_vacant() && frame.restored.is_vacant());
        }
        assert_eq!([captured.len(), restored.len()], whole, "all are home");
    }

    #[test]
    fn frames_have_pictures_while_they_need_them() {
        for sinks in 0..4 {
            check_suffices(sinks, true);
            check_suffices(sinks, false);
        }
    }
}

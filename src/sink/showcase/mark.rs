//! A mark on pictures that were not restored in full: a band of white and black along the lower edge.
//!
//! Whoever only sees pictures, in a player or on a wall, cannot read what stands beside them. Pictures
//! are marked for those alone who ask for it: programs that measure in them read the headers.

use crate::frame::colour::Scale;
use crate::frame::{Effort, Frame, Picture};

/// Rows of a picture for one of its mark.
const ROWS_PER_MARK: usize = 48;
/// Rows of the thinnest mark.
const ROWS_MIN: usize = 4;
/// Fields are so many times as wide as they are high.
const FIELD_ASPECT: usize = 4;

/// The restored picture, marked where less was done than could be, a step failed, or none came.
pub(super) fn marked(frame: &Frame) -> Picture {
    let mut picture = frame.restored.clone();
    let meta = &frame.meta;
    if meta.effort != Effort::Full || meta.degraded || meta.placeholder {
        mark(&mut picture);
    }
    picture
}

fn mark(picture: &mut Picture) {
    let (format, height) = (picture.format(), picture.extent().height);
    let rows = (height / ROWS_PER_MARK).max(ROWS_MIN);
    for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
        let scale = Scale::of_plane(format, index);
        let is_chroma = format.layout.is_chroma(index);
        let step = height / plane.extent().height.max(1);
        let (rows, field) = (rows / step.max(1), FIELD_ASPECT * rows);
        let first = plane.extent().height.saturating_sub(rows);
        for row in plane.rows_mut().skip(first) {
            for (x, sample) in row.iter_mut().enumerate() {
                let value = if is_chroma || x / field % 2 == 1 { 0.0 } else { 1.0 };
                *sample = quantised(scale.sample(value));
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn quantised(sample: f32) -> u16 {
    sample.round().clamp(0.0, u16::MAX.into()) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Extent, Layout, PictureFormat};

    /// A frame of middling samples.
    fn frame(layout: Layout) -> Frame {
        let mut frame =
            Frame::new(PictureFormat { layout, ..PictureFormat::gray(Extent::new(64, 48)) });
        for plane in frame.restored.planes_mut() {
            plane.samples_mut().fill(100);
        }
        frame
    }

    #[track_caller]
    fn check(change: impl Fn(&mut Frame), is_marked: bool) {
        for layout in [Layout::Gray, Layout::Yuv420, Layout::Yuv422, Layout::Yuv444, Layout::Rgb] {
            let mut frame = frame(layout);
            frame.meta.effort = Effort::Full;
            change(&mut frame);
            let shown = marked(&frame);
            let differs = shown != frame.restored;
            assert_eq!(differs, is_marked, "{layout:?}");
            let luma = &shown.planes()[0];
            assert!(luma.rows().take(44).flatten().all(|&sample| sample == 100), "{layout:?}");
            if is_marked {
                let row = luma.row(47);
                assert_eq!((row[0], row[16], row[32]), (255, 0, 255), "{layout:?}");
            }
        }
    }

    #[test]
    fn only_lesser_pictures_are_marked() {
        check(|_| {}, false);
        check(|frame| frame.meta.effort = Effort::Wiener, true);
        check(|frame| frame.meta.effort = Effort::Passthrough, true);
        check(|frame| frame.meta.degraded = true, true);
        check(|frame| frame.meta.placeholder = true, true);
    }
}

//! The picture that stands for those which a camera does not give: words on dark gray, so that
//! whoever watches knows what is wrong, and programs that read a stream stay connected to it.

use std::time::{Duration, Instant};

use crate::frame::colour::Scale;
use crate::frame::{Picture, PictureFormat};
use crate::metrics::SourceState;
use crate::source::font;

/// Time from one stand-in to the next.
const EVERY: Duration = Duration::from_millis(200);

/// Brightness of the ground and of the letters.
const GROUND: f32 = 0.12;
const LETTERS: f32 = 0.75;

/// A picture of words, drawn when they change.
#[derive(Debug)]
pub(super) struct StandIn {
    picture: Picture,
    drawn: Option<SourceState>,
    last_given: Option<Instant>,
}

impl StandIn {
    pub(super) fn new(format: PictureFormat) -> Self {
        Self { picture: Picture::new(format), drawn: None, last_given: None }
    }

    /// Copies the picture for `state` to `target` where it is time to; whether it was.
    pub(super) fn give(&mut self, state: SourceState, now: Instant, target: &mut Picture) -> bool {
        let Some(words) = words(state) else { return false };
        let is_early = |last: Instant| now.saturating_duration_since(last) < EVERY;
        if self.last_given.is_some_and(is_early) {
            return false;
        }
        self.last_given = Some(now);
        if self.drawn != Some(state) {
            draw(words, &mut self.picture);
            self.drawn = Some(state);
        }
        target.copy_from(&self.picture);
        true
    }
}

/// What there is to say; nothing where pictures come or will in a moment.
fn words(state: SourceState) -> Option<&'static str> {
    match state {
        SourceState::Starting | SourceState::Live => None,
        SourceState::Silent => Some("NO SIGNAL"),
        SourceState::Frozen => Some("CAMERA FROZEN"),
        SourceState::Absent => Some("NO CAMERA"),
        SourceState::Failing => Some("CAMERA FAILS"),
    }
}

/// Writes words across the middle.
fn draw(words: &str, picture: &mut Picture) {
    let format = picture.format();
    for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
        let is_chroma = format.layout.is_chroma(index);
        plane.samples_mut().fill(if is_chroma { neutral(format) } else { sample(format, GROUND) });
        if is_chroma {
            continue;
        }
        let extent = plane.extent();
        // A letter is about 0.8 times as wide as high; the line has margins.
        let fitting = extent.width as f32 / words.len() as f32;
        let mask = font::line(words, fitting.min(extent.height as f32 / 4.0));
        let inset = |outer: usize, inner: usize| outer.saturating_sub(inner) / 2;
        let left = inset(extent.width, mask.extent().width);
        let top = inset(extent.height, mask.extent().height);
        for (y, mask) in mask.rows().enumerate().take(extent.height) {
            for (sample_at, coverage) in plane.row_mut(top + y)[left..].iter_mut().zip(mask) {
                *sample_at = sample(format, GROUND + (LETTERS - GROUND) * coverage);
            }
        }
    }
}

/// The sample of a brightness from 0 to 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to white")]
fn sample(format: PictureFormat, brightness: f32) -> u16 {
    Scale::luma(format.depth, format.range).sample(brightness) as u16
}

/// The chroma sample of gray.
fn neutral(format: PictureFormat) -> u16 {
    128 << (format.depth - 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Extent, Layout, Range};

    const STATES: [SourceState; 4] =
        [SourceState::Silent, SourceState::Frozen, SourceState::Absent, SourceState::Failing];

    #[test]
    fn every_state_has_words_in_every_format() {
        use Layout::{Gray, Rgb, Yuv420, Yuv422, Yuv444};
        for (width, height) in [(640, 480), (1, 1), (5, 300), (300, 5), (1280, 720)] {
            for layout in [Gray, Yuv420, Yuv422, Yuv444, Rgb] {
                let extent = Extent::new(width, height);
                let format = PictureFormat { extent, layout, depth: 10, range: Range::Limited };
                let (mut given, mut stand_in) = (Vec::new(), StandIn::new(format));
                for state in STATES {
                    let mut target = Picture::new(format);
                    stand_in.last_given = None;
                    assert!(stand_in.give(state, Instant::now(), &mut target), "{state:?}");
                    assert!(!given.contains(&target) || width * height < 10_000, "{state:?}");
                    given.push(target);
                }
            }
        }
    }

    #[test]
    fn they_come_at_a_low_steady_rate() {
        let format = PictureFormat::gray(Extent::new(64, 48));
        let (mut stand_in, mut target) = (StandIn::new(format), Picture::new(format));
        let start = Instant::now();
        let mut given = 0;
        for tenth in 0..100 {
            let now = start + Duration::from_millis(100 * tenth);
            given += u32::from(stand_in.give(SourceState::Absent, now, &mut target));
            assert!(!stand_in.give(SourceState::Live, now, &mut target), "a live camera");
        }
        assert_eq!(given, 50);
    }
}

//! What to tell a person who holds a target before a camera, frame by frame.

use super::find::{FindError, Found, find};
use super::geometry::{Point, distance};
use super::pattern::Pattern;
use crate::frame::Plane;

/// Cells this wide or wider, in samples, are seen well.
const WIDE_ENOUGH: f64 = 1.2;
/// The least light of white, encoded, at which noise is no matter.
const BRIGHT: f32 = 0.35;
/// Encoded light from which samples are as good as clipped.
const CLIPPED: f32 = 0.995;
/// The part of samples that may be clipped.
const MOST_CLIPPED: f64 = 1e-3;
/// The farthest that the target may move from one frame to the next, in samples.
const STILL: f64 = 0.25;
/// The most that the contrast of the noise may change from one frame to the next, where the target
/// stands still: more is a focus that hunts.
const STEADY: f64 = 0.07;

/// What would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, displaydoc::Display)]
pub enum Hint {
    /// show the target
    ShowTarget,
    /// show all of the target
    ShowAll,
    /// show one target only
    OneOnly,
    /// show the target with the noise of this seed
    OtherTarget,
    /// turn mirroring off
    Unmirror,
    /// go nearer
    Nearer,
    /// more light
    MoreLight,
    /// less light
    LessLight,
    /// hold still
    HoldStill,
    /// lock the focus
    LockFocus,
    /// show the target in another part of the frame
    MoveOn,
}

/// What one frame showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The target, where it was found.
    pub found: Option<Found>,
    /// What would help; nothing where the frame is good.
    pub hints: Vec<Hint>,
}

/// Looks at one frame after another.
#[derive(Debug)]
pub struct Guide<'a> {
    pattern: &'a Pattern,
    last: Option<Found>,
}

impl<'a> Guide<'a> {
    /// A guide to the target of `pattern`.
    pub fn new(pattern: &'a Pattern) -> Self {
        Self { pattern, last: None }
    }

    /// Looks at the next frame: encoded luma from 0 to 1.
    pub fn look(&mut self, frame: &Plane<f32>) -> Look {
        match find(frame, self.pattern) {
            Err(error) => {
                self.last = None;
                Look { found: None, hints: vec![hint(&error)] }
            }
            Ok(found) => {
                let mut hints = Vec::new();
                hints.extend((found.samples_per_cell < WIDE_ENOUGH).then_some(Hint::Nearer));
                hints.extend(self.light(frame, &found));
                hints.extend(self.last.as_ref().and_then(|last| moved(last, &found)));
                self.last = Some(found.clone());
                Look { found: Some(found), hints }
            }
        }
    }

    /// Whether the target is too dark or too bright.
    fn light(&self, frame: &Plane<f32>, found: &Found) -> Option<Hint> {
        let (mut clipped, mut samples, mut brightest) = (0.0, 0.0_f64, 0.0_f32);
        let extent = self.pattern.extent();
        for y in (0..2 * extent.height).map(|y| y as f64 / 2.0 + 0.25) {
            for x in (0..2 * extent.width).map(|x| x as f64 / 2.0 + 0.25) {
                let Some(point) = found.geometry.point([x, y]) else { continue };
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "within the frame"
                )]
                let [column, row] = point.map(|value| value.round().max(0.0) as usize);
                if column < frame.extent().width && row < frame.extent().height {
                    let value = frame.row(row)[column];
                    brightest = brightest.max(value);
                    clipped += f64::from(u8::from(value >= CLIPPED));
                    samples += 1.0;
                }
            }
        }
        if clipped > MOST_CLIPPED * samples {
            return Some(Hint::LessLight);
        }
        (brightest < BRIGHT).then_some(Hint::MoreLight)
    }
}

/// What would help where no target was found.
fn hint(error: &FindError) -> Hint {
    match error {
        FindError::NoCorners | FindError::NoRing(_) | FindError::NoPatch => Hint::ShowTarget,
        FindError::OtherNoise { .. } | FindError::OtherPattern { .. } => Hint::OtherTarget,
        FindError::Two => Hint::OneOnly,
        FindError::CutOff { .. } => Hint::ShowAll,
        FindError::Mirrored => Hint::Unmirror,
        FindError::TooSmall { .. } => Hint::Nearer,
        FindError::LowContrast { .. } => Hint::MoreLight,
    }
}

/// How far the target moved from one frame to another, in samples.
pub(super) fn apart(last: &Found, found: &Found) -> f64 {
    let cells: [Point; 4] = [[20.0, 40.0], [84.0, 40.0], [20.0, 104.0], [84.0, 104.0]];
    let apart = cells.iter().filter_map(|&cell| {
        Some(distance(last.geometry.point(cell)?, found.geometry.point(cell)?))
    });
    apart.fold(0.0, f64::max)
}

/// Whether the target, or the focus, moved since the last frame.
fn moved(last: &Found, found: &Found) -> Option<Hint> {
    if apart(last, found) > STILL {
        return Some(Hint::HoldStill);
    }
    let change = (found.correlation / last.correlation - 1.0).abs();
    (change > STEADY).then_some(Hint::LockFocus)
}

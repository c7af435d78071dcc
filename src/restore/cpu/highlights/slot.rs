//! What is known of the lamps of tiles: in a stream it holds until what is seen there changes.

use super::tile::Scratch;
use crate::frame::Plane;
use crate::plan::Highlights;

/// Less blur than this is not taken away: a gray level of 255.
const LEAST: f32 = 0.004;
/// Where more than this is taken away, nothing is believed of a sample but what the light that is left
/// makes of it.
const MOST: f32 = 0.2;

/// What was found in the core of a tile.
#[derive(Debug)]
pub(super) struct Slot {
    /// The tile, where there is one.
    pub(super) tile: Option<usize>,
    /// Whether it is to be found anew.
    pub(super) is_due: bool,
    pub(super) has_lamps: bool,
    /// Samples on a side.
    side: usize,
    /// Row by row, what was seen.
    seen: Vec<f32>,
    found: Vec<Found>,
}

/// What was found at a sample.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    /// What is set aside.
    beyond: f32,
    /// Its blur.
    lamp: f32,
    /// The blur of all other light.
    below: f32,
}

impl Slot {
    /// An empty one for cores of `side` by `side` samples.
    pub(super) fn new(side: usize) -> Self {
        Self {
            tile: None,
            is_due: false,
            has_lamps: false,
            side,
            seen: vec![0.0; side * side],
            found: vec![Found::default(); side * side],
        }
    }

    /// Takes what was found of a tile, its margin left out.
    pub(super) fn take(&mut self, scratch: &Scratch, has_lamps: bool, margin: usize) {
        (self.is_due, self.has_lamps) = (false, has_lamps);
        let core = |plane: &'_ Plane<f32>, at: usize| {
            plane.row(margin + at / self.side)[margin + at % self.side]
        };
        for (at, seen) in self.seen.iter_mut().enumerate() {
            *seen = core(&scratch.seen, at);
        }
        if has_lamps {
            for (at, found) in self.found.iter_mut().enumerate() {
                let [beyond, lamp] = [&scratch.light, &scratch.change].map(|it| core(it, at));
                let below = (core(&scratch.blurred, at) - lamp).max(0.0);
                *found = Found { beyond, lamp, below };
            }
        }
    }

    /// Whether nothing of the core has changed by more than the plan's evidence; `rows` are those of a plane from its
    /// first column on, as far as the frame goes.
    pub(super) fn holds<'a>(
        &self,
        rows: impl Iterator<Item = &'a [f32]>,
        plan: &Highlights,
    ) -> bool {
        let mut pairs = self.seen.chunks(self.side).zip(rows);
        pairs.all(|(was, is)| was.iter().zip(is).all(|(was, is)| (was - is).abs() <= plan.evidence))
    }

    /// Takes the lamps away from row `y` of the core in a plane, into `beyond`.
    pub(super) fn apply(&self, y: usize, seen: &mut [f32], beyond: &mut [f32], white: f32) {
        let found = &self.found[y * self.side..][..self.side];
        for ((seen, beyond), found) in seen.iter_mut().zip(beyond).zip(found) {
            *beyond = found.beyond;
            if found.lamp > LEAST {
                let is_bound = *seen >= white;
                let trust = if is_bound { 0.0 } else { (1.0 - found.lamp / MOST).clamp(0.0, 1.0) };
                *seen = trust * (*seen - found.lamp).max(0.0) + (1.0 - trust) * found.below;
            }
        }
    }
}

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
    /// Whether all that is seen in it and about it is at white, and tells nothing.
    pub(super) is_blank: bool,
    /// Samples on a side.
    side: usize,
    /// Row by row, what was seen.
    seen: Vec<f32>,
    found: Vec<Found>,
}

/// The light that was found at a sample.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    /// What is set aside: `e`.
    pub(super) beyond: f32,
    /// What is left: `x - e`.
    pub(super) rest: f32,
}

/// What the blur makes of the light in the core of a tile and about it.
#[derive(Debug)]
pub(super) struct Blurred {
    /// Whether other light was found since.
    pub(super) is_stale: bool,
    side: usize,
    /// Row by row, the blur of the lamps and of what is left.
    samples: Vec<(f32, f32)>,
}

impl Slot {
    /// An empty one for cores of `side` by `side` samples.
    pub(super) fn new(side: usize) -> Self {
        Self {
            tile: None,
            is_due: false,
            has_lamps: false,
            is_blank: false,
            side,
            seen: vec![0.0; side * side],
            found: vec![Found::default(); side * side],
        }
    }

    /// Takes what was found of a tile, its margin left out.
    pub(super) fn take(&mut self, scratch: &Scratch, has_lamps: bool, margin: usize) {
        (self.is_due, self.has_lamps) = (false, has_lamps);
        self.is_blank = scratch.is_blank;
        let samples = self.seen.iter_mut().zip(&mut self.found).enumerate();
        for (at, (seen, found)) in samples {
            let planes = [&scratch.seen, &scratch.light, &scratch.blurred];
            let [now, light, rest] = planes.map(|plane| core(plane, at, self.side, margin));
            *seen = now;
            *found = Found { beyond: if has_lamps { light } else { 0.0 }, rest };
        }
    }

    /// Makes a blank one part of the lamp about it, of which so much light is `left`, or of none; whether it
    /// was not, or had so much other light.
    pub(super) fn join(&mut self, left: Option<f32>, within: f32) -> bool {
        let alone = Found { beyond: 0.0, rest: 1.0 };
        let now = left.map_or(alone, |rest| Found { beyond: 1.0, rest });
        let was = self.found[0];
        let is_new = was.beyond != now.beyond || (was.rest - now.rest).abs() > within;
        if is_new {
            self.found.fill(now);
        }
        is_new
    }

    /// What light is left, summed up over the samples at white of a tile that has lamps, and how many those are.
    pub(super) fn rest_at(&self, white: f32) -> (f32, f32) {
        let found = self.found.iter().zip(&self.seen);
        let found = found.filter(|(_, seen)| self.has_lamps && **seen >= white);
        found.fold((0.0, 0.0), |(sum, count), (found, _)| (sum + found.rest, count + 1.0))
    }

    /// What was found at a column and row of the core.
    pub(super) fn found(&self, x: usize, y: usize) -> Found {
        self.found[y * self.side + x]
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

    /// What was found in row `y` of the core.
    pub(super) fn row(&self, y: usize) -> &[Found] {
        &self.found[y * self.side..][..self.side]
    }
}

impl Blurred {
    /// Of nothing yet, in a core of `side` by `side` samples.
    pub(super) fn new(side: usize) -> Self {
        Self { is_stale: true, side, samples: vec![(0.0, 0.0); side * side] }
    }

    /// Takes what became of the light, the margin left out.
    pub(super) fn take(&mut self, scratch: &Scratch, margin: usize) {
        self.is_stale = false;
        for (at, (lamp, below)) in self.samples.iter_mut().enumerate() {
            let planes = [&scratch.change, &scratch.blurred];
            [*lamp, *below] = planes.map(|plane| core(plane, at, self.side, margin).max(0.0));
        }
    }

    /// Takes the lamps away from row `y` of the core.
    pub(super) fn apply(&self, y: usize, seen: &mut [f32], white: f32) {
        let row = &self.samples[y * self.side..][..self.side];
        for (seen, (lamp, below)) in seen.iter_mut().zip(row) {
            if *lamp > LEAST {
                let is_bound = *seen >= white;
                let trust = if is_bound { 0.0 } else { (1.0 - lamp / MOST).clamp(0.0, 1.0) };
                *seen = trust * (*seen - lamp).max(0.0) + (1.0 - trust) * below;
            }
        }
    }
}

/// Sample `at` of the core of a tile's plane.
fn core(plane: &Plane<f32>, at: usize, side: usize, margin: usize) -> f32 {
    plane.row(margin + at / side)[margin + at % side]
}

//! The lamps of a tile: the iteration, and what of its light is set aside.

use crate::fft::{RealFft2d, Spectrum};
use crate::frame::{Extent, Plane};
use crate::plan::{Highlights, TileBlur};

/// Rounds of the iteration.
const ROUNDS: usize = 24;
/// Light beyond white is not believed to be more than this.
const BRIGHTEST: f32 = 200.0;
/// How many times as much light one round may make.
const CHANGE: (f32, f32) = (0.2, 5.0);
/// The next round looks ahead of this one by so much of its step at most.
const FARTHEST: f32 = 0.95;
/// Lamps are so many times as bright as white.
const LAMP: f32 = 4.0;
/// A lamp is so many samples wider than where it is that bright.
pub(super) const SKIRT: usize = 2;
/// Of light that reaches so small a share of samples below white nothing tells how much there is.
const UNTOLD: f32 = 0.02;
/// The least part of the samples about a lamp that tells what is around it.
const LEAST_AROUND: f32 = 0.02;

/// The planes of a tile.
#[derive(Debug)]
pub(super) struct Scratch {
    spectrum: Spectrum,
    /// Whether all that is seen is at white.
    pub(super) is_blank: bool,
    pub(super) seen: Plane<f32>,
    pub(super) light: Plane<f32>,
    /// Where the next round begins.
    pub(super) ahead: Plane<f32>,
    /// What the last round changed.
    step: Plane<f32>,
    pub(super) blurred: Plane<f32>,
    pub(super) change: Plane<f32>,
}

impl Scratch {
    pub(super) fn new(fft: &RealFft2d, side: usize) -> Self {
        let plane = || Plane::new(Extent::new(side, side), 0.0);
        Self {
            spectrum: fft.spectrum(1),
            is_blank: false,
            seen: plane(),
            light: plane(),
            ahead: plane(),
            step: plane(),
            blurred: plane(),
            change: plane(),
        }
    }

    /// Finds the lamps of the tile that is seen: then `light` is theirs, and `blurred` what light is left.
    /// False where there are none; a tile in which there `were` some is not asked.
    pub(super) fn solve(
        &mut self,
        fft: &RealFft2d,
        tile: &TileBlur,
        plan: &Highlights,
        were: bool,
    ) -> bool {
        self.is_blank = self.seen.samples().iter().all(|seen| *seen >= plan.white);
        if self.is_blank {
            // Nothing here tells how much light there is.
            self.blurred.samples_mut().copy_from_slice(self.seen.samples());
            return false;
        }
        let has_lamps = were || self.has_lamps(fft, tile, plan);
        if has_lamps {
            self.iterate(fft, tile, plan, BRIGHTEST);
        }
        self.blurred.samples_mut().copy_from_slice(self.light.samples());
        if has_lamps {
            self.find_lamps(plan.margin, plan.white);
            let rest = self.blurred.samples_mut().iter_mut().zip(self.light.samples());
            rest.for_each(|(rest, lamp)| *rest -= lamp);
            self.fill(fft, tile, plan.white);
        }
        has_lamps
    }

    /// Leaves in `change` the blur of lamps in `light`, and in `blurred` that of other light in `ahead`.
    pub(super) fn blur(&mut self, fft: &RealFft2d, tile: &TileBlur) {
        fft.filter(&mut self.spectrum, &tile.blur, &self.light, &mut self.change);
        fft.filter(&mut self.spectrum, &tile.blur, &self.ahead, &mut self.blurred);
    }

    /// Whether light that is nowhere beyond white leaves more of what is seen unexplained than the plan's
    /// evidence: in the core and half of the margin, so that of two tiles on a lamp both see it; the tile goes
    /// on at its other side, which explains nothing nearer to its border.
    fn has_lamps(&mut self, fft: &RealFft2d, tile: &TileBlur, plan: &Highlights) -> bool {
        self.iterate(fft, tile, plan, 1.0);
        fft.filter(&mut self.spectrum, &tile.blur, &self.light, &mut self.blurred);
        let core = plan.margin / 2..plan.side - plan.margin / 2;
        core.clone().any(|y| {
            let told =
                self.blurred.row(y)[core.clone()].iter().zip(&self.seen.row(y)[core.clone()]);
            told.filter(|(_, seen)| **seen < plan.white)
                .any(|(told, seen)| seen - told > plan.evidence)
        })
    }

    /// Finds the light, of which no sample has more than `most`; samples at white are lower bounds, and those
    /// along the border tell nothing: light from beyond it is in them, and not that of the other side.
    fn iterate(&mut self, fft: &RealFft2d, tile: &TileBlur, plan: &Highlights, most: f32) {
        let first = self.seen.samples().iter().map(|seen| seen.max(1e-3));
        self.light.samples_mut().iter_mut().zip(first).for_each(|(light, first)| *light = first);
        self.ahead.samples_mut().copy_from_slice(self.light.samples());
        self.step.samples_mut().fill(0.0);
        for _ in 0..ROUNDS {
            fft.filter(&mut self.spectrum, &tile.blur, &self.ahead, &mut self.blurred);
            self.compare(plan);
            fft.filter(&mut self.spectrum, &tile.transpose, &self.blurred, &mut self.change);
            self.advance(most);
        }
    }

    /// Makes of what is `blurred` how many times as much of it is seen: `r`.
    fn compare(&mut self, plan: &Highlights) {
        let told = plan.reach()..plan.side - plan.reach();
        let rows = self.blurred.rows_mut().zip(self.seen.rows());
        for (y, (ratios, seen)) in rows.enumerate() {
            for (x, (ratio, seen)) in ratios.iter_mut().zip(seen).enumerate() {
                let least = if *seen >= plan.white { 1.0 } else { 0.0 };
                let tells = told.contains(&x) && told.contains(&y);
                *ratio = if tells { (seen / ratio.max(1e-4)).max(least) } else { 1.0 };
            }
        }
    }

    /// One step of the iteration, and where the next one looks: as far ahead as this step and the last
    /// one agree.
    fn advance(&mut self, most: f32) {
        let (mut agreement, mut last) = (0.0, 0.0);
        let steps = self.step.samples_mut().iter_mut();
        let changes = self.ahead.samples().iter().zip(self.change.samples_mut());
        for (step, (ahead, change)) in steps.zip(changes) {
            let light = (ahead * change.clamp(CHANGE.0, CHANGE.1)).min(most);
            let next = light - ahead;
            (agreement, last) = (agreement + next * *step, last + *step * *step);
            (*step, *change) = (next, light);
        }
        let share = if last > 0.0 { (agreement / last).clamp(0.0, FARTHEST) } else { 0.0 };
        let lights = self.light.samples_mut().iter_mut().zip(self.change.samples());
        for (ahead, (light, next)) in self.ahead.samples_mut().iter_mut().zip(lights) {
            *ahead = (next + share * (next - *light)).max(1e-4);
            *light = *next;
        }
    }

    /// Adds white to what is set aside where light reaches next to nothing but samples at white: nothing
    /// tells that there is less, and of a wide lamp the search finds the rim alone.
    fn fill(&mut self, fft: &RealFft2d, tile: &TileBlur, white: f32) {
        let told = self.ahead.samples_mut().iter_mut().zip(self.seen.samples());
        told.for_each(|(told, seen)| *told = f32::from(u8::from(*seen < white)));
        fft.filter(&mut self.spectrum, &tile.transpose, &self.ahead, &mut self.step);
        let lamps = self.light.samples_mut().iter_mut().zip(self.step.samples());
        lamps.filter(|(_, told)| **told < UNTOLD).for_each(|(lamp, _)| *lamp = lamp.max(1.0));
    }

    /// Makes of `light` what is set aside: of lamps what is more than the mean of the light around them,
    /// within `reach` samples; else what is beyond white. Samples at white that near to a lamp are of it: of
    /// a wide one the search finds the rim alone.
    fn find_lamps(&mut self, reach: usize, white: f32) {
        let Self { light, ahead, step, change, seen, .. } = self;
        let marks = ahead.samples_mut().iter_mut().zip(light.samples());
        marks.for_each(|(mark, light)| *mark = f32::from(u8::from(*light > LAMP)));
        box_sums(ahead, change, SKIRT);
        step.samples_mut().copy_from_slice(ahead.samples());
        box_sums(step, change, reach);
        let all = ahead.samples_mut().iter_mut().zip(step.samples_mut());
        let all = all.zip(seen.samples());
        for (((mark, dark), seen), light) in all.zip(light.samples_mut()) {
            let is_dark = *mark < 0.5 && (*dark < 0.5 || *seen < white);
            (*mark, *dark) = if is_dark { (1.0, light.min(1.0)) } else { (0.0, 0.0) };
            if is_dark {
                // Told from lamps by its sign until these are done.
                *light = -(*light - 1.0).max(0.0);
            }
        }
        box_sums(step, change, reach);
        box_sums(ahead, change, reach);
        let least = LEAST_AROUND * ((2 * reach + 1) as f32).powi(2);
        let around = step.samples().iter().zip(ahead.samples());
        for (light, (sum, count)) in light.samples_mut().iter_mut().zip(around) {
            let around = if *count > least { (sum / count).min(1.0) } else { 1.0 };
            *light = if *light > 0.0 { (*light - around).max(0.0) } else { -*light };
        }
    }
}

/// Makes of every sample the sum of those within `reach` samples each way, in the plane.
fn box_sums(plane: &mut Plane<f32>, spare: &mut Plane<f32>, reach: usize) {
    let Extent { width, height } = plane.extent();
    for (y, row) in spare.rows_mut().enumerate() {
        row.fill(0.0);
        for source in y.saturating_sub(reach)..(y + reach + 1).min(height) {
            row.iter_mut().zip(plane.row(source)).for_each(|(sum, sample)| *sum += sample);
        }
    }
    for (row, sums) in plane.rows_mut().zip(spare.rows()) {
        for (x, sample) in row.iter_mut().enumerate() {
            *sample = sums[x.saturating_sub(reach)..(x + reach + 1).min(width)].iter().sum();
        }
    }
}

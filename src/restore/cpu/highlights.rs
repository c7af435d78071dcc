//! Between decoding and the Wiener filter: the blur of light beyond white is taken away.
//!
//! The camera gives `y = min(Hx, 1)`: a sample at white is a lower bound of what the blur made of the
//! light. Richardson's and Lucy's iteration finds light `x >= 0` that agrees with both kinds,
//!
//! ```text
//! x <- x . H' r,   r = y / Hx,  but max(1, 1 / Hx) where y is at white
//! ```
//!
//! (Whyte, Sivic, Zisserman, "Deblurring shaken and partially saturated images", IJCV 110, 2014, weigh
//! such samples in the same iteration.) Each round looks ahead along the step of the one before it, as far
//! as two steps agree (Biggs and Andrews, "Acceleration of iterative image restoration algorithms",
//! Applied Optics 36, 1997): 24 rounds leave a third of what 30 would otherwise. What of
//! `x` is beyond white, `e = x - 1`, is set aside: `y - He` is what the camera would have seen without it.
//! Where `x` is several times white there is a lamp, and all of its light that is more than what is around
//! it, `e = x - b`, goes: a white disk left in a dark scene is one that the filter draws rings around. A
//! sample at white does not tell what is left then; it becomes `H (x - e)`, and so do those of which most
//! is taken away. The rest is restored as ever, and `e` put back after that: a lamp comes out white, as
//! sharp as it was found.
//!
//! A white sky gives samples at white, too, and edges overshoot while `x` is found, by much under a wide PSF. So
//! light that is nowhere beyond white is found first: where it explains the samples that are no bounds, there
//! are no lamps, and the tile stays as it was.
//!
//! Samples at black are upper bounds in the same sense, but by no more than the noise: nothing is done
//! about them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::executor::{Executor, FreeList, for_all, for_chunks};
use crate::fft::{RealFft2d, Spectrum};
use crate::frame::{Extent, Plane};
use crate::plan::{Framing, Highlights, TileBlur};

/// Light from which on a sample marks its tile: 254 of 255 under the curve of sRGB.
const WHITE: f32 = 0.99;
/// Samples at white side by side that are light and not noise.
const RUN: usize = 3;
/// Rounds of the iteration.
const ROUNDS: usize = 24;
/// Light beyond white is not believed to be more than this.
const BRIGHTEST: f32 = 200.0;
/// How many times as much light one round may make.
const CHANGE: (f32, f32) = (0.2, 5.0);
/// The next round looks ahead of this one by so much of its step at most.
const FARTHEST: f32 = 0.95;
/// Less blur than this is not taken away: a gray level of 255.
const LEAST: f32 = 0.004;
/// Where more than this is taken away, nothing is believed of a sample but what the light that is left
/// makes of it.
const MOST: f32 = 0.2;
/// Lamps are so many times as bright as white.
const LAMP: f32 = 4.0;
/// A lamp is so many samples wider than where it is that bright.
const SKIRT: usize = 2;
/// Of light that reaches so small a share of samples below white nothing tells how much there is.
const UNTOLD: f32 = 0.02;
/// The least part of the samples about a lamp that tells what is around it.
const LEAST_AROUND: f32 = 0.02;

/// Takes the blur of light beyond white from planes of light.
pub(crate) struct Peel {
    plan: Highlights,
    framing: Framing,
    fft: RealFft2d,
    executor: Arc<dyn Executor>,
    /// Whether there is something to do in a tile, row by row.
    marks: Vec<AtomicBool>,
    scratches: FreeList<Scratch>,
}

/// The planes of a tile.
#[derive(Debug)]
struct Scratch {
    spectrum: Spectrum,
    seen: Plane<f32>,
    light: Plane<f32>,
    /// Where the next round begins.
    ahead: Plane<f32>,
    /// What the last round changed.
    step: Plane<f32>,
    blurred: Plane<f32>,
    change: Plane<f32>,
}

impl Peel {
    pub(crate) fn new(plan: Highlights, framing: Framing, executor: Arc<dyn Executor>) -> Self {
        let fft = RealFft2d::plan(Extent::new(plan.side, plan.side));
        let Extent { width, height } = framing.inner;
        let count = width.div_ceil(plan.core()) * height.div_ceil(plan.core());
        let marks = (0..count).map(|_| AtomicBool::new(false)).collect();
        let scratches = FreeList::new(executor.threads(), || Scratch::new(&fft, plan.side));
        Self { plan, framing, fft, executor, marks, scratches }
    }

    /// Marks the tiles about samples at white in row `y` of the frame.
    pub(crate) fn mark(&self, y: usize, row: &[f32]) {
        if row.iter().fold(0.0, |most: f32, &light| most.max(light)) < WHITE {
            return;
        }
        let mut start = 0;
        for run in row.chunk_by(|a, b| (*a >= WHITE) == (*b >= WHITE)) {
            let end = start + run.len();
            if run.len() >= RUN && run[0] >= WHITE {
                self.mark_about(start..end, y);
            }
            start = end;
        }
    }

    /// Marks the tiles that light from these samples reaches.
    fn mark_about(&self, columns: std::ops::Range<usize>, y: usize) {
        let (reach, core) = (self.plan.margin / 2 + SKIRT, self.plan.core());
        let Extent { width, height } = self.framing.inner;
        let tiles = |from: usize, to: usize, limit: usize| {
            from.saturating_sub(reach) / core..=(to + reach).min(limit - 1) / core
        };
        for row in tiles(y, y, height) {
            for column in tiles(columns.start, columns.end - 1, width) {
                self.marks[row * self.columns() + column].store(true, Ordering::Relaxed);
            }
        }
    }

    /// Tiles in a row.
    fn columns(&self) -> usize {
        self.framing.inner.width.div_ceil(self.plan.core())
    }

    /// Takes the lamps from the frame within `y`, where tiles were marked, into `beyond`, and takes the
    /// marks away; `spare` is overwritten. Whether there were any; else `beyond` stays as it was.
    pub(crate) fn run(
        &self,
        y: &mut Plane<f32>,
        spare: &mut Plane<f32>,
        beyond: &mut Plane<f32>,
    ) -> bool {
        if !self.marks.iter().any(|mark| mark.load(Ordering::Relaxed)) {
            return false;
        }
        beyond.samples_mut().fill(0.0);
        let (core, outer) = (self.plan.core(), self.framing.outer.width);
        let (seen, rows) = (&*y, core * outer);
        let bands = self.frame(spare).chunks_mut(rows).zip(self.frame(beyond).chunks_mut(rows));
        for_all(&*self.executor, bands.enumerate(), &|(row, (left, lamps))| {
            for column in (0..self.columns()).filter(|&column| self.is_marked(column, row)) {
                self.scratches.with(
                    || Scratch::new(&self.fft, self.plan.side),
                    |scratch| {
                        self.peel(seen, (column, row), scratch);
                        self.store(column, &scratch.change, left);
                        self.store(column, &scratch.light, lamps);
                    },
                );
            }
        });
        let peeled = &*spare;
        let (left, top) = self.framing.offset();
        for_chunks(&*self.executor, self.frame(y), core * outer, &|row, rows| {
            for column in (0..self.columns()).filter(|&column| self.is_marked(column, row)) {
                let columns = self.span(column, left);
                for (index, target) in rows.chunks_mut(outer).enumerate() {
                    let source = peeled.row(top + row * core + index);
                    target[columns.clone()].copy_from_slice(&source[columns.clone()]);
                }
            }
        });
        self.marks.iter().for_each(|mark| mark.store(false, Ordering::Relaxed));
        true
    }

    fn is_marked(&self, column: usize, row: usize) -> bool {
        self.marks[row * self.columns() + column].load(Ordering::Relaxed)
    }

    /// The samples of a tile in a row of a plane.
    fn span(&self, column: usize, left: usize) -> std::ops::Range<usize> {
        let core = self.plan.core();
        left + column * core..left + ((column + 1) * core).min(self.framing.inner.width)
    }

    /// The rows of a plane in which the frame lies.
    fn frame<'a>(&self, plane: &'a mut Plane<f32>) -> &'a mut [f32] {
        let (top, outer) = (self.framing.offset().1, self.framing.outer.width);
        &mut plane.samples_mut()[top * outer..][..self.framing.inner.height * outer]
    }

    /// Finds the lamps of a tile, and what is left of the light seen.
    fn peel(&self, seen: &Plane<f32>, (column, row): (usize, usize), scratch: &mut Scratch) {
        let core = self.plan.core();
        self.load(seen, (column * core, row * core), &mut scratch.seen);
        let Extent { width, height } = self.framing.inner;
        let share =
            |index: usize, length: usize| (index as f64 + 0.5) * core as f64 / length as f64;
        let white = self.plan.white;
        if scratch.seen.samples().iter().all(|seen| *seen >= white) {
            // Nothing here tells how much light there is.
            return scratch.leave();
        }
        let blur = self.plan.blur_at(share(column, width), share(row, height));
        if !scratch.has_lamps(&self.fft, blur, &self.plan) {
            return scratch.leave();
        }
        scratch.iterate(&self.fft, blur, (white, BRIGHTEST));
        scratch.take_lamps(&self.fft, blur, &self.plan);
        scratch.fill(&self.fft, blur, white);
    }

    /// Copies the core of a tile to its place in `rows`, those of a row of tiles.
    fn store(&self, column: usize, tile: &Plane<f32>, rows: &mut [f32]) {
        let margin = self.plan.margin;
        let columns = self.span(column, self.framing.offset().0);
        for (index, target) in rows.chunks_mut(self.framing.outer.width).enumerate() {
            let source = &tile.row(margin + index)[margin..];
            let target = &mut target[columns.clone()];
            target.copy_from_slice(&source[..target.len()]);
        }
    }

    /// Loads a tile whose core begins at this column and row of the frame, which goes on mirrored.
    fn load(&self, seen: &Plane<f32>, (x, y): (usize, usize), tile: &mut Plane<f32>) {
        let ((left, top), Extent { width, height }) = (self.framing.offset(), self.framing.inner);
        let margin = self.plan.margin;
        for (index, target) in tile.rows_mut().enumerate() {
            let source = &seen.row(top + mirrored(y + index, margin, height))[left..][..width];
            for (index, light) in target.iter_mut().enumerate() {
                *light = source[mirrored(x + index, margin, width)];
            }
        }
    }
}

/// The place `at - margin` of `length`, mirrored into it.
fn mirrored(at: usize, margin: usize, length: usize) -> usize {
    let inside = at.abs_diff(margin);
    let period = (2 * length - 2).max(1);
    let folded = inside % period;
    if folded < length { folded } else { period - folded }
}

impl Scratch {
    fn new(fft: &RealFft2d, side: usize) -> Self {
        let plane = || Plane::new(Extent::new(side, side), 0.0);
        Self {
            spectrum: fft.spectrum(1),
            seen: plane(),
            light: plane(),
            ahead: plane(),
            step: plane(),
            blurred: plane(),
            change: plane(),
        }
    }

    /// Leaves the tile as it was seen, without lamps.
    fn leave(&mut self) {
        self.light.samples_mut().fill(0.0);
        self.change.samples_mut().copy_from_slice(self.seen.samples());
    }

    /// Whether light that is nowhere beyond white leaves more of what is seen unexplained than the plan's
    /// evidence: in the core and half of the margin, so that of two tiles on a lamp both see it; the tile goes
    /// on at its other side, which explains nothing nearer to its border.
    fn has_lamps(&mut self, fft: &RealFft2d, tile: &TileBlur, plan: &Highlights) -> bool {
        self.iterate(fft, tile, (plan.white, 1.0));
        fft.filter(&mut self.spectrum, &tile.blur, &self.light, &mut self.blurred);
        let core = plan.margin / 2..plan.side - plan.margin / 2;
        core.clone().any(|y| {
            let told =
                self.blurred.row(y)[core.clone()].iter().zip(&self.seen.row(y)[core.clone()]);
            told.filter(|(_, seen)| **seen < plan.white)
                .any(|(told, seen)| seen - told > plan.evidence)
        })
    }

    /// Finds the light, of which no sample has more than `most`; samples from `white` on are lower bounds.
    fn iterate(&mut self, fft: &RealFft2d, tile: &TileBlur, (white, most): (f32, f32)) {
        let first = self.seen.samples().iter().map(|seen| seen.max(1e-3));
        self.light.samples_mut().iter_mut().zip(first).for_each(|(light, first)| *light = first);
        self.ahead.samples_mut().copy_from_slice(self.light.samples());
        self.step.samples_mut().fill(0.0);
        for _ in 0..ROUNDS {
            fft.filter(&mut self.spectrum, &tile.blur, &self.ahead, &mut self.blurred);
            for (ratio, seen) in self.blurred.samples_mut().iter_mut().zip(self.seen.samples()) {
                let least = if *seen >= white { 1.0 } else { 0.0 };
                *ratio = (seen / ratio.max(1e-4)).max(least);
            }
            fft.filter(&mut self.spectrum, &tile.transpose, &self.blurred, &mut self.change);
            self.advance(most);
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

    /// Leaves in `light` the lamps, and in `change` what is seen without them.
    fn take_lamps(&mut self, fft: &RealFft2d, tile: &TileBlur, plan: &Highlights) {
        fft.filter(&mut self.spectrum, &tile.blur, &self.light, &mut self.blurred);
        self.find_lamps(plan.margin);
        fft.filter(&mut self.spectrum, &tile.blur, &self.light, &mut self.change);
        let all = self.blurred.samples().iter().zip(self.seen.samples());
        for (left, (all, seen)) in self.change.samples_mut().iter_mut().zip(all) {
            let (lamp, below) = (*left, (all - *left).max(0.0));
            let trust = if *seen >= plan.white { 0.0 } else { (1.0 - lamp / MOST).clamp(0.0, 1.0) };
            *left = if lamp > LEAST {
                trust * (seen - lamp).max(0.0) + (1.0 - trust) * below
            } else {
                *seen
            };
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
    /// within `reach` samples; else what is beyond white.
    fn find_lamps(&mut self, reach: usize) {
        let Self { light, ahead, step, change, .. } = self;
        let marks = ahead.samples_mut().iter_mut().zip(light.samples());
        marks.for_each(|(mark, light)| *mark = f32::from(u8::from(*light > LAMP)));
        box_sums(ahead, change, SKIRT);
        let all = ahead.samples_mut().iter_mut().zip(step.samples_mut());
        for ((mark, dark), light) in all.zip(light.samples_mut()) {
            let is_dark = *mark < 0.5;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::fft::Filter;
    use crate::frame::Range;
    use crate::optics::{GrayLevels, Psf, Transfer};
    use crate::plan::Edges;
    use crate::testing::filtered;

    const EXTENT: Extent = Extent::new(150, 110);

    /// A dim scene with lamps: middle, radius and light of each.
    fn scene(lamps: &[(f32, f32, f32, f32)]) -> Plane<f32> {
        Plane::from_fn(EXTENT, |x, y| {
            let (x, y) = (x as f32, y as f32);
            let dim = 0.15 + 0.1 * (x / 7.0).sin() * (y / 11.0).cos();
            lamps.iter().fold(dim, |light, &(at_x, at_y, radius, lamp)| {
                let share = (radius - (x - at_x).hypot(y - at_y) + 0.5).clamp(0.0, 1.0);
                light * (1.0 - share) + lamp * share
            })
        })
    }

    fn clipped(light: &Plane<f32>) -> Plane<f32> {
        Plane::from_fn(EXTENT, |x, y| light.row(y)[x].min(1.0))
    }

    fn seen(psf: &Psf, scene: &Plane<f32>) -> Plane<f32> {
        let otf = psf.otf(EXTENT).expect("the PSF fits");
        filtered(scene, &Filter::complex(EXTENT, |index| otf[index]))
    }

    /// What is left of a frame, and the lamps, where there are any.
    fn peeled(
        psf: &Psf,
        y: &Plane<f32>,
        executor: Arc<dyn Executor>,
    ) -> (Plane<f32>, Option<Plane<f32>>) {
        let noise = GrayLevels::new(0.5).expect("gray levels");
        let plan = Highlights::plan(&psf.clone().into(), noise, Transfer::None, Range::Full);
        let plan = plan.expect("a plan");
        let framing = Framing::plan(Edges::Open, EXTENT, psf.extent());
        let peel = Peel::new(plan, framing, executor);
        let (left, top) = framing.offset();
        let mut plane = Plane::new(framing.outer, 0.0);
        for (at, row) in y.rows().enumerate() {
            plane.row_mut(top + at)[left..][..EXTENT.width].copy_from_slice(row);
            peel.mark(at, row);
        }
        let mut beyond = Plane::new(framing.outer, 0.0);
        let was_any = peel.run(&mut plane, &mut Plane::new(framing.outer, 0.0), &mut beyond);
        let inner =
            |plane: &Plane<f32>| Plane::from_fn(EXTENT, |x, y| plane.row(top + y)[left + x]);
        (inner(&plane), was_any.then(|| inner(&beyond)))
    }

    fn error(a: &Plane<f32>, b: &Plane<f32>) -> f64 {
        let squares = a.samples().iter().zip(b.samples()).map(|(a, b)| f64::from(a - b).powi(2));
        (squares.sum::<f64>() / EXTENT.area() as f64).sqrt()
    }

    fn psf(formula: &str) -> Psf {
        Psf::from_formula(formula).expect("a formula").expect("a PSF")
    }

    /// What is left of a frame with lamps is nearer to a frame without them than the frame was, by so
    /// many times.
    #[track_caller]
    fn check_nearer(formula: &str, lamps: &[(f32, f32, f32, f32)], times: f64) {
        let psf = psf(formula);
        let (lit, dark) = (clipped(&seen(&psf, &scene(lamps))), seen(&psf, &scene(&[])));
        let (left, found) = peeled(&psf, &lit, Arc::new(Sequential));
        let found = found.expect("lamps");
        let (before, after) = (error(&lit, &dark), error(&left, &dark));
        assert!(times * after < before, "{formula}: {after} is left of {before}");
        let brightest = found.samples().iter().copied().fold(0.0, f32::max);
        assert!(brightest > 0.5, "{formula}: {brightest} at most was set aside");
    }

    #[test]
    fn the_blur_of_lamps_is_taken_away() {
        let lamps = [(40.0, 50.0, 3.0, 12.0), (100.0, 30.0, 2.0, 25.0), (120.0, 90.0, 5.0, 4.0)];
        for (formula, times) in [("disk:3", 3.3), ("motion:11,30", 2.5), ("gaussian:1.6", 1.5)] {
            check_nearer(formula, &lamps, times);
        }
    }

    #[test]
    fn wide_lamps_are_not_hollow() {
        let lamp = (60.0, 50.0, 6.0, 30.0);
        for formula in ["disk:3", "motion:9,0", "gaussian:1.6"] {
            let psf = psf(formula);
            let lit = clipped(&seen(&psf, &scene(&[lamp])));
            let found = peeled(&psf, &lit, Arc::new(Sequential)).1.expect("a lamp");
            for (x, y) in [(60, 50), (58, 50), (60, 47), (62, 52)] {
                assert!(found.row(y)[x] >= 1.0, "{formula}: {} at {x}, {y}", found.row(y)[x]);
            }
        }
    }

    #[test]
    fn lamps_at_the_border_are_lamps() {
        check_nearer("disk:3", &[(8.0, 60.0, 3.0, 10.0), (75.0, 102.0, 3.0, 10.0)], 2.0);
    }

    #[test]
    fn a_frame_without_light_at_white_stays_as_it_is() {
        let psf = psf("disk:3");
        let y = clipped(&seen(&psf, &scene(&[(40.0, 50.0, 3.0, 0.9)])));
        let (left, lamps) = peeled(&psf, &y, Arc::new(Sequential));
        assert_eq!(lamps, None);
        assert_eq!(left.samples(), y.samples());
    }

    /// Does the last part first.
    #[derive(Debug)]
    struct Backwards;

    impl Executor for Backwards {
        fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync)) {
            (0..count).rev().for_each(part);
        }

        fn threads(&self) -> usize {
            1
        }
    }

    #[test]
    fn the_order_of_the_tiles_does_not_change_what_is_left() {
        let psf = psf("disk:3");
        let y = clipped(&seen(&psf, &scene(&[(40.0, 50.0, 3.0, 12.0), (100.0, 80.0, 3.0, 9.0)])));
        assert_eq!(peeled(&psf, &y, Arc::new(Backwards)), peeled(&psf, &y, Arc::new(Sequential)));
    }
}

//! In the first step: samples that no scene can have made become what is around them.
//!
//! They are told by the samples of the picture, before the curve (`plan/faults.rs`), and mended in the plane
//! of light: to the median of their neighbours, which a curve does not change. So are those that nearly all
//! frames before told (`suspects.rs`). The two samples at each edge of the frame stay as they are.

use std::sync::Arc;

use super::ROWS;
use super::suspects::{Place, Suspects};
use crate::executor::{Executor, for_chunks};
use crate::frame::{Extent, Plane};
use crate::plan::{AROUND, BESIDE, Faults, Framing};
use crate::restore::Mended;

/// Mends samples.
pub(crate) struct Mending {
    plan: Faults,
    framing: Framing,
    executor: Arc<dyn Executor>,
    /// What was found, by parts of the rows.
    found: Vec<Found>,
    /// What frames told so far, for each channel.
    suspects: Vec<Suspects>,
}

/// Faults in a part of the rows.
#[derive(Debug)]
struct Found(Vec<Place>);

impl Mending {
    /// Of so many samples no more than one is a fault: where there are more, the noise is what it is not
    /// told to be, and they are left.
    const FEWEST: usize = 256;

    /// For pictures of so many `channels`.
    pub(crate) fn new(
        plan: Faults,
        framing: Framing,
        channels: usize,
        executor: Arc<dyn Executor>,
    ) -> Self {
        let Extent { width, height } = framing.inner;
        let room = (ROWS * width).div_ceil(Self::FEWEST);
        let found = (0..height.div_ceil(ROWS)).map(|_| Found(Vec::with_capacity(room + 1)));
        let found: Vec<Found> = found.collect();
        let room = found.len() * room;
        let suspects = (0..channels).map(|_| Suspects::new(room)).collect();
        Self { plan, framing, executor, found, suspects }
    }

    /// Mends the light of `y`, that of channel `index`, of a picture with these `planes`.
    pub(crate) fn run(
        &mut self,
        index: usize,
        planes: &[Plane<u16>],
        y: &mut Plane<f32>,
    ) -> Mended {
        let plan = self.plan;
        for_chunks(&*self.executor, &mut self.found, 1, &|part, found| {
            found.iter_mut().for_each(|found| found.look(plan, planes, part * ROWS));
        });
        let suspects = &mut self.suspects[index];
        suspects.learn(self.found.iter().flat_map(|found| &found.0).copied());
        let (left, top) = self.framing.offset();
        let mut samples = 0;
        for (row, column) in suspects.faults() {
            let (x, at) = (left + column, top + row);
            let beside = &mut around((x, at), |x, y_at| y.row(y_at)[x])[..BESIDE];
            beside.sort_unstable_by(f32::total_cmp);
            y.row_mut(at)[x] = 0.5 * (beside[3] + beside[4]);
            samples += 1;
        }
        Mended { samples, known: suspects.known() }
    }

    /// The next frame may be of another scene, or camera.
    pub(crate) fn forget(&mut self) {
        self.suspects.iter_mut().for_each(Suspects::forget);
    }
}

impl Found {
    /// Finds the faults of a part of the rows from `first` on.
    fn look(&mut self, plan: Faults, planes: &[Plane<u16>], first: usize) {
        self.0.clear();
        let Some(height) = planes.first().map(|plane| plane.extent().height) else { return };
        for y in first.max(REACH)..(first + ROWS).min(height.saturating_sub(REACH)) {
            let before = self.0.len();
            planes.iter().for_each(|plane| self.look_at(plan, plane, y));
            if planes.len() > 1 {
                // In the order of the places, each once.
                self.0[before..].sort_unstable();
                self.0.dedup();
            }
        }
        if self.0.len() == self.0.capacity() {
            self.0.clear();
        }
    }

    fn look_at(&mut self, plan: Faults, plane: &Plane<u16>, y: usize) {
        let (row, least) = (plane.row(y), whole(plan.least()));
        let stands_out = |left: u16, sample: u16, right: u16| {
            (sample.abs_diff(left) > least) & (sample.abs_diff(right) > least)
        };
        let inner = REACH..row.len().saturating_sub(REACH);
        for first in inner.clone().step_by(RUN) {
            let run = first..inner.end.min(first + RUN);
            let left = &row[run.start - 1..run.end - 1];
            let (samples, right) = (&row[run.clone()], &row[run.start + 1..run.end + 1]);
            let near = left.iter().zip(samples).zip(right);
            // Most runs end here: what stands out does so from both sides. Without branches, eight at a time.
            let count: u16 = near.map(|((l, s), r)| u16::from(stands_out(*l, *s, *r))).sum();
            if count > 0 {
                let out = run.filter(|&x| stands_out(row[x - 1], row[x], row[x + 1]));
                out.for_each(|x| self.judge(plan, plane, (x, y)));
            }
        }
    }

    /// Takes a sample for a fault if it is one.
    fn judge(&mut self, plan: Faults, plane: &Plane<u16>, (x, y): (usize, usize)) {
        let around = around((x, y), |x, y| f32::from(plane.row(y)[x]));
        let has_room = self.0.len() < self.0.capacity();
        if has_room && plan.is_fault(f32::from(plane.row(y)[x]), &around) {
            self.0.push((y, x));
        }
    }
}

/// Samples that are looked at together.
const RUN: usize = 64;

/// How far from a sample those are that tell of it, at most.
const REACH: usize = 2;

/// The samples around a place that is not at an edge.
fn around((x, y): (usize, usize), sample: impl Fn(usize, usize) -> f32) -> [f32; AROUND.len()] {
    AROUND.map(|(right, down)| sample(x.wrapping_add_signed(right), y.wrapping_add_signed(down)))
}

/// Whole samples of a threshold.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn whole(samples: f32) -> u16 {
    samples as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::frame::PictureFormat;
    use crate::optics::{GrayLevels, Psf};
    use crate::plan::Edges;
    use proptest::prelude::*;

    /// The plane of a smooth picture with these samples, mended, and how many were.
    fn mended(extent: Extent, faults: &[(usize, usize, u16)]) -> (Plane<f32>, Plane<u16>, usize) {
        let psf = Psf::from_formula("disk:3").expect("a formula").expect("a PSF");
        let framing = Framing::plan(Edges::Circular, extent, psf.extent());
        let noise = GrayLevels::new(2.0).expect("gray levels");
        let plan = Faults::plan(&psf.into(), noise, PictureFormat::gray(extent)).expect("a blur");
        #[expect(clippy::cast_possible_truncation, reason = "less than 256")]
        let smooth = Plane::from_fn(extent, |x, y| (100 + (x + 2 * y) % 20) as u16);
        let mut seen = smooth.clone();
        for &(x, y, sample) in faults {
            seen.row_mut(y)[x] = sample;
        }
        let mut light = Plane::from_fn(extent, |x, y| f32::from(seen.row(y)[x]));
        let mut mending = Mending::new(plan, framing, 1, Arc::new(Sequential));
        let mended = mending.run(0, &[seen], &mut light);
        (light, smooth, mended.samples)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn single_samples_become_what_is_around_them(
            x in 2_usize..62, y in 2_usize..46, hot: bool,
        ) {
            let sample = if hot { 255 } else { 0 };
            let (light, smooth, count) = mended(Extent::new(64, 48), &[(x, y, sample)]);
            prop_assert_eq!(count, 1);
            for (is, was) in light.samples().iter().zip(smooth.samples()) {
                prop_assert!((is - f32::from(*was)).abs() <= 20.0, "{} became {}", was, is);
            }
        }
    }

    #[test]
    fn a_smooth_picture_and_one_of_noise_are_left() {
        let extent = Extent::new(64, 48);
        assert_eq!(mended(extent, &[]).2, 0);
        let noise: Vec<_> =
            (0..300).map(|at| (1 + 7 * at % 62, 1 + 2 * (at / 9) % 46, 255)).collect();
        assert_eq!(mended(extent, &noise).2, 0);
    }
}

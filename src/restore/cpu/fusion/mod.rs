//! The average over frames of what rests, in the place of the newest frame.
//!
//! ```text
//! s <- s + a (y - s),   r <- (1 - a)^2 r + a^2,   a = max((r + q) / (1 + r + q), 1 / N)
//! ```
//!
//! for the newest frame `y`, the average `s`, and the power `r` of the noise that is left in it, over that
//! of a frame. Where the scene rests, `q` is 0: `a` is the best weight there is (Kalman, 1960), `1 / n` for
//! the `n`-th frame, until `n = N`; the least weight then takes `r` to `1 / (2 N - 1)` and keeps it there. Where
//! `s` and `y` differ by more than noise, `q` is the power of the difference, and the average goes over to the
//! newest frame by as much as is better; where it is plain that something moves, altogether (`motion.rs`). All
//! is decided for blocks of samples. `r` is an exact account of the noise that is left, whatever the weights were;
//! filters go by it from place to place, and networks are told it.
//!
//! The lamps of a room flicker, and exposure follows the scene: the average is brought to the light of the
//! newest frame before they are compared, by the median over blocks of the ratio of their means.

mod motion; // what moves

use std::sync::Arc;

pub(crate) use self::motion::Rest;
use self::motion::{BLOCK, Motion};
use super::ROWS;
use crate::executor::{Executor, for_all, for_chunks};
use crate::fft::Weights;
use crate::frame::{Extent, Plane};
use crate::plan::{Framing, Fusion};
use crate::restore::Fused;

/// The average of one channel.
pub(crate) struct Fuser {
    plan: Arc<Fusion>,
    framing: Framing,
    executor: Arc<dyn Executor>,
    /// `s`, of the extent of the frame.
    average: Plane<f32>,
    /// Whether there is one.
    is_begun: bool,
    motion: Motion,
    /// What a median is taken of.
    values: Vec<f32>,
    /// Weights of the filters' second layer.
    weights: Weights,
    /// Deviation of the noise that is left, over that of a single frame.
    noise: Weights,
}

impl Fuser {
    pub(crate) fn new(plan: Arc<Fusion>, framing: Framing, executor: Arc<dyn Executor>) -> Self {
        let Framing { inner, outer, .. } = framing;
        let motion = Motion::new(inner, executor.threads());
        let blocks = motion.grid();
        let (_, top) = framing.offset();
        let rows = (0..outer.height).map(|y| knot(y.saturating_sub(top), blocks.height));
        let rows: Vec<_> = rows.collect();
        let everywhere = |value: f32| {
            let knots = Plane::new(Extent::new(outer.width, blocks.height), value);
            Weights::new(knots, rows.clone())
        };
        Self {
            motion,
            average: Plane::new(inner, 0.0),
            is_begun: false,
            values: Vec::with_capacity(blocks.area()),
            weights: everywhere(0.0),
            noise: everywhere(1.0),
            plan,
            framing,
            executor,
        }
    }

    /// Begins anew with the next frame.
    pub(crate) fn forget(&mut self) {
        self.is_begun = false;
    }

    /// How much of the newest frame rests.
    pub(crate) fn rest(&self) -> Rest {
        self.motion.rest()
    }

    /// What was made of the newest frame.
    pub(crate) fn fused(&self) -> Fused {
        self.motion.fused()
    }

    /// Weights of the second layer of the filters that lead from those of one frame to those of the
    /// average, where some of the newest frame rests.
    pub(crate) fn weights(&self) -> &[Weights] {
        std::slice::from_ref(&self.weights)
    }

    /// Fills a plane with what networks are told of the noise, which is `sigma` where nothing rests. Where the
    /// filters cannot follow from place to place, neither does this.
    pub(crate) fn tell(&self, sigma: f32, plane: &mut Plane<f32>) {
        if self.plan.between.is_none() && self.rest() != Rest::All {
            return plane.samples_mut().fill(sigma);
        }
        let width = plane.extent().width;
        for_chunks(&*self.executor, plane.samples_mut(), ROWS * width, &|part, rows| {
            for (y, row) in (part * ROWS..).zip(rows.chunks_mut(width)) {
                row.iter_mut().zip(self.noise.row(y)).for_each(|(it, noise)| *it = sigma * noise);
            }
        });
    }

    /// Puts the average in the place of the light of the newest frame, which lies in `extended`.
    pub(crate) fn run(&mut self, extended: &mut Plane<f32>) {
        if !self.is_begun {
            self.begin(extended);
            return;
        }
        let gain = self.gain(extended);
        self.compare(gain, extended);
        self.motion.judge(&self.plan, &mut self.values, &*self.executor);
        self.mix(gain, extended);
    }

    /// The first frame is the average.
    fn begin(&mut self, extended: &Plane<f32>) {
        for (y, row) in self.average.rows_mut().enumerate() {
            row.copy_from_slice(frame_row(self.framing, extended, y));
        }
        self.motion.begin();
        self.noise.knots_mut().samples_mut().fill(1.0);
        self.is_begun = true;
    }

    /// By how much brighter the newest frame is than the average, where neither moves.
    fn gain(&mut self, extended: &Plane<f32>) -> f32 {
        /// What is darker has no ratio, and fewer of them no median.
        const DARK: f32 = 0.02;
        const FEWEST: usize = 16;
        let Self { framing, average, values, motion, .. } = self;
        values.clear();
        for row in motion.sampled() {
            let ys = row * BLOCK..framing.inner.height.min((row + 1) * BLOCK);
            for left in (0..framing.inner.width / BLOCK * BLOCK).step_by(BLOCK) {
                let sum = |row: &[f32]| row[left..][..BLOCK].iter().sum::<f32>();
                let newest: f32 = ys.clone().map(|y| sum(frame_row(*framing, extended, y))).sum();
                let before: f32 = ys.clone().map(|y| sum(average.row(y))).sum();
                if before > DARK * (BLOCK * ys.len()) as f32 {
                    values.push(newest / before);
                }
            }
        }
        if values.len() < FEWEST { 1.0 } else { motion::median(values).clamp(0.5, 2.0) }
    }

    /// Gathers the differences of all blocks.
    fn compare(&mut self, gain: f32, extended: &Plane<f32>) {
        let Self { plan, framing, executor, average, motion, .. } = self;
        let (framing, average, plan) = (*framing, &*average, &**plan);
        for_all(&**executor, motion.seen_mut(), &|(row, (differences, powers))| {
            let ys = row * BLOCK..framing.inner.height.min((row + 1) * BLOCK);
            let rows = ys.map(|y| (frame_row(framing, extended, y), average.row(y)));
            motion::gather(rows, gain, plan, (differences, powers));
        });
    }

    /// Takes the newest frame into the average, and puts that in its place.
    fn mix(&mut self, gain: f32, extended: &mut Plane<f32>) {
        let Self { framing, executor, average, motion, weights, noise, .. } = self;
        let (Framing { inner, outer, .. }, motion) = (*framing, &*motion);
        let (left, top) = framing.offset();
        let newest = &mut extended.samples_mut()[top * outer.width..][..inner.height * outer.width];
        let rows = average.samples_mut().chunks_mut(BLOCK * inner.width);
        let rows = rows.zip(newest.chunks_mut(BLOCK * outer.width));
        let knots = [weights, noise].map(|it| it.knots_mut().samples_mut().chunks_mut(outer.width));
        let [weights, noise] = knots;
        let rows = rows.zip(weights.zip(noise)).enumerate();
        for_all(&**executor, rows, &|(row, ((average, newest), (weights, noise)))| {
            let rows = average.chunks_mut(inner.width).zip(newest.chunks_mut(outer.width));
            for (average, newest) in rows {
                take(motion.gains(row), gain, average, &mut newest[left..][..inner.width]);
            }
            spread(motion.shares(row), left, weights);
            spread(motion.noise(row), left, noise);
        });
    }
}

/// Row `y` of the frame that lies in an extended plane.
fn frame_row(framing: Framing, extended: &Plane<f32>, y: usize) -> &[f32] {
    let (left, top) = framing.offset();
    &extended.row(y + top)[left..][..framing.inner.width]
}

/// Takes a row of the newest frame into that of the average, by the weights of its blocks.
fn take(weights: &[f32], gain: f32, average: &mut [f32], newest: &mut [f32]) {
    let blocks = average.chunks_mut(BLOCK).zip(newest.chunks_mut(BLOCK));
    for ((average, newest), weight) in blocks.zip(weights) {
        for (average, newest) in average.iter_mut().zip(newest) {
            let before = gain * *average;
            *average = before + weight * (*newest - before);
            *newest = *average;
        }
    }
}

/// The knot above row `y` of the frame, and how far it lies towards the next one: they are the middles of
/// the rows of blocks.
fn knot(y: usize, blocks: usize) -> (usize, f32) {
    let (knot, share) = place(y);
    if knot + 1 < blocks { (knot, share) } else { (blocks - 1, 0.0) }
}

/// The block whose middle lies before a sample, and how far it lies towards that of the next one.
fn place(at: usize) -> (usize, f32) {
    // In halves of a sample: middles lie at BLOCK - 1, 3 BLOCK - 1, and so on.
    let halves = (2 * at + 1).saturating_sub(BLOCK);
    (halves / (2 * BLOCK), (halves % (2 * BLOCK)) as f32 / (2 * BLOCK) as f32)
}

/// Fills a row with the values of blocks, linear between their middles; the frame begins at `left`.
fn spread(blocks: &[f32], left: usize, row: &mut [f32]) {
    for (x, value) in row.iter_mut().enumerate() {
        let (block, share) = knot(x.saturating_sub(left), blocks.len());
        let next = blocks[(block + 1).min(blocks.len() - 1)];
        *value = blocks[block] + share * (next - blocks[block]);
    }
}

#[cfg(test)]
mod tests;

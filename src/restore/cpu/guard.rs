//! Before the last step: what of the restored frame is held back.
//!
//! Windows of the blurred and the restored plane are compared with what the plan expects (`plan/guard.rs`),
//! on every second square of a chessboard. The frame is judged by regions: each of the windows around it
//! in the mean, so that one texture decides nothing. Between their middles the share that is kept changes
//! evenly, and what is not kept of the restoration is as it came.

use std::sync::Arc;

use super::rows::for_rows;
use super::workspace::{Channel, Estimate, Workspace};
use crate::executor::{Executor, FreeList, for_chunks};
use crate::fft::{Complex, TwinFft, TwinRoom};
use crate::frame::{Extent, Plane};
use crate::plan::{Framing, Guard, Powers};

/// Windows this far from a region's, along each side, tell of it.
const REACH: usize = 2;

/// Holds restored planes back.
pub(crate) struct Guarding {
    plan: Guard,
    framing: Framing,
    executor: Arc<dyn Executor>,
    fft: TwinFft,
    rooms: FreeList<TwinRoom>,
    /// The Hann window, and both sides' mean square 1.
    hann: Vec<f32>,
    windows: Vec<Window>,
    /// The share that is kept, by region.
    kept: Plane<f32>,
    columns: Axis,
    rows: Axis,
}

/// A window that is looked at.
#[derive(Debug)]
struct Window {
    /// Its region, counted from the left and from the top.
    region: (usize, usize),
    /// What was seen last.
    powers: Powers,
}

/// The windows along one side of the frame.
#[derive(Debug)]
struct Axis {
    /// Where each begins.
    starts: Vec<usize>,
    /// For each sample the region before it, and how far it lies towards the next one.
    between: Vec<(usize, f32)>,
}

impl Axis {
    fn plan(length: usize, side: usize, count: usize) -> Self {
        let starts: Vec<usize> =
            (0..count).map(|index| index * (length - side) / (count - 1).max(1)).collect();
        let place = |at: usize| {
            let after = starts.partition_point(|start| start + side / 2 <= at);
            let before = after.saturating_sub(1);
            match (starts.get(before), starts.get(before + 1)) {
                (Some(first), Some(next)) => {
                    let past = at.saturating_sub(first + side / 2);
                    (before, past as f32 / (next - first) as f32)
                }
                _ => (before, 0.0),
            }
        };
        let between = (0..length).map(place).collect();
        Self { starts, between }
    }
}

impl Guarding {
    pub(crate) fn new(plan: Guard, framing: Framing, executor: Arc<dyn Executor>) -> Self {
        let (side, (across, down)) = (plan.side, plan.grid);
        let fft = TwinFft::plan(side);
        let hann = |at: usize| {
            let phase = std::f64::consts::TAU * (at + 1) as f64 / (side + 1) as f64;
            0.5 - 0.5 * phase.cos()
        };
        let square: f64 = (0..side).map(|at| hann(at).powi(2)).sum::<f64>() / side as f64;
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let hann = (0..side).map(|at| (hann(at) / square.sqrt()) as f32).collect();
        let regions = (0..down).flat_map(|row| (0..across).map(move |column| (column, row)));
        let dark = regions.filter(|(column, row)| (column + row) % 2 == 0);
        Self {
            rooms: FreeList::new(executor.threads(), || fft.room()),
            hann,
            windows: dark.map(|region| Window { region, powers: [1.0; 3] }).collect(),
            kept: Plane::new(Extent::new(across, down), 1.0),
            columns: Axis::plan(framing.inner.width, side, across),
            rows: Axis::plan(framing.inner.height, side, down),
            plan,
            framing,
            executor,
            fft,
        }
    }

    /// Holds the newest estimates back where they are no restoration; the share of the frame that was, where
    /// any of it was looked at.
    pub(crate) fn run(&mut self, work: &mut Workspace, newest: Estimate) -> Option<f32> {
        let count = work.channels.len() as f32;
        let is_for_lamps = self.plan.is_for_lamps;
        let seen = work.channels.iter_mut().filter(|channel| channel.is_lit || !is_for_lamps);
        let held: Option<f32> =
            seen.fold(None, |sum, it| Some(sum.unwrap_or(0.0) + self.hold_back(it, newest)));
        held.map(|held| held / count)
    }

    fn hold_back(&mut self, channel: &mut Channel, newest: Estimate) -> f32 {
        self.look(&channel.y, channel.estimate(newest));
        self.judge();
        let regions = self.kept.extent().area() as f32;
        let held = 1.0 - self.kept.samples().iter().sum::<f32>() / regions;
        if held > 0.0 {
            let Channel { y, x_w, g, .. } = channel;
            self.blend(y, if newest == Estimate::Wiener { x_w } else { g });
        }
        held
    }

    /// Fills the powers of the windows.
    fn look(&mut self, y: &Plane<f32>, estimate: &Plane<f32>) {
        let Self { plan, framing, executor, fft, rooms, hann, windows, columns, rows, .. } = self;
        let ((left, top), (across, down)) = (framing.offset(), plan.grid);
        let scale = 1.0 / (plan.side * plan.side) as f32;
        for_chunks(&**executor, windows, 1, &|_, windows| {
            for Window { region: (column, row), powers } in windows {
                let place = |at: usize, count: usize| (at as f64 + 0.5) / count as f64;
                let expectation = plan.at(place(*column, across), place(*row, down));
                let start = (left + columns.starts[*column], top + rows.starts[*row]);
                rooms.with(
                    || fft.room(),
                    |room| {
                        load([y, estimate], start, hann, &mut room.squares);
                        let mut sums = [0.0; 3];
                        fft.powers(room, |index, of_y, of_g| {
                            let weights = expectation.weights[index];
                            let powers = [of_y, of_y, of_g];
                            let terms = weights.iter().zip(powers).map(|(w, power)| w * power);
                            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
                        });
                        *powers = sums.map(|sum: f32| f64::from(scale * sum));
                    },
                );
            }
        });
    }

    /// Fills the shares that are kept.
    fn judge(&mut self) {
        let (across, down) = self.plan.grid;
        for row in 0..down {
            for column in 0..across {
                let near = |window: &&Window| {
                    let (x, y) = window.region;
                    x.abs_diff(column) <= REACH && y.abs_diff(row) <= REACH
                };
                let (mut mean, mut count) = ([0.0; 3], 0.0);
                for window in self.windows.iter().filter(near) {
                    count += 1.0;
                    mean.iter_mut().zip(window.powers).for_each(|(sum, power)| *sum += power);
                }
                let place = |at: usize, count: usize| (at as f64 + 0.5) / count as f64;
                let expectation = self.plan.at(place(column, across), place(row, down));
                #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
                let kept = expectation.kept(mean.map(|sum| sum / count)) as f32;
                self.kept.row_mut(row)[column] = kept;
            }
        }
    }

    /// Leaves of what was changed what is kept.
    fn blend(&self, y: &Plane<f32>, estimate: &mut Plane<f32>) {
        let (left, top) = self.framing.offset();
        let last = self.kept.extent().height - 1;
        for_rows(&*self.executor, self.framing, estimate, &|at, row| {
            let (above, down) = self.rows.between[at];
            let (upper, lower) = (self.kept.row(above), self.kept.row((above + 1).min(last)));
            let seen = &y.row(top + at)[left..];
            let pairs = row.iter_mut().zip(seen);
            for ((restored, seen), (before, right)) in pairs.zip(&self.columns.between) {
                let next = (before + 1).min(upper.len() - 1);
                let above = upper[*before] + right * (upper[next] - upper[*before]);
                let below = lower[*before] + right * (lower[next] - lower[*before]);
                let kept = above + down * (below - above);
                *restored = seen + kept * (*restored - seen);
            }
        });
    }
}

/// Loads the windows of two planes that begin at this column and row, each without its mean.
fn load(planes: [&Plane<f32>; 2], (x, y): (usize, usize), hann: &[f32], squares: &mut [Complex]) {
    let side = hann.len();
    let rows = |plane: &Plane<f32>| {
        (y..y + side).map(|at| plane.row(at)[x..][..side].iter().sum::<f32>()).sum::<f32>()
    };
    let [mean, mean_of_other] = planes.map(|plane| rows(plane) / (side * side) as f32);
    for ((at, down), target) in (y..).zip(hann).zip(squares.chunks_exact_mut(side)) {
        let [row, other] = planes.map(|plane| &plane.row(at)[x..][..side]);
        let samples = row.iter().zip(other).zip(hann);
        target.iter_mut().zip(samples).for_each(|(z, ((a, b), across))| {
            let weight = down * across;
            *z = Complex::new(weight * (a - mean), weight * (b - mean_of_other));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::optics::{Blur, Light, Psf};
    use crate::plan::Edges;
    use crate::testing::random_plane;
    use proptest::prelude::*;

    fn guarding(extent: Extent) -> (Guarding, Framing) {
        let blur = Blur::from(Psf::from_formula("disk:3").expect("a formula").expect("a PSF"));
        let framing = Framing::plan(Edges::Open, extent, blur.extent());
        let plan =
            Guard::plan(&blur, framing, Light(0.01)).expect("it fits").expect("large enough");
        (Guarding::new(plan, framing, Arc::new(Sequential)), framing)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn a_restored_sample_lies_between_what_it_was_and_what_it_became(
            width in 64_usize..300, height in 64_usize..200, seed: u64, noise in 0.0_f32..0.5,
        ) {
            let (mut guarding, framing) = guarding(Extent::new(width, height));
            let mut work = Workspace::new(framing.outer, 1, false);
            let grain = random_plane(framing.outer, seed);
            let before = Plane::from_fn(framing.outer, |x, y| {
                0.3 * ((x as f32 / 20.0).sin() * (y as f32 / 31.0).cos())
            });
            let restored =
                Plane::from_fn(framing.outer, |x, y| before.row(y)[x] + noise * grain.row(y)[x]);
            work.channels[0].y = before.clone();
            work.channels[0].g = restored.clone();
            let held = guarding.run(&mut work, Estimate::Networks).expect("a look");
            prop_assert!((0.0..=1.0).contains(&held), "held {}", held);
            let after = &work.channels[0].g;
            if held == 0.0 {
                prop_assert_eq!(after, &restored);
            }
            for (at, sample) in after.samples().iter().enumerate() {
                let (a, b) = (before.samples()[at], restored.samples()[at]);
                prop_assert!((a.min(b) - 1e-6..=a.max(b) + 1e-6).contains(sample));
            }
        }
    }

    #[test]
    fn grain_where_the_blur_left_nothing_is_held_back() {
        let (mut guarding, framing) = guarding(Extent::new(256, 192));
        let mut work = Workspace::new(framing.outer, 1, false);
        let grain = random_plane(framing.outer, 5);
        work.channels[0].y = Plane::from_fn(framing.outer, |x, y| 0.2 * grain.row(y)[x]);
        work.channels[0].g = Plane::from_fn(framing.outer, |x, y| grain.row(y)[x]);
        assert_eq!(guarding.run(&mut work, Estimate::Networks), Some(1.0));
        let Channel { y, g, .. } = &work.channels[0];
        let ((left, top), inner) = (framing.offset(), framing.inner);
        for row in top..top + inner.height {
            assert_eq!(y.row(row)[left..][..inner.width], g.row(row)[left..][..inner.width]);
        }
    }

    #[test]
    fn frames_that_have_told_their_noise_are_looked_at_where_there_are_lamps() {
        let (mut guarding, framing) = guarding(Extent::new(256, 192));
        guarding.plan = guarding.plan.for_lamps();
        let grain = random_plane(framing.outer, 5);
        for (is_lit, held) in [(false, None), (true, Some(1.0))] {
            let mut work = Workspace::new(framing.outer, 1, false);
            work.channels[0].is_lit = is_lit;
            work.channels[0].y = Plane::from_fn(framing.outer, |x, y| 0.2 * grain.row(y)[x]);
            work.channels[0].g = grain.clone();
            assert_eq!(guarding.run(&mut work, Estimate::Networks), held);
            assert_eq!(work.channels[0].g == grain, !is_lit);
        }
    }

    #[test]
    fn every_sample_lies_between_two_regions() {
        let axis = Axis::plan(200, 64, 3);
        assert_eq!(axis.starts, [0, 68, 136]);
        assert_eq!(
            (axis.between[0], axis.between[32], axis.between[66]),
            ((0, 0.0), (0, 0.0), (0, 0.5))
        );
        assert_eq!((axis.between[100].0, axis.between[199]), (1, (2, 0.0)));
    }
}

//! What moves: blocks in which the newest frame differs from the average by more than noise.
//!
//! Of each block there are the mean `d` and the mean square of the differences, in encoded values, in which
//! noise is the same in light and shade. Where the scene rests, both are known but for chance:
//!
//! ```text
//! u = d / sqrt(v / n),   e = (mean square / v - 1) sqrt(n / 2),   v = unit noise^2 (1 + r)
//! ```
//!
//! are of mean 0 and deviation 1, over `n` samples. What moves shows in one of: `u` of the block; the sum of
//! `u` over 3x3 blocks, which sees what is faint and large; the sums of `u^2 - 1` over 3x3 and 9x9 blocks,
//! which see a pattern that moves as little as a tenth of a sample, whatever the signs (the wider one without
//! blocks that speak for themselves, whose neighbours may well rest); the sum of `e` over
//! 3x3 blocks, which sees what is smaller than a block. Each is divided by its deviation, the squares by
//! somewhat more, for they are not normal; the largest of all, in the block and those around it, decides.
//!
//! `unit` is the power of the noise that changes from frame to frame, over that which was told: the median
//! over blocks. What coding, the error of the PSF and the like add to the told one is the same in every
//! frame of a scene at rest: it is not averaged away, and hides no motion.

use std::f32::consts::SQRT_2;

use crate::executor::{Executor, FreeList, for_all, for_chunks};
use crate::frame::{Extent, Plane};
use crate::plan::Fusion;
use crate::restore::Fused;

/// Samples on a side of a block.
pub(super) const BLOCK: usize = 4;

/// How much of a frame rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing: it is restored as a single one is.
    Nothing,
    /// Some, by weights.
    Some,
    /// All of it, and for long enough.
    All,
}

/// Deviations from which on something moves, and from which on that is plain.
const DOUBT: f32 = 3.0;
const PLAIN: f32 = 5.0;

/// What the sums of squares over 3x3 and over 9x9 blocks are divided by besides: so rarely do they exceed
/// [`DOUBT`] by chance as normal numbers do.
const SQUARES: f32 = 1.6;
const MANY_SQUARES: f32 = 1.3;

/// Blocks on each side that the widest sum reaches.
const REACH: usize = 4;

/// Rows of blocks that medians are taken over.
const SAMPLED: usize = 24;

/// What is known of the blocks of one channel.
pub(super) struct Motion {
    /// Extent of the frame.
    frame: Extent,
    /// Means of the differences, and then `u`.
    differences: Plane<f32>,
    /// Mean squares of the differences, and then `e`.
    powers: Plane<f32>,
    /// The largest sum.
    evidence: Plane<f32>,
    /// `r`
    left: Plane<f32>,
    /// `a`
    gains: Plane<f32>,
    /// How far the filters go to those of the average.
    shares: Plane<f32>,
    /// Deviation of the noise that is left.
    noise: Plane<f32>,
    books: Vec<Book>,
    scratches: FreeList<Scratch>,
}

/// What is counted of a row of blocks.
#[derive(Debug, Clone, Copy, Default)]
struct Book {
    /// Blocks that rest, altogether and at all.
    at_rest: usize,
    resting: usize,
    /// Sum of the power of the noise that is left.
    left: f64,
}

/// Sums over rows, continued beyond both ends.
struct Scratch {
    u: Vec<f32>,
    e: Vec<f32>,
    squares: Vec<f32>,
    many_squares: Vec<f32>,
}

impl Motion {
    /// For frames of `frame`, on so many threads.
    pub(super) fn new(frame: Extent, threads: usize) -> Self {
        let grid = Extent::new(frame.width.div_ceil(BLOCK), frame.height.div_ceil(BLOCK));
        let plane = |value| Plane::new(grid, value);
        Self {
            frame,
            differences: plane(0.0),
            powers: plane(0.0),
            evidence: plane(0.0),
            left: plane(1.0),
            gains: plane(1.0),
            shares: plane(0.0),
            noise: plane(1.0),
            books: vec![Book::default(); grid.height],
            scratches: FreeList::new(threads, || Scratch::new(grid.width)),
        }
    }

    /// Blocks side by side, and one below the other.
    pub(super) fn grid(&self) -> Extent {
        self.left.extent()
    }

    /// There is one frame.
    pub(super) fn begin(&mut self) {
        self.left.samples_mut().fill(1.0);
        self.shares.samples_mut().fill(0.0);
        let left = self.grid().width as f64;
        self.books.fill(Book { left, ..Book::default() });
    }

    /// Some rows of blocks, evenly spaced.
    pub(super) fn sampled(&self) -> impl Iterator<Item = usize> + use<> {
        let height = self.grid().height;
        (0..height).step_by((height / SAMPLED).max(1))
    }

    /// The rows of means and of mean squares, to be filled by [`gather`].
    pub(super) fn seen_mut(
        &mut self,
    ) -> impl ExactSizeIterator<Item = (usize, (&mut [f32], &mut [f32]))> + Send {
        let width = self.grid().width;
        let rows = self.differences.samples_mut().chunks_mut(width);
        rows.zip(self.powers.samples_mut().chunks_mut(width)).enumerate()
    }

    /// Weights of the newest frame in a row of blocks.
    pub(super) fn gains(&self, row: usize) -> &[f32] {
        self.gains.row(row)
    }

    /// How far the filters go to those of the average in a row of blocks.
    pub(super) fn shares(&self, row: usize) -> &[f32] {
        self.shares.row(row)
    }

    /// Deviation of the noise that is left in a row of blocks, over that of a single frame.
    pub(super) fn noise(&self, row: usize) -> &[f32] {
        self.noise.row(row)
    }

    pub(super) fn rest(&self) -> Rest {
        let sum = |count: fn(&Book) -> usize| self.books.iter().map(count).sum::<usize>();
        if sum(|book| book.resting) == 0 {
            Rest::Nothing
        } else if sum(|book| book.at_rest) == self.grid().area() {
            Rest::All
        } else {
            Rest::Some
        }
    }

    pub(super) fn fused(&self) -> Fused {
        let blocks = self.grid().area() as f64;
        let at_rest = self.books.iter().map(|book| book.at_rest).sum::<usize>() as f64 / blocks;
        let left = self.books.iter().map(|book| book.left).sum::<f64>() / blocks;
        Fused { at_rest, noise_left: left.sqrt() }
    }

    /// Decides for every block from what was gathered.
    pub(super) fn judge(&mut self, plan: &Fusion, values: &mut Vec<f32>, executor: &dyn Executor) {
        let unit = self.unit(plan, values);
        self.normalise(plan, unit, executor);
        self.weigh_evidence(executor);
        self.decide(plan, unit, executor);
    }

    fn unit(&self, plan: &Fusion, values: &mut Vec<f32>) -> f32 {
        /// The median of the mean square of 16 normal numbers.
        const MEDIAN: f32 = 0.958;
        /// Less than that is no noise of a camera.
        const LEAST: f32 = 1.0 / 64.0;
        /// So much less than was told is chance.
        const CHANCE: f32 = 1.1;
        values.clear();
        for row in self.sampled() {
            let blocks = self.powers.row(row).iter().zip(self.left.row(row));
            values.extend(blocks.map(|(power, left)| power / (1.0 + left)));
        }
        (CHANCE * median(values) / (MEDIAN * plan.noise * plan.noise)).clamp(LEAST, 1.0)
    }

    /// Makes `u` and `e` of means and mean squares.
    fn normalise(&mut self, plan: &Fusion, unit: f32, executor: &dyn Executor) {
        let (frame, width) = (self.frame, self.grid().width);
        let noise = (unit * plan.noise * plan.noise).max(plan.rounding * plan.rounding);
        let Self { differences, powers, left, .. } = self;
        let rows = differences.samples_mut().chunks_mut(width);
        let rows = rows.zip(powers.samples_mut().chunks_mut(width)).enumerate();
        for_all(executor, rows, &|(row, (differences, powers))| {
            let rows = BLOCK.min(frame.height - row * BLOCK);
            for (x, (difference, power)) in differences.iter_mut().zip(powers).enumerate() {
                let columns = if x + 1 < width { BLOCK } else { frame.width - x * BLOCK };
                let (count, noise) = ((rows * columns) as f32, noise * (1.0 + left.row(row)[x]));
                *difference *= (count / noise).sqrt();
                *power = (*power / noise - 1.0) * (0.5 * count).sqrt();
            }
        });
    }

    /// The largest sum of every block.
    fn weigh_evidence(&mut self, executor: &dyn Executor) {
        let width = self.grid().width;
        let Self { differences, powers, evidence, scratches, .. } = self;
        let (differences, powers) = (&*differences, &*powers);
        for_chunks(executor, evidence.samples_mut(), width, &|row, evidence| {
            scratches.with(
                || Scratch::new(width),
                |scratch| {
                    scratch.fill(row, differences, powers);
                    scratch.largest(differences.row(row), evidence);
                },
            );
        });
    }

    /// The weights of every block, and the noise that they leave.
    fn decide(&mut self, plan: &Fusion, unit: f32, executor: &dyn Executor) {
        // 1 / N: see `Fusion::left`.
        let least = 2.0 * plan.left / (1.0 + plan.left);
        let Self { evidence, left, gains, shares, noise, books, .. } = self;
        let Extent { width, height } = evidence.extent();
        let rows = left.samples_mut().chunks_mut(width).zip(gains.samples_mut().chunks_mut(width));
        let told =
            shares.samples_mut().chunks_mut(width).zip(noise.samples_mut().chunks_mut(width));
        let rows = rows.zip(told).zip(books).enumerate();
        for_all(executor, rows, &|(y, (((left, gains), (shares, noise)), book))| {
            *book = Book::default();
            let near = [y.saturating_sub(1), y, (y + 1).min(height - 1)].map(|y| evidence.row(y));
            for x in 0..width {
                let columns = x.saturating_sub(1)..(x + 2).min(width);
                let evidence = near.iter().flat_map(|row| &row[columns.clone()]);
                let evidence = evidence.copied().fold(0.0, f32::max);
                gains[x] = gain(evidence, left[x]).max(least);
                left[x] = (1.0 - gains[x]).powi(2) * left[x] + gains[x] * gains[x];
                let power = 1.0 - unit * (1.0 - left[x]);
                (shares[x], noise[x]) = (plan.share(power), power.sqrt());
                book.add(shares[x], power);
            }
        });
    }
}

/// `(r + q) / (1 + r + q)`
fn gain(evidence: f32, left: f32) -> f32 {
    if evidence > PLAIN {
        return 1.0;
    }
    let change = (evidence - DOUBT).max(0.0).powi(2);
    (left + change) / (1.0 + left + change)
}

impl Book {
    fn add(&mut self, share: f32, power: f32) {
        self.at_rest += usize::from(share >= 1.0);
        self.resting += usize::from(share > 0.0);
        self.left += f64::from(power);
    }
}

impl Scratch {
    fn new(width: usize) -> Self {
        let row = || vec![0.0; width + 2 * REACH];
        Self { u: row(), e: row(), squares: row(), many_squares: row() }
    }

    /// Sums over the rows around `row`.
    fn fill(&mut self, row: usize, u: &Plane<f32>, e: &Plane<f32>) {
        let Extent { width, height } = u.extent();
        let sums = [&mut self.u, &mut self.e, &mut self.squares, &mut self.many_squares];
        let [u_sums, e_sums, squares, many_squares] = sums.map(|sums| {
            sums.fill(0.0);
            &mut sums[REACH..][..width]
        });
        for step in 0..=2 * REACH {
            let y = (row + step).saturating_sub(REACH).min(height - 1);
            add(many_squares, u.row(y), |u| if u.abs() < DOUBT { u * u - 1.0 } else { 0.0 });
            if step.abs_diff(REACH) <= 1 {
                add(u_sums, u.row(y), |u| u);
                add(e_sums, e.row(y), |e| e);
                add(squares, u.row(y), |u| u * u - 1.0);
            }
        }
        for sums in [&mut self.u, &mut self.e, &mut self.squares, &mut self.many_squares] {
            let (first, last) = (sums[REACH], sums[REACH + width - 1]);
            sums[..REACH].fill(first);
            sums[REACH + width..].fill(last);
        }
    }

    /// Fills a row with the largest of the sums.
    fn largest(&self, u: &[f32], evidence: &mut [f32]) {
        let near = |sums: &[f32], x: usize| sums[x + REACH - 1..][..3].iter().sum::<f32>();
        let far = |sums: &[f32], x: usize| sums[x..][..2 * REACH + 1].iter().sum::<f32>();
        for (x, (evidence, u)) in evidence.iter_mut().zip(u).enumerate() {
            let faint = near(&self.u, x).abs() / 3.0;
            let pattern = near(&self.squares, x) / (3.0 * SQRT_2 * SQUARES);
            let small = near(&self.e, x) / (3.0 * SQUARES);
            let slow = far(&self.many_squares, x) / (9.0 * SQRT_2 * MANY_SQUARES);
            *evidence = u.abs().max(faint).max(pattern).max(small).max(slow);
        }
    }
}

fn add(sums: &mut [f32], values: &[f32], of: impl Fn(f32) -> f32) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += of(*value));
}

/// Fills a row of blocks with the means and the mean squares of the differences of `rows`, each of the
/// newest frame and of the average, in encoded values.
pub(super) fn gather<'a>(
    rows: impl Iterator<Item = (&'a [f32], &'a [f32])>,
    gain: f32,
    plan: &Fusion,
    (differences, powers): (&mut [f32], &mut [f32]),
) {
    differences.fill(0.0);
    powers.fill(0.0);
    let (mut count, mut middle) = (0, &[][..]);
    for (newest, average) in rows {
        (count, middle) = (count + 1, average);
        let blocks = newest.chunks(BLOCK).zip(average.chunks(BLOCK));
        for ((newest, average), (sum, squares)) in
            blocks.zip(differences.iter_mut().zip(powers.iter_mut()))
        {
            for (newest, average) in newest.iter().zip(average) {
                let difference = newest - gain * average;
                *sum += difference;
                *squares += difference * difference;
            }
        }
    }
    let blocks = middle.chunks(BLOCK).zip(differences.iter_mut().zip(powers));
    for (average, (difference, power)) in blocks {
        let light = gain * average.iter().sum::<f32>() / average.len() as f32;
        let (count, slope) = ((count * average.len()) as f32, plan.slope(light));
        *difference /= count * slope;
        *power /= count * slope * slope;
    }
}

/// The median of values, of which there is one at least; their order changes.
pub(super) fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

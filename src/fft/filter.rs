//! Factors by which the coefficients of a plane are multiplied.

use std::sync::Arc;

use super::blocks::{block_count, blocks};
use super::lanes::{Lane, Lanes, Pair, Sample, WIDTH, times};
use super::layout::{Complex, coefficients};
use super::smooth::Multiply;
use super::wide::WideFft;
use crate::frame::Extent;

/// Factors of the coefficients of one extent, scaled so that forward transform, product and inverse transform need
/// no further scaling. They lie as the coefficients do when they are multiplied: block by block, in the order in
/// which transforms of columns leave them.
#[derive(Debug, Clone)]
pub struct Filter {
    extent: Extent,
    factors: Factors,
    /// Where in a column the coefficients are.
    places: Arc<[usize]>,
    /// What becomes of each block of columns.
    passes: Vec<ColumnPass>,
}

/// Factors of the blocks that are multiplied; filters that are copied share them.
#[derive(Debug, Clone)]
enum Factors {
    /// Of the null-space projection.
    Real(Arc<Vec<Lane>>),
    /// Of a blur and of its inverse.
    Complex(Arc<Vec<Sample>>),
}

/// The factors of a block of columns.
#[derive(Debug, Clone, Copy)]
pub(super) enum BlockFactors<'a> {
    /// Of the null-space projection.
    Real(RealFactors<'a>),
    /// Of a blur and of its inverse.
    Complex(ComplexFactors<'a>),
}

/// Real factors of a block of columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct RealFactors<'a>(&'a [Lane]);

/// Complex factors of a block of columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct ComplexFactors<'a>(&'a [Sample]);

impl Multiply for RealFactors<'_> {
    #[inline(always)]
    fn times<L: Lanes>(&self, lanes: L, place: usize, part: usize, x: Pair<L>) -> Pair<L> {
        let factor = lanes.load(&self.0[place].0, part);
        (lanes.mul(x.0, factor), lanes.mul(x.1, factor))
    }

    #[inline(always)]
    fn prefetch<L: Lanes>(&self, lanes: L, place: usize, count: usize) {
        let pairs = self.0.as_chunks::<2>().0.iter();
        pairs.skip(place / 2).take(count.div_ceil(2)).for_each(|pair| lanes.prefetch(pair));
    }
}

impl Multiply for ComplexFactors<'_> {
    #[inline(always)]
    fn times<L: Lanes>(&self, lanes: L, place: usize, part: usize, x: Pair<L>) -> Pair<L> {
        let [re, im] = &self.0[place];
        times(lanes, x, (lanes.load(&re.0, part), lanes.load(&im.0, part)))
    }

    #[inline(always)]
    fn prefetch<L: Lanes>(&self, lanes: L, place: usize, count: usize) {
        self.0.iter().skip(place).take(count).for_each(|factor| lanes.prefetch(factor));
    }
}

/// The factors of all coefficients, column by column, those of columns that are left alone or lost among them: for
/// transforms that know of no such columns, and to which rows give twice what they have. That and the columns'
/// length is in the factors.
#[derive(Debug, Clone)]
pub enum AllFactors {
    /// Of the null-space projection.
    Real(Vec<f32>),
    /// Of a blur and of its inverse.
    Complex(Vec<Complex>),
}

/// What a filter does to a block of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnPass {
    /// Multiplies it by the factors from this one on.
    Multiply(usize),
    /// Makes it zero.
    Zero,
    /// Leaves it as it is.
    Leave,
}

impl ColumnPass {
    /// The first of the factors to multiply by, where there are any.
    pub(super) fn start(self) -> Option<usize> {
        match self {
            Self::Multiply(start) => Some(start),
            Self::Zero | Self::Leave => None,
        }
    }
}

impl Filter {
    /// The filter whose factor at coefficient `index` is `factor(index)`.
    pub fn real(extent: Extent, mut factor: impl FnMut(usize) -> f64) -> Self {
        let (scale, places) = (scale(extent), places(extent));
        let mut factors = vec![Lane::default(); block_count(extent) * extent.height];
        for index in 0..coefficients(extent) {
            let (at, lane) = place(extent, &places, index);
            #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
            let value = (factor(index) * scale) as f32;
            factors[at].0[lane] = value;
        }
        Self::of(extent, places, Factors::Real(Arc::new(factors)))
    }

    /// The filter whose factor at coefficient `index` is `factor(index)`.
    pub fn complex(extent: Extent, mut factor: impl FnMut(usize) -> Complex) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
        let (scale, places) = (scale(extent) as f32, places(extent));
        let mut factors = vec![Sample::default(); block_count(extent) * extent.height];
        for index in 0..coefficients(extent) {
            let (at, lane) = place(extent, &places, index);
            let value = factor(index) * scale;
            factors[at][0].0[lane] = value.re;
            factors[at][1].0[lane] = value.im;
        }
        Self::of(extent, places, Factors::Complex(Arc::new(factors)))
    }

    /// Takes the factors of whole blocks of columns for 0 or for 1, as many as the expected squared
    /// error, summed over coefficients, of all of them together allows: at most `budget`, where
    /// `power(index)` is the expected squared magnitude of a coefficient before the filter. Such
    /// columns need not be transformed.
    #[must_use]
    pub fn simplified(self, power: impl Fn(usize) -> f64, budget: f64) -> Self {
        let mut costs: Vec<(f64, usize, ColumnPass)> = Vec::new();
        for (index, block) in blocks(self.extent).enumerate() {
            let cost = |value: f64| -> f64 {
                block.coefficients().map(|at| self.distance(at, value) * power(at)).sum()
            };
            let (zero, leave) = (cost(0.0), cost(1.0));
            let pass = if zero < leave { ColumnPass::Zero } else { ColumnPass::Leave };
            costs.push((zero.min(leave), index, pass));
        }
        costs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut passes = vec![ColumnPass::Multiply(0); costs.len()];
        let mut spent = 0.0;
        for (cost, index, pass) in costs {
            spent += cost;
            if spent <= budget {
                passes[index] = pass;
            }
        }
        self.compacted(&passes)
    }

    /// Share of the columns that are multiplied.
    pub fn share(&self) -> f64 {
        let multiplied = |pass: &&ColumnPass| matches!(pass, ColumnPass::Multiply(_));
        self.passes.iter().filter(multiplied).count() as f64 / self.passes.len() as f64
    }

    /// The factors of all coefficients.
    pub(super) fn all(&self) -> AllFactors {
        let all = (0..coefficients(self.extent)).map(|index| self.factor(index));
        // Transforms that know of no blocks do not halve what the rows give.
        match &self.factors {
            Factors::Real(_) => AllFactors::Real(all.map(|factor| 0.5 * factor.re).collect()),
            Factors::Complex(_) => AllFactors::Complex(all.map(|factor| 0.5 * factor).collect()),
        }
    }

    /// The factor of a coefficient, scaled.
    fn factor(&self, index: usize) -> Complex {
        let (at, lane) = place(self.extent, &self.places, index);
        let (block, row) = (at / self.extent.height, at % self.extent.height);
        match (self.passes[block], &self.factors) {
            (ColumnPass::Multiply(start), Factors::Real(factors)) => {
                Complex::new(factors[start + row].0[lane], 0.0)
            }
            (ColumnPass::Multiply(start), Factors::Complex(factors)) => {
                let [re, im] = &factors[start + row];
                Complex::new(re.0[lane], im.0[lane])
            }
            #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
            (ColumnPass::Leave, _) => Complex::new(scale(self.extent) as f32, 0.0),
            (ColumnPass::Zero, _) => Complex::default(),
        }
    }

    /// Extent of the planes to filter.
    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    /// What becomes of each block of columns.
    pub(super) fn passes(&self) -> &[ColumnPass] {
        &self.passes
    }

    /// The factors of a block, those from `start` on.
    pub(super) fn block(&self, start: usize) -> BlockFactors<'_> {
        let own = start..start + self.extent.height;
        match &self.factors {
            Factors::Real(factors) => BlockFactors::Real(RealFactors(&factors[own])),
            Factors::Complex(factors) => BlockFactors::Complex(ComplexFactors(&factors[own])),
        }
    }

    fn of(extent: Extent, places: Arc<[usize]>, factors: Factors) -> Self {
        let starts = (0..block_count(extent)).map(|block| block * extent.height);
        Self { extent, factors, places, passes: starts.map(ColumnPass::Multiply).collect() }
    }

    /// Squared distance of the factor of a coefficient from `value`.
    fn distance(&self, index: usize, value: f64) -> f64 {
        let Complex { re, im } = self.factor(index);
        let scale = scale(self.extent);
        (f64::from(re) / scale - value).powi(2) + (f64::from(im) / scale).powi(2)
    }

    /// The same with these passes, the factors of which are kept where there is something to multiply.
    fn compacted(self, passes: &[ColumnPass]) -> Self {
        let height = self.extent.height;
        let factors = match &self.factors {
            Factors::Real(factors) => Factors::Real(Arc::new(kept(factors, height, passes))),
            Factors::Complex(factors) => Factors::Complex(Arc::new(kept(factors, height, passes))),
        };
        let mut next = 0;
        let place = |pass: &ColumnPass| match pass {
            ColumnPass::Multiply(_) => {
                next += height;
                ColumnPass::Multiply(next - height)
            }
            simple => *simple,
        };
        let passes = passes.iter().map(place).collect();
        Self { factors, passes, ..self }
    }
}

/// The factors of the blocks that are multiplied, of those of all blocks.
fn kept<T: Copy>(factors: &[T], height: usize, passes: &[ColumnPass]) -> Vec<T> {
    let blocks = factors.chunks(height).zip(passes);
    let kept = blocks.filter(|(_, pass)| matches!(pass, ColumnPass::Multiply(_)));
    kept.flat_map(|(factors, _)| factors).copied().collect()
}

/// Where in a column the coefficients are.
fn places(extent: Extent) -> Arc<[usize]> {
    WideFft::plan(extent.height).places().into()
}

/// Where among the factors of all blocks that of a coefficient is, and in which lane.
fn place(extent: Extent, places: &[usize], index: usize) -> (usize, usize) {
    let (column, row) = (index / extent.height, index % extent.height);
    (column / WIDTH * extent.height + places[row], column % WIDTH)
}

/// Columns scale by their length. What the rows scale by is taken off before them.
fn scale(extent: Extent) -> f64 {
    1.0 / extent.height as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{filtered, largest_difference, random_plane};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn ones_and_zeros_are_simplified_at_no_cost(
            width in 1_usize..200, height in 1_usize..50, seed: u64,
        ) {
            let extent = Extent::new(width, height);
            let kinds = [0.0, 1.0, 0.5];
            let kind = |index: usize| usize::from(seed.to_le_bytes()[index % 8]) % 3;
            let all: Vec<_> = blocks(extent).collect();
            let of = |at: usize| all.iter().position(|block| block.coefficients().contains(&at));
            let exact = Filter::real(extent, |at| kinds[kind(of(at).expect("a block"))]);
            let simple = exact.clone().simplified(|_| 1.0, 1e-9);
            let multiplied = (0..all.len()).filter(|index| kind(*index) == 2).count();
            prop_assert_eq!(simple.share(), multiplied as f64 / all.len() as f64);
            let input = random_plane(extent, seed);
            let difference = largest_difference(&filtered(&input, &exact), &filtered(&input, &simple));
            prop_assert!(difference < 1e-5, "{} away", difference);
        }

        #[test]
        fn errors_stay_within_the_budget(
            width in 1_usize..200, height in 1_usize..50, seed: u64, budget in 0.0_f64..20.0,
        ) {
            let extent = Extent::new(width, height);
            let factors = random_plane(Extent::new(coefficients(extent), 1), seed);
            let factor = |at: usize| {
                let column = at / height;
                // Nearer and nearer to one.
                1.0 + f64::from(factors.samples()[at]) / (1 + column) as f64
            };
            let simple = Filter::real(extent, factor).simplified(|_| 1.0, budget);
            let error: f64 = (blocks(extent).zip(simple.passes()))
                .filter(|(_, pass)| !matches!(pass, ColumnPass::Multiply(_)))
                .flat_map(|(block, _)| block.coefficients())
                .map(|at| (factor(at) - 1.0).powi(2))
                .sum();
            prop_assert!(error <= budget * 1.000_1, "an error of {}", error);
        }
    }
}

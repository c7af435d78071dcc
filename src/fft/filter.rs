//! Factors by which the coefficients of a plane are multiplied.

use std::sync::Arc;

use super::layout::{Complex, coefficients};
use super::pairs;
use crate::frame::Extent;

/// Factors of the coefficients of one extent, column by column, scaled so that forward transform,
/// product and inverse transform need no further scaling.
#[derive(Debug, Clone)]
pub struct Filter {
    extent: Extent,
    factors: Factors,
    /// What becomes of each block of columns.
    passes: Vec<ColumnPass>,
}

/// Factors of the blocks that are multiplied; filters that are copied share them.
#[derive(Debug, Clone)]
enum Factors {
    /// Of the null-space projection.
    Real(Arc<Vec<f32>>),
    /// Of a blur and of its inverse.
    Complex(Arc<Vec<Complex>>),
}

/// The factors of all coefficients, column by column, those of columns that are left alone or lost among them: for
/// transforms that know of no such columns. What rows gave is twice what they have, and not scaled by the columns'
/// length: that is in the factors.
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
        let scale = scale(extent);
        #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
        let factors = (0..coefficients(extent)).map(|index| (factor(index) * scale) as f32);
        Self::of(extent, Factors::Real(Arc::new(factors.collect())))
    }

    /// The filter whose factor at coefficient `index` is `factor(index)`.
    pub fn complex(extent: Extent, mut factor: impl FnMut(usize) -> Complex) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
        let scale = scale(extent) as f32;
        let factors = (0..coefficients(extent)).map(|index| factor(index) * scale);
        Self::of(extent, Factors::Complex(Arc::new(factors.collect())))
    }

    /// Takes the factors of whole blocks of columns for 0 or for 1, as many as the expected squared
    /// error, summed over coefficients, of all of them together allows: at most `budget`, where
    /// `power(index)` is the expected squared magnitude of a coefficient before the filter. Such
    /// columns need not be transformed.
    #[must_use]
    pub fn simplified(self, power: impl Fn(usize) -> f64, budget: f64) -> Self {
        let mut costs: Vec<(f64, usize, ColumnPass)> = Vec::new();
        for (index, block) in pairs::blocks(self.extent).enumerate() {
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
        #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
        let one = scale(self.extent) as f32;
        match &self.factors {
            Factors::Real(factors) => AllFactors::Real(self.spread(factors, one)),
            Factors::Complex(factors) => {
                AllFactors::Complex(self.spread(factors, Complex::new(one, 0.0)))
            }
        }
    }

    /// Factors that are kept, those that are not among them.
    fn spread<T: Copy + Default>(&self, kept: &[T], one: T) -> Vec<T> {
        let mut all = vec![T::default(); coefficients(self.extent)];
        for (block, pass) in pairs::blocks(self.extent).zip(&self.passes) {
            let of_block = &mut all[block.coefficients()];
            match *pass {
                ColumnPass::Multiply(start) => {
                    let count = of_block.len();
                    of_block.copy_from_slice(&kept[start..][..count]);
                }
                ColumnPass::Leave => of_block.fill(one),
                ColumnPass::Zero => {}
            }
        }
        all
    }

    /// Extent of the planes to filter.
    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    /// What becomes of each block of columns.
    pub(super) fn passes(&self) -> &[ColumnPass] {
        &self.passes
    }

    /// Multiplies coefficients by the factors from `start` on.
    pub(super) fn apply(&self, start: usize, values: &mut [Complex]) {
        match &self.factors {
            Factors::Real(factors) => {
                values.iter_mut().zip(&factors[start..]).for_each(|(value, f)| *value *= *f);
            }
            Factors::Complex(factors) => {
                values.iter_mut().zip(&factors[start..]).for_each(|(value, f)| *value *= *f);
            }
        }
    }

    fn of(extent: Extent, factors: Factors) -> Self {
        let multiply = |block: pairs::Block| ColumnPass::Multiply(block.coefficients().start);
        Self { extent, factors, passes: pairs::blocks(extent).map(multiply).collect() }
    }

    /// Squared distance of the factor of a coefficient from `value`.
    fn distance(&self, index: usize, value: f64) -> f64 {
        let (re, im) = match &self.factors {
            Factors::Real(factors) => (factors[index], 0.0),
            Factors::Complex(factors) => (factors[index].re, factors[index].im),
        };
        let scale = scale(self.extent);
        (f64::from(re) / scale - value).powi(2) + (f64::from(im) / scale).powi(2)
    }

    /// The same with these passes, the factors of which are kept where there is something to multiply.
    fn compacted(self, passes: &[ColumnPass]) -> Self {
        let blocks: Vec<_> = pairs::blocks(self.extent).zip(passes).collect();
        let kept = || {
            let kept = blocks.iter().filter(|(_, pass)| matches!(pass, ColumnPass::Multiply(_)));
            kept.flat_map(|(block, _)| block.coefficients())
        };
        let factors = match &self.factors {
            Factors::Real(factors) => {
                Factors::Real(Arc::new(kept().map(|at| factors[at]).collect()))
            }
            Factors::Complex(factors) => {
                Factors::Complex(Arc::new(kept().map(|at| factors[at]).collect()))
            }
        };
        let mut next = 0;
        let place = |(block, pass): &(pairs::Block, &ColumnPass)| match pass {
            ColumnPass::Multiply(_) => {
                next += block.coefficients().len();
                ColumnPass::Multiply(next - block.coefficients().len())
            }
            simple => **simple,
        };
        let passes = blocks.iter().map(place).collect();
        Self { extent: self.extent, factors, passes }
    }
}

/// Columns scale by their length, and pairs of rows are told apart without halving. What the rows
/// scale by is taken off before them.
fn scale(extent: Extent) -> f64 {
    0.5 / extent.height as f64
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
            let blocks: Vec<_> = pairs::blocks(extent).collect();
            let of = |at: usize| blocks.iter().position(|block| block.coefficients().contains(&at));
            let exact = Filter::real(extent, |at| kinds[kind(of(at).expect("a block"))]);
            let simple = exact.clone().simplified(|_| 1.0, 1e-9);
            let multiplied = (0..blocks.len()).filter(|index| kind(*index) == 2).count();
            prop_assert_eq!(simple.share(), multiplied as f64 / blocks.len() as f64);
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
            let error: f64 = (pairs::blocks(extent).zip(simple.passes()))
                .filter(|(_, pass)| !matches!(pass, ColumnPass::Multiply(_)))
                .flat_map(|(block, _)| block.coefficients())
                .map(|at| (factor(at) - 1.0).powi(2))
                .sum();
            prop_assert!(error <= budget * 1.000_1, "an error of {}", error);
        }
    }
}

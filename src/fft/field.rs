//! A filter that differs over the field.
//!
//! ```text
//! (F x)(p) = (F_0 x)(p) + a_1(p) (F_1 x)(p) + … + a_n(p) (F_n x)(p)
//! ```
//!
//! Each *layer* `F_i` is a filter of the whole plane, weighted from sample to sample behind it. All
//! layers share the transform of `x`, so that `n + 1` of them cost `n + 2` transforms and not `2 n + 2`.
//! A filter that is the same everywhere has the one layer `F_0`.

use std::ops::Range;

use super::filter::{AllFactors, Filter};
use crate::frame::Plane;

/// A filter that may differ over the field.
#[derive(Debug, Clone)]
pub struct FieldFilter {
    /// The layers, `F_0` first.
    filters: Vec<Filter>,
    /// `a_1` and on.
    weights: Vec<Weights>,
}

/// Weights of the samples of a plane: given in some of its rows, and linear between them.
#[derive(Debug, Clone)]
pub struct Weights {
    /// The rows in which they are given.
    knots: Plane<f32>,
    /// For each row of the plane the knot above it, and how far it lies towards the next one.
    rows: Vec<(usize, f32)>,
}

/// A filter, and the weights of all its layers but the first.
pub type Weighted<'a> = (&'a FieldFilter, &'a [Weights]);

impl FieldFilter {
    /// The filter `base`, with weighted layers added to it.
    pub fn new(base: Filter, layers: impl IntoIterator<Item = (Filter, Weights)>) -> Self {
        let (mut filters, mut weights) = (vec![base], Vec::new());
        for (filter, of_it) in layers {
            filters.push(filter);
            weights.push(of_it);
        }
        Self { filters, weights }
    }

    /// The filter `base` with layers added to it whose weights are given where it is applied.
    pub fn unweighted(base: Filter, layers: impl IntoIterator<Item = Filter>) -> Self {
        Self { filters: std::iter::once(base).chain(layers).collect(), weights: Vec::new() }
    }

    /// The layer that is there everywhere, `F_0`.
    pub fn base(&self) -> &Filter {
        &self.filters[0]
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.filters.len()
    }

    /// Share of the columns that are multiplied, in the mean of the layers.
    pub fn share(&self) -> f64 {
        self.filters.iter().map(Filter::share).sum::<f64>() / self.layers() as f64
    }

    /// The factors of each layer.
    pub fn factors(&self) -> impl Iterator<Item = AllFactors> {
        self.filters.iter().map(Filter::all)
    }

    pub(super) fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// The filter with the weights that were given with it.
    pub fn weighted(&self) -> Weighted<'_> {
        (self, &self.weights)
    }
}

impl From<Filter> for FieldFilter {
    fn from(base: Filter) -> Self {
        Self::new(base, [])
    }
}

impl Weights {
    /// The weights `knots`; `rows` has for each row of the plane the index of a knot and the share,
    /// from 0 to 1, of the way to the next one.
    ///
    /// # Panics
    /// Where a row lies beyond the knots.
    pub fn new(knots: Plane<f32>, rows: Vec<(usize, f32)>) -> Self {
        let last = knots.extent().height;
        assert!(rows.iter().all(|&(knot, share)| knot < last && (share == 0.0 || knot + 1 < last)));
        Self { knots, rows }
    }

    /// The rows in which they are given, and for each row of the plane the index of one of them and the share
    /// of the way to the next.
    pub fn parts(&self) -> (&Plane<f32>, &[(usize, f32)]) {
        (&self.knots, &self.rows)
    }

    /// The weights in the rows in which they are given.
    pub fn knots_mut(&mut self) -> &mut Plane<f32> {
        &mut self.knots
    }

    /// The weights of row `y` of the plane.
    pub fn row(&self, y: usize) -> impl Iterator<Item = f32> {
        let (knot, share) = self.rows[y];
        let above = self.knots.row(knot);
        let below = if share == 0.0 { above } else { self.knots.row(knot + 1) };
        above.iter().zip(below).map(move |(above, below)| above + share * (below - above))
    }

    /// Whether nothing is added to these rows of the plane.
    pub(super) fn are_zero(&self, rows: Range<usize>) -> bool {
        let knots =
            |y: usize| [self.rows[y].0, self.rows[y].0 + usize::from(self.rows[y].1 != 0.0)];
        let first = rows.clone().map(|y| knots(y)[0]).min();
        let last = rows.map(|y| knots(y)[1]).max();
        let (Some(first), Some(last)) = (first, last) else { return true };
        (first..=last).all(|knot| self.knots.row(knot).iter().all(|weight| *weight == 0.0))
    }

    /// Adds to `sums` the samples of row `y`, weighted.
    pub(super) fn add(&self, y: usize, samples: impl Iterator<Item = f32>, sums: &mut [f32]) {
        for ((sum, sample), weight) in sums.iter_mut().zip(samples).zip(self.row(y)) {
            *sum += weight * sample;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::{Executor, Sequential};
    use crate::fft::{Output, RealFft2d};
    use crate::frame::Extent;
    use crate::testing::{field_filtered, filtered, largest_difference, random_plane};
    use proptest::prelude::*;

    /// Does the parts from the last to the first.
    #[derive(Debug)]
    struct Backwards;

    impl Executor for Backwards {
        fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync)) {
            (0..count).rev().for_each(part);
        }

        fn threads(&self) -> usize {
            2
        }
    }

    /// Blocks of columns are multiplied, left alone or made zero, as the seed has it.
    fn filter(extent: Extent, seed: u64) -> Filter {
        let kinds = [0.0, 1.0, 0.5];
        let kind =
            |index: usize| usize::from(seed.to_le_bytes()[index / extent.height / 16 % 8]) % 3;
        Filter::real(extent, |index| kinds[kind(index)]).simplified(|_| 1.0, 1e-9)
    }

    /// Weights linear between the first and the last row, and what they are everywhere.
    fn weights(extent: Extent, seed: u64) -> (Weights, Plane<f32>) {
        let knots = random_plane(Extent::new(extent.width, 2), seed);
        let share = |y: usize| y as f32 / extent.height as f32;
        let all = Plane::from_fn(extent, |x, y| {
            knots.row(0)[x] + share(y) * (knots.row(1)[x] - knots.row(0)[x])
        });
        (Weights::new(knots, (0..extent.height).map(|y| (0, share(y))).collect()), all)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn layers_are_filtered_weighted_and_added_up(
            width in 1_usize..200, height in 1_usize..80, layers in 1_usize..4, seed: u64,
        ) {
            let extent = Extent::new(width, height);
            let input = random_plane(extent, seed);
            let seeds = (0..layers as u64).map(|layer| seed.rotate_left(8 * u32::try_from(layer).unwrap_or(0)) ^ layer);
            let (mut expected, mut weighted) = (filtered(&input, &filter(extent, seed)), Vec::new());
            for seed in seeds.skip(1) {
                let (weights, all) = weights(extent, seed);
                let part = filtered(&input, &filter(extent, seed));
                let terms = part.samples().iter().zip(all.samples());
                expected.samples_mut().iter_mut().zip(terms).for_each(|(sum, (a, b))| *sum += a * b);
                weighted.push((filter(extent, seed), weights));
            }
            let filter = FieldFilter::new(filter(extent, seed), weighted);
            let is = field_filtered(&input, &filter, &Sequential);
            let difference = largest_difference(&is, &expected);
            prop_assert!(difference < 1e-5, "{} away", difference);
            prop_assert_eq!(field_filtered(&input, &filter, &Backwards), is, "whoever does the parts");
        }

        #[test]
        fn filters_of_one_plane_give_what_each_gives(
            width in 1_usize..200, height in 1_usize..80, is_field: [bool; 2], seed: u64,
        ) {
            let extent = Extent::new(width, height);
            let input = random_plane(extent, seed);
            let field = |is_field: bool, seed: u64| {
                let layer = || (filter(extent, seed.rotate_left(8)), weights(extent, seed).0);
                FieldFilter::new(filter(extent, seed), is_field.then(layer))
            };
            let [first, second] = [field(is_field[0], seed), field(is_field[1], !seed)];
            let fft = RealFft2d::plan(extent);
            let mut spectrum = fft.layered_spectrum(first.layers() + second.layers(), 1);
            let mut planes = [Plane::new(extent, f32::NAN), Plane::new(extent, f32::NAN)];
            let load = |y: usize, row: &mut [f32]| row.copy_from_slice(input.row(y));
            let store = &|_: usize, samples: &[f32], row: &mut [f32]| row.copy_from_slice(samples);
            fft.forward(&mut spectrum, [&first, &second], &Sequential, &load);
            let outputs = planes.each_mut().map(|plane| Output { plane, store });
            let filters = [first.weighted(), second.weighted()];
            fft.filter_back(&mut spectrum, filters, &Sequential, outputs);
            for (filter, is) in [first, second].iter().zip(planes) {
                let alone = field_filtered(&input, filter, &Sequential);
                let difference = largest_difference(&is, &alone);
                prop_assert!(difference < 1e-6, "{} away", difference);
            }
        }
    }
}

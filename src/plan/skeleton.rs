//! Few vectors that tell of many.
//!
//! Given vectors `v_n`, some of them are chosen, and each is written as
//!
//! ```text
//! v_n ~ v_b + a_1n (v_1 - v_b) + … + a_mn (v_m - v_b)
//! ```
//!
//! with `b, 1, …, m` the chosen ones and weights that make the squared distance least: an
//! interpolative decomposition (Cheng, Gimbutas, Martinsson, Rokhlin, "On the compression of low rank
//! matrices", SIAM J. Sci. Comput. 26, 2005), through a point instead of the origin: the weights of all
//! chosen vectors sum to 1. The next one is always that which leaves the least; then each in turn is
//! chosen again, now that the others are known.
//!
//! All of it follows from products of the vectors, of which a table is made first.

use crate::fft::Complex;

/// Share of the squared lengths that is taken for rounding.
const ROUNDING: f64 = 1e-10;

/// A choice among vectors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Skeleton {
    /// Indices of the chosen vectors, the base first.
    pub(super) chosen: Vec<usize>,
    /// For each chosen vector but the base its weight in every vector.
    pub(super) weights: Vec<Vec<f64>>,
    /// The squared distance that is left, in the mean.
    pub(super) left: f64,
}

/// Vectors, and how far from them their approximations may be.
pub(super) struct Cloud<'a> {
    pub(super) vectors: &'a [Vec<Complex>],
    /// How much each of them counts in the mean.
    pub(super) shares: &'a [f64],
    /// The squared distance that is allowed in the mean.
    pub(super) allowed: f64,
    /// Vectors that are chosen at most.
    pub(super) most: usize,
}

/// Products of the vectors that may be chosen with all of them.
struct Table {
    candidates: Vec<usize>,
    /// `[candidate][vector]`
    products: Vec<Vec<f64>>,
    /// Of each vector with itself.
    norms: Vec<f64>,
}

impl Cloud<'_> {
    /// Vectors that are tried, at most; of more, some at even distances are.
    const TRIED: usize = 100;

    /// Chooses as few vectors as are allowed to stand for all.
    pub(super) fn skeleton(&self) -> Skeleton {
        let table = self.table();
        let mut chosen = Vec::new();
        loop {
            chosen.push(self.best(&table, &chosen, None));
            for place in 0..if chosen.len() > 1 { chosen.len() } else { 0 } {
                chosen[place] = self.best(&table, &chosen, Some(place));
            }
            let left = self.left(&table, &chosen);
            let enough = left <= self.allowed + self.rounding(&table);
            if enough || chosen.len() == self.most.min(table.candidates.len()) {
                return table.skeleton(&chosen, left);
            }
        }
    }

    fn table(&self) -> Table {
        let step = self.vectors.len().div_ceil(Self::TRIED);
        let candidates: Vec<usize> = (0..self.vectors.len()).step_by(step).collect();
        let row =
            |&at: &usize| self.vectors.iter().map(|v| product(&self.vectors[at], v)).collect();
        Table {
            products: candidates.iter().map(row).collect(),
            norms: self.vectors.iter().map(|v| product(v, v)).collect(),
            candidates,
        }
    }

    /// The candidate that leaves the least beside the chosen ones, in place of one of them or added.
    fn best(&self, table: &Table, chosen: &[usize], place: Option<usize>) -> usize {
        let place = place.unwrap_or(chosen.len());
        let mut tried = chosen.to_vec();
        tried.resize(tried.len().max(place + 1), 0);
        let free = (0..table.candidates.len()).filter(|&at| {
            chosen.iter().position(|&other| other == at).is_none_or(|other| other == place)
        });
        let left = free.map(|at| {
            tried[place] = at;
            (self.left(table, &tried), at)
        });
        left.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, at)| at)
    }

    /// Squared distances that are none.
    fn rounding(&self, table: &Table) -> f64 {
        let norms = table.norms.iter().zip(self.shares).map(|(norm, share)| norm * share);
        ROUNDING * norms.sum::<f64>()
    }

    /// The mean squared distance that is left.
    fn left(&self, table: &Table, chosen: &[usize]) -> f64 {
        let solver = Solver::new(table, chosen);
        let left = (0..self.vectors.len()).zip(self.shares);
        left.map(|(vector, share)| share * solver.solve(vector).1).sum()
    }
}

impl Table {
    fn skeleton(&self, chosen: &[usize], left: f64) -> Skeleton {
        let solver = Solver::new(self, chosen);
        let mut weights = vec![Vec::new(); chosen.len() - 1];
        for vector in 0..self.norms.len() {
            let (of_vector, _) = solver.solve(vector);
            weights.iter_mut().zip(of_vector).for_each(|(all, weight)| all.push(weight));
        }
        Skeleton { chosen: chosen.iter().map(|&at| self.candidates[at]).collect(), weights, left }
    }

    /// The product of what candidate `at` and a vector are beyond the candidate `base`.
    fn beyond(&self, base: usize, at: usize, vector: usize) -> f64 {
        let (products, origin) = (&self.products, self.candidates[base]);
        products[at][vector] - products[base][vector] - products[at][origin]
            + products[base][origin]
    }
}

/// Finds the weights of chosen vectors: normal equations, by Cholesky's factors.
struct Solver<'a> {
    table: &'a Table,
    base: usize,
    others: &'a [usize],
    /// The rows of the lower triangle.
    factors: Vec<Vec<f64>>,
}

impl<'a> Solver<'a> {
    fn new(table: &'a Table, chosen: &'a [usize]) -> Self {
        let (base, others) = (chosen[0], &chosen[1..]);
        let mut factors: Vec<Vec<f64>> = Vec::new();
        for (row, &at) in others.iter().enumerate() {
            let mut line: Vec<f64> = Vec::new();
            for (column, &other) in others[..=row].iter().enumerate() {
                let mut value = table.beyond(base, at, table.candidates[other]);
                let above = if column == row { &line } else { &factors[column] };
                value -= line.iter().zip(above).map(|(a, b)| a * b).take(column).sum::<f64>();
                line.push(if column == row {
                    // Two chosen vectors may be equal but for rounding.
                    let rounding = ROUNDING * table.norms[table.candidates[at]];
                    value.max(rounding).max(f64::MIN_POSITIVE).sqrt()
                } else {
                    value / factors[column][column]
                });
            }
            factors.push(line);
        }
        Self { table, base, others, factors }
    }

    /// The weights in a vector, and the squared distance that is left.
    fn solve(&self, vector: usize) -> (Vec<f64>, f64) {
        let Self { table, base, others, factors } = self;
        let origin = table.candidates[*base];
        let products = others.iter().map(|&at| table.beyond(*base, at, vector));
        let mut solved: Vec<f64> = products.collect();
        for row in 0..solved.len() {
            let known: f64 = (0..row).map(|at| factors[row][at] * solved[at]).sum();
            solved[row] = (solved[row] - known) / factors[row][row];
        }
        // What the factors have taken so far is what the chosen vectors explain.
        let explained: f64 = solved.iter().map(|part| part * part).sum();
        let length = table.norms[vector] - 2.0 * table.products[*base][vector]
            + table.products[*base][origin];
        for row in (0..solved.len()).rev() {
            let known: f64 = (row + 1..solved.len()).map(|at| factors[at][row] * solved[at]).sum();
            solved[row] = (solved[row] - known) / factors[row][row];
        }
        (solved, (length - explained).max(0.0))
    }
}

fn product(a: &[Complex], b: &[Complex]) -> f64 {
    let products = a
        .iter()
        .zip(b)
        .map(|(a, b)| f64::from(a.re) * f64::from(b.re) + f64::from(a.im) * f64::from(b.im));
    products.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Extent;
    use crate::testing::random_plane;
    use proptest::prelude::*;

    const COUNT: usize = 12;

    /// Vectors in a plane of so many dimensions, away from the origin.
    fn cloud(dimensions: usize, seed: u64) -> Vec<Vec<Complex>> {
        let random = |seed, count| random_plane(Extent::new(2 * count, 1), seed).samples().to_vec();
        let complex = |seed| -> Vec<Complex> {
            random(seed, 40).chunks(2).map(|pair| Complex::new(pair[0], pair[1])).collect()
        };
        let (origin, axes): (_, Vec<_>) =
            (complex(seed), (1..=dimensions as u64).map(|axis| complex(seed ^ axis)).collect());
        let vector = |index: u64| {
            let mut vector = origin.clone();
            for (axis, along) in axes.iter().zip(random(seed ^ (100 + index), dimensions)) {
                vector.iter_mut().zip(axis).for_each(|(sum, value)| *sum += value * along);
            }
            vector
        };
        (0..COUNT as u64).map(vector).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_flat_cloud_is_told_by_as_many_as_it_has_dimensions_and_one(
            dimensions in 0_usize..5, seed: u64,
        ) {
            let vectors = cloud(dimensions, seed);
            let shares = [1.0 / COUNT as f64; COUNT];
            let cloud = Cloud { vectors: &vectors, shares: &shares, allowed: 1e-7, most: 9 };
            let Skeleton { chosen, weights, .. } = cloud.skeleton();
            prop_assert!(chosen.len() <= dimensions + 1, "{} for {}", chosen.len(), dimensions);
            for (index, vector) in vectors.iter().enumerate() {
                let mut told = vectors[chosen[0]].clone();
                for (other, weights) in chosen[1..].iter().zip(&weights) {
                    let parts = vectors[*other].iter().zip(&vectors[chosen[0]]);
                    #[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
                    let weight = weights[index] as f32;
                    told.iter_mut().zip(parts).for_each(|(sum, (a, b))| *sum += (a - b) * weight);
                }
                let left = told.iter().zip(vector).map(|(a, b)| (a - b).norm_sqr()).sum::<f32>();
                prop_assert!(left < 1e-4, "vector {} is {} away", index, left);
            }
        }

        #[test]
        fn equal_vectors_do_no_harm(seed: u64) {
            let once = cloud(3, seed);
            let vectors: Vec<Vec<Complex>> = once.iter().chain(&once).cloned().collect();
            let shares = [0.5 / COUNT as f64; 2 * COUNT];
            let cloud = Cloud { vectors: &vectors, shares: &shares, allowed: 0.0, most: 9 };
            let Skeleton { weights, .. } = cloud.skeleton();
            for weights in weights {
                prop_assert!(weights.iter().all(|weight| weight.is_finite()));
                let (first, second) = weights.split_at(COUNT);
                prop_assert!(first.iter().zip(second).all(|(a, b)| (a - b).abs() < 1e-3));
            }
        }

        #[test]
        fn no_more_are_chosen_than_allowed(most in 1_usize..5, seed: u64) {
            let vectors = cloud(8, seed);
            let shares = [1.0 / COUNT as f64; COUNT];
            let cloud = Cloud { vectors: &vectors, shares: &shares, allowed: 0.0, most };
            let Skeleton { chosen, weights, .. } = cloud.skeleton();
            prop_assert_eq!((chosen.len(), weights.len()), (most, most - 1));
        }
    }
}

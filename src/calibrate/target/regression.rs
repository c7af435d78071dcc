//! The sums of the regression for a PSF.
//!
//! `y(p) = sum over u of k(u) x(p - u) + c` at every sample `p` of a set; x is the target as an
//! ideal camera sees it, y what was seen, k the PSF of `side` x `side` samples and c an offset that
//! no light accounts for. Its normal equations need `G(u, v) = sum over p of x(p - u) x(p - v)`.
//! For one difference d = u - v that is a sum of the products `x(q) x(q + d)` over the set moved by
//! u: from sums along the rows of the products every run of the set costs two look-ups, not one
//! product a sample. The offset is eliminated: all is meant less its mean.

use std::ops::Range;

use super::super::linear::dot;
use super::window::{Run, count};
use crate::executor::{Executor, for_chunks};
use crate::frame::Plane;

/// Sums over samples of x: what does not depend on what was seen.
#[derive(Debug, Clone)]
pub(super) struct Gram {
    side: usize,
    count: f64,
    sums: Vec<f64>,
    products: Vec<f64>,
}

/// Sums over samples of y, alone and with x.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    sum: f64,
    square: f64,
    products: Vec<f64>,
}

/// The normal equations without offset: `gram k = moments`, and the square sum of y.
#[derive(Debug, Clone)]
pub(super) struct Equations {
    pub(super) side: usize,
    pub(super) count: f64,
    pub(super) gram: Vec<f64>,
    pub(super) moments: Vec<f64>,
    square: f64,
}

impl Gram {
    /// The sums for a PSF of `side` samples each way over the runs, which must keep `side / 2`
    /// samples from the edges of `x`.
    pub(super) fn new(x: &Plane<f32>, runs: &[Run], side: usize, executor: &dyn Executor) -> Self {
        let order = side * side;
        let lags = lags(side);
        let mut by_lag = vec![0.0_f32; lags.len() * order];
        let x = &less_half(x);
        for_chunks(executor, &mut by_lag, order, &|index, sums| {
            sum_products(x, runs, side, lags[index], sums);
        });
        let mut products = vec![0.0; order * order];
        for (&(dx, dy), sums) in lags.iter().zip(by_lag.chunks_exact(order)) {
            for (u, v) in pairs(side, dx, dy) {
                products[u * order + v] = f64::from(sums[u]);
                products[v * order + u] = f64::from(sums[u]);
            }
        }
        let mut sums = vec![0.0; order];
        for_each_neighbourhood(x, runs, side, |_, u, row| {
            sums[u] += row.iter().map(|&x| f64::from(x)).sum::<f64>();
        });
        Self { side, count: count(runs) as f64, sums, products }
    }

    /// Samples on a side of the PSF.
    pub(super) fn side(&self) -> usize {
        self.side
    }

    /// The number of samples.
    pub(super) fn count(&self) -> f64 {
        self.count
    }

    /// The sums of both sets of samples.
    pub(super) fn add(&mut self, other: &Self) {
        self.count += other.count;
        add(&mut self.sums, &other.sums);
        add(&mut self.products, &other.products);
    }

    /// The normal equations with what was seen.
    pub(super) fn equations(&self, seen: &Moments) -> Equations {
        let order = self.sums.len();
        let mut gram = self.products.clone();
        for (row, &sum) in gram.chunks_exact_mut(order).zip(&self.sums) {
            let mean = sum / self.count;
            row.iter_mut().zip(&self.sums).for_each(|(value, other)| *value -= mean * other);
        }
        let mean = seen.sum / self.count;
        let moments = seen.products.iter().zip(&self.sums).map(|(value, sum)| value - mean * sum);
        Equations {
            side: self.side,
            count: self.count,
            gram,
            moments: moments.collect(),
            square: seen.square - mean * seen.sum,
        }
    }
}

impl Moments {
    /// The sums of `y` over the runs.
    pub(super) fn new(x: &Plane<f32>, y: &Plane<f32>, runs: &[Run], side: usize) -> Self {
        let mut products = vec![0.0; side * side];
        for_each_neighbourhood(&less_half(x), runs, side, |run, u, row| {
            let seen = &y.row(run.row)[run.columns.clone()];
            products[u] += row.iter().zip(seen).map(|(x, y)| f64::from(x * y)).sum::<f64>();
        });
        let seen = runs.iter().flat_map(|run| &y.row(run.row)[run.columns.clone()]);
        let (sum, square) = seen.fold((0.0, 0.0), |(sum, square), &y| {
            let y = f64::from(y);
            (sum + y, square + y * y)
        });
        Self { sum, square, products }
    }

    /// The sums of both sets of samples.
    pub(super) fn add(&mut self, other: &Self) {
        self.sum += other.sum;
        self.square += other.square;
        add(&mut self.products, &other.products);
    }
}

impl Equations {
    /// Draws the solution to `k`, as if `samples` more of x without neighbours had seen it.
    pub(super) fn lean(&mut self, k: &[f64], samples: f64) {
        let order = k.len();
        let weight = samples * self.power() / self.count;
        for (u, value) in k.iter().enumerate() {
            self.gram[u * order + u] += weight;
            self.moments[u] += weight * value;
        }
    }

    /// Mean square of what `k` leaves unexplained.
    pub(super) fn residual(&self, k: &[f64]) -> f64 {
        let mixed = dot(&self.moments, k);
        ((self.square - 2.0 * mixed + self.fitted(k)) / self.count).max(0.0)
    }

    /// The deviation that what `k` leaves unexplained, whatever its scale, gives each of its samples
    /// at the sum 1, were x without neighbours.
    pub(super) fn uncertainty(&self, k: &[f64]) -> f64 {
        let mixed = dot(&self.moments, k);
        let scale = mixed / self.fitted(k);
        let left = (self.square - scale * mixed).max(0.0) / self.count;
        (left / self.power()).sqrt() / scale
    }

    /// The square sum of what is expected of `k`.
    fn fitted(&self, k: &[f64]) -> f64 {
        let order = k.len();
        let rows = k.iter().enumerate().filter(|(_, value)| **value != 0.0);
        rows.map(|(u, value)| value * dot(&self.gram[u * order..][..order], k)).sum()
    }

    /// The square sum of x.
    pub(super) fn power(&self) -> f64 {
        let order = self.moments.len();
        (0..order).map(|u| self.gram[u * order + u]).sum::<f64>() / order as f64
    }
}

/// The plane around zero, where sums of products stay small: to the equations without offset that
/// is the same.
fn less_half(x: &Plane<f32>) -> Plane<f32> {
    let samples = x.samples().iter().map(|&value| value - 0.5).collect();
    Plane::from_samples(x.extent(), samples).unwrap_or_default()
}

fn add(sums: &mut [f64], others: &[f64]) {
    sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
}

/// Differences of which no two are opposite: half of the plane.
fn lags(side: usize) -> Vec<(isize, isize)> {
    let last = side as isize - 1;
    let lower = (1..=last).flat_map(|dy| (-last..=last).map(move |dx| (dx, dy)));
    (0..=last).map(|dx| (dx, 0)).chain(lower).collect()
}

/// Indices of all u and v = u - d.
fn pairs(side: usize, dx: isize, dy: isize) -> impl Iterator<Item = (usize, usize)> {
    (0..side * side).filter_map(move |u| {
        let x = (u % side).checked_add_signed(-dx).filter(|&x| x < side)?;
        let y = (u / side).checked_add_signed(-dy).filter(|&y| y < side)?;
        Some((u, y * side + x))
    })
}

/// `sums[u] = sum over p of x(p - u) x(p - u + d)` for all u for which u - d is in the PSF.
fn sum_products(x: &Plane<f32>, runs: &[Run], side: usize, lag: (isize, isize), sums: &mut [f32]) {
    let reach = side / 2;
    let first = runs.first().map_or(0, |run| run.row.saturating_sub(reach));
    let last = runs.last().map_or(0, |run| run.row + reach + 1);
    let prefix = prefix_sums(x, first..last, lag);
    let stride = x.extent().width + 1;
    // With d over 0 the rows u below d have no partner.
    let rows = lag.1 as usize..side;
    for run in runs {
        for row in rows.clone() {
            // Row `row` of the PSF looks `row - reach` rows up; its columns from right to left.
            let line = &prefix[(run.row + reach - row - first) * stride..][..stride];
            let ends = &line[run.columns.end - reach..][..side];
            let starts = &line[run.columns.start - reach..][..side];
            let target = &mut sums[row * side..][..side];
            for ((sum, end), start) in target.iter_mut().zip(ends).zip(starts) {
                *sum += end - start;
            }
        }
    }
    sums.chunks_exact_mut(side).for_each(<[f32]>::reverse);
}

/// Sums along each of the rows of `x(q) x(q + d)`, each row beginning with 0; products that would
/// leave the plane are 0.
fn prefix_sums(x: &Plane<f32>, rows: Range<usize>, (dx, dy): (isize, isize)) -> Vec<f32> {
    let (width, height) = (x.extent().width, x.extent().height);
    let mut prefix = vec![0.0; (width + 1) * rows.len()];
    let first = dx.min(0).unsigned_abs();
    let last = width.saturating_sub(dx.max(0).unsigned_abs());
    for (y, sums) in rows.zip(prefix.chunks_exact_mut(width + 1)) {
        let Some(partner) = y.checked_add_signed(dy).filter(|&row| row < height) else { continue };
        let (row, partner) = (x.row(y), x.row(partner));
        let mut sum = 0.0;
        for column in 0..width {
            if (first..last).contains(&column) {
                sum += row[column] * partner[column.wrapping_add_signed(dx)];
            }
            sums[column + 1] = sum;
        }
    }
    prefix
}

/// Gives, for each run and each index u of the PSF, the samples x(p - u) of the run.
fn for_each_neighbourhood(
    x: &Plane<f32>,
    runs: &[Run],
    side: usize,
    mut take: impl FnMut(&Run, usize, &[f32]),
) {
    let reach = side / 2;
    for run in runs {
        for u in 0..side * side {
            let row = x.row(run.row + reach - u / side);
            let start = run.columns.start + reach - u % side;
            take(run, u, &row[start..start + run.columns.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::frame::Extent;
    use crate::testing::random_plane;

    /// Against the sums as they are written in the head of this file.
    #[test]
    fn sums_are_those_of_the_definition() {
        let (side, extent) = (5, Extent::new(23, 19));
        let (x, y) = (random_plane(extent, 1), random_plane(extent, 2));
        let runs = [
            Run { row: 3, columns: 4..17 },
            Run { row: 4, columns: 2..9 },
            Run { row: 16, columns: 8..21 },
        ];
        let gram = Gram::new(&x, &runs, side, &Sequential);
        let moments = Moments::new(&x, &y, &runs, side);
        let at = |p: (usize, usize), u: usize| {
            f64::from(x.row(p.1 + 2 - u / side)[p.0 + 2 - u % side]) - 0.5
        };
        let all =
            || runs.iter().flat_map(|run| run.columns.clone().map(|column| (column, run.row)));
        for u in 0..side * side {
            let sum: f64 = all().map(|p| at(p, u)).sum();
            let moment: f64 = all().map(|p| at(p, u) * f64::from(y.row(p.1)[p.0])).sum();
            assert!(
                (gram.sums[u] - sum).abs() < 1e-3 && (moments.products[u] - moment).abs() < 1e-3
            );
            for v in 0..side * side {
                let product: f64 = all().map(|p| at(p, u) * at(p, v)).sum();
                let found = gram.products[u * side * side + v];
                assert!((found - product).abs() < 1e-3, "{u} {v}: {found} is not {product}");
            }
        }
    }

    #[test]
    fn the_residual_of_the_truth_is_nothing() {
        let (side, extent) = (3, Extent::new(40, 30));
        let x = random_plane(extent, 5);
        let k = [0.0, 0.1, 0.0, 0.2, 0.4, 0.1, 0.05, 0.1, 0.05];
        let mut y = Plane::new(extent, 0.0);
        for row in 1..29 {
            for column in 1..39 {
                let value: f32 =
                    (0..9).map(|u| k[u] * x.row(row + 1 - u / 3)[column + 1 - u % 3]).sum();
                y.row_mut(row)[column] = value + 0.7;
            }
        }
        let runs: Vec<Run> = (1..29).map(|row| Run { row, columns: 1..39 }).collect();
        let gram = Gram::new(&x, &runs, side, &Sequential);
        let equations = gram.equations(&Moments::new(&x, &y, &runs, side));
        let k = k.map(f64::from);
        assert!(equations.residual(&k) < 1e-7, "{}", equations.residual(&k));
        assert!(equations.residual(&[0.0; 9]) > 0.01);
    }
}

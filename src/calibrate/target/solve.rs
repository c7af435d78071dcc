//! The PSF from the normal equations: least squares, smooth to a degree, not negative.
//!
//! Minimises `|y - X k|^2 + lambda |grad k|^2` with k >= 0. The set of samples that are zero is
//! found by block principal pivoting: at the solution every sample is either positive or its
//! gradient is; whatever breaks that changes sides, all at once as long as that lessens their
//! number, one at a time otherwise (Kim, Park, "Fast nonnegative matrix factorization", SIAM J. Sci.
//! Comput. 33, 2011; Júdice, Pires 1994).

use super::super::linear::{Cholesky, dot};
use super::regression::Equations;

/// Changes of sides before the solution at hand is taken: a few dozen were needed at most.
const ROUNDS: usize = 200;
/// Times that all may change sides without lessening their number.
const PATIENCE: usize = 3;

impl Equations {
    /// The PSF, neither normalised nor centred; `lambda` in units of the mean square of x. `None`
    /// where the samples do not determine it.
    pub(super) fn non_negative(&self, lambda: f64, start: Option<&[f64]>) -> Option<Vec<f64>> {
        let gram = self.smoothed(lambda);
        let free: Vec<bool> = match start {
            Some(start) => start.iter().map(|&value| value > 0.0).collect(),
            None => vec![true; self.moments.len()],
        };
        pivot(&gram, &self.moments, free)
    }

    /// The same without the bound: negative lobes tell of sharpening, or of a wrong curve.
    pub(super) fn unbounded(&self, lambda: f64) -> Option<Vec<f64>> {
        Some(Cholesky::new(self.smoothed(lambda), self.moments.len())?.solve(&self.moments))
    }

    /// The matrix with `lambda |grad k|^2`, samples beyond the border being zero.
    fn smoothed(&self, lambda: f64) -> Vec<f64> {
        let (side, order) = (self.side, self.moments.len());
        // Never quite nothing: what no sample sees must not divide by zero.
        let weight = lambda.max(1e-9) * self.power();
        let mut gram = self.gram.clone();
        for u in 0..order {
            gram[u * order + u] += 4.0 * weight;
            let (x, y) = (u % side, u / side);
            let beside = [(x + 1 < side).then_some(u + 1), (y + 1 < side).then_some(u + side)];
            for v in beside.into_iter().flatten() {
                gram[u * order + v] -= weight;
                gram[v * order + u] -= weight;
            }
        }
        gram
    }
}

/// The non-negative solution of `gram k = moments`, from a first guess at which are positive.
fn pivot(gram: &[f64], moments: &[f64], mut free: Vec<bool>) -> Option<Vec<f64>> {
    let order = moments.len();
    let (mut fewest, mut patience) = (usize::MAX, PATIENCE);
    let mut solution = Vec::new();
    for _ in 0..ROUNDS {
        solution = solve_free(gram, moments, &free)?;
        let broken: Vec<usize> = (0..order)
            .filter(|&u| {
                if free[u] {
                    return solution[u] < 0.0;
                }
                let gradient = dot(&gram[u * order..][..order], &solution) - moments[u];
                gradient < -1e-9 * moments[u].abs()
            })
            .collect();
        let Some(&last) = broken.last() else { break };
        if broken.len() < fewest {
            (fewest, patience) = (broken.len(), PATIENCE);
        } else {
            patience = patience.saturating_sub(1);
        }
        let changing = if patience > 0 { &broken[..] } else { &[last] };
        changing.iter().for_each(|&u| free[u] = !free[u]);
    }
    solution.iter_mut().for_each(|value| *value = value.max(0.0));
    Some(solution)
}

/// The solution in which only the free samples are not zero.
fn solve_free(gram: &[f64], moments: &[f64], free: &[bool]) -> Option<Vec<f64>> {
    let order = moments.len();
    let indices: Vec<usize> = (0..order).filter(|&u| free[u]).collect();
    let part = indices.iter().flat_map(|&u| indices.iter().map(move |&v| gram[u * order + v]));
    let right: Vec<f64> = indices.iter().map(|&u| moments[u]).collect();
    let solved = Cholesky::new(part.collect(), indices.len())?.solve(&right);
    let mut solution = vec![0.0; order];
    indices.into_iter().zip(solved).for_each(|(u, value)| solution[u] = value);
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The conditions of Karush, Kuhn and Tucker, which only the solution fulfils.
        #[test]
        fn no_other_bounded_solution_is_better(
            numbers in prop::collection::vec(-1.0_f64..1.0, 12 * 20), moments in prop::collection::vec(-1.0_f64..1.0, 12),
        ) {
            let n = 12;
            let row = |i: usize| &numbers[i * 20..][..20];
            let gram: Vec<f64> = (0..n * n)
                .map(|index| dot(row(index / n), row(index % n)) + if index / n == index % n { 0.01 } else { 0.0 })
                .collect();
            let k = pivot(&gram, &moments, vec![true; n]).expect("a solution");
            for u in 0..n {
                let gradient = dot(&gram[u * n..][..n], &k) - moments[u];
                prop_assert!(k[u] >= 0.0 && gradient > -1e-6, "{} {gradient}", k[u]);
                prop_assert!(k[u] == 0.0 || gradient.abs() < 1e-6, "{} {gradient}", k[u]);
            }
        }
    }
}

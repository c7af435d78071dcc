//! Symmetric positive definite systems, and the least squares problems that lead to them.

/// The sums of a weighted least squares problem of few unknowns: `A'WA x = A'Wy`.
#[derive(Debug, Clone)]
pub(crate) struct Normal {
    unknowns: usize,
    gram: Vec<f64>,
    moments: Vec<f64>,
}

impl Normal {
    /// No equation yet.
    pub(crate) fn new(unknowns: usize) -> Self {
        Self { unknowns, gram: vec![0.0; unknowns * unknowns], moments: vec![0.0; unknowns] }
    }

    /// Adds the equation `row . x = value`.
    pub(crate) fn add(&mut self, row: &[f64], value: f64, weight: f64) {
        for (i, &a) in row.iter().enumerate() {
            let weighted = weight * a;
            self.moments[i] += weighted * value;
            let sums = &mut self.gram[i * self.unknowns..][..=i];
            sums.iter_mut().zip(row).for_each(|(sum, b)| *sum += weighted * b);
        }
    }

    /// The solution, where every diagonal element grows by `damping` of itself (Levenberg and
    /// Marquardt); `None` where the equations do not determine it.
    pub(crate) fn solve(&self, damping: f64) -> Option<Vec<f64>> {
        let n = self.unknowns;
        let mut gram = self.gram.clone();
        (0..n).for_each(|i| gram[i * n + i] *= 1.0 + damping);
        let factor = Cholesky::new(gram, n)?;
        Some(factor.solve(&self.moments))
    }
}

/// The factor `L` of `A = L L'`.
#[derive(Debug)]
pub(crate) struct Cholesky {
    order: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factors a matrix of which the lower triangle is given, row by row; `None` where it is not
    /// positive definite to working precision.
    pub(crate) fn new(mut lower: Vec<f64>, order: usize) -> Option<Self> {
        for i in 0..order {
            let (above, rest) = lower.split_at_mut(i * order);
            let row = &mut rest[..order];
            for j in 0..i {
                let other = &above[j * order..][..=j];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            let whole = row[i];
            let pivot = whole - dot(&row[..i], &row[..i]);
            if pivot.is_nan() || pivot <= 1e-13 * whole.abs() {
                return None;
            }
            row[i] = pivot.sqrt();
        }
        Some(Self { order, lower })
    }

    /// The solution of `A x = b`.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let n = self.order;
        let mut x = b.to_vec();
        for i in 0..n {
            let row = &self.lower[i * n..][..=i];
            x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
        }
        for i in (0..n).rev() {
            let row = &self.lower[i * n..][..=i];
            x[i] /= row[i];
            let value = x[i];
            x[..i].iter_mut().zip(row).for_each(|(x, l)| *x -= value * l);
        }
        x
    }
}

/// Sum of products, in eight parts so that they can be done at the same time.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0; 8];
    for (a, b) in a_chunks.zip(b_chunks) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_solved_fulfils_its_equations(
            numbers in prop::collection::vec(-1.0_f64..1.0, 20 * 20), right in prop::collection::vec(-1.0_f64..1.0, 20),
        ) {
            let n = 20;
            let element = |i: usize, j: usize| {
                dot(&numbers[i * n..][..n], &numbers[j * n..][..n]) + f64::from(u8::from(i == j))
            };
            let matrix: Vec<f64> = (0..n * n).map(|index| element(index / n, index % n)).collect();
            let x = Cholesky::new(matrix.clone(), n).expect("positive definite").solve(&right);
            for i in 0..n {
                prop_assert!((dot(&matrix[i * n..][..n], &x) - right[i]).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn a_line_is_fitted() {
        let mut normal = Normal::new(2);
        (0..9).map(f64::from).for_each(|x| normal.add(&[x, 1.0], 3.0 * x - 2.0, 1.0 + x));
        let line = normal.solve(0.0).expect("a line");
        assert!((line[0] - 3.0).abs() < 1e-9 && (line[1] + 2.0).abs() < 1e-9, "{line:?}");
        assert_eq!(Normal::new(2).solve(0.0), None, "no equation determines nothing");
    }
}

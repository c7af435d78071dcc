//! Where along a side of the frame the PSFs of a field are known, and between which of them a place
//! lies.

/// Knots along one side of the frame: the centres of the cells that divide it evenly, and between
/// each two of them `steps - 1` more, as far apart.
///
/// Places are counted from 0 to 1 along the side: sample `x` of `n` lies at `(x + 1/2) / n`. Beyond the
/// outermost centres everything stays as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    cells: usize,
    steps: usize,
}

impl Axis {
    /// The centres of `cells` cells, of which there is at least one.
    pub const fn new(cells: usize) -> Self {
        Self { cells, steps: 1 }
    }

    /// The same with every gap divided into `steps`.
    #[must_use]
    pub const fn divided(self, steps: usize) -> Self {
        Self { steps, ..self }
    }

    /// Number of cells.
    pub const fn cells(self) -> usize {
        self.cells
    }

    /// Number of knots.
    pub const fn knots(self) -> usize {
        (self.cells - 1) * self.steps + 1
    }

    /// The place of a knot.
    pub fn place(self, knot: usize) -> f64 {
        (knot as f64 / self.steps as f64 + 0.5) / self.cells as f64
    }

    /// The knot before a place, and how far, from 0 to 1, the place lies towards the next one; 0 at
    /// the last knot.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    pub fn between(self, place: f64) -> (usize, f64) {
        let last = (self.knots() - 1) as f64;
        let along = ((place * self.cells as f64 - 0.5) * self.steps as f64).clamp(0.0, last);
        (along as usize, along.fract())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_knot_lies_at_its_place(cells in 1_usize..9, steps in 1_usize..5, seed: usize) {
            let axis = Axis::new(cells).divided(steps);
            let knot = seed % axis.knots();
            let (before, share) = axis.between(axis.place(knot));
            prop_assert!((before as f64 + share - knot as f64).abs() < 1e-9);
        }
    }

    #[test]
    fn beyond_the_outermost_centres_nothing_changes() {
        let axis = Axis::new(3);
        for (place, expected) in
            [(-1.0, (0, 0.0)), (0.1, (0, 0.0)), (0.5, (1, 0.0)), (0.9, (2, 0.0)), (7.0, (2, 0.0))]
        {
            assert_eq!(axis.between(place), expected, "{place}");
        }
        assert_eq!(Axis::new(1).between(0.3), (0, 0.0));
    }
}

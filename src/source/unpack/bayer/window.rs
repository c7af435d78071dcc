//! The rows of a mosaic around the row that is being made, reflected at its edges.

use super::super::pixel_format::Mosaic;
use super::levels::Levels;
use crate::frame::Picture;

/// Rows of a mosaic around the row that is being made.
pub(super) trait Window {
    /// Rows above and below that matter.
    const REACH: usize;

    /// Takes row `y` in; `factors` are those of its even and of its odd columns.
    fn load(&mut self, y: usize, levels: &Levels, bytes: &[u8], factors: [f32; 2]);

    /// Makes row `y` of `picture`; `rows` are the five around it.
    fn develop(&mut self, mosaic: Mosaic, y: usize, rows: [usize; 5], picture: &mut Picture);
}

/// The five rows around row `y`, reflected at the top and at the bottom.
pub(super) fn reflected_rows(y: usize, height: usize) -> [usize; 5] {
    std::array::from_fn(|index| reflected((y + index).wrapping_sub(2), height))
}

/// Where a place that may lie before the first (wrapped) or after the last of `count` is found
/// when the line is folded at both.
pub(super) fn reflected(place: usize, count: usize) -> usize {
    if place < count {
        place
    } else if place > usize::MAX / 2 {
        place.wrapping_neg()
    } else {
        2 * (count - 1) - place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_at_their_ends() {
        assert_eq!(reflected_rows(0, 4), [2, 1, 0, 1, 2]);
        assert_eq!(reflected_rows(1, 4), [1, 0, 1, 2, 3]);
        assert_eq!(reflected_rows(3, 4), [1, 2, 3, 2, 1]);
    }
}

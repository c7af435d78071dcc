//! Corners by where they lie: to ask all of them for the nearest took most of the time of a search.

use super::super::geometry::{Point, distance};
use super::corners::Corner;
use crate::frame::Extent;

/// Side of the cells by which corners are filed, in samples.
const SIDE: usize = 16;

/// Corners of a frame, filed by cells of it.
pub(super) struct Places<'a> {
    corners: &'a [Corner],
    columns: usize,
    rows: usize,
    /// Numbers of the corners in each cell, row by row.
    cells: Vec<Vec<usize>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(frame: Extent, corners: &'a [Corner]) -> Self {
        let count = |length: usize| length.div_ceil(SIDE).max(1);
        let (columns, rows) = (count(frame.width), count(frame.height));
        let mut places = Self { corners, columns, rows, cells: vec![Vec::new(); columns * rows] };
        for (index, corner) in corners.iter().enumerate() {
            let [x, y] = corner.point;
            let cell = cell(y, rows) * columns + cell(x, columns);
            places.cells[cell].push(index);
        }
        places
    }

    /// The corners within `radius` of a point, and perhaps some that are not much farther.
    pub(super) fn around(&self, [x, y]: Point, radius: f64) -> impl Iterator<Item = &'a Corner> {
        let columns = cell(x - radius, self.columns)..=cell(x + radius, self.columns);
        let rows = cell(y - radius, self.rows)..=cell(y + radius, self.rows);
        rows.flat_map(move |row| columns.clone().map(move |column| row * self.columns + column))
            .flat_map(|cell| &self.cells[cell])
            .map(|&index| &self.corners[index])
    }

    /// The corner nearest to a point, nearer than `radius`.
    pub(super) fn nearest(&self, point: Point, radius: f64) -> Option<&'a Corner> {
        let apart =
            self.around(point, radius).map(|corner| (distance(corner.point, point), corner));
        let near = apart.filter(|(distance, _)| *distance < radius);
        near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, corner)| corner)
    }
}

/// The cell of a place along a side, the outermost for places beyond.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn cell(place: f64, count: usize) -> usize {
    (place / SIDE as f64).clamp(0.0, (count - 1) as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAME: Extent = Extent::new(100, 70);

    fn corner(point: Point) -> Corner {
        Corner { point, bright: 0.0, response: 1.0 }
    }

    proptest! {
        #[test]
        fn the_nearest_is_found(
            points in prop::collection::vec((-1.0..101.0, -1.0..71.0), 0..60),
            point in (-20.0..120.0, -20.0..90.0),
            radius in 0.1..60.0,
        ) {
            let corners: Vec<Corner> = points.iter().map(|&(x, y)| corner([x, y])).collect();
            let point = [point.0, point.1];
            let apart = |corner: &&Corner| distance(corner.point, point);
            let expected = corners.iter().map(|corner| apart(&corner)).fold(radius, f64::min);
            let found = Places::new(FRAME, &corners).nearest(point, radius);
            prop_assert_eq!(found.map_or(radius, |corner| apart(&corner)), expected);
        }
    }
}

//! Which samples of a frame show the target, and which of them tell of the blur.

use std::ops::Range;

use super::geometry::Geometry;
use super::pattern::Pattern;
use crate::frame::{Extent, Plane};

/// Rows of a band: what is learned on every second band is tried on the others.
const BAND: usize = 24;

/// A part of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
}

/// Neighbouring samples of one row of a window, in its columns and rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) row: usize,
    pub(super) columns: Range<usize>,
}

impl Window {
    /// The smallest that holds the target, as far as it is in the frame.
    pub(super) fn around(frame: Extent, geometry: &Geometry, pattern: &Pattern) -> Self {
        let Extent { width, height } = pattern.extent();
        let mut bounds = [(f64::INFINITY, f64::NEG_INFINITY); 2];
        // Distortion bends the sides: points along them, not the corners alone.
        for step in 0..=8 {
            let share = f64::from(step) / 8.0;
            let (u, v) = (share * width as f64, share * height as f64);
            for cell in [[u, 0.0], [u, height as f64], [0.0, v], [width as f64, v]] {
                for (bound, value) in
                    bounds.iter_mut().zip(geometry.point(cell).unwrap_or([0.0; 2]))
                {
                    *bound = (bound.0.min(value), bound.1.max(value));
                }
            }
        }
        let range = |(low, high): (f64, f64), limit: usize| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
            let clamp = |value: f64| value.clamp(0.0, limit as f64) as usize;
            clamp(low.floor())..clamp(high.ceil() + 1.0)
        };
        Self { columns: range(bounds[0], frame.width), rows: range(bounds[1], frame.height) }
    }

    /// The parts of a frame that a grid of so many columns and rows makes, row by row.
    pub(super) fn parts(
        frame: Extent,
        (columns, rows): (usize, usize),
    ) -> impl Iterator<Item = Self> {
        let range = |index: usize, parts: usize, length: usize| {
            index * length / parts..(index + 1) * length / parts
        };
        (0..columns * rows).map(move |cell| Self {
            columns: range(cell % columns, columns, frame.width),
            rows: range(cell / columns, rows, frame.height),
        })
    }

    /// Width and height.
    pub(super) fn extent(&self) -> Extent {
        Extent::new(self.columns.len(), self.rows.len())
    }

    /// This part of a frame.
    pub(super) fn cut(&self, frame: &Plane<f32>) -> Plane<f32> {
        let mut part = Plane::new(self.extent(), 0.0);
        part.copy_window(frame, self.columns.start, self.rows.start);
        part
    }

    /// The place in the frame of a column and row of the window.
    pub(super) fn point(&self, x: f64, y: f64) -> [f64; 2] {
        [x + self.columns.start as f64, y + self.rows.start as f64]
    }

    /// The samples around which `reach` samples each way see nothing but the target.
    pub(super) fn inner(&self, geometry: &Geometry, pattern: &Pattern, reach: usize) -> Vec<Run> {
        let Extent { width, height } = self.extent();
        if width <= 2 * reach || height <= 2 * reach {
            return Vec::new();
        }
        let sees = self.target(geometry, pattern);
        let mut runs = Vec::new();
        for row in reach..height - reach {
            let is_inner = |&x: &usize| {
                let corner = |x: usize, y: usize| sees.row(y)[x];
                corner(x - reach, row - reach)
                    && corner(x + reach, row - reach)
                    && corner(x - reach, row + reach)
                    && corner(x + reach, row + reach)
            };
            let columns = reach..width - reach;
            let Some(first) = columns.clone().find(is_inner) else { continue };
            let last = columns.rev().find(is_inner).unwrap_or(first);
            runs.push(Run { row, columns: first..last + 1 });
        }
        runs
    }

    /// Which samples see the target.
    fn target(&self, geometry: &Geometry, pattern: &Pattern) -> Plane<bool> {
        let Extent { width, height } = pattern.extent();
        Plane::from_fn(self.extent(), |x, y| {
            let [u, v] = geometry.cell(self.point(x as f64, y as f64));
            u >= 0.5 && v >= 0.5 && u <= width as f64 - 0.5 && v <= height as f64 - 0.5
        })
    }

    /// The part of the runs that lies in `part` of the frame.
    pub(super) fn within(&self, runs: &[Run], part: &Self) -> Vec<Run> {
        let (left, top) = (self.columns.start, self.rows.start);
        let cut = |run: &Run| {
            let start = run.columns.start.max(part.columns.start.saturating_sub(left));
            let end = run.columns.end.min(part.columns.end.saturating_sub(left));
            (part.rows.contains(&(run.row + top)) && start < end)
                .then_some(Run { row: run.row, columns: start..end })
        };
        runs.iter().filter_map(cut).collect()
    }
}

/// The runs of every second band, and those of the others.
pub(super) fn bands(runs: &[Run]) -> [Vec<Run>; 2] {
    let even = |run: &&Run| (run.row / BAND).is_multiple_of(2);
    [
        runs.iter().filter(even).cloned().collect(),
        runs.iter().filter(|run| !even(run)).cloned().collect(),
    ]
}

/// The rows in the middle, with about `most` samples or all.
pub(super) fn middle(runs: Vec<Run>, most: usize) -> Vec<Run> {
    let all = count(&runs);
    let rows = if all > most { (runs.len() * most).div_ceil(all) } else { runs.len() };
    let skipped = (runs.len() - rows) / 2;
    runs.into_iter().skip(skipped).take(rows).collect()
}

/// Number of samples.
pub(super) fn count(runs: &[Run]) -> usize {
    runs.iter().map(|run| run.columns.len()).sum()
}

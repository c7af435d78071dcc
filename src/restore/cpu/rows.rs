//! The rows of a frame in its extended plane: what is done to each of them, and their sums.

use std::sync::atomic::{AtomicU64, Ordering};

use super::ROWS;
use crate::executor::{Executor, for_chunks};
use crate::frame::{Extent, Plane};
use crate::plan::Framing;

/// Has `work` done on the rows of the frame, of these indices, where they lie in `extended`.
pub(crate) fn for_rows(
    executor: &dyn Executor,
    framing: Framing,
    extended: &mut Plane<f32>,
    work: &(dyn Fn(usize, &mut [f32]) + Sync),
) {
    let ((left, top), outer) = (framing.offset(), framing.outer.width);
    let Extent { width, height } = framing.inner;
    let frame = &mut extended.samples_mut()[top * outer..][..height * outer];
    for_chunks(executor, frame, ROWS * outer, &|part, rows| {
        for (y, row) in (part * ROWS..).zip(rows.chunks_mut(outer)) {
            work(y, &mut row[left..][..width]);
        }
    });
}

/// The sums of rows, as bits. Whoever makes them, they are added up from the top.
#[derive(Debug)]
pub(crate) struct RowSums(Vec<AtomicU64>);

impl RowSums {
    /// Of so many rows.
    pub(crate) fn new(rows: usize) -> Self {
        Self((0..rows).map(|_| AtomicU64::new(0)).collect())
    }

    /// Adds row `y` up, in the place of what was there of it.
    pub(crate) fn add_up(&self, y: usize, row: &[f32]) {
        self.0[y].store(f64::from(sum_of(row)).to_bits(), Ordering::Relaxed);
    }

    /// All of them, from the top.
    pub(crate) fn iter(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|sum| f64::from_bits(sum.load(Ordering::Relaxed)))
    }

    /// The mean of so many samples.
    #[expect(clippy::cast_possible_truncation, reason = "a mean of f32 fits f32")]
    pub(crate) fn mean(&self, samples: usize) -> f32 {
        (self.iter().sum::<f64>() / samples as f64) as f32
    }
}

/// Sum of a row, in parts side by side: one part would wait for each addition.
fn sum_of(row: &[f32]) -> f32 {
    let mut parts = [0.0; 32];
    let (chunks, rest) = row.as_chunks::<32>();
    for chunk in chunks {
        parts.iter_mut().zip(chunk).for_each(|(part, sample)| *part += sample);
    }
    parts.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

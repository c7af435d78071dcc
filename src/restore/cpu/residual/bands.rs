//! The division of a plane into bands of rows.
//!
//! A band gives its own rows and sees as many more on either side as the network can see, so that
//! any division gives the same result. What is seen beyond a band's own rows is work done twice.

use crate::frame::Plane;

/// Bands that a thread should have, so that one that is held up is helped.
const BANDS: usize = 3;
/// Rows of a band for which a thread has fewer: more of the work would be done twice.
const ROWS_FEW: usize = 64;
/// Rows of a band, at least.
const ROWS_MIN: usize = 16;

/// Rows of a band that suit planes of `height` rows shared by `threads` threads.
pub fn band_rows(height: usize, threads: usize) -> usize {
    let bands = threads * (height / (threads * ROWS_FEW)).clamp(1, BANDS);
    height.div_ceil(bands).max(ROWS_MIN)
}

/// The rows a band gives and the rows it needs to see for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BandRows {
    pub(super) own_start: usize,
    pub(super) own_end: usize,
    pub(super) seen_start: usize,
    pub(super) seen_end: usize,
}

impl BandRows {
    /// Number of rows that are seen.
    pub(super) fn seen(self) -> usize {
        self.seen_end - self.seen_start
    }

    /// Numbers of rows above its own, of its own, and of all: bands alike in these are computed
    /// alike.
    pub(super) fn shape(self) -> [usize; 3] {
        [self.own_start - self.seen_start, self.own_end - self.own_start, self.seen()]
    }

    /// The rows that are seen of one plane after the other; below a plane its last row goes on.
    pub(super) fn sources<'a>(
        self,
        planes: &'a [&'a Plane<f32>],
    ) -> impl Iterator<Item = &'a [f32]> {
        planes.iter().flat_map(move |plane| {
            let last = plane.extent().height - 1;
            (self.seen_start..self.seen_end).map(move |y| plane.row(y.min(last)))
        })
    }
}

/// Divides `height` rows into bands of `band_rows`, the last as it comes out.
pub(super) fn divide(
    height: usize,
    band_rows: usize,
    halo: usize,
) -> impl Iterator<Item = BandRows> {
    (0..height).step_by(band_rows.max(1)).map(move |own_start| {
        let own_end = (own_start + band_rows).min(height);
        BandRows {
            own_start,
            own_end,
            seen_start: own_start.saturating_sub(halo),
            seen_end: (own_end + halo).min(height),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_have_as_many_bands() {
        let cases = [(768, 1, 3), (768, 2, 6), (768, 4, 12), (768, 6, 12), (384, 4, 4), (33, 8, 3)];
        for (height, threads, bands) in cases {
            let rows = band_rows(height, threads);
            assert_eq!(divide(height, rows, 6).count(), bands, "{height} rows, {threads} threads");
        }
    }
}

//! The division of a plane into bands of rows.
//!
//! A band gives its own rows and sees as many more on either side as the network can see, so that
//! any division gives the same result. Small bands keep a band's bytes in the second-level cache
//! and share the work evenly; large ones compute fewer rows twice.

use crate::frame::Plane;

/// Bands that 1, 2, 3, 4, 6 or 12 threads share evenly.
const BANDS: usize = 12;
/// Rows of a band, at most: more, and its bytes leave the second-level cache.
const ROWS_MAX: usize = 128;
/// Rows of a band, at least: fewer, and too much of the work is done twice.
const ROWS_MIN: usize = 32;

/// Rows of a band that suit planes of `height` rows.
pub fn band_rows(height: usize) -> usize {
    let bands = BANDS * height.div_ceil(BANDS * ROWS_MAX);
    height.div_ceil(bands.max(1)).max(ROWS_MIN)
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
    fn bands_are_shared_evenly_and_neither_large_nor_small() {
        for height in [1, 31, 384, 500, 768, 1152, 2200] {
            let rows = band_rows(height);
            assert!((ROWS_MIN..=ROWS_MAX).contains(&rows), "{rows} rows of {height}");
            let bands = divide(height, rows, 6).count();
            assert!(bands <= BANDS * height.div_ceil(BANDS * ROWS_MAX), "{bands} bands");
        }
        assert_eq!(divide(768, band_rows(768), 6).count(), BANDS);
    }
}

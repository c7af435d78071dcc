//! How many PSFs a calibration has over the frame.

/// A grid may have so many PSFs on a side.
const GRID_MAX: usize = 9;

/// Reads columns and rows: `1`, or as `3x3`.
pub(super) fn parse(text: &str) -> Result<(usize, usize), String> {
    let side = |side: &str| side.parse().ok().filter(|side| (1..=GRID_MAX).contains(side));
    let sides = match text.split_once('x') {
        None => side(text).map(|side| (side, side)),
        Some((columns, rows)) => side(columns).zip(side(rows)),
    };
    sides.ok_or_else(|| {
        format!("'{text}' (expected 1, or columns x rows from 1x1 to {GRID_MAX}x{GRID_MAX})")
    })
}

//! A picture to time restorations on.

use crate::frame::{Picture, PictureFormat};

/// A picture with detail of every kind that a blur leaves: without edges, faults or light at white, which have
/// steps of their own take longer.
pub fn pattern(format: PictureFormat) -> Picture {
    let mut picture = Picture::new(format);
    for (y, row) in picture.planes_mut()[0].rows_mut().enumerate() {
        for (x, sample) in row.iter_mut().enumerate() {
            let pattern = (x * x / 970 + y * y / 610 + x * y / 830) % 400;
            let folded = if pattern < 200 { pattern } else { 399 - pattern };
            *sample = u16::try_from(20 + folded).unwrap_or(0);
        }
    }
    picture
}

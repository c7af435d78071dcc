//! A picture to time restorations on.

use crate::frame::{Picture, PictureFormat};

/// A picture with detail of every kind: times do not depend on what is in it.
pub fn pattern(format: PictureFormat) -> Picture {
    let mut picture = Picture::new(format);
    for (y, row) in picture.planes_mut()[0].rows_mut().enumerate() {
        for (x, sample) in row.iter_mut().enumerate() {
            let pattern = (x * x / 97 + y * y / 61 + x * y / 83) % 256;
            *sample = u16::try_from(pattern).unwrap_or(0);
        }
    }
    picture
}

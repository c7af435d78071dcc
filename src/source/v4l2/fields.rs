//! Frames of two fields, scanned at two times, to pictures of one time.
//!
//! Of an interlaced frame the even rows are kept, as they were scanned, and each odd row becomes
//! the mean of its neighbours. So a picture shows one moment, at half the resolution from top to
//! bottom: what moved between the fields leaves no comb. Nothing of another time comes in, on which
//! no restoration could rely.

use crate::frame::{Picture, Plane};

/// Keeps the even rows and makes the odd ones of them, in every plane.
pub(super) fn deinterlace(picture: &mut Picture) {
    picture.planes_mut().iter_mut().for_each(interpolate);
}

fn interpolate(plane: &mut Plane<u16>) {
    let extent = plane.extent();
    for y in (1..extent.height).step_by(2) {
        let (before, rest) = plane.samples_mut().split_at_mut(y * extent.width);
        let (row, after) = rest.split_at_mut(extent.width);
        let above = &before[before.len() - extent.width..];
        // The last row may have none below.
        let below = if after.is_empty() { above } else { &after[..extent.width] };
        for (sample, (&above, &below)) in row.iter_mut().zip(above.iter().zip(below)) {
            *sample = above.midpoint(below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Extent, Layout, PictureFormat};

    #[track_caller]
    fn check_rows(rows: &[u16], expected: &[u16]) {
        let extent = Extent::new(2, rows.len());
        let format = PictureFormat { layout: Layout::Rgb, ..PictureFormat::gray(extent) };
        let mut picture = Picture::new(format);
        for plane in picture.planes_mut() {
            plane.rows_mut().zip(rows).for_each(|(row, &value)| row.fill(value));
        }
        deinterlace(&mut picture);
        for plane in picture.planes() {
            let found: Vec<u16> = plane.rows().map(|row| row[1]).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn odd_rows_are_the_mean_of_their_neighbours() {
        check_rows(&[10, 200, 20, 200, 40], &[10, 15, 20, 30, 40]);
        check_rows(&[10, 200, 20, 200], &[10, 15, 20, 20]);
        check_rows(&[10, 200], &[10, 10]);
        check_rows(&[10], &[10]);
    }
}

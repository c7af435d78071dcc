//! Luma of red, green and blue, with the weights of ITU-R BT.601 as in JPEG pictures.

use crate::frame::{Layout, Picture, PictureFormat, Plane};

const WEIGHTS: [f32; 3] = [0.299, 0.587, 0.114];

/// The luma of a picture as a gray picture of the same depth and range.
pub fn luma(picture: &Picture) -> Picture {
    let mut gray = Picture::new(PictureFormat { layout: Layout::Gray, ..picture.format() });
    for (y, target) in gray.planes_mut()[0].rows_mut().enumerate() {
        if picture.format().layout == Layout::Rgb {
            for (sample, luma) in target.iter_mut().zip(luma_row(picture.planes(), y)) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a mean"
                )]
                let rounded = luma.round_ties_even() as u16;
                *sample = rounded;
            }
        } else {
            target.copy_from_slice(picture.planes()[0].row(y));
        }
    }
    gray
}

/// Luma of row `y` of red, green and blue planes, in their own sample values.
pub(super) fn luma_row(planes: &[Plane<u16>], y: usize) -> impl Iterator<Item = f32> {
    let [red, green, blue] = [0, 1, 2].map(|index: usize| planes[index].row(y));
    red.iter().zip(green).zip(blue).map(|((r, g), b)| {
        f32::from(*r) * WEIGHTS[0] + f32::from(*g) * WEIGHTS[1] + f32::from(*b) * WEIGHTS[2]
    })
}

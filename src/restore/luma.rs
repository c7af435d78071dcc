//! Luma of red, green and blue, with the weights of ITU-R BT.601 as in JPEG pictures.

use crate::frame::{Layout, Picture, PictureFormat, Plane};

const WEIGHTS: [f32; 3] = [0.299, 0.587, 0.114];

/// The luma of a picture as a gray picture of the same depth and range.
pub fn luma(picture: &Picture) -> Picture {
    let format = PictureFormat { layout: Layout::Gray, ..picture.format() };
    let mut gray = Picture::new(format);
    let white = f32::from(format.white());
    for (y, target) in gray.planes_mut()[0].rows_mut().enumerate() {
        if picture.format().layout == Layout::Rgb {
            for (sample, luma) in
                target.iter_mut().zip(encoded_luma(picture.planes(), y, format.white()))
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "from 0 to white"
                )]
                let rounded = (luma * white).round_ties_even() as u16;
                *sample = rounded;
            }
        } else {
            target.copy_from_slice(picture.planes()[0].row(y));
        }
    }
    gray
}

/// Encoded luma of row `y` of red, green and blue planes, 1.0 being white.
pub(super) fn encoded_luma(
    planes: &[Plane<u16>],
    y: usize,
    white: u16,
) -> impl Iterator<Item = f32> {
    let [red, green, blue] = [0, 1, 2].map(|index: usize| planes[index].row(y));
    let weights = WEIGHTS.map(|weight| weight / f32::from(white));
    red.iter().zip(green).zip(blue).map(move |((r, g), b)| {
        f32::from(*r) * weights[0] + f32::from(*g) * weights[1] + f32::from(*b) * weights[2]
    })
}

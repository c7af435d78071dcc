//! Pictures of a blur, as PNG.

use crate::frame::{Extent, Picture, PictureFormat};
use crate::optics::Blur;
use crate::sink::encode_png;

/// The PSFs of a blur where they stand, each in a square of `side` pixels; empty where they cannot be
/// encoded.
pub(super) fn portrait(blur: &Blur, side: usize) -> Vec<u8> {
    let (columns, rows) = blur.grid();
    let extent = Extent::new(columns * side, rows * side);
    let mut picture = Picture::new(PictureFormat::gray(extent));
    let plane = &mut picture.planes_mut()[0];
    for (index, psf) in blur.psfs().iter().enumerate() {
        let (left, top) = (index % columns * side, index / columns * side);
        for (y, shades) in psf.portrait(side).rows().enumerate() {
            let samples = &mut plane.row_mut(top + y)[left..left + side];
            for (sample, shade) in samples.iter_mut().zip(shades) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "0 to 255"
                )]
                let gray = (shade * 255.0).round() as u16;
                *sample = gray;
            }
        }
    }
    encode_png(&picture).unwrap_or_else(|error| {
        log::warn!("no picture of the PSF: {error}");
        Vec::new()
    })
}

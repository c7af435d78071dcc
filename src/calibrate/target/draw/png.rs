//! A gray picture with cells of whole pixels.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::cells;
use crate::calibrate::target::pattern::Pattern;
use crate::frame::Extent;

/// the picture of the target cannot be encoded: {0}
#[derive(Debug, displaydoc::Display, thiserror::Error)]
pub struct PngError(#[from] image::ImageError);

impl Pattern {
    /// A gray PNG with one pixel a cell, for whoever makes them larger.
    ///
    /// # Errors
    /// Where the encoder fails.
    pub fn png(&self) -> Result<Vec<u8>, PngError> {
        write_png(self, 1, None)
    }
}

/// The pattern with cells of `dots` pixels, white above and below up to `rows` of them.
pub(super) fn write_png(
    pattern: &Pattern,
    dots: usize,
    rows: Option<usize>,
) -> Result<Vec<u8>, PngError> {
    let Extent { width, height } = cells(pattern);
    let (width, drawn) = (width * dots, height * dots);
    let rows = rows.unwrap_or(drawn).max(drawn);
    let top = (rows - drawn) / 2;
    let mut pixels = vec![255_u8; width * rows];
    for (y, row) in pixels.chunks_exact_mut(width).enumerate().skip(top).take(drawn) {
        let cells = pattern.cells().row((y - top) / dots);
        for (pixel, cell) in row.chunks_exact_mut(dots).zip(cells) {
            pixel.fill(if *cell < 0.5 { 0 } else { 255 });
        }
    }
    let mut file = Vec::new();
    #[expect(clippy::cast_possible_truncation, reason = "a few thousand pixels")]
    let (width, rows) = (width as u32, rows as u32);
    PngEncoder::new(&mut file).write_image(&pixels, width, rows, ExtendedColorType::L8)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_picture_has_a_pixel_for_each_cell() {
        let pattern = Pattern::default();
        let png = pattern.png().expect("a PNG");
        let read = image::load_from_memory(&png).expect("a picture").into_luma8();
        let black = |cell: &f32| if *cell < 0.5 { 0 } else { 255 };
        let cells = pattern.cells().samples().iter().map(black);
        assert!(read.as_raw().iter().copied().eq(cells), "other cells");
    }
}

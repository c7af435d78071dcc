//! A gray picture with cells of whole pixels.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::cells;
use crate::calibrate::target::pattern::Pattern;
use crate::frame::Extent;

/// the picture of the target cannot be encoded: {0}
#[derive(Debug, displaydoc::Display, thiserror::Error)]
pub struct PngError(#[from] image::ImageError);

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

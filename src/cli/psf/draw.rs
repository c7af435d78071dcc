//! Pictures of PSFs: on the terminal in blocks, and in a PNG with the OTF and what is lost.

use std::path::Path;

use super::numbers::light;
use super::subject::Subject;
use crate::cli::exit::{Context, Result};
use crate::cli::inputs::write_picture;
use crate::frame::{Extent, Picture, PictureFormat, Plane};
use crate::optics::{GrayLevels, Psf};
use crate::plan::Forecast;
use crate::source::font;

/// Samples in a row of the picture on the terminal, at most; each is two characters wide.
const BLOCKS: usize = 35;

/// Shades of the terminal, from nothing to all.
const SHADES: [&str; 5] = ["  ", "░░", "▒▒", "▓▓", "██"];

/// Side of each picture in the PNG.
const SIDE: usize = 256;

/// Pixels between pictures.
const GAP: usize = 16;

/// Height of the letters above them, and of their line.
const LETTERS: f32 = 9.0;
const LINE: usize = 24;

/// The gray of the ground and of letters.
const GROUND: u16 = 40;
const INK: u16 = 230;

/// The PSF in characters, by the square root of its samples.
pub(super) fn blocks(psf: &Psf) -> String {
    let samples = shrunk(psf.samples(), BLOCKS);
    let greatest = greatest(&samples);
    let mut text = String::new();
    for row in samples.rows() {
        let shades = row.iter().map(|sample| {
            let shade = (sample / greatest).sqrt() * (SHADES.len() - 1) as f64;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 4")]
            let shade = shade.round() as usize;
            SHADES[shade.min(SHADES.len() - 1)]
        });
        let line: String = shades.collect();
        text.push_str(format!("  {line}").trim_end());
        text.push('\n');
    }
    text
}

/// Writes a PNG: for each subject PSF, OTF and what is lost at its noise, side by side.
pub(super) fn write(
    subjects: &[Subject],
    noise: impl Fn(&Subject) -> GrayLevels,
    path: &Path,
) -> Result<()> {
    let step = LINE + SIDE + GAP;
    let extent = Extent::new(3 * (SIDE + GAP) + GAP, subjects.len() * step + GAP);
    let mut picture = Picture::new(PictureFormat::gray(extent));
    picture.planes_mut()[0].samples_mut().fill(GROUND);
    for (index, subject) in subjects.iter().enumerate() {
        let (psf, sigma) = (subject.central(), noise(subject));
        let forecast = Forecast::new(psf, light(sigma));
        let forecast = forecast.with_context(|| format!("PSF {}", subject.name))?;
        let root = |plane: &Plane<f64>| {
            let greatest = greatest(plane);
            Plane::from_fn(plane.extent(), |x, y| (plane.row(y)[x] / greatest).sqrt())
        };
        let lost = format!("LOST (WHITE) AT SIGMA {sigma:.2}");
        let panels = [
            ("PSF, AS IN CONVOLUTION", root(psf.samples())),
            ("OTF, 0 IN THE MIDDLE", root(&forecast.otf())),
            (lost.as_str(), forecast.lost()),
        ];
        for (column, (words, panel)) in panels.into_iter().enumerate() {
            let corner = (GAP + column * (SIDE + GAP), GAP + index * step);
            label(&mut picture, words, corner);
            paste(&mut picture, &fitted(&panel), (corner.0, corner.1 + LINE));
        }
    }
    write_picture(&picture, path)
}

fn greatest(plane: &Plane<f64>) -> f64 {
    plane.samples().iter().copied().fold(f64::MIN_POSITIVE, f64::max)
}

/// The plane in means of squares so large that no side is longer than `side`.
fn shrunk(plane: &Plane<f64>, side: usize) -> Plane<f64> {
    let Extent { width, height } = plane.extent();
    let block = width.max(height).div_ceil(side).max(1);
    let extent = Extent::new(width.div_ceil(block), height.div_ceil(block));
    Plane::from_fn(extent, |x, y| {
        let rows = y * block..((y + 1) * block).min(height);
        let sum: f64 = rows
            .map(|y| plane.row(y)[x * block..((x + 1) * block).min(width)].iter().sum::<f64>())
            .sum();
        sum / (block * block) as f64
    })
}

/// The plane as large as it fits into a square, whole pixels a sample.
fn fitted(plane: &Plane<f64>) -> Plane<f64> {
    let plane = shrunk(plane, SIDE);
    let Extent { width, height } = plane.extent();
    let scale = (SIDE / width.max(height).max(1)).max(1);
    Plane::from_fn(Extent::new(width * scale, height * scale), |x, y| {
        plane.row(y / scale)[x / scale]
    })
}

/// Puts values from 0 to 1 in the middle of a square whose upper left corner is given.
fn paste(picture: &mut Picture, panel: &Plane<f64>, (left, top): (usize, usize)) {
    let Extent { width, height } = panel.extent();
    let plane = &mut picture.planes_mut()[0];
    for y in 0..SIDE {
        plane.row_mut(top + y)[left..left + SIDE].fill(0);
    }
    let (left, top) = (left + (SIDE - width) / 2, top + (SIDE - height) / 2);
    for (y, row) in panel.rows().enumerate() {
        let target = &mut plane.row_mut(top + y)[left..left + width];
        target.iter_mut().zip(row).for_each(|(sample, value)| *sample = gray(*value * 255.0));
    }
}

/// Writes words above a square, as far as it is wide.
fn label(picture: &mut Picture, words: &str, (left, top): (usize, usize)) {
    let mask = font::line(words, LETTERS);
    let plane = &mut picture.planes_mut()[0];
    for (y, row) in mask.rows().enumerate().take(LINE) {
        let target = &mut plane.row_mut(top + y)[left..left + SIDE];
        for (sample, &covered) in target.iter_mut().zip(row) {
            let mixed =
                f64::from(*sample) + (f64::from(INK) - f64::from(*sample)) * f64::from(covered);
            *sample = gray(mixed);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn gray(value: f64) -> u16 {
    value.round().clamp(0.0, 255.0) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_shows_which_way_a_psf_stands() {
        let psf = Psf::from_bytes(b"0 0 4\n0 4 0\n0 0 1\n").expect("a PSF");
        assert_eq!(blocks(&psf), "      ██\n    ██\n      ▒▒\n");
    }

    #[test]
    fn large_psfs_are_shrunk_by_means() {
        let plane = Plane::from_fn(Extent::new(71, 5), |x, _| f64::from(u8::from(x < 3)));
        let small = shrunk(&plane, 35);
        assert_eq!(small.extent(), Extent::new(24, 2));
        assert!((small.row(0)[0] - 1.0).abs() < 1e-12 && small.row(0)[1].abs() < 1e-12);
        assert_eq!(fitted(&plane).extent(), Extent::new(213, 15));
    }
}

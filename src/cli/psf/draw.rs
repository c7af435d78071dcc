//! Pictures of PSFs: on the terminal in blocks, and in a PNG with the OTF and what is lost.

use std::path::Path;

use super::numbers::light;
use super::subject::Subject;
use crate::cli::exit::{Context, Result};
use crate::cli::inputs::write_picture;
use crate::frame::{Extent, Picture, PictureFormat, Plane};
use crate::optics::{GrayLevels, Psf, framed, shades, shrunk};
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
    let shades = shades(&shrunk(psf.samples(), BLOCKS));
    let mut text = String::new();
    for row in shades.rows() {
        let shades = row.iter().map(|shade| {
            let shade = shade * (SHADES.len() - 1) as f64;
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
        let lost = format!("LOST (WHITE) AT SIGMA {sigma:.2}");
        let panels = [
            ("PSF, AS IN CONVOLUTION", psf.portrait(SIDE)),
            ("OTF, 0 IN THE MIDDLE", framed(&shades(&forecast.otf()), SIDE)),
            (lost.as_str(), framed(&forecast.lost(), SIDE)),
        ];
        for (column, (words, panel)) in panels.into_iter().enumerate() {
            let corner = (GAP + column * (SIDE + GAP), GAP + index * step);
            label(&mut picture, words, corner);
            paste(&mut picture, &panel, (corner.0, corner.1 + LINE));
        }
    }
    write_picture(&picture, path)
}

/// Puts values from 0 to 1 where the upper left corner is given.
fn paste(picture: &mut Picture, panel: &Plane<f64>, (left, top): (usize, usize)) {
    let plane = &mut picture.planes_mut()[0];
    for (y, row) in panel.rows().enumerate() {
        let target = &mut plane.row_mut(top + y)[left..left + row.len()];
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
}

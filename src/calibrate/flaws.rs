//! Flaws of frames that no restoration mends, to be named: two fields in one frame, and bands of mains light.
//!
//! *Two fields.* Where something moved between the fields, neighbouring rows differ more than every other one.
//! In a block of rows `r_i`, each without its mean (rows may be brighter than others for other reasons),
//!
//! ```text
//! sum |r_i - r_i+1|^2  >  3 sum |r_i - r_i+2|^2
//! ```
//!
//! No scene does that through a lens, and noise makes both sums the same.
//!
//! *Bands.* A sensor that reads row after row under a light that flickers at twice the mains' frequency gives
//! each row another share of it, and each frame another phase. Of two frames the logarithm of the ratio of
//! the means of each row is then a sinusoid along the rows; of a scene that only moves or changes it is not.

use std::f64::consts::TAU;
use std::fmt;

use crate::frame::colour::luma;
use crate::frame::{Extent, Picture, Plane};

/// Side of the blocks, and how many times as much neighbouring rows differ in combed ones.
const BLOCK: usize = 16;
const COMBED: f64 = 3.0;

/// Combed blocks that make a frame of two fields: so many, and this share.
const COMBED_LEAST: usize = 4;
const COMBED_SHARE: f64 = 0.005;

/// Periods of the bands in a frame, and the step between two that are tried.
const PERIODS: (f64, f64) = (1.5, 40.0);
const PERIODS_STEP: f64 = 0.25;

/// The share of the changes that a sinusoid must explain, and its least amplitude.
const EXPLAINED: f64 = 0.6;
const AMPLITUDE: f64 = 0.004;

/// What is wrong with frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flaw {
    /// They hold two fields, one taken after the other.
    Interlaced,
    /// They have bands, one every so many rows.
    Banded(f64),
}

impl fmt::Display for Flaw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interlaced => out.write_str(
                "frames hold two fields, one taken after the other: what moves is combed, and no blur \
                 explains it (expected a progressive mode of the camera)",
            ),
            Self::Banded(rows) => write!(
                out,
                "frames have bands of mains light, one every {rows:.0} rows (expected an exposure of a \
                 multiple of 1/100 s where the mains have 50 Hz, of 1/120 s where 60; or power_line_frequency \
                 in [source.controls])"
            ),
        }
    }
}

/// Names the flaws of a stream's frames.
#[derive(Debug, Default)]
pub struct Flaws {
    /// Logarithms of the means of the rows of the frame before.
    before: Vec<f64>,
}

impl Flaws {
    /// The flaws of a frame; that of bands shows in two.
    pub fn look(&mut self, picture: &Picture) -> Vec<Flaw> {
        let luma = luma(picture);
        let plane = &luma.planes()[0];
        let now: Vec<f64> = plane.rows().map(|row| (mean(row) + 1.0).ln()).collect();
        let before = std::mem::replace(&mut self.before, now);
        let interlaced = is_interlaced(plane).then_some(Flaw::Interlaced);
        let banded = (before.len() == self.before.len())
            .then(|| self.before.iter().zip(before).map(|(now, before)| now - before).collect())
            .and_then(|changes: Vec<f64>| bands(&changes));
        interlaced.into_iter().chain(banded.map(Flaw::Banded)).collect()
    }
}

fn mean(row: &[u16]) -> f64 {
    row.iter().map(|&sample| f64::from(sample)).sum::<f64>() / row.len().max(1) as f64
}

/// Whether enough blocks are combed.
fn is_interlaced(plane: &Plane<u16>) -> bool {
    let Extent { width, height } = plane.extent();
    let corners = (0..height / BLOCK).flat_map(|row| (0..width / BLOCK).map(move |at| (at, row)));
    let is_combed = |&(column, row): &(usize, usize)| {
        let rows: [[f64; BLOCK]; BLOCK] =
            std::array::from_fn(|y| level(&plane.row(row * BLOCK + y)[column * BLOCK..]));
        let differences = |step: usize| -> f64 {
            let pairs = rows.iter().zip(&rows[step..]);
            let squares: f64 = pairs.map(|(a, b)| square(a, b)).sum();
            squares / (BLOCK - step) as f64
        };
        // Rounding alone makes a third of a gray level of each sample.
        differences(1) > COMBED * differences(2).max(BLOCK as f64)
    };
    let combed = corners.filter(is_combed).count();
    combed >= COMBED_LEAST
        && combed as f64 >= COMBED_SHARE * ((width / BLOCK) * (height / BLOCK)) as f64
}

/// The first samples of a row without their mean.
fn level(row: &[u16]) -> [f64; BLOCK] {
    let mean = mean(&row[..BLOCK]);
    std::array::from_fn(|x| f64::from(row[x]) - mean)
}

fn square(a: &[f64; BLOCK], b: &[f64; BLOCK]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

/// Rows from one band to the next, where changes along the rows are those of bands.
fn bands(changes: &[f64]) -> Option<f64> {
    let changes = without_trend(changes);
    let (count, energy) =
        (changes.len() as f64, changes.iter().map(|change| change.powi(2)).sum::<f64>());
    let mut best = (0.0, 0.0);
    let mut periods = PERIODS.0;
    while periods <= PERIODS.1.min(count / 8.0) {
        let turn = TAU * periods / count;
        let (re, im) = changes.iter().enumerate().fold((0.0, 0.0), |(re, im), (y, change)| {
            let (sin, cos) = (turn * y as f64).sin_cos();
            (re + change * cos, im + change * sin)
        });
        let explained = 2.0 * (re * re + im * im) / count;
        if explained > best.0 {
            best = (explained, periods);
        }
        periods += PERIODS_STEP;
    }
    let amplitude = (2.0 * best.0 / count.max(1.0)).sqrt();
    (best.0 > EXPLAINED * energy && amplitude > AMPLITUDE).then(|| count / best.1)
}

/// Without mean and slope: the whole frame may have become brighter, or a light may have moved.
fn without_trend(values: &[f64]) -> Vec<f64> {
    let middle = (values.len() as f64 - 1.0) / 2.0;
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let place = |at: usize| at as f64 - middle;
    let (up, along) = values.iter().enumerate().fold((0.0, 0.0), |(up, along), (at, value)| {
        (up + place(at) * value, along + place(at).powi(2))
    });
    let slope = up / f64::max(along, 1.0);
    values.iter().enumerate().map(|(at, value)| value - mean - slope * place(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::Psf;
    use crate::testing::{Camera, mosaic};

    const EXTENT: Extent = Extent::new(288, 240);

    fn frame(scene: u64, noise: u64) -> Picture {
        let psf = Psf::from_formula("gaussian:1").expect("a formula").expect("a PSF");
        Camera { psf, sigma: 3.0 }.frame(&mosaic(EXTENT, scene), noise)
    }

    fn changed(picture: &Picture, change: impl Fn(&Plane<u16>, usize, usize) -> f64) -> Picture {
        let mut other = picture.clone();
        let plane = &picture.planes()[0];
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "samples")]
        let samples = Plane::from_fn(plane.extent(), |x, y| change(plane, x, y).round() as u16);
        other.planes_mut()[0].copy_window(&samples, 0, 0);
        other
    }

    fn sample(plane: &Plane<u16>, x: usize, y: usize) -> f64 {
        f64::from(plane.row(y)[x])
    }

    /// Light that goes up and down by 3 %, four and a half times from the first row to the last.
    fn banded(picture: &Picture, phase: f64) -> Picture {
        let turn = |y: usize| TAU * 4.5 * y as f64 / EXTENT.height as f64 + phase;
        changed(picture, |plane, x, y| sample(plane, x, y) * (0.9 + 0.03 * turn(y).sin()))
    }

    #[track_caller]
    fn check(frames: &[Picture], expected: impl Fn(&[Flaw]) -> bool) {
        let mut flaws = Flaws::default();
        let told = frames.iter().map(|frame| flaws.look(frame)).last().expect("frames");
        assert!(expected(&told), "{told:?}");
    }

    #[test]
    fn fields_are_named_where_something_moved_between_them() {
        let woven = changed(&frame(5, 1), |plane, x, y| {
            let moved = if y % 2 == 0 { x } else { (x + 5) % plane.extent().width };
            sample(plane, moved, y)
        });
        check(&[woven], |flaws| flaws == [Flaw::Interlaced]);
    }

    #[test]
    fn bands_are_named_where_their_phase_differs() {
        let (one, other) = (banded(&frame(5, 1), 0.3), banded(&frame(5, 2), 2.0));
        let rows = EXTENT.height as f64 / 4.5;
        check(
            &[one, other],
            |flaws| matches!(flaws, [Flaw::Banded(told)] if (told / rows - 1.0).abs() < 0.1),
        );
    }

    #[test]
    fn ordinary_frames_have_none() {
        let dimmer = changed(&frame(5, 3), |plane, x, y| 0.8 * sample(plane, x, y));
        let rows = changed(&frame(5, 4), |plane, x, y| {
            (sample(plane, x, y) + [0.0, 6.0][y % 2]).min(255.0)
        });
        let black = changed(&frame(5, 5), |_, _, _| 0.0);
        check(&[frame(5, 1), frame(5, 2)], <[Flaw]>::is_empty);
        check(&[frame(5, 1), frame(6, 2)], <[Flaw]>::is_empty);
        check(&[frame(5, 1), dimmer, rows], <[Flaw]>::is_empty);
        check(&[frame(5, 1), black.clone(), black], <[Flaw]>::is_empty);
    }
}

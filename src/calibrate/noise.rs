//! The standard deviation of a picture's noise, estimated from the picture.
//!
//! The mask `1 -2 1 / -2 4 -2 / 1 -2 1` is blind to constants, ramps and straight edges along its
//! axes (Immerkær, "Fast noise variance estimation", CVIU 64, 1996) and turns noise of deviation
//! sigma into values of deviation 6 sigma. A blurred picture has next to nothing else left for it;
//! what there is makes few large values, to which the median is indifferent: for a Gaussian,
//! `sigma = median |value| / (6 * 0.6745)`.

use crate::frame::Picture;
use crate::optics::GrayLevels;

/// Deviation of a Gaussian over the median of its absolute values.
const DEVIATIONS_PER_MEDIAN: f64 = 1.0 / 0.674_489_750_196;

/// Deviation of the error of rounding to whole sample values: noise cannot be less.
const ROUNDING: f64 = 0.288_675_134_595;

/// Estimates the noise of the first plane.
pub fn estimate_sigma(picture: &Picture) -> GrayLevels {
    let gray_levels = 255.0 / f64::from(picture.format().white());
    let mut counts = Vec::new();
    for_each_response(picture, |response| {
        let index = response.unsigned_abs() as usize;
        if index >= counts.len() {
            counts.resize(index + 1, 0_u64);
        }
        counts[index] += 1;
    });
    let sigma = median(&counts) / 6.0 * DEVIATIONS_PER_MEDIAN;
    // A picture of nothing but noise may have more than there is a use for.
    GrayLevels::saturating(sigma.max(ROUNDING) * gray_levels)
}

/// Gives the mask's response at every inner sample that is neither black nor white: clipped
/// samples have lost their noise.
fn for_each_response(picture: &Picture, mut take: impl FnMut(i32)) {
    let plane = &picture.planes()[0];
    let white = picture.format().white();
    for y in 1..plane.extent().height.saturating_sub(1) {
        let (above, row, below) = (plane.row(y - 1), plane.row(y), plane.row(y + 1));
        for x in 1..row.len().saturating_sub(1) {
            if row[x] == 0 || row[x] >= white {
                continue;
            }
            let second =
                |row: &[u16]| i32::from(row[x - 1]) - 2 * i32::from(row[x]) + i32::from(row[x + 1]);
            take(second(above) - 2 * second(row) + second(below));
        }
    }
}

/// Median of absolute values from their counts, each whole value standing for the interval of
/// length 1 around it.
fn median(counts: &[u64]) -> f64 {
    let half = counts.iter().sum::<u64>() as f64 / 2.0;
    let mut below = 0.0;
    for (value, &count) in counts.iter().enumerate() {
        let here = count as f64;
        if below + here > half {
            // The interval of zero is cut by taking absolute values.
            let (low, length) = if value == 0 { (0.0, 0.5) } else { (value as f64 - 0.5, 1.0) };
            return low + length * (half - below) / here;
        }
        below += here;
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Extent, PictureFormat};
    use rand::SeedableRng;
    use rand_distr::Distribution;

    fn noisy(sigma: f64, depth: u8) -> Picture {
        let mut picture =
            Picture::new(PictureFormat { depth, ..PictureFormat::gray(Extent::new(200, 150)) });
        let levels = f64::from(picture.format().white()) / 255.0;
        let mut random = rand_pcg::Pcg64::seed_from_u64(7);
        let normal = rand_distr::Normal::new(0.0, sigma).expect("a deviation");
        for (y, row) in picture.planes_mut()[0].rows_mut().enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                // A ramp with an edge.
                let light =
                    60.0 + 0.3 * x as f64 + 0.2 * y as f64 + if x > 90 { 30.0 } else { 0.0 };
                let value = (light + normal.sample(&mut random)) * levels;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "in range"
                )]
                let rounded = value.round() as u16;
                *sample = rounded;
            }
        }
        picture
    }

    #[test]
    fn the_noise_that_was_added_is_found() {
        for depth in [8, 12] {
            for sigma in [1.0, 2.55, 7.65, 12.75] {
                let found = estimate_sigma(&noisy(sigma, depth)).get();
                assert!(
                    (found / sigma - 1.0).abs() < 0.07,
                    "{sigma} at {depth} bits was found as {found}"
                );
            }
        }
    }

    #[test]
    fn flat_and_tiny_pictures_have_the_noise_of_rounding() {
        for extent in [Extent::new(1, 1), Extent::new(2, 9), Extent::new(64, 64)] {
            let sigma = estimate_sigma(&Picture::new(PictureFormat::gray(extent))).get();
            assert!((sigma - ROUNDING).abs() < 1e-9, "{sigma}");
        }
    }
}

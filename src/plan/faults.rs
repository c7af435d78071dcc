//! Which samples no scene can have made: hot and dead pixels of the sensor.
//!
//! Behind a blur nothing is sharper than what the PSF makes of points of light. Over the lowest sample up to
//! two away, a sample is at most so many times as high as its neighbours are in the mean: as often as the
//! PSF `h` is at its worst place,
//!
//! ```text
//! K = max_d (h(d) - low(d)) / (mean(d) - low(d))
//! ```
//!
//! where `mean` is of the neighbours on some of the four lines through a place, those that make `K` least
//! (a motion's samples have neighbours along it alone). A sample that stands out by more than that, and by
//! six deviations of the noise and some gray levels besides, is the sensor's. The same holds for dark ones.
//! Blurs so small that their points are nearly single samples tell nothing, and nothing is looked for.

use crate::frame::colour::Scale;
use crate::frame::{Extent, PictureFormat};
use crate::optics::{Blur, GrayLevels, Psf};

/// How samples that no scene can have made are told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// `K`
    steepest: f32,
    /// Weights of the neighbours in `mean`.
    weights: [f32; BESIDE],
    /// By how much more a sample must stand out, in samples.
    least: f32,
    /// Samples from here on are at white.
    white: f32,
}

impl Faults {
    /// Deviations of the noise, and gray levels.
    const LEAST: (f64, f64) = (6.0, 8.0);
    /// Deviations of the noise below white from which on a sample counts as white.
    const BELOW_WHITE: f64 = 3.0;
    /// The steepest points that are not taken for faults.
    const STEEPEST: f64 = 4.0;

    /// How samples of `format` are told under a blur and a noise; none where the blur is too small.
    pub fn plan(blur: &Blur, noise: GrayLevels, format: PictureFormat) -> Option<Self> {
        let steepness = |weights: &[f64; BESIDE]| {
            blur.psfs().iter().map(|psf| steepness(psf, weights)).fold(1.0, f64::max)
        };
        let (weights, steepest) = (1..1 << LINES.len())
            .map(weights)
            .map(|weights| (weights, steepness(&weights)))
            .min_by(|a, b| a.1.total_cmp(&b.1))?;
        let (deviations, levels) = Self::LEAST;
        let level = f64::from(1_u32 << (format.depth - 8));
        let least = (deviations * noise.get() + levels) * level;
        let white = Scale::luma(format.depth, format.range).sample(1.0);
        let below = Self::BELOW_WHITE * noise.get().max(1.0) * level;
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        (steepest <= Self::STEEPEST).then(|| Self {
            steepest: steepest as f32,
            weights: weights.map(|weight| weight as f32),
            least: least as f32,
            white: white - below as f32,
        })
    }

    /// By how much a sample differs at least from all that are beside it, where it is a fault.
    pub fn least(&self) -> f32 {
        self.least
    }

    /// Whether a sample is a fault that has these around it, as far away as `AROUND` says.
    pub fn is_fault(&self, sample: f32, around: &[f32; AROUND.len()]) -> bool {
        let at_white = around[..BESIDE].iter().filter(|near| **near >= self.white).count();
        if (1..BESIDE).contains(&at_white) {
            // The rim of a lamp: light beyond white is cut off, which makes it steeper than the PSF is.
            return false;
        }
        let both = |(low, high): (f32, f32), near: &f32| (low.min(*near), high.max(*near));
        let (low, high) = around.iter().fold((f32::INFINITY, f32::NEG_INFINITY), both);
        let mean: f32 = self.weights.iter().zip(around).map(|(weight, near)| weight * near).sum();
        sample - low > self.steepest * (mean - low) + self.least
            || high - sample > self.steepest * (high - mean) + self.least
    }
}

/// Columns and rows from a sample to those around it that are looked at: first the eight beside it.
pub const AROUND: [(isize, isize); 24] = [
    (-1, -1),
    (0, -1),
    (1, -1),
    (-1, 0),
    (1, 0),
    (-1, 1),
    (0, 1),
    (1, 1),
    (-2, -2),
    (-1, -2),
    (0, -2),
    (1, -2),
    (2, -2),
    (-2, -1),
    (2, -1),
    (-2, 0),
    (2, 0),
    (-2, 1),
    (2, 1),
    (-2, 2),
    (-1, 2),
    (0, 2),
    (1, 2),
    (2, 2),
];
/// How many of those are beside the sample.
pub const BESIDE: usize = 8;

/// The lines through a sample: which of those beside it are on each.
const LINES: [[usize; 2]; 4] = [[3, 4], [1, 6], [0, 7], [2, 5]];

/// Weights of those beside a sample, the same for all that are on one of these lines, a bit each.
fn weights(lines: u32) -> [f64; BESIDE] {
    let mut weights = [0.0; BESIDE];
    for (bit, line) in LINES.iter().enumerate() {
        if lines & (1 << bit) != 0 {
            line.iter().for_each(|at| weights[*at] = 0.5 / f64::from(lines.count_ones()));
        }
    }
    weights
}

/// `K` of a PSF by these weights.
fn steepness(psf: &Psf, weights: &[f64; BESIDE]) -> f64 {
    let Extent { width, height } = psf.extent();
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let steepness = |place| {
        let around = around(psf, place);
        let low = around.iter().copied().fold(f64::INFINITY, f64::min);
        let mean: f64 = weights.iter().zip(around).map(|(weight, near)| weight * near).sum();
        let height = at(psf, place) - low;
        // Where it stands out by nothing but rounding, the quotient says nothing.
        if height > 1e-9 { height / (mean - low) } else { 0.0 }
    };
    places.map(steepness).fold(0.0, f64::max)
}

/// What of a point of light is at a place.
fn at(psf: &Psf, (x, y): (usize, usize)) -> f64 {
    let samples = psf.samples();
    if y < samples.extent().height { samples.row(y).get(x).copied().unwrap_or(0.0) } else { 0.0 }
}

/// What of a point of light is around a place.
fn around(psf: &Psf, (x, y): (usize, usize)) -> [f64; AROUND.len()] {
    AROUND.map(|(right, down)| at(psf, (x.wrapping_add_signed(right), y.wrapping_add_signed(down))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn faults(psf: &str, sigma: f64) -> Option<Faults> {
        let psf = Psf::from_formula(psf).expect("a formula").expect("a PSF");
        let format = PictureFormat::gray(Extent::new(64, 48));
        Faults::plan(&psf.into(), GrayLevels::new(sigma).expect("gray levels"), format)
    }

    proptest! {
        #[test]
        fn points_of_light_are_none(width in 0.8_f64..3.0, light in 0.0_f32..255.0, dark in 0.0_f32..50.0) {
            let psf = Psf::from_formula(&format!("gaussian:{width}")).expect("it").expect("a PSF");
            let faults = faults(&format!("gaussian:{width}"), 1.0).expect("a blur");
            let Extent { width, height } = psf.extent();
            let middle = (width / 2, height / 2);
            let peak = at(&psf, middle);
            #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
            let seen = |share: f64| dark + light * (share / peak) as f32;
            let around = around(&psf, middle).map(seen);
            prop_assert!(!faults.is_fault(seen(peak), &around));
            prop_assert!(!faults.is_fault(255.0 - seen(peak), &around.map(|seen| 255.0 - seen)));
        }
    }

    #[test]
    fn what_stands_out_alone_is_one() {
        let faults = faults("disk:3", 2.0).expect("a blur");
        let around = std::array::from_fn(|at| 48.0 + (at % 6) as f32);
        assert!(faults.is_fault(120.0, &around) && faults.is_fault(10.0, &around));
        assert!(!faults.is_fault(65.0, &around) && !faults.is_fault(35.0, &around));
        let rim = std::array::from_fn(|at| if at < 3 { 255.0 } else { 20.0 });
        assert!(!faults.is_fault(255.0, &rim), "the rim of a lamp");
    }

    #[test]
    fn of_a_motion_the_neighbours_along_it_tell() {
        for formula in
            ["motion:9,0", "motion:9,90", "motion:9,45", "motion:11,30", "motion:15,75", "disk:4"]
        {
            assert!(faults(formula, 1.0).is_some(), "{formula}");
        }
    }

    #[test]
    fn a_blur_of_hardly_a_sample_tells_nothing() {
        assert_eq!(faults("gaussian:0.3", 1.0), None);
    }
}

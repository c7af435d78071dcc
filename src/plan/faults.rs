//! Which samples no scene can have made: hot and dead pixels of the sensor.
//!
//! Behind a blur nothing is sharper than a point of light, and that is no sharper than the PSF: of its
//! height over what is around it, the greatest of its eight neighbours has at least the share that the
//! greatest neighbour of the PSF's peak has. A sample that stands out by more than that, and by six
//! deviations of the noise and some gray levels besides, is the sensor's. The same holds for dark ones.
//! Blurs so small that their points are nearly single samples tell nothing, and nothing is looked for.

use crate::frame::Extent;
use crate::optics::{Blur, GrayLevels, Psf};

/// How samples that no scene can have made are told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// How many times as high as its highest neighbour a point of light is.
    steepest: f32,
    /// By how much more a sample must stand out, in samples.
    least: f32,
}

impl Faults {
    /// Deviations of the noise, and gray levels.
    const LEAST: (f64, f64) = (6.0, 8.0);
    /// The steepest points that are not taken for faults.
    const STEEPEST: f64 = 4.0;

    /// How samples of `depth` bits are told under a blur and a noise; none where the blur is too small.
    pub fn plan(blur: &Blur, noise: GrayLevels, depth: u8) -> Option<Self> {
        let steepest = blur.psfs().iter().map(steepness).fold(1.0, f64::max);
        let (deviations, levels) = Self::LEAST;
        let least = (deviations * noise.get() + levels) * f64::from(1_u32 << (depth - 8));
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        (steepest <= Self::STEEPEST)
            .then_some(Self { steepest: steepest as f32, least: least as f32 })
    }

    /// By how much a sample differs at least from all that are beside it, where it is a fault.
    pub fn least(&self) -> f32 {
        self.least
    }

    /// Whether a sample with these neighbours is a fault.
    pub fn is_fault(&self, sample: f32, around: [f32; 8]) -> bool {
        let low = around.into_iter().fold(f32::INFINITY, f32::min);
        let high = around.into_iter().fold(f32::NEG_INFINITY, f32::max);
        let allowed = self.steepest * (high - low) + self.least;
        sample - low > allowed || high - sample > allowed
    }
}

/// How many times as high as its highest neighbour the peak of a PSF is.
fn steepness(psf: &Psf) -> f64 {
    let samples = psf.samples();
    let Extent { width, height } = samples.extent();
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let at = |(x, y): (usize, usize)| samples.row(y)[x];
    let Some(peak) = places.max_by(|a, b| at(*a).total_cmp(&at(*b))) else { return f64::INFINITY };
    let next = neighbours(samples.extent(), peak).map(at).fold(0.0, f64::max);
    at(peak) / next
}

/// The places around one, within a plane of `extent`.
fn neighbours(extent: Extent, (x, y): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    let near = |at: usize, end: usize| at.saturating_sub(1)..(at + 2).min(end);
    let (columns, rows) = (near(x, extent.width), near(y, extent.height));
    let all = rows.flat_map(move |row| columns.clone().map(move |column| (column, row)));
    all.filter(move |place| *place != (x, y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn faults(psf: &str, sigma: f64) -> Option<Faults> {
        let psf = Psf::from_formula(psf).expect("a formula").expect("a PSF");
        Faults::plan(&psf.into(), GrayLevels::new(sigma).expect("gray levels"), 8)
    }

    proptest! {
        #[test]
        fn points_of_light_are_none(width in 0.8_f64..3.0, light in 0.0_f32..255.0, dark in 0.0_f32..50.0) {
            let psf = Psf::from_formula(&format!("gaussian:{width}")).expect("it").expect("a PSF");
            let faults = faults(&format!("gaussian:{width}"), 1.0).expect("a blur");
            let samples = psf.samples();
            let middle = (samples.extent().width / 2, samples.extent().height / 2);
            let peak = samples.row(middle.1)[middle.0];
            #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
            let seen = |(x, y): (usize, usize)| dark + light * (samples.row(y)[x] / peak) as f32;
            let mut around = [0.0; 8];
            around.iter_mut().zip(neighbours(samples.extent(), middle)).for_each(|(to, at)| *to = seen(at));
            prop_assert!(!faults.is_fault(seen(middle), around));
            prop_assert!(!faults.is_fault(255.0 - seen(middle), around.map(|seen| 255.0 - seen)));
        }
    }

    #[test]
    fn what_stands_out_alone_is_one() {
        let faults = faults("disk:3", 2.0).expect("a blur");
        let around = [50.0, 52.0, 49.0, 51.0, 50.0, 53.0, 48.0, 50.0];
        assert!(faults.is_fault(120.0, around) && faults.is_fault(10.0, around));
        assert!(!faults.is_fault(70.0, around) && !faults.is_fault(35.0, around));
    }

    #[test]
    fn a_blur_of_hardly_a_sample_tells_nothing() {
        assert_eq!(faults("gaussian:0.3", 1.0), None);
    }
}

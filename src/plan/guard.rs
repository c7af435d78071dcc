//! What tells a restoration from ringing and grain.
//!
//! A wrong PSF or noise level shows in the spectra of windows of the frame: `y` has power where the blur
//! should have left nothing but noise, and the estimate has more there than pictures have. Three powers,
//! each over what the plan expects of it, tell most of it:
//!
//! ```text
//! residue  sum P^2 |Y|^2            what of y the blur cannot have made
//! ringing  sum P^2 |H+_R|^2 |Y|^2   the same, as the Wiener filter amplifies it
//! filling  sum P^2 (1 - P) |G|^2    what the estimate has where the data begin to say nothing
//! ```
//!
//! with `P = I - H+_R H`; `Y` and `G` are of windows of the blurred and the restored plane under a Hann
//! window. Their logarithms and that of the filter's noise gain (where it is large, more is expected of
//! noise and less is known) add up to a *score*. Its weights were fitted to 1,250 frames made of the
//! training photographs: random PSFs, noise of 0.4 to 13 gray levels, told right, wrong by up to four times,
//! wrong in width by up to a fifth, wrong in kind. The share of the restoration that is kept falls from
//! all of it at a score of 1 to nothing at -1; of 640 frames whose PSF and noise were told right none lost
//! more than 0.01 dB.
//!
//! It catches grain, and the grossest of wrong PSFs: of 1,850 such frames, those more than 0.1 dB below their
//! input fall from 3 to 1 % where the noise is told wrong, from 14 to 6 % where width and noise are, and from
//! half to a third where the kind of blur is. A PSF told too wide by a tenth or a fifth at little noise looks
//! like a scene with much detail, and is not caught.
//!
//! Codes and print have spectra of their own, and look like grain by these sums. So frames are looked at only as
//! long as none has told its noise and what it says of the PSF (`calibrate::level`), which tell more; and
//! after that those with light beyond white: how much of it there was is a guess, which no level knows of, and
//! from a wrong one the filter rings through the frame.
//!
//! Where frames are averaged, what is expected is still the noise of a single one: something moves in nearly
//! every frame, and where nothing does, a window with less noise than is expected is kept.

use super::edges::Framing;
use super::expected::{Assumed, Expected, Kind};
use super::places::Places;
use super::regulariser::Regulariser;
use crate::fft::{coefficients, good_size, multiplicity, signed_frequency};
use crate::frame::Extent;
use crate::optics::{Blur, Light, Psf, PsfError};

/// How restored frames are looked at.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Samples on a side of a window.
    pub side: usize,
    /// Windows side by side and one below the other; every second of them is looked at.
    pub grid: (usize, usize),
    /// Whether only frames with light beyond white are looked at.
    pub is_for_lamps: bool,
    places: Places<Expectation>,
}

/// What is expected of the windows at a place.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Weight of the power of each coefficient of a window, column by column: of `Y` in residue and ringing,
    /// and of `G` in filling. Each sum is expected to be 1.
    pub weights: Vec<[f32; 3]>,
    /// The score where each sum is what is expected.
    pub usual: f64,
}

/// The three sums.
pub type Powers = [f64; 3];

impl Guard {
    /// Windows have at least so many samples on a side.
    const SIDE: usize = 64;
    /// Less noise than this is not believed: what eight bits round away, and some.
    const FLOOR: Light = Light(0.4 / 255.0);
    /// What the logarithms of residue, ringing and filling take from the score.
    const TAKEN: Powers = [3.0, 1.34, 1.15];
    /// The score without them, and what the logarithm of the noise gain adds.
    const USUAL: (f64, f64) = (6.06, 0.93);
    /// Cycles a sample up to which the light of a scene and the window decide.
    const LEAST: f64 = 1.5;

    /// Plans the look at frames under a blur and a noise; none where they are too small for it.
    ///
    /// # Errors
    /// Where a PSF has no extent that can be transformed.
    pub fn plan(blur: &Blur, framing: Framing, noise: Light) -> Result<Option<Self>, PsfError> {
        let Extent { width, height } = blur.extent();
        let side = good_size(Self::SIDE.max(2 * width.max(height)));
        let inner = framing.inner;
        let grid = (inner.width / side, inner.height / side);
        if grid.0 == 0 || grid.1 == 0 {
            return Ok(None);
        }
        let noise = Light(noise.0.max(Self::FLOOR.0));
        let assumed = Assumed::new(Extent::new(side, side), Regulariser::Spectral, noise);
        let expect = |psf: &Psf| Ok(Self::expect(&assumed.blurred_by(psf)?, side));
        let places = Places::of(blur, expect)?;
        Ok(Some(Self { side, grid, is_for_lamps: false, places }))
    }

    /// The same for frames with light beyond white alone.
    #[must_use]
    pub fn for_lamps(self) -> Self {
        Self { is_for_lamps: true, ..self }
    }

    fn expect(seen: &Expected, side: usize) -> Expectation {
        let extent = Extent::new(side, side);
        let all = 0..coefficients(extent);
        let weights = |index: usize| {
            let (u, v) = signed_frequency(extent, index);
            if u.abs().max(v.abs()) * (side as f64) < Self::LEAST {
                return [0.0; 3];
            }
            let open = seen.projection(1.0, index);
            let amplified = f64::from(seen.wiener(index).norm_sqr());
            let count = multiplicity(extent, index);
            [1.0, amplified, 1.0 - open].map(|weight| count * open * open * weight)
        };
        let mut sums = [0.0; 3];
        let mut gain = 0.0;
        for index in all.clone() {
            let [residue, ringing, filling] = weights(index);
            let (of_y, of_x) = (seen.power(Kind::Wiener(1.0), index), seen.signal(index));
            sums = [sums[0] + residue * of_y, sums[1] + ringing * of_y, sums[2] + filling * of_x];
            gain += f64::from(seen.wiener(index).norm_sqr());
        }
        #[expect(clippy::cast_possible_truncation, reason = "powers of f32")]
        let weights = all.clone().map(|index| {
            let weights = weights(index);
            std::array::from_fn(|at| (weights[at] / sums[at]) as f32)
        });
        let (usual, of_gain) = Self::USUAL;
        let usual = usual + of_gain * (gain / all.len() as f64).ln();
        Expectation { weights: weights.collect(), usual }
    }

    /// What is expected at the part `u` of the width and `v` of the height, both from 0 to 1.
    pub fn at(&self, u: f64, v: f64) -> &Expectation {
        self.places.at(u, v)
    }
}

impl Expectation {
    /// The share of the restoration that is kept, from 0 to 1, where a window's three sums are, in the mean,
    /// so many times what is expected.
    pub fn kept(&self, powers: Powers) -> f64 {
        let taken: f64 = powers
            .iter()
            .zip(Guard::TAKEN)
            .map(|(power, taken)| taken * power.max(1e-9).ln())
            .sum();
        ((1.0 + self.usual - taken) / 2.0).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Edges;
    use proptest::prelude::*;

    fn plan(psf: &str, sigma: f64, extent: Extent) -> Option<Guard> {
        let blur = Blur::from(Psf::from_formula(psf).expect("a formula").expect("a PSF"));
        let framing = Framing::plan(Edges::Open, extent, blur.extent());
        Guard::plan(&blur, framing, Light(sigma / 255.0)).expect("it fits")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_expected_is_kept_and_more_is_kept_the_less(
            radius in 1.0_f64..6.0, sigma in 0.0_f64..13.0, powers in prop::array::uniform3(0.1_f64..100.0),
        ) {
            let guard = plan(&format!("disk:{radius}"), sigma, Extent::new(128, 128)).expect("one");
            let expectation = guard.at(0.5, 0.5);
            prop_assert_eq!(expectation.kept([1.0; 3]), 1.0);
            prop_assert_eq!(expectation.kept([1e6; 3]), 0.0);
            let kept = expectation.kept(powers);
            for at in 0..3 {
                let mut more = powers;
                more[at] *= 2.0;
                prop_assert!(expectation.kept(more) <= kept);
            }
        }
    }

    #[test]
    fn frames_smaller_than_a_window_are_not_looked_at() {
        assert!(plan("disk:3", 2.55, Extent::new(63, 200)).is_none());
        assert_eq!(plan("disk:3", 2.55, Extent::new(640, 200)).map(|it| it.grid), Some((10, 3)));
    }
}

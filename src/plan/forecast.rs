//! What a restoration is expected to be worth, before there is a picture: what a blur destroys at a
//! noise, and what it costs to take one PSF for another.
//!
//! For a picture of the mean spectrum `S` of natural ones, blurred by `H` and restored by the Wiener
//! filter `W` of the PSF that was told, the expected squared error is a sum over frequencies:
//!
//! ```text
//! E |y - x|^2    = |H - 1|^2 S + sigma^2              left blurred
//! E |W y - x|^2  = |W H - 1|^2 S + |W|^2 sigma^2      restored
//! ```
//!
//! A PSF that differs by a shift alone moves the picture, which is no error here. Networks restore
//! more than the Wiener filter, and lose more by a wrong PSF: the numbers are for comparing.
//! Frequency zero is left out: every PSF keeps it.

use crate::fft::{Complex, coefficients, multiplicity, signed_frequency};
use crate::frame::{Extent, Plane};
use crate::optics::{Light, Likeness, Psf, PsfError};

use super::expected::{Assumed, Expected};
use super::regulariser::Regulariser;

/// Sides of the planes that are summed over, where the PSF is not larger.
const SIDE: usize = 256;

/// From this share of a frequency on that the projection leaves to be filled in, it counts as lost.
const LOST: f64 = 0.5;

/// Circles of frequencies from 0 to 1/2 cycles a sample over which is averaged.
const CIRCLES: usize = 128;

/// What is expected of restorations by one PSF at one noise.
#[derive(Debug)]
pub struct Forecast {
    extent: Extent,
    told: Expected,
}

/// What it costs to restore with one PSF what another blurred, in decibels of the mean squared error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loss {
    /// What the right PSF gains over the blurred picture.
    pub right: f64,
    /// What the wrong one gains; less than nothing where the picture becomes worse.
    pub wrong: f64,
}

impl Forecast {
    /// For the Wiener filter of a PSF, at a deviation of the noise in light.
    ///
    /// # Errors
    /// None is known: the PSF fits the planes that are taken.
    pub fn new(psf: &Psf, noise: Light) -> Result<Self, PsfError> {
        Self::on(extent_for(&[psf]), psf, noise)
    }

    fn on(extent: Extent, psf: &Psf, noise: Light) -> Result<Self, PsfError> {
        let told = Assumed::new(extent, Regulariser::Spectral, noise).blurred_by(psf)?;
        Ok(Self { extent, told })
    }

    /// What restoring with `told` loses where `psf` blurred; `like` is how alike `told` is to it.
    ///
    /// # Errors
    /// None is known: both PSFs fit the planes that are taken.
    pub fn loss(psf: &Psf, told: &Psf, like: &Likeness, noise: Light) -> Result<Loss, PsfError> {
        let extent = extent_for(&[psf, told]);
        let [right, wrong] = [Self::on(extent, psf, noise)?, Self::on(extent, told, noise)?];
        let blurred = right.blurred();
        let gain = |error: f64| 10.0 * (blurred / error).log10();
        Ok(Loss {
            right: gain(right.restored(right.told.otf(), (0.0, 0.0))),
            wrong: gain(wrong.restored(right.told.otf(), like.shift)),
        })
    }

    /// What restoring gains over the blurred picture, in decibels.
    pub fn gain_db(&self) -> f64 {
        10.0 * (self.blurred() / self.restored(self.told.otf(), (0.0, 0.0))).log10()
    }

    /// Share of all frequencies that are lost: of which more than half is left to be filled in.
    pub fn lost_share(&self) -> f64 {
        let all = self.sum(|_| 1.0);
        self.sum(|index| f64::from(u8::from(self.left_open(index) > LOST))) / all
    }

    /// The lowest frequency, in cycles a sample, from which on frequencies are lost in the mean over
    /// all directions; `None` where none are. Beyond it some may return.
    pub fn lost_from(&self) -> Option<f64> {
        let mut circles = [(0.0, 0.0); CIRCLES];
        for index in 1..coefficients(self.extent) {
            let (u, v) = signed_frequency(self.extent, index);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let circle = (u.hypot(v) * 2.0 * CIRCLES as f64) as usize;
            if let Some((sum, count)) = circles.get_mut(circle) {
                let weight = multiplicity(self.extent, index);
                (*sum, *count) = (*sum + weight * self.left_open(index), *count + weight);
            }
        }
        let lost = circles.iter().position(|(sum, count)| *sum > LOST * count && *count > 0.0);
        lost.map(|circle| circle as f64 / (2.0 * CIRCLES as f64))
    }

    /// Magnitude of the OTF, frequency zero in the middle.
    pub fn otf(&self) -> Plane<f64> {
        self.centred(|index| f64::from(self.told.otf()[index].norm()))
    }

    /// What is left to be filled in of each frequency, `P` from 0 to 1, frequency zero in the middle.
    pub fn lost(&self) -> Plane<f64> {
        self.centred(|index| self.left_open(index))
    }

    fn left_open(&self, index: usize) -> f64 {
        self.told.projection(1.0, index)
    }

    /// Sum over the whole spectrum but frequency zero.
    fn sum(&self, value: impl Fn(usize) -> f64) -> f64 {
        let weighted = |index| multiplicity(self.extent, index) * value(index);
        (1..coefficients(self.extent)).map(weighted).sum()
    }

    /// The expected squared error of the blurred picture.
    fn blurred(&self) -> f64 {
        let one = Complex::new(1.0, 0.0);
        self.sum(|index| {
            let error = f64::from((self.told.otf()[index] - one).norm_sqr());
            error * self.told.signal(index) + self.told.noise()
        })
    }

    /// The expected squared error of what was restored, where `otf` blurred. The picture comes out
    /// moved by as much as the PSF that was told has to be moved back, `shift`.
    fn restored(&self, otf: &[Complex], shift: (f64, f64)) -> f64 {
        let one = Complex::new(1.0, 0.0);
        self.sum(|index| {
            let (u, v) = signed_frequency(self.extent, index);
            let angle = std::f64::consts::TAU * (u * shift.0 + v * shift.1);
            #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
            let back = Complex::new(angle.cos() as f32, angle.sin() as f32);
            let wiener = self.told.wiener(index) * back;
            let error = f64::from((wiener * otf[index] - one).norm_sqr());
            error * self.told.signal(index) + f64::from(wiener.norm_sqr()) * self.told.noise()
        })
    }

    /// The whole spectrum of a magnitude, frequency zero in the middle.
    fn centred(&self, value: impl Fn(usize) -> f64) -> Plane<f64> {
        let Extent { width, height } = self.extent;
        Plane::from_fn(self.extent, |x, y| {
            let (u, v) = ((x + width - width / 2) % width, (y + height - height / 2) % height);
            // The other half are the conjugates of those at the opposite frequency.
            let (u, v) = if 2 * u > width { (width - u, (height - v) % height) } else { (u, v) };
            value(u * height + v)
        })
    }
}

/// A plane that holds any of the PSFs twice.
fn extent_for(psfs: &[&Psf]) -> Extent {
    let sides = psfs.iter().flat_map(|psf| [psf.extent().width, psf.extent().height]);
    let side = sides.max().unwrap_or(1);
    let side = crate::fft::good_size((2 * side).max(SIDE));
    Extent::new(side, side)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fft::Filter;
    use crate::testing::{filtered, random_plane};

    const NOISE: f64 = 0.01;

    fn formula(text: &str) -> Psf {
        Psf::from_formula(text).expect("a formula").expect("a PSF")
    }

    fn loss(psf: &Psf, told: &Psf) -> Loss {
        let like = psf.compare(told).expect("both fit");
        Forecast::loss(psf, told, &like, Light(NOISE)).expect("both fit")
    }

    /// The gain that was measured on random pictures of the mean spectrum of natural ones.
    fn measured(psf: &Psf, told: &Psf) -> f64 {
        let forecast = Forecast::on(Extent::new(256, 256), told, Light(NOISE)).expect("fits");
        let (extent, told) = (forecast.extent, &forecast.told);
        let otf = psf.otf(extent).expect("fits");
        let white = |seed, deviation: f32| {
            let plane = random_plane(extent, seed);
            // Uniform between -0.5 and 0.5 has a variance of 1/12.
            Plane::from_fn(extent, |x, y| 12.0_f32.sqrt() * deviation * plane.row(y)[x])
        };
        let colour = |at: usize| if at == 0 { 0.0 } else { told.signal(at).sqrt() };
        let x = filtered(&white(1, 1.0), &Filter::real(extent, colour));
        let (blurred, noise) =
            (filtered(&x, &Filter::complex(extent, |at| otf[at])), white(2, 0.01));
        let y = Plane::from_fn(extent, |at, row| blurred.row(row)[at] + noise.row(row)[at]);
        let restored = filtered(&y, &Filter::complex(extent, |index| told.wiener(index)));
        let error = |plane: &Plane<f32>| -> f64 {
            let pairs = plane.samples().iter().zip(x.samples());
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        10.0 * (error(&y) / error(&restored)).log10()
    }

    #[test]
    fn what_is_expected_is_what_is_measured() {
        for (psf, told) in [
            ("disk:3", "disk:3"),
            ("disk:3", "disk:3.3"),
            ("disk:3", "disk:2.5"),
            ("gaussian:1.6", "gaussian:2"),
            ("motion:9,20", "motion:9,30"),
        ] {
            let (psf, told) = (formula(psf), formula(told));
            let (is, expected) = (measured(&psf, &told), loss(&psf, &told).wrong);
            assert!((is - expected).abs() < 0.15, "{is} dB, not {expected}");
        }
    }

    #[test]
    fn the_right_psf_is_the_best() {
        let psf = formula("disk:3");
        let same = loss(&psf, &psf);
        assert!((same.right - same.wrong).abs() < 1e-6, "{same:?}");
        let gain = Forecast::new(&psf, Light(NOISE)).expect("fits").gain_db();
        assert!((same.right - gain).abs() < 1e-6 && gain > 2.5, "{gain}");
        let [narrower, wider] =
            ["disk:2.7", "disk:3.3"].map(|told| loss(&psf, &formula(told)).wrong);
        assert!(wider < narrower && narrower < same.right, "{wider} {narrower} {same:?}");
        assert!(loss(&psf, &formula("disk:5")).wrong < 0.0, "far too wide is worse than nothing");
    }

    #[test]
    fn a_shift_costs_nothing() {
        let centred = Psf::from_bytes(b"0 0 0 0 0\n0 1 2 1 0\n0 0 0 0 0").expect("a PSF");
        let moved = Psf::from_bytes(b"0 0 0 0 0\n0 0 0 0 0\n0 0 1 2 1").expect("a PSF");
        let loss = loss(&centred, &moved);
        assert!((loss.right - loss.wrong).abs() < 1e-3, "{loss:?}");
    }

    /// The first zero of a disk's OTF is at 3.8317 / (2 pi radius).
    #[test]
    fn a_disk_loses_what_its_zeros_take() {
        let forecast = Forecast::new(&formula("disk:4"), Light(0.003)).expect("fits");
        let from = forecast.lost_from().expect("a zero");
        assert!((from - 3.8317 / (std::f64::consts::TAU * 4.0)).abs() < 0.02, "{from}");
        assert!((0.2..0.9).contains(&forecast.lost_share()), "{}", forecast.lost_share());
        let none = Forecast::new(&Psf::delta(), Light(0.0)).expect("fits");
        assert!(none.lost_from().is_none() && none.lost_share() < 1e-9);
    }

    #[test]
    fn spectra_are_symmetric_about_their_middle() {
        let forecast = Forecast::new(&formula("motion:9,20"), Light(NOISE)).expect("fits");
        for plane in [forecast.otf(), forecast.lost()] {
            let Extent { width, height } = plane.extent();
            for (x, y) in [(140, 130), (128, 200), (10, 77), (255, 1)] {
                let (is, opposite) = (plane.row(y)[x], plane.row(height - y)[width - x]);
                assert!((is - opposite).abs() < 1e-5, "{x},{y}: {is} and {opposite}");
            }
        }
        assert!((forecast.otf().row(128)[128] - 1.0).abs() < 1e-6);
    }
}

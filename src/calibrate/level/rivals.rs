//! Whether a frame speaks for another blur than the one that is told.
//!
//! The blur that is told and its rivals explain the spectrum of a frame, each as well as it can (Whittle's
//! likelihood under a power law of the scene and a noise that is about known: see
//! [`Evidence`]). Rivals are what does harm where it is the true one: the same blur,
//! narrower, and for a round blur the disk and the Gaussian as wide; and none at all, as after somebody found the
//! focus or changed the lens. A restoration by a blur that is told too
//! wide, or with zeros where the true one has none, raises what was never lowered.
//!
//! Scenes are no exact power laws: a rival has to be better by more than they deviate. Frames full of codes or
//! print are none at all, and tell nothing: the rival has to be a good explanation.

use std::fmt;

use super::window::Window;
use crate::calibrate::blind::Scene;
use crate::calibrate::blind::periodogram::{Bins, Periodogram};
use crate::calibrate::blind::refine::squared;
use crate::calibrate::blind::whittle::Evidence;
use crate::executor::Sequential;
use crate::optics::{Light, Psf};

/// How much less a rival must cost a coefficient, and all together: of 24 photographs under five blurs at three
/// levels of noise, 11 of 360 right blurs had a rival so much better, and 566 of 648 that were told 1.2 times too
/// wide or of the other family.
const BETTER: f64 = 2.5e-3;
const BETTER_IN_ALL: f64 = 10.0;

/// How far the spectrum may be from what a rival leads to expect, in logarithms: photographs under the right
/// blur are at most 0.55 off, codes 0.76 and more, pages of text 0.69.
const UNLIKE: f64 = 0.6;

/// A rival that costs so much less need not explain the frame well: codes and print under the right blur have
/// none that costs 0.03 less.
const MUCH_BETTER: f64 = 0.04;

/// How much narrower rivals are.
const NARROWER: [f64; 2] = [0.85, 0.7];

/// The ratio of widths along and across up to which a blur is round.
const ROUND: f64 = 1.2;

/// The least power of noise: of a hundredth of a gray level.
const LEAST_NOISE: f64 = 1e-9;

/// What a frame says of the blur that is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Nothing: it is too small, or too little of it can be used.
    Untold,
    /// No rival explains it better.
    Holds,
    /// This one does.
    Rival(Rival),
    /// This one does by so much that the blur cannot be the one that is told.
    Wrong(Rival),
}

impl Verdict {
    /// The rival, where there is one.
    pub fn rival(self) -> Option<Rival> {
        match self {
            Self::Untold | Self::Holds => None,
            Self::Rival(rival) | Self::Wrong(rival) => Some(rival),
        }
    }

    /// Whether there is a rival.
    pub fn is_rival(self) -> bool {
        self.rival().is_some()
    }

    /// Whether the frame has no blur, whatever is told.
    pub fn is_sharp(self) -> bool {
        self == Self::Wrong(Rival::Sharp)
    }
}

/// A blur that does harm where it is the true one and another is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rival {
    /// The one that is told, so many times as wide.
    Narrower(f64),
    /// A disk of this radius, in samples.
    Disk(f64),
    /// A Gaussian of this deviation, in samples.
    Gaussian(f64),
    /// None at all.
    Sharp,
}

impl fmt::Display for Rival {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Narrower(times) => write!(out, "the same, {times} times as wide"),
            Self::Disk(radius) => write!(out, "disk:{radius:.1}"),
            Self::Gaussian(deviation) => write!(out, "gaussian:{deviation:.1}"),
            Self::Sharp => out.write_str("none at all"),
        }
    }
}

/// A blur and its rivals.
#[derive(Debug)]
pub(super) struct Rivals {
    told: Psf,
    /// For the tiles of the frame seen last.
    spectra: Option<Spectra>,
}

/// Squared OTFs in bins.
#[derive(Debug)]
struct Spectra {
    bins: Bins,
    told: Vec<f64>,
    rivals: Vec<(Rival, Vec<f64>)>,
}

impl Rivals {
    pub(super) fn new(told: &Psf) -> Self {
        Self { told: told.clone(), spectra: None }
    }

    /// What a frame says, whose noise has about this deviation.
    pub(super) fn judge(&mut self, window: &Window, noise: Light) -> Verdict {
        let scene =
            Scene { light: window.light.clone(), usable: window.usable.clone(), sigma: noise.0 };
        let Some(side) = Bins::side_for(std::slice::from_ref(&scene)) else {
            return Verdict::Untold;
        };
        let spectra = match self.spectra.take().filter(|spectra| spectra.bins.side() == side) {
            Some(spectra) => spectra,
            None => Spectra::new(side, &self.told),
        };
        self.spectra.insert(spectra).judge(&scene)
    }
}

impl Spectra {
    fn new(side: usize, told: &Psf) -> Self {
        let (bins, shape) = (Bins::new(side), told.shape());
        let narrower = NARROWER.map(|times| (Rival::Narrower(times), squared(&bins, told, times)));
        let round = [Rival::Disk(shape.disk_radius()), Rival::Gaussian(shape.gaussian_sigma())];
        let is_round = shape.along <= ROUND * shape.across;
        let round = round.into_iter().filter(|_| is_round).filter_map(|rival| {
            let psf = Psf::from_formula(&rival.to_string())?.ok()?;
            Some((rival, squared(&bins, &psf, 1.0)))
        });
        let told = squared(&bins, told, 1.0);
        let sharp = (Rival::Sharp, vec![1.0; told.len()]);
        let rivals = narrower.into_iter().chain(round).chain([sharp]).collect();
        Self { told, rivals, bins }
    }

    fn judge(&self, scene: &Scene) -> Verdict {
        let noise = scene.sigma().powi(2).max(LEAST_NOISE);
        let tiles = self.bins.tiles_of(scene, &Sequential);
        let Some(spectrum) = Periodogram::mean(&tiles) else { return Verdict::Untold };
        let evidence = Evidence::new(&self.bins, vec![(spectrum, noise)]);
        let cost = |squared: &[f64]| evidence.of_all(squared, &Sequential);
        let told = cost(&self.told);
        let gains = self.rivals.iter().map(|it| (it, told - cost(&it.1)));
        let enough = f64::max(BETTER_IN_ALL, BETTER * evidence.coefficients());
        let best = gains.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, gain)| *gain > enough);
        match best {
            Some(((rival, _), gain)) if gain > MUCH_BETTER * evidence.coefficients() => {
                Verdict::Wrong(*rival)
            }
            Some(((_, squared), _)) if evidence.unlikeness(squared) > UNLIKE => Verdict::Untold,
            Some(((rival, _), _)) => Verdict::Rival(*rival),
            None => Verdict::Holds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Extent, Picture, Plane};
    use crate::optics::Transfer;
    use crate::testing::{Camera, mosaic, random_plane};

    const SIGMA: f64 = 2.0;

    fn psf(formula: &str) -> Psf {
        Psf::from_formula(formula).expect("a formula").expect("a PSF")
    }

    fn judge(picture: &Picture, told: &str) -> Verdict {
        let window = Window::of(picture, Transfer::None);
        Rivals::new(&psf(told)).judge(&window, Light(SIGMA / 255.0))
    }

    /// Sees what a frame blurred by `is` says of the blur that is `told`.
    #[track_caller]
    fn check(is: &str, told: &str, expected: impl Fn(Verdict) -> bool) {
        for seed in [5, 6] {
            let frame = Camera { psf: psf(is), sigma: SIGMA }
                .frame(&mosaic(Extent::new(288, 216), seed), 7);
            let verdict = judge(&frame, told);
            assert!(expected(verdict), "{is} told as {told}: {verdict:?}");
        }
    }

    #[test]
    fn a_right_blur_holds() {
        for blur in ["disk:2", "disk:3", "gaussian:1.6", "motion:11,30", "gaussian:0.6"] {
            check(blur, blur, |verdict| verdict == Verdict::Holds);
        }
    }

    #[test]
    fn one_told_too_wide_has_a_rival() {
        for (is, told) in [
            ("disk:2", "disk:2.4"),
            ("disk:3", "disk:3.6"),
            ("gaussian:1.6", "gaussian:1.92"),
            ("motion:11,30", "motion:13.2,30"),
        ] {
            check(is, told, Verdict::is_rival);
        }
    }

    #[test]
    fn a_sharp_frame_is_known_by_whatever_blur_is_told() {
        for told in ["disk:2", "disk:4", "gaussian:1.6", "motion:11,30", "motion:25,70"] {
            check("gaussian:0.3", told, Verdict::is_sharp);
            check(told, told, |verdict| !verdict.is_sharp());
        }
    }

    #[test]
    fn one_of_the_other_family_has_that_as_its_rival() {
        check("disk:3", "gaussian:1.5", |verdict| matches!(verdict.rival(), Some(Rival::Disk(_))));
        check("gaussian:1.6", "disk:3.2", Verdict::is_rival);
    }

    /// Squares at random in a grid, as codes have them.
    #[test]
    fn codes_tell_nothing() {
        let extent = Extent::new(288, 216);
        let squares = random_plane(Extent::new(72, 54), 8);
        let code = Plane::from_fn(extent, |x, y| 0.5 + 0.3 * squares.row(y / 4)[x / 4].signum());
        for blur in
            ["disk:2", "disk:2.5", "disk:3", "disk:4", "gaussian:1.6", "gaussian:2", "motion:15,0"]
        {
            let frame = Camera { psf: psf(blur), sigma: SIGMA }.frame(&code, 7);
            assert!(!judge(&frame, blur).is_rival(), "{blur}");
        }
    }

    #[test]
    fn little_is_no_ground() {
        let small =
            Camera { psf: psf("disk:2"), sigma: SIGMA }.frame(&mosaic(Extent::new(48, 48), 5), 7);
        assert_eq!(judge(&small, "disk:3"), Verdict::Untold);
        let dark = Picture::new(small.format());
        assert_eq!(judge(&dark, "disk:3"), Verdict::Untold);
    }
}

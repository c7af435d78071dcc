//! The blur of a camera from scenes that it saw, and how far to believe it.

use std::fmt;
use std::ops::ControlFlow;

use super::error::BlindError;
use super::parametric::{Parametric, tiles};
use super::periodogram::Bins;
use super::refine::{Refined, refine};
use super::scene::Scene;
use super::shape::{Kind, Shape};
use crate::executor::Executor;
use crate::optics::Psf;

/// What is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// The likeliest family, and a blur of none where that explains more.
    #[default]
    Auto,
    /// Defocus: a disk, or a disk and a Gaussian.
    Disk,
    /// A Gaussian, round or not.
    Gaussian,
    /// Constant motion along a line.
    Motion,
    /// A blur of no family.
    Free,
}

/// How the blur is sought.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What is sought.
    pub family: Family,
    /// Whether a blur of no family is sought where any would do: it takes most of the time.
    pub refine: bool,
    /// Side of the largest PSF of no family, in samples; 31 or more where a wide blur asks for it
    /// by itself.
    pub side: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { family: Family::Auto, refine: true, side: None }
    }
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The spectra of the scenes.
    Spectra,
    /// The likeliest blur of the families.
    Families,
    /// The blur of no family.
    Refinement,
}

/// Hears what is being done and how much of it, from 0 to 1; may break it off.
pub type Progress<'a> = dyn Fn(Stage, f64) -> ControlFlow<()> + Sync + 'a;

/// A blur that was found.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// The PSF.
    pub psf: Psf,
    /// The shape of its family; `None` for a blur of none.
    pub shape: Option<Shape>,
    /// Relative standard deviation of its width.
    pub spread: f64,
    /// What else was tried: the likeliest shape of each family with its information criterion, the
    /// likeliest first.
    pub families: Vec<(Shape, f64)>,
    /// How alike the blurs of no family of two halves of what was seen are, from 0 to 1, where they
    /// were sought.
    pub repeatability: Option<f64>,
    /// Root mean square relative deviation of the scenes' spectra from those that the likeliest family leads
    /// to expect.
    pub misfit: f64,
    /// Scenes that told.
    pub scenes: usize,
    /// What speaks against it.
    pub doubts: Vec<Doubt>,
}

/// What speaks against a blur that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// It comes from few scenes.
    TooLittleVariety(usize),
    /// The width is uncertain by this share.
    Width(f64),
    /// Light is stronger than noise only in this share of the spectrum.
    Faint(f64),
    /// The frames look sharp: there is no blur worth undoing.
    Sharp,
    /// The blur is wider than can be told.
    TooWide,
    /// The blurs of two halves of what was seen are only so much alike, from 0 to 1.
    Unrepeatable(f64),
    /// No family explains the spectra: they deviate by this share from those expected.
    NoFamily(f64),
}

/// Scenes from which on there is variety.
const VARIED: usize = 3;

/// A width less certain than this is not to be used.
const UNSURE: f64 = 0.10;

/// The least share of the spectrum in which there must be light.
pub(super) const LIT: f64 = 0.05;

/// A blur narrower than this, in pixels, costs less than its restoration.
const SHARP: f64 = 0.35;

/// The blurs of halves are this much alike at least.
const REPEATABLE: f64 = 0.5;

/// Spectra deviate by 0.1 to 0.35 where a family is the right one, by 0.6 and more where it is not.
const MISFIT: f64 = 0.45;

/// The widest blur that is believed, in pixels, against the side of the tiles that it was found in.
const WIDEST: f64 = 1.0 / 12.0;

impl Doubt {
    /// Whether the blur is not to be used because of it.
    pub fn is_grave(&self) -> bool {
        match self {
            Self::TooLittleVariety(_) => false,
            Self::Width(spread) => *spread > UNSURE,
            _ => true,
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLittleVariety(1) => write!(
                out,
                "too little variety: it comes from a single scene (expected three different ones, or more)"
            ),
            Self::TooLittleVariety(scenes) => write!(
                out,
                "too little variety: it comes from {scenes} scenes (expected three different ones, or more)"
            ),
            Self::Width(spread) => write!(out, "its width is uncertain by {:.0} %", 100.0 * spread),
            Self::Faint(share) => write!(
                out,
                "light is stronger than noise in {:.0} % of the spectrum only (expected more light or detail)",
                100.0 * share
            ),
            Self::Sharp => write!(out, "the frames look sharp: no blur is worth undoing"),
            Self::TooWide => write!(out, "the blur is wider than frames of this extent can tell"),
            Self::Unrepeatable(alike) => write!(
                out,
                "two halves of the frames give different blurs ({:.0} % alike)",
                100.0 * alike
            ),
            Self::NoFamily(misfit) => write!(
                out,
                "no disk, Gaussian or motion explains the frames: their spectra are off by {:.0} %",
                100.0 * misfit
            ),
        }
    }
}

impl Estimate {
    /// Whether it is to be used. Where it is not, leaving the frames as they are is the better choice.
    pub fn is_sure(&self) -> bool {
        !self.doubts.iter().any(Doubt::is_grave)
    }

    /// A PSF on the safe side: narrower by twice its uncertainty, between 5 and 30 %. A PSF too
    /// narrow restores too little; one too wide does harm.
    ///
    /// # Errors
    /// Where it is no PSF.
    pub fn narrower(&self) -> Result<Psf, BlindError> {
        let factor = 1.0 - (2.0 * self.spread).clamp(0.05, 0.3);
        match self.shape {
            Some(shape) => Ok(shape.scaled(factor).psf()?),
            None => Ok(self.psf.scaled(factor)?),
        }
    }
}

/// The blur of scenes that one camera saw.
///
/// # Errors
/// Where nothing can be found in them, or the search was stopped.
pub fn estimate(
    scenes: &[Scene],
    options: Options,
    executor: &dyn Executor,
    progress: &Progress<'_>,
) -> Result<Estimate, BlindError> {
    let tell = |stage, share| match progress(stage, share) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(BlindError::Stopped),
    };
    tell(Stage::Spectra, 0.0)?;
    let (bins, tiles) = spectra(scenes, executor)?;
    tell(Stage::Families, 0.0)?;
    let found = Parametric::of(&bins, &tiles, kinds(options.family), executor);
    let found = found.ok_or(BlindError::Moving)?;
    if found.lit_share <= 0.0 {
        return Err(BlindError::Empty);
    }
    tell(Stage::Refinement, 0.0)?;
    let forced = options.family == Family::Free;
    let refined = if forced || options.family == Family::Auto && options.refine {
        let told = |share| progress(Stage::Refinement, share).is_continue();
        refine(scenes, &found.best, options.side, executor, &told)?
    } else {
        None
    };
    let refined = refined.filter(|refined| forced || refined.is_better);
    judged(&found, refined, tiles.len(), bins.side())
}

/// The spectra of the tiles of each scene.
pub(super) fn spectra(
    scenes: &[Scene],
    executor: &dyn Executor,
) -> Result<(Bins, Vec<super::parametric::Spectra>), BlindError> {
    let extent = scenes.first().ok_or(BlindError::NoFrames)?.extent();
    if let Some(other) = scenes.iter().find(|scene| scene.extent() != extent) {
        return Err(BlindError::Extents { is: other.extent(), expected: extent });
    }
    if extent.width.min(extent.height) < 64 {
        return Err(BlindError::TooSmall(extent));
    }
    let bins = Bins::for_scenes(scenes).ok_or(BlindError::Moving)?;
    let tiles = tiles(&bins, scenes, executor);
    if tiles.iter().flatten().all(|(tile, noise)| tile.power.iter().all(|p| *p < 2.0 * noise)) {
        return Err(BlindError::Empty);
    }
    Ok((bins, tiles))
}

/// What was found, with what speaks against it.
fn judged(
    found: &Parametric,
    refined: Option<Refined>,
    scenes: usize,
    side: usize,
) -> Result<Estimate, BlindError> {
    let shape = found.best.shape();
    let width = shape.width();
    let mut doubts = Vec::new();
    let mut doubt = |is: bool, doubt: Doubt| doubts.extend(is.then_some(doubt));
    doubt(scenes < VARIED, Doubt::TooLittleVariety(scenes));
    doubt(found.lit_share < LIT, Doubt::Faint(found.lit_share));
    doubt(width < SHARP, Doubt::Sharp);
    doubt(width > WIDEST * side as f64, Doubt::TooWide);
    let repeatability = refined.as_ref().map(|refined| refined.repeatability);
    match repeatability {
        Some(alike) => doubt(alike < REPEATABLE, Doubt::Unrepeatable(alike)),
        None => {
            doubt(found.spread > UNSURE / 2.0, Doubt::Width(found.spread));
            doubt(found.misfit > MISFIT, Doubt::NoFamily(found.misfit));
        }
    }
    let families = found.families.clone();
    let (psf, shape) = match refined {
        Some(refined) => (refined.psf, None),
        None => (shape.psf()?, Some(shape)),
    };
    Ok(Estimate {
        psf,
        shape,
        spread: found.spread,
        families,
        misfit: found.misfit,
        repeatability,
        scenes,
        doubts,
    })
}

fn kinds(family: Family) -> &'static [Kind] {
    match family {
        Family::Auto | Family::Free => &[
            Kind::Delta,
            Kind::Disk,
            Kind::DiskGaussian,
            Kind::Gaussian,
            Kind::Ellipse,
            Kind::Motion,
            Kind::MotionGaussian,
        ],
        Family::Disk => &[Kind::Disk, Kind::DiskGaussian],
        Family::Gaussian => &[Kind::Gaussian, Kind::Ellipse],
        Family::Motion => &[Kind::Motion, Kind::MotionGaussian],
    }
}

/// The families that a shape is of.
pub(super) fn kinds_of(shape: &Shape) -> &'static [Kind] {
    kinds(match shape {
        Shape::Delta => Family::Auto,
        Shape::Disk { .. } => Family::Disk,
        Shape::Gaussian { .. } => Family::Gaussian,
        Shape::Motion { .. } => Family::Motion,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::frame::{Extent, Plane};
    use crate::testing::{Camera, mosaic};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn psf(formula: &str) -> Psf {
        Psf::from_formula(formula).expect("a formula").expect("a PSF")
    }

    fn scenes(psf: &Psf, extent: Extent, count: u64) -> Vec<Scene> {
        let camera = Camera { psf: psf.clone(), sigma: 2.0 };
        let scene = |seed| Scene::of(camera.light(&mosaic(extent, seed), seed), camera.deviation());
        (0..count).map(scene).collect()
    }

    fn go(_: Stage, _: f64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[track_caller]
    fn check_family(formula: &str, expected: Shape) {
        let scenes = scenes(&psf(formula), Extent::new(256, 192), 4);
        let options = Options { refine: false, ..Options::default() };
        let found = estimate(&scenes, options, &Sequential, &go).expect("a blur");
        let shape = found.shape.expect("a family");
        let ratio = shape.width() / expected.width();
        assert!((ratio - 1.0).abs() < 0.06, "{formula} was found as {shape:?}");
        assert!(found.is_sure() && found.spread < 0.1, "{formula}: {:?}", found.doubts);
        let same = std::mem::discriminant(&shape) == std::mem::discriminant(&expected);
        assert!(same, "{formula} was found as {shape:?}");
    }

    #[test]
    fn the_family_and_the_width_are_found() {
        check_family("disk:3", Shape::Disk { radius: 3.0, spread: 0.0 });
        let round = Shape::Gaussian { along: 1.6, across: 1.6, degrees: 0.0 };
        check_family("gaussian:1.6", round);
        check_family("motion:9,30", Shape::Motion { length: 9.0, degrees: 30.0, spread: 0.0 });
    }

    /// A path with a bend, of no family.
    fn path() -> Psf {
        let light = |x: usize, y: usize| match (x, y) {
            (1..=7, 2) => 1.0,
            (7, 3..=8) => 1.4,
            _ => 0.0,
        };
        Psf::new(Plane::from_fn(Extent::new(11, 11), light)).expect("a PSF")
    }

    #[test]
    fn a_blur_of_no_family_is_found() {
        let scenes = scenes(&path(), Extent::new(128, 128), 2);
        let options = Options { side: Some(15), ..Options::default() };
        let found = estimate(&scenes, options, &Sequential, &go).expect("a blur");
        assert_eq!(found.shape, None, "{:?}", found.doubts);
        let alike = likeness(&found.psf, &path());
        assert!(alike > 0.85, "{alike} alike");
    }

    /// Correlation of two PSFs, one moved against the other.
    fn likeness(a: &Psf, b: &Psf) -> f64 {
        let place = |psf: &Psf, dx: usize, dy: usize| {
            let mut plane = Plane::new(Extent::new(40, 40), 0.0_f64);
            for (y, row) in psf.samples().rows().enumerate() {
                plane.row_mut(y + dy)[dx..dx + row.len()].copy_from_slice(row);
            }
            plane
        };
        let norm = |psf: &Psf| psf.samples().samples().iter().map(|s| s * s).sum::<f64>().sqrt();
        let fixed = place(a, 12, 12);
        let products = (0..24 * 24).map(|shift| {
            let moved = place(b, shift % 24, shift / 24);
            fixed.samples().iter().zip(moved.samples()).map(|(a, b)| a * b).sum::<f64>()
        });
        products.fold(0.0, f64::max) / (norm(a) * norm(b))
    }

    #[test]
    fn sharp_frames_have_no_blur_worth_undoing() {
        let scenes = scenes(&Psf::delta(), Extent::new(128, 128), 3);
        let options = Options { refine: false, ..Options::default() };
        let found = estimate(&scenes, options, &Sequential, &go).expect("no blur");
        assert!(!found.is_sure() && found.doubts.contains(&Doubt::Sharp), "{:?}", found.doubts);
    }

    #[track_caller]
    fn check_refused(scenes: &[Scene], expected: &str) {
        let error = estimate(scenes, Options::default(), &Sequential, &go).expect_err("no blur");
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn scenes_without_a_use_are_refused_by_name() {
        let flat = |extent| {
            let camera = Camera { psf: Psf::delta(), sigma: 2.0 };
            Scene::of(camera.light(&Plane::new(extent, 0.5), 1), camera.deviation())
        };
        check_refused(&[], "no frame");
        check_refused(
            &[flat(Extent::new(128, 64)), flat(Extent::new(64, 128))],
            "a frame is 64x128",
        );
        check_refused(&[flat(Extent::new(40, 400))], "40x400 (expected at least 64x64");
        check_refused(&[flat(Extent::new(128, 128))], "next to nothing above their noise");
        let mut moving = flat(Extent::new(128, 128));
        moving.usable.samples_mut().fill(false);
        check_refused(&[moving], "too much moves");
    }

    #[test]
    fn whoever_waits_may_stop_it() {
        let scenes = scenes(&path(), Extent::new(128, 128), 2);
        let told = AtomicUsize::new(0);
        let stop = |stage: Stage, _: f64| {
            told.fetch_add(1, Ordering::Relaxed);
            if stage == Stage::Refinement {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let error = estimate(&scenes, Options::default(), &Sequential, &stop).expect_err("stopped");
        assert_eq!((error, told.into_inner()), (BlindError::Stopped, 3));
    }
}

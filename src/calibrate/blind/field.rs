//! How the width of a blur differs over the frame.
//!
//! Lenses are softer towards the corners. A cell of a grid shows too little to find its blur from nothing,
//! but enough to tell by what factor it is wider or narrower than that of the whole frame: its spectra
//! are fitted with the family that was found. The logarithm of the factor has a Gaussian prior about 0
//! (lenses differ by [`USUAL`]) and a likelihood about what was seen, as wide as the fit's own spread;
//! the mean of what follows is `ln(seen) * USUAL^2 / (USUAL^2 + spread^2)`.

use super::error::BlindError;
use super::estimate::{Estimate, LIT, kinds_of, spectra};
use super::parametric::Parametric;
use super::scene::Scene;
use crate::executor::Executor;
use crate::frame::{Extent, Plane};
use crate::optics::{Blur, Field, Psf};

/// Usual deviation of the logarithm of a blur's width over the frame.
const USUAL: f64 = 0.2;

/// A cell that differs by a greater factor was mistaken.
const FARTHEST: f64 = 1.6;

/// The blur of each of `columns` x `rows` cells, of scenes in which `found` is the blur of the whole.
///
/// # Errors
/// Where the cells are too small, or a blur of theirs is no PSF.
pub fn field(
    scenes: &[Scene],
    found: &Estimate,
    (columns, rows): (usize, usize),
    executor: &dyn Executor,
) -> Result<Blur, BlindError> {
    let frame = scenes.first().ok_or(BlindError::NoFrames)?.extent();
    let cell = Extent::new(frame.width / columns, frame.height / rows);
    if cell.width.min(cell.height) < LEAST_SIDE {
        return Err(BlindError::SmallCells { cell, columns, rows, frame });
    }
    let psfs = (0..columns * rows).map(|index| {
        let corner = (index % columns * cell.width, index / columns * cell.height);
        let parts: Vec<Scene> = scenes.iter().map(|scene| scene.cut(corner, cell)).collect();
        of_width(found, factor(&parts, found, executor))
    });
    let psfs = psfs.collect::<Result<Vec<_>, _>>()?;
    let side = psfs.iter().map(|psf| psf.extent().width.max(psf.extent().height)).max();
    let psfs = psfs.iter().map(|psf| centred(psf, side.unwrap_or(1)));
    Ok(Blur::Field(Field::new(columns, psfs.collect::<Result<Vec<_>, _>>()?)?))
}

/// A cell with a shorter side has no tile to look at.
const LEAST_SIDE: usize = 64;

/// By what factor the blur of a part is wider than the blur of the whole; 1 where the part does not tell.
fn factor(part: &[Scene], found: &Estimate, executor: &dyn Executor) -> f64 {
    let Some((whole, _)) = found.families.first() else { return 1.0 };
    // A part without light or at rest nowhere has no spectra.
    let Ok((bins, tiles)) = spectra(part, executor) else { return 1.0 };
    let Some(seen) = Parametric::of(&bins, &tiles, kinds_of(whole), executor) else { return 1.0 };
    let ratio = seen.best.shape().width() / whole.width();
    let tells = seen.lit_share >= LIT && (FARTHEST.recip()..=FARTHEST).contains(&ratio);
    if tells { (ratio.ln() / (1.0 + (seen.spread / USUAL).powi(2))).exp() } else { 1.0 }
}

/// The blur that was found, `factor` times as wide.
fn of_width(found: &Estimate, factor: f64) -> Result<Psf, BlindError> {
    match found.shape {
        Some(shape) => Ok(shape.scaled(factor).psf()?),
        None => Ok(found.psf.scaled(factor)?),
    }
}

/// The PSF in the middle of a square of `side` samples.
fn centred(psf: &Psf, side: usize) -> Result<Psf, BlindError> {
    let mut samples = Plane::new(Extent::new(side, side), 0.0);
    let (x, y) = (side / 2 - psf.radius().0, side / 2 - psf.radius().1);
    for (row, from) in psf.samples().rows().enumerate() {
        samples.row_mut(y + row)[x..][..from.len()].copy_from_slice(from);
    }
    Ok(Psf::new(samples)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::blind::{Options, Stage, estimate};
    use crate::executor::Sequential;
    use crate::testing::{Camera, mosaic};
    use std::ops::ControlFlow;

    const HALF: Extent = Extent::new(256, 256);

    /// Scenes whose left half has one blur and whose right half another.
    fn halved(radii: [f64; 2], count: u64) -> Vec<Scene> {
        let psf =
            |radius| Psf::from_formula(&format!("disk:{radius}")).expect("one").expect("a PSF");
        let cameras = radii.map(|radius| Camera { psf: psf(radius), sigma: 2.0 });
        let scene = |seed| {
            let halves = [0, 1].map(|side: usize| {
                cameras[side].light(&mosaic(HALF, 2 * seed + side as u64), seed)
            });
            let light = Plane::from_fn(Extent::new(512, 256), |x, y| {
                halves[x / HALF.width].row(y)[x % HALF.width]
            });
            Scene::of(light, cameras[0].deviation())
        };
        (0..count).map(scene).collect()
    }

    fn found(scenes: &[Scene]) -> Estimate {
        let go = |_: Stage, _: f64| ControlFlow::Continue(());
        let options = Options { refine: false, ..Options::default() };
        estimate(scenes, options, &Sequential, &go).expect("a blur")
    }

    #[track_caller]
    fn check_halves(radii: [f64; 2]) {
        let scenes = halved(radii, 3);
        let blur = field(&scenes, &found(&scenes), (2, 1), &Sequential).expect("a field");
        for (psf, expected) in blur.psfs().iter().zip(radii) {
            let ratio = psf.shape().disk_radius() / expected;
            assert!((ratio - 1.0).abs() < 0.06, "{} for {expected}", psf.shape().disk_radius());
        }
    }

    #[test]
    fn each_part_has_its_width() {
        check_halves([2.5, 3.3]);
        check_halves([3.0, 3.0]);
    }

    #[test]
    fn a_part_that_shows_nothing_has_the_width_of_the_whole() {
        let mut scenes = halved([3.0, 3.0], 3);
        for scene in &mut scenes {
            for y in 0..HALF.height {
                scene.light.row_mut(y)[HALF.width..].fill(0.5);
            }
        }
        let whole = found(&scenes);
        let blur = field(&scenes, &whole, (2, 1), &Sequential).expect("a field");
        let ratio = blur.psfs()[1].shape().disk_radius() / whole.psf.shape().disk_radius();
        assert!((ratio - 1.0).abs() < 1e-6, "{ratio}");
    }

    #[test]
    fn cells_too_small_are_refused_by_name() {
        let scenes = halved([3.0, 3.0], 1);
        let error = field(&scenes, &found(&scenes), (2, 5), &Sequential).expect_err("too small");
        assert!(error.to_string().contains("2x5"), "{error}");
    }
}

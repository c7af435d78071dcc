//! The refinement without a family, and whether it is to be believed.

use super::error::BlindError;
use super::fit::{self, Fit};
use super::free::{Found, alike, as_start, search, starts};
use super::parametric::{Spectra, halves, means, tiles};
use super::periodogram::Bins;
use super::scene::Scene;
use super::whittle::Evidence;
use super::window::window;
use crate::executor::Executor;
use crate::frame::{Extent, Plane};
use crate::optics::Psf;

/// Windows that are worked on: those of the scenes with the most gradients.
const MOST_WINDOWS: usize = 6;

/// Sides of the kernel that is sought.
const LEAST_SIDE: usize = 31;
const MOST_SIDE: usize = 63;

/// Sides of tiles, of halves of one scene, from which on these tell.
const LEAST_TELLING: usize = 128;

/// A blur of no family.
#[derive(Debug, Clone)]
pub(super) struct Refined {
    pub(super) psf: Psf,
    /// Whether it explains what it was not made from better than the family does.
    pub(super) is_better: bool,
    /// How alike the kernels of two halves are, from 0 to 1.
    pub(super) repeatability: f64,
}

/// Hears of two searches and the two of the halves: which share of all is done. `false` stops them.
pub(super) type Tell<'a> = dyn Fn(f64) -> bool + Sync + 'a;

/// The kernel of all scenes, held against the family's `best` on halves of them. `None` where no window
/// of a scene can be used.
///
/// # Errors
/// Where it was stopped.
pub(super) fn refine(
    scenes: &[Scene],
    best: &Fit,
    side: Option<usize>,
    executor: &dyn Executor,
    tell: &Tell<'_>,
) -> Result<Option<Refined>, BlindError> {
    let side = side.unwrap_or_else(|| side_for(best)).clamp(5, MOST_SIDE) | 1;
    let windows = windows(scenes);
    if windows.is_empty() || windows.iter().any(|w| short(w.extent()) < 2 * side) {
        return Ok(None);
    }
    let first = best.shape().psf()?;
    let given = starts(&[as_start(&first, side)]);
    let found = search(&windows, side, given, executor, &|share| tell(0.6 * share));
    let found = found.ok_or(BlindError::Stopped)?;
    let held = held_out(scenes, best, &found, executor, &|share| tell(0.6 + 0.4 * share))?;
    let (is_better, repeatability) = held.unwrap_or((false, 0.0));
    Ok(Some(Refined { psf: psf(&found.kernel)?, is_better, repeatability }))
}

/// The windows of the scenes with the most gradients.
fn windows(scenes: &[Scene]) -> Vec<Plane<f32>> {
    let mut windows: Vec<(f64, Plane<f32>)> = scenes.iter().filter_map(window).collect();
    windows.sort_by(|a, b| b.0.total_cmp(&a.0));
    windows.into_iter().take(MOST_WINDOWS).map(|(_, window)| window).collect()
}

fn short(extent: Extent) -> usize {
    extent.width.min(extent.height)
}

/// Wide enough for a blur of the width that the family has.
fn side_for(best: &Fit) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few pixels")]
    let side = (6.0 * best.shape().width()).ceil() as usize;
    side.clamp(LEAST_SIDE, MOST_SIDE)
}

/// Whether the kernel is to be preferred to the family, and how alike the kernels of two halves are.
/// `None` where a half is too small for a kernel.
///
/// The kernel of each half is to explain the spectra of the other better than the family does. Of a single
/// scene it must do so in the whole, too, of whose likelihood the search of a kernel knows nothing; halves of
/// a small frame hold too few tiles to tell, and the whole alone decides.
fn held_out(
    scenes: &[Scene],
    best: &Fit,
    found: &Found,
    executor: &dyn Executor,
    tell: &Tell<'_>,
) -> Result<Option<(bool, f64)>, BlindError> {
    let halves = halves(scenes);
    let Some(bins) = Bins::for_scenes(&halves.concat()) else { return Ok(None) };
    let spectra = halves.each_ref().map(|half| seen(&bins, half, executor));
    let side = found.kernel.extent().width;
    let (mut gains, mut kernels) = (0.0, Vec::new());
    for (index, half) in halves.iter().enumerate() {
        let windows = windows(half);
        let usable =
            !windows.is_empty() && windows.iter().all(|w| 2 * short(w.extent()) >= 3 * side);
        if !usable || spectra.iter().any(Vec::is_empty) {
            return Ok(None);
        }
        let start = vec![found.start.clone()];
        let share = |share: f64| tell((index as f64 + share) / 2.0);
        let kernel = search(&windows, side, start, executor, &share);
        let kernel = kernel.ok_or(BlindError::Stopped)?.kernel;
        let trained = fit::again(&Evidence::new(&bins, spectra[index].clone()), best, executor);
        gains += gain(&bins, &spectra[1 - index], &trained, &kernel, executor)?;
        kernels.push(kernel);
    }
    let halves_agree = gains > 0.0 || scenes.len() == 1 && bins.side() < LEAST_TELLING;
    let whole_agrees = scenes.len() > 1 || {
        let bins = Bins::for_scenes(scenes).unwrap_or(bins);
        gain(&bins, &seen(&bins, scenes, executor), best, &found.kernel, executor)? > 0.0
    };
    Ok(Some((halves_agree && whole_agrees, alike(&kernels[0], &kernels[1]))))
}

/// By how much more a kernel explains spectra than a family's blur.
fn gain(
    bins: &Bins,
    spectra: &Spectra,
    family: &Fit,
    kernel: &Plane<f32>,
    executor: &dyn Executor,
) -> Result<f64, BlindError> {
    let evidence = Evidence::new(bins, spectra.clone());
    let shape = evidence.of_all(&fit::squared(&evidence, &family.shape()), executor);
    Ok(shape - evidence.of_all(&bins.squared(magnitude(&psf(kernel)?)), executor))
}

/// The mean spectra of scenes.
fn seen(bins: &Bins, scenes: &[Scene], executor: &dyn Executor) -> Spectra {
    means(tiles(bins, scenes, executor).iter().map(Vec::as_slice))
}

/// The kernel as a PSF, without empty borders, its middle where it was.
fn psf(kernel: &Plane<f32>) -> Result<Psf, BlindError> {
    let middle = kernel.extent().width / 2;
    let mut reach = 0;
    for (y, row) in kernel.rows().enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, sample)| **sample > 0.0) {
            reach = reach.max(x.abs_diff(middle)).max(y.abs_diff(middle));
        }
    }
    let side = 2 * reach + 1;
    Ok(Psf::new(Plane::from_fn(Extent::new(side, side), |x, y| {
        f64::from(kernel.row(y + middle - reach)[x + middle - reach])
    }))?)
}

/// The squared OTF of a PSF, `scale` times as wide, in each bin.
pub(crate) fn squared(bins: &Bins, psf: &Psf, scale: f64) -> Vec<f64> {
    let magnitude = magnitude(psf);
    bins.squared(|u, v| magnitude(scale * u, scale * v))
}

/// The magnitude of a PSF's transform, at any frequency.
fn magnitude(psf: &Psf) -> impl Fn(f64, f64) -> f64 {
    let (centre_x, centre_y) = psf.radius();
    let turn = |f: f64, x: usize, centre: usize| {
        let angle = -std::f64::consts::TAU * f * (x as f64 - centre as f64);
        (angle.cos(), angle.sin())
    };
    move |u, v| {
        let columns: Vec<_> = (0..psf.extent().width).map(|x| turn(u, x, centre_x)).collect();
        let (mut re, mut im) = (0.0, 0.0);
        for (y, row) in psf.samples().rows().enumerate() {
            let sums = row.iter().zip(&columns).fold((0.0, 0.0), |sum, (sample, (cos, sin))| {
                (sum.0 + sample * cos, sum.1 + sample * sin)
            });
            let (cos, sin) = turn(v, y, centre_y);
            re += sums.0 * cos - sums.1 * sin;
            im += sums.0 * sin + sums.1 * cos;
        }
        re.hypot(im)
    }
}

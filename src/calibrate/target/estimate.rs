//! From groups of frames to a calibration: each group is one position of the target.

use super::curve::Curve;
use super::find::{FindError, Found, find};
use super::noise::Deviations;
use super::outcome::{LEAST_CELL, Outcome, Position, TargetError};
use super::pattern::Pattern;
use super::pool::{Pool, luma};
use super::psf::{border, difference, negative_lobe, normalised, padded};
use super::refine::refine;
use super::regression::{Equations, Gram, Moments};
use super::view::{FIRST_SIDE, View};
use super::window::{Run, Window, bands, count};
use crate::executor::Executor;
use crate::frame::{Extent, Picture, Plane};
use crate::optics::{Blur, Field, GrayLevels, Psf, Transfer};

/// Degrees of smoothness of which the one is taken that explains most of what it was not fitted to.
const SMOOTHNESS: [f64; 7] = [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2];
/// In a cell of the grid the PSF of the whole frame weighs as much as this part of the samples that
/// are wanted.
const PRIOR: f64 = 0.02;

/// What is asked of a calibration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The curve by which the camera encodes light; looked for where there is none.
    pub curve: Option<Curve>,
    /// Cells in a row and in a column of the grid of PSFs.
    pub grid: (usize, usize),
}

impl Default for Options {
    fn default() -> Self {
        Self { curve: None, grid: (1, 1) }
    }
}

/// Whether work goes on; asked between steps, several times a second.
pub type GoesOn<'a> = dyn Fn() -> bool + 'a;

fn still_wanted(goes_on: &GoesOn<'_>) -> Result<(), TargetError> {
    if goes_on() { Ok(()) } else { Err(TargetError::BrokenOff) }
}

/// A position while it is worked on.
struct Work<'a> {
    view: View<'a>,
    pool: Pool,
    found: Found,
}

/// Estimates the camera's blur, noise and curve from groups of frames. Within a group neither
/// camera nor target move; each group shows the target somewhere else.
///
/// # Errors
/// Where there is no calibration, and why.
pub fn calibrate(
    groups: &[&[Picture]],
    pattern: &Pattern,
    options: &Options,
    executor: &dyn Executor,
) -> Result<Outcome, TargetError> {
    calibrate_while(groups, pattern, options, executor, &|| true)
}

/// As [`calibrate`], broken off between two steps where `goes_on` says no.
///
/// # Errors
/// Where there is no calibration, and why.
pub fn calibrate_while(
    groups: &[&[Picture]],
    pattern: &Pattern,
    options: &Options,
    executor: &dyn Executor,
    goes_on: &GoesOn<'_>,
) -> Result<Outcome, TargetError> {
    let extent = common_extent(groups)?;
    let (mut works, mut frame, mut curve) = (Vec::new(), 1, options.curve);
    for group in groups.iter().filter(|group| !group.is_empty()) {
        let work = position(group, frame, pattern, curve, executor, goes_on)?;
        // The camera's curve is found once.
        curve = Some(work.view.curve);
        works.push(work);
        frame += group.len();
    }
    conclude(extent, &mut works, options, executor, goes_on)
}

fn common_extent(groups: &[&[Picture]]) -> Result<Extent, TargetError> {
    let mut frames = groups.iter().flat_map(|group| group.iter()).map(Picture::extent).enumerate();
    let (_, expected) = frames.next().ok_or(TargetError::NoFrames)?;
    match frames.find(|(_, extent)| *extent != expected) {
        Some((index, is)) => Err(TargetError::Extents { frame: index + 1, is, expected }),
        None => Ok(expected),
    }
}

/// Finds the target in a group of frames, pools them, and refines what is known of the position.
fn position<'a>(
    group: &[Picture],
    number: usize,
    pattern: &'a Pattern,
    curve: Option<Curve>,
    executor: &dyn Executor,
    goes_on: &GoesOn<'_>,
) -> Result<Work<'a>, TargetError> {
    let found =
        found_in(group, pattern).map_err(|error| TargetError::Find { frame: number, error })?;
    let window = Window::around(group[0].extent(), &found.geometry, pattern);
    let runs = window.inner(&found.geometry, pattern, FIRST_SIDE / 2 + 1);
    let (samples, expected) = (count(&runs), 4 * FIRST_SIDE * FIRST_SIDE);
    if samples < expected {
        return Err(TargetError::TooFew { frame: number, samples, expected });
    }
    let pool = Pool::new(group, &window, &runs);
    if pool.frames.is_empty() {
        let is_white = pool.at_white > pool.at_black;
        let (share, colour) =
            if is_white { (pool.at_white, "white") } else { (pool.at_black, "black") };
        return Err(TargetError::Clipped { frame: number, share: 100.0 * share, colour });
    }
    let first = curve.unwrap_or(Curve::Known(Transfer::Srgb));
    let view =
        View::new(pattern, found.geometry.clone(), window, pool.mean.clone(), first, executor);
    let mut view = view.ok_or(TargetError::Undetermined)?;
    let refined = refine(&mut view, curve.is_none(), executor, goes_on);
    still_wanted(goes_on)?;
    refined.ok_or(TargetError::Undetermined)?;
    Ok(Work { view, pool, found })
}

/// The target in the first frame that shows it, of the first, one in the middle, and the last.
fn found_in(group: &[Picture], pattern: &Pattern) -> Result<Found, FindError> {
    let found = find(&luma(&group[0]), pattern);
    let others = [group.len() / 2, group.len() - 1];
    others.into_iter().fold(found, |found, index| match found {
        Err(error) if index > 0 => find(&luma(&group[index]), pattern).map_err(|_| error),
        found => found,
    })
}

/// The PSFs of all positions together, and what is known of them.
fn conclude(
    extent: Extent,
    works: &mut [Work<'_>],
    options: &Options,
    executor: &dyn Executor,
    goes_on: &GoesOn<'_>,
) -> Result<Outcome, TargetError> {
    let side = works.iter().map(|work| work.view.side).max().unwrap_or(FIRST_SIDE);
    works.iter_mut().for_each(|work| work.view.resize(side));
    let noise = deviations(works);
    let sums = Sums::new(works, executor).ok_or(TargetError::Undetermined)?;
    still_wanted(goes_on)?;
    let lambda = sums.smoothness().ok_or(TargetError::Undetermined)?;
    let solved = sums.solve(lambda).ok_or(TargetError::Undetermined)?;
    still_wanted(goes_on)?;
    let (psfs, coverage) = if options.grid == (1, 1) {
        let wanted = (4 * side * side) as f64;
        (vec![solved.psf.clone()], vec![(sums.whole.count / wanted).min(1.0)])
    } else {
        grid(extent, works, options.grid, &solved.psf, lambda, executor)
            .ok_or(TargetError::Undetermined)?
    };
    let curve = works[0].view.curve;
    let mut outcome = Outcome {
        blur: blur(psfs, side, options.grid.0)?,
        curve,
        noise: noise.noise(curve),
        sigma: GrayLevels::saturating(255.0 * noise.mean_variance().sqrt()),
        residual_over_sigma: (solved.held_out / expected(works, &noise)).sqrt(),
        repeatability: solved.repeatability,
        negative_lobe: negative_lobe(&solved.free),
        positions: works.iter().map(Work::position).collect(),
        coverage,
        verdicts: Vec::new(),
    };
    let lobe_of_noise = solved.repeatability / side as f64;
    // Noise that fills a frame tells of a blur however fine it is; a ring does not.
    let least_cell = if works[0].view.pattern.has_ring() { LEAST_CELL } else { 0.0 };
    let border = border(&solved.psf, side, 0);
    outcome.verdicts = outcome.verdicts(least_cell, side, lobe_of_noise, border);
    Ok(outcome)
}

fn blur(psfs: Vec<Vec<f64>>, side: usize, columns: usize) -> Result<Blur, TargetError> {
    let extent = Extent::new(side, side);
    let psf = |samples| Psf::new(Plane::from_samples(extent, samples).unwrap_or_default());
    let mut psfs = psfs.into_iter().map(psf).collect::<Result<Vec<_>, _>>()?;
    Ok(match psfs.len() {
        1 => Blur::Uniform(psfs.remove(0)),
        _ => Blur::Field(Field::new(columns, psfs)?),
    })
}

impl Work<'_> {
    fn position(&self) -> Position {
        let extent = self.view.window.extent();
        Position {
            found: self.found.clone(),
            geometry: self.view.geometry.clone(),
            light: self.view.illumination.at(extent.width / 2, extent.height / 2),
            used: self.pool.frames.len(),
            moved: self.pool.moved,
            clipped: self.pool.clipped,
        }
    }
}

/// The noise of encoded samples: from differences of frames, else from what is left unexplained.
fn deviations(works: &[Work<'_>]) -> Deviations {
    let mut noise = Deviations::new();
    for Work { view, pool, .. } in works {
        noise.add_frames(&pool.frames, &pool.mean, &view.runs());
    }
    if works.iter().all(|work| work.pool.frames.len() < 2) {
        for Work { view, .. } in works {
            let runs = view.runs();
            let expected = view.expected(&runs);
            noise
                .add(&runs, &view.seen, |x, y| f64::from(view.seen.row(y)[x] - expected.row(y)[x]));
        }
    }
    noise
}

/// Mean variance of the share of white that noise alone would leave.
fn expected(works: &[Work<'_>], noise: &Deviations) -> f64 {
    let (mut sum, mut samples) = (0.0, 0.0);
    for Work { view, pool, .. } in works {
        for run in view.runs() {
            for x in run.columns {
                let encoded = f64::from(view.seen.row(run.row)[x]);
                let (black, white) = view.illumination.at(x, run.row);
                let gain = view.curve.slope(encoded) / (white - black).max(1e-3);
                sum += noise.at(encoded) * gain * gain / pool.frames.len() as f64;
                samples += 1.0;
            }
        }
    }
    (sum / f64::max(samples, 1.0)).max(f64::MIN_POSITIVE)
}

/// The normal equations of all positions: of two halves of the target, of all of it, and of all of
/// it in two halves of the frames.
struct Sums {
    /// The PSF as the first position knows it.
    near: Vec<f64>,
    bands: [Equations; 2],
    whole: Equations,
    halves: Option<[Equations; 2]>,
}

/// The solution of the normal equations and how sure it is.
struct Solved {
    psf: Vec<f64>,
    free: Vec<f64>,
    held_out: f64,
    repeatability: f64,
}

/// Sums over several positions.
fn pooled<T: Clone>(parts: impl Iterator<Item = T>, add: impl Fn(&mut T, &T)) -> Option<T> {
    parts.reduce(|mut sum, part| {
        add(&mut sum, &part);
        sum
    })
}

impl Sums {
    fn new(works: &[Work<'_>], executor: &dyn Executor) -> Option<Self> {
        let runs: Vec<[Vec<Run>; 2]> =
            works.iter().map(|work| bands(&work.view.most_runs())).collect();
        let gram = |band: usize| {
            let parts =
                works.iter().zip(&runs).map(|(work, runs)| work.view.gram(&runs[band], executor));
            pooled(parts, Gram::add)
        };
        let moments = |band: usize, seen: &dyn Fn(&Pool) -> Option<Plane<f32>>| {
            let parts = works.iter().zip(&runs).filter_map(|(work, runs)| {
                Some(work.view.moments(&seen(&work.pool)?, &runs[band]))
            });
            pooled(parts, Moments::add)
        };
        let both = |seen: &dyn Fn(&Pool) -> Option<Plane<f32>>| {
            let mut sum = moments(0, seen)?;
            sum.add(&moments(1, seen)?);
            Some(sum)
        };
        let grams = [gram(0)?, gram(1)?];
        let mut whole = grams[0].clone();
        whole.add(&grams[1]);
        let mean = |pool: &Pool| Some(pool.mean.clone());
        let half = |index: usize| {
            move |pool: &Pool| pool.halves.as_ref().map(|halves| halves[index].clone())
        };
        let all_halved = works.iter().all(|work| work.pool.halves.is_some());
        let halves = if all_halved {
            Some([whole.equations(&both(&half(0))?), whole.equations(&both(&half(1))?)])
        } else {
            None
        };
        let bands =
            [grams[0].equations(&moments(0, &mean)?), grams[1].equations(&moments(1, &mean)?)];
        let near = works[0].view.psf.clone();
        Some(Self { near, bands, whole: whole.equations(&both(&mean)?), halves })
    }

    /// Mean square that the PSFs of each half of the target leave unexplained in the other.
    fn held_out(&self, lambda: f64) -> Option<f64> {
        let ([a, b], near) = (&self.bands, Some(&self.near[..]));
        let (of_a, of_b) = (a.non_negative(lambda, near)?, b.non_negative(lambda, near)?);
        Some((a.residual(&of_b) * a.count + b.residual(&of_a) * b.count) / (a.count + b.count))
    }

    fn smoothness(&self) -> Option<f64> {
        let tried = SMOOTHNESS.iter().filter_map(|&lambda| Some((self.held_out(lambda)?, lambda)));
        tried.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, lambda)| lambda)
    }

    fn solve(&self, lambda: f64) -> Option<Solved> {
        let psf = normalised(self.whole.non_negative(lambda, Some(&self.near))?)?;
        let [a, b] = self.halves.as_ref().unwrap_or(&self.bands);
        let half = |equations: &Equations| normalised(equations.non_negative(lambda, Some(&psf))?);
        Some(Solved {
            repeatability: difference(&half(a)?, &half(b)?),
            free: self.whole.unbounded(lambda)?,
            held_out: self.held_out(lambda)?,
            psf,
        })
    }
}

/// The PSF of the whole frame as wide as explains a cell best: lenses are softer towards the corners, and
/// otherwise much alike.
fn fitting(whole: &[f64], side: usize, cell: &Equations) -> Option<Vec<f64>> {
    let whole = Plane::from_samples(Extent::new(side, side), whole.to_vec())?;
    let whole = Psf::new(whole).ok()?;
    let scaled = (-WIDTHS..=WIDTHS).filter_map(|step| {
        let psf = whole.scaled((f64::from(step) * WIDTH_STEP).exp()).ok()?;
        Some(psf.samples().samples().to_vec())
    });
    scaled.min_by(|a, b| cell.residual(a).total_cmp(&cell.residual(b)))
}

/// How much wider or narrower than that of the whole frame the PSF of a cell may be: steps of the
/// logarithm on either side.
const WIDTHS: i32 = 16;
const WIDTH_STEP: f64 = 0.03;

/// The PSF of each cell of a grid, and how well each was seen; a cell that was not seen has the PSF
/// of the whole frame.
fn grid(
    extent: Extent,
    works: &[Work<'_>],
    cells: (usize, usize),
    whole: &[f64],
    lambda: f64,
    executor: &dyn Executor,
) -> Option<(Vec<Vec<f64>>, Vec<f64>)> {
    let side = works[0].view.side;
    let wanted = (4 * side * side) as f64;
    let cells = Window::parts(extent, cells).map(|part| {
        let seen: Vec<_> = works
            .iter()
            .map(|work| (&work.view, work.view.window.within(&work.view.runs(), &part)))
            .filter(|(_, runs)| !runs.is_empty())
            .collect();
        let grams = seen.iter().map(|(view, runs)| view.gram(runs, executor));
        let Some(gram) = pooled(grams, Gram::add) else {
            return Some((padded(whole, side, side), 0.0));
        };
        let moments = seen.iter().map(|(view, runs)| view.moments(&view.seen, runs));
        let mut equations = gram.equations(&pooled(moments, Moments::add)?);
        let prior = fitting(whole, side, &equations)?;
        equations.lean(&prior, PRIOR * wanted);
        let psf = normalised(equations.non_negative(lambda, Some(&prior))?)?;
        Some((psf, (gram.count() / wanted).min(1.0)))
    });
    cells.collect::<Option<Vec<_>>>().map(|cells| cells.into_iter().unzip())
}

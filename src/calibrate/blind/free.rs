//! A blur of no family: pooled L0 gradients, from coarse to fine.
//!
//! At each scale, sharp pictures and kernel in turn: [`latent`](super::latent) makes a sharp picture of
//! each window for the kernel so far, [`kernel`](super::kernel) the kernel that makes blurred ones of all of
//! them. The strength of the prior falls from round to round: the first rounds find where the light
//! went, the last how much of it. The problem has many minima. So several starts go down together, at
//! strengths that suit one picture or another, and the pooled objective
//! `sum_i |k * u_i - y_i|^2 + lambda |grad u_i|_0` decides between them.

use super::kernel::{Moments, cleaned, normalised, resized};
use super::latent::Level;
use crate::executor::{Executor, for_all};
use crate::frame::{Extent, Plane};

/// From one scale to the next.
const SHRINK: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// Strengths of the prior in the first round of a scale, and the factor by which it falls.
const STRENGTHS: [f64; 3] = [2e-3, 1.4e-3, 3e-3];
const FALL: f64 = 1.4;
const ROUNDS: i32 = 8;

/// Strength of the prior in the objective.
const LAMBDA: f64 = 2e-3;

/// What of a kernel is taken for nothing, against its maximum: on the way, and at the end.
const FAINT: f32 = 0.03;
const FAINTEST: f32 = 0.02;

/// Starts that go on past half the scale, where there are many windows to work on.
const FINALISTS: usize = 3;

/// Windows up to which all starts go on to the end.
const FEW: usize = 2;

/// Where a search begins: a kernel, and the first strength of the prior.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) kernel: Plane<f32>,
    pub(super) strength: f64,
}

/// A kernel on its way.
#[derive(Debug, Clone)]
struct Run {
    start: Start,
    kernel: Plane<f32>,
    objective: f64,
}

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) kernel: Plane<f32>,
    /// From where.
    pub(super) start: Start,
}

/// Hears which share of the work is done; `false` stops it.
pub(super) type Tell<'a> = dyn Fn(f64) -> bool + Sync + 'a;

/// Impulses spread over two samples, side by side and one above the other, and the kernels `given`, at
/// each strength.
pub(super) fn starts(given: &[Plane<f32>]) -> Vec<Start> {
    let pair = |wide: bool| {
        Plane::from_fn(Extent::new(3, 3), |x, y| {
            let (along, across) = if wide { (x, y) } else { (y, x) };
            if across == 1 && along < 2 { 0.5 } else { 0.0 }
        })
    };
    let kernels = [pair(true), pair(false)].into_iter().chain(given.iter().cloned());
    let at_each = |kernel: Plane<f32>| {
        STRENGTHS.map(|strength| Start { kernel: kernel.clone(), strength }).into_iter()
    };
    kernels.flat_map(at_each).collect()
}

/// The kernel of `side` samples of least objective that is reached from one of the starts; `None`
/// where the search was stopped.
pub(super) fn search(
    windows: &[Plane<f32>],
    side: usize,
    starts: Vec<Start>,
    executor: &dyn Executor,
    tell: &Tell<'_>,
) -> Option<Found> {
    let begin =
        |start: Start| Run { kernel: start.kernel.clone(), start, objective: f64::INFINITY };
    let mut runs: Vec<Run> = starts.into_iter().map(begin).collect();
    let sides = sides(side);
    for (step, &n) in sides.iter().enumerate() {
        // The last scales take most of the time.
        if !tell(0.5_f64.powi(i32::try_from(sides.len() - step).unwrap_or(0))) {
            return None;
        }
        let level = Level::new(windows, n as f64 / side as f64, n);
        for_all(executor, runs.iter_mut(), &|run| descend(&level, run, n == side, executor));
        if n == side || windows.len() > FEW && 2 * n >= side && runs.len() > FINALISTS {
            for_all(executor, runs.iter_mut(), &|run| {
                run.objective = objective(&level, run, executor)
            });
            runs.sort_by(|a, b| a.objective.total_cmp(&b.objective));
            runs.truncate(FINALISTS);
        }
    }
    let best = runs.into_iter().next()?;
    Some(Found { kernel: best.kernel, start: best.start })
}

/// Sides of the kernel from coarse to fine.
fn sides(side: usize) -> Vec<usize> {
    let mut sides = vec![side];
    while let Some(&last) = sides.last().filter(|&&last| last > 5) {
        let mut smaller = last;
        while smaller as f64 > last as f64 * SHRINK {
            smaller -= 2;
        }
        sides.push(smaller.max(3));
    }
    sides.reverse();
    sides
}

/// The rounds of one scale.
fn descend(level: &Level, run: &mut Run, last: bool, executor: &dyn Executor) {
    let factor = level.side as f64 / run.kernel.extent().width as f64;
    let mut kernel = resized(&run.kernel, level.side, factor);
    for round in 0..ROUNDS {
        let strength = run.start.strength * FALL.powi(-round);
        kernel = cleaned(
            better(level, &kernel, strength, executor),
            if last { FAINTEST } else { FAINT },
        );
    }
    run.kernel = kernel;
}

/// One round: sharp pictures for a kernel, and the kernel for these.
fn better(
    level: &Level,
    kernel: &Plane<f32>,
    strength: f64,
    executor: &dyn Executor,
) -> Plane<f32> {
    let mut parts: Vec<Option<Moments>> = vec![None; level.windows.len()];
    for_all(executor, level.windows.iter().zip(&mut parts), &|(window, part)| {
        *part = Some(Moments::of(window, &window.latent(kernel, strength), level.side));
    });
    let sum = Moments::sum(parts.into_iter().flatten().collect());
    sum.map_or_else(|| kernel.clone(), |moments| moments.kernel(kernel))
}

/// The pooled objective of a run's kernel.
fn objective(level: &Level, run: &Run, executor: &dyn Executor) -> f64 {
    let mut costs = vec![0.0; level.windows.len()];
    for_all(executor, level.windows.iter().zip(&mut costs), &|(window, cost)| {
        *cost = window.cost(&run.kernel, &window.latent(&run.kernel, LAMBDA), LAMBDA);
    });
    costs.iter().sum()
}

/// How alike two kernels of one side are, from 0 to 1: their correlation, one moved against the other
/// by up to two samples.
pub(super) fn alike(a: &Plane<f32>, b: &Plane<f32>) -> f64 {
    let norm = |k: &Plane<f32>| k.samples().iter().map(|s| f64::from(s * s)).sum::<f64>().sqrt();
    let Extent { width, height } = a.extent();
    let product = |dx: usize, dy: usize| -> f64 {
        let row = |y: usize| b.row((y + height + dy - 2) % height);
        let line = |y: usize| -> f64 {
            let pairs = a.row(y).iter().enumerate();
            pairs.map(|(x, s)| f64::from(s * row(y)[(x + width + dx - 2) % width])).sum()
        };
        (0..height).map(line).sum()
    };
    let products = (0..25).map(|shift| product(shift % 5, shift / 5));
    products.fold(0.0, f64::max) / (norm(a) * norm(b)).max(1e-12)
}

/// A PSF as a start.
pub(super) fn as_start(psf: &crate::optics::Psf, side: usize) -> Plane<f32> {
    let (x0, y0) = (psf.radius().0, psf.radius().1);
    normalised(Plane::from_fn(Extent::new(side, side), |x, y| {
        let (x, y) = ((x + x0).wrapping_sub(side / 2), (y + y0).wrapping_sub(side / 2));
        let inside = x < psf.extent().width && y < psf.extent().height;
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        if inside { psf.samples().row(y)[x] as f32 } else { 0.0 }
    }))
}

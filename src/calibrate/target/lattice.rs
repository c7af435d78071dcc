//! Where the lattice of the samples lies on a blur that is finer than they are.
//!
//! A shift of the target and one of a smooth PSF are the same thing, and the PSF's centroid decides.
//! Of a fine stroke they are not: its samples are positive where the lattice lies on the stroke, and
//! have negative ones beside them elsewhere, which the bound at zero takes away; and a sharp edge
//! between samples is not a shifted one on them. So shifts by parts of a sample are tried, on the
//! rows in the middle of the target.

use super::geometry::Point;
use super::regression::{Gram, Moments};
use super::render::render;
use super::view::{ROUGH, View};
use super::window::{Run, Window, middle};
use crate::executor::{Executor, Sequential, for_chunks};
use crate::frame::Plane;

/// By how much what is left unexplained must differ between shifts, for one to be better.
const MATTERS: f64 = 1.05;
/// Samples for each of the PSF's.
const SAMPLES: usize = 6;

/// Rows of a view on which shifts are tried.
struct Trial<'a> {
    view: &'a View<'a>,
    part: Window,
    runs: Vec<Run>,
    evened: Plane<f32>,
}

/// The shift right and down, in samples, by which the target must be taken to be seen for the PSF
/// to be explained best; `None` where it does not matter.
pub(super) fn finest(view: &View<'_>, executor: &dyn Executor) -> Option<Point> {
    let trial = Trial::new(view)?;
    let tried = trial.all(&grid(0.5), executor);
    let (least, most) = (best(&tried)?, tried.iter().map(|(value, _)| *value).fold(0.0, f64::max));
    if most < MATTERS * least.0 {
        return None;
    }
    let mut least = best(&trial.all(&grid(0.25), executor))?;
    for step in [0.125, 0.06] {
        let [x, y] = least.1;
        let steps = [-step, 0.0, step];
        let around = steps.iter().flat_map(|dy| steps.map(|dx| [x + dx, y + dy]));
        least = best(&trial.all(&around.collect::<Vec<_>>(), executor))?;
    }
    // The first is that of no shift.
    (tried[0].0 > MATTERS * least.0).then_some(least.1)
}

/// Shifts in steps, from none up to less than one sample each way, about none.
fn grid(step: f64) -> Vec<Point> {
    let steps = || {
        (0..4)
            .map(|k| f64::from(k) * step)
            .filter(|&k| k < 1.0)
            .map(|k| if k > 0.5 { k - 1.0 } else { k })
    };
    steps().flat_map(|y| steps().map(move |x| [x, y])).collect()
}

fn best(tried: &[(f64, Point)]) -> Option<(f64, Point)> {
    tried.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0))
}

impl<'a> Trial<'a> {
    fn new(view: &'a View<'a>) -> Option<Self> {
        let reach = view.side / 2;
        let runs = middle(view.runs(), SAMPLES * view.side * view.side);
        let first = runs.first()?.row.checked_sub(reach)?;
        let last = runs.last()?.row + reach;
        let evened = view.illumination.evened(&view.light(), &runs);
        let top = view.window.rows.start;
        let part =
            Window { columns: view.window.columns.clone(), rows: top + first..top + last + 1 };
        let mut rows = Plane::new(part.extent(), 0.0);
        rows.copy_window(&evened, 0, first);
        let runs = runs.into_iter().map(|run| Run { row: run.row - first, ..run }).collect();
        Some(Self { view, part, runs, evened: rows })
    }

    /// What each of the shifts leaves unexplained.
    fn all(&self, shifts: &[Point], executor: &dyn Executor) -> Vec<(f64, Point)> {
        let mut tried: Vec<(f64, Point)> =
            shifts.iter().map(|&shift| (f64::INFINITY, shift)).collect();
        for_chunks(executor, &mut tried, 1, &|_, tried| {
            for (value, shift) in tried {
                *value = self.unexplained(*shift).unwrap_or(f64::INFINITY);
            }
        });
        tried
    }

    fn unexplained(&self, shift: Point) -> Option<f64> {
        let (view, side) = (self.view, self.view.side);
        let sharp = render(view.pattern, &view.geometry.shifted(shift), &self.part, &Sequential);
        let gram = Gram::new(&sharp, &self.runs, side, &Sequential);
        let equations = gram.equations(&Moments::new(&sharp, &self.evened, &self.runs, side));
        Some(equations.residual(&equations.non_negative(ROUGH, Some(&view.psf))?))
    }
}

//! From a target just found to its blur: the rounds in which geometry, light, curve and PSF are
//! refined by each other.

use super::curve::Curve;
use super::lattice::finest;
use super::psf::{border, border_of_noise};
use super::regression::Gram;
use super::view::View;
use super::window::{Run, count};
use crate::executor::Executor;

/// Rounds of registration: the target stands still to a hundredth of a sample after three.
const ROUNDS: usize = 5;
/// The round in which the curve is looked for: the target then lies near where it is.
const ROUND_OF_CURVE: usize = 2;
/// The target stands still when it moves by less in a round, in samples.
const STILL: f64 = 0.03;
/// The most samples on a side of a PSF.
pub(super) const MOST_SIDE: usize = 45;
/// The part of the PSF that its border may hold, unless noise alone leaves as much there.
const MOST_BORDER: f64 = 0.01;
/// The part of a PSF that is given up for less room; of noise, all.
const LEAST_BORDER: f64 = 0.003;
/// By how much a border must hold more than noise leaves there on the average: of a border of 56
/// samples, one in a hundred holds that much by chance.
const CHANCE: f64 = 1.5;
/// By how much less a power must leave unexplained than a standard, in variance.
const MARGIN: f64 = 0.98;

/// Refines the view until the target stands still; `None` where its samples do not determine it, or
/// where `goes_on` says no between two rounds. The curve is looked for where `is_open`.
pub(super) fn refine(
    view: &mut View<'_>,
    is_open: bool,
    executor: &dyn Executor,
    goes_on: &dyn Fn() -> bool,
) -> Option<()> {
    for round in 0..ROUNDS {
        goes_on().then_some(())?;
        let Fit { gram, runs, uncertainty } = fit(view, executor)?;
        if is_open && round == ROUND_OF_CURVE {
            view.curve = best_curve(view, &gram, &runs)?;
        }
        let moved = view.register(executor)?;
        if round > 0 {
            shrink(view, uncertainty);
        }
        if round > ROUND_OF_CURVE && moved < STILL {
            break;
        }
    }
    fit(view, executor)?;
    if let Some(shift) = finest(view, executor) {
        view.is_centred = false;
        view.shift(shift, executor);
        view.resize(view.side + 2);
        for _ in 0..3 {
            goes_on().then_some(())?;
            fit(view, executor)?;
            view.register(executor)?;
        }
    }
    fit(view, executor).map(|_| ())
}

/// The sums that a PSF was solved from, and the deviation of each of its samples.
struct Fit {
    gram: Gram,
    runs: Vec<Run>,
    uncertainty: f64,
}

/// Solves for the PSF, in more room as long as it needs it.
fn fit(view: &mut View<'_>, executor: &dyn Executor) -> Option<Fit> {
    loop {
        let runs = view.few_runs();
        let gram = view.gram(&runs, executor);
        let equations = view.resolve(&gram, &runs)?;
        // With a ring black and white are known beside the noise: a border that noise fills adds
        // nothing to the rest, and takes nothing from it.
        let is_all_noise = !view.pattern.has_ring();
        let uncertainty = if is_all_noise { equations.uncertainty(&view.psf) } else { 0.0 };
        let border = border(&view.psf, view.side, 0);
        let most = MOST_BORDER.max(CHANCE * border_of_noise(uncertainty, view.side, 0));
        // What lies far out takes large steps.
        let next = (view.side + if border > 0.1 { 12 } else { 6 }).min(MOST_SIDE);
        view.resize(next);
        let has_room = count(&view.few_runs()) >= 4 * next * next;
        if border <= most || gram.side() == MOST_SIDE || !has_room {
            view.resize(gram.side());
            return Some(Fit { gram, runs, uncertainty });
        }
    }
}

/// Takes room from the PSF that it does not need.
fn shrink(view: &mut View<'_>, uncertainty: f64) {
    let mut inwards = 0;
    let is_nothing = |inwards| {
        let least = LEAST_BORDER.max(border_of_noise(uncertainty, view.side, inwards));
        border(&view.psf, view.side, inwards) < least
    };
    while view.side > 2 * inwards + 7 && is_nothing(inwards) {
        inwards += 1;
    }
    // The border itself stays, as that which holds nothing.
    let side = view.side - 2 * inwards.saturating_sub(1);
    view.resize(side.max(9));
}

/// The curve under which the least is left unexplained in the encoded samples; a standard one where
/// no power is clearly better.
pub(super) fn best_curve(view: &View<'_>, gram: &Gram, runs: &[Run]) -> Option<Curve> {
    let tried = Curve::candidates()
        .filter_map(|curve| Some((curve, unexplained(view, curve, gram, runs)?)));
    let tried: Vec<(Curve, f64)> = tried.collect();
    let least = |is: &dyn Fn(Curve) -> bool| {
        let fitting = tried.iter().copied().filter(|(curve, _)| is(*curve));
        fitting.min_by(|a, b| a.1.total_cmp(&b.1))
    };
    let standard = least(&|curve| matches!(curve, Curve::Known(_)))?;
    let any = least(&|_| true)?;
    Some(if any.1 < MARGIN * standard.1 { any.0 } else { standard.0 })
}

/// Mean square of what the view leaves unexplained in the encoded samples, were `curve` theirs.
fn unexplained(view: &View<'_>, curve: Curve, gram: &Gram, runs: &[Run]) -> Option<f64> {
    let mut view = View { curve, ..view.clone() };
    view.relight()?;
    view.resolve(gram, runs)?;
    view.relight()?;
    Some(view.residual(runs))
}

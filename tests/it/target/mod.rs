//! Calibration from a target, on simulated photographs of it and on one real one.

pub(crate) mod photograph;
mod finding;
mod gathering;
mod accuracy;
mod failures;

use deblurd::calibrate::target::{Outcome, Point};
use deblurd::frame::{Extent, Plane};
use deblurd::optics::{Blur, Psf};

use crate::support::shared_data;

/// The PSF of a formula, or of a file of the data beside the project.
pub(crate) fn psf(name: &str) -> Psf {
    match Psf::from_formula(name) {
        Some(psf) => psf.expect("a PSF"),
        None => {
            let bytes = std::fs::read(shared_data().join(name)).expect("a file");
            Psf::from_bytes(&bytes).expect("a PSF")
        }
    }
}

/// The one PSF that was found.
fn uniform(outcome: &Outcome) -> &Psf {
    match &outcome.blur {
        Blur::Uniform(psf) => psf,
        Blur::Field(_) => panic!("one PSF was asked for"),
    }
}

/// Relative distance `|found - truth| / |truth|`, at the best shift between them: a PSF and a target
/// that shift against each other are the same picture.
pub(crate) fn error(found: &Psf, truth: &Psf) -> f64 {
    let side = [found, truth].map(|psf| psf.extent().width.max(psf.extent().height));
    let side = side[0].max(side[1]) + 8;
    let (found, truth) = (centred(found, side), centred(truth, side));
    let (a, b) = (centroid(&found), centroid(&truth));
    let at = |shift: Point| {
        let moved = moved(&truth, shift);
        let pairs = || found.samples().iter().zip(moved.samples());
        let apart: f64 = pairs().map(|(a, b)| (a - b).powi(2)).sum();
        (apart / pairs().map(|(_, b)| b * b).sum::<f64>()).sqrt()
    };
    let mut best = [a[0] - b[0], a[1] - b[1]];
    let (mut least, mut step) = (at(best), 0.25);
    while step > 0.002 {
        let around = [[step, 0.0], [-step, 0.0], [0.0, step], [0.0, -step]];
        let tried = around.map(|[x, y]| [best[0] + x, best[1] + y]).map(|shift| (at(shift), shift));
        let next = tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).expect("four");
        if next.0 < least { (least, best) = next } else { step /= 2.0 }
    }
    least
}

/// The PSF in the middle of a square of an odd side.
fn centred(psf: &Psf, side: usize) -> Plane<f64> {
    let Extent { width, height } = psf.extent();
    let (left, top) = (side / 2 - width / 2, side / 2 - height / 2);
    Plane::from_fn(Extent::new(side | 1, side | 1), |x, y| {
        let inside = (left..left + width).contains(&x) && (top..top + height).contains(&y);
        if inside { psf.samples().row(y - top)[x - left] } else { 0.0 }
    })
}

/// Centre of mass, in samples.
fn centroid(plane: &Plane<f64>) -> Point {
    let (mut sum, mut whole) = ([0.0; 2], 0.0);
    for (y, row) in plane.rows().enumerate() {
        for (x, k) in row.iter().enumerate() {
            sum = [sum[0] + k * x as f64, sum[1] + k * y as f64];
            whole += k;
        }
    }
    sum.map(|sum| sum / whole)
}

/// The plane moved right and down, as if it were band-limited and periodic; its sides are odd.
fn moved(plane: &Plane<f64>, [dx, dy]: Point) -> Plane<f64> {
    let side = plane.extent().width;
    let weight = |distance: f64| {
        let angle = std::f64::consts::PI * distance;
        let below = (angle / side as f64).sin();
        if below.abs() < 1e-12 { 1.0 } else { angle.sin() / (side as f64 * below) }
    };
    let weights = |shift: f64| {
        Plane::from_fn(Extent::new(side, side), |from, to| weight(to as f64 - from as f64 - shift))
    };
    let (across, down) = (weights(dx), weights(dy));
    let sum =
        |a: &[f64], b: &mut dyn Iterator<Item = f64>| a.iter().zip(b).map(|(a, b)| a * b).sum();
    let rows = Plane::from_fn(plane.extent(), |x, y| {
        sum(across.row(x), &mut plane.row(y).iter().copied())
    });
    Plane::from_fn(plane.extent(), |x, y| {
        sum(down.row(y), &mut (0..side).map(|row| rows.row(row)[x]))
    })
}

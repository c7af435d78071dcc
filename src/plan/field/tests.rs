//! Planned filters of fields beside filters of every sample's own PSF.

use super::*;
use crate::fft::Filter;
use crate::optics::natural_power;
use crate::optics::{Blur, Light};
use crate::plan::{Edges, Filters, Regulariser};
use crate::testing::{filtered, filtered_by_field, largest_difference, random_plane};

const FRAME: Extent = Extent::new(160, 112);

const SIGMA: f64 = 2.55 / 255.0;

/// Samples between those that are compared.
const STEP: usize = 13;

/// Disks whose radius grows from the centre to the corners by that factor.
fn disks(cells: usize, radius: f64, growth: f64) -> Field {
    let psf = |index: usize| {
        let place = |at: usize, side: usize| ((at as f64 + 0.5) / cells as f64 - 0.5) * side as f64;
        let [x, y] = [place(index % cells, FRAME.width), place(index / cells, FRAME.height)];
        let corner = (FRAME.width as f64 / 2.0).hypot(FRAME.height as f64 / 2.0);
        disk(radius * (1.0 + (growth - 1.0) * x.hypot(y) / corner), radius * growth)
    };
    Field::new(cells, (0..cells * cells).map(psf).collect()).expect("a grid")
}

/// A disk with the room of a wider one.
fn disk(radius: f64, room: f64) -> Psf {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
    let reach = room.ceil() as usize + 1;
    let side = 2 * reach + 1;
    let inside = |x: f64, y: f64| (radius + 0.5 - x.hypot(y)).clamp(0.0, 1.0);
    let sample = |at: usize| at as f64 - reach as f64;
    let samples = Plane::from_fn(Extent::new(side, side), |x, y| inside(sample(x), sample(y)));
    Psf::new(samples).expect("a PSF")
}

fn plan(blur: &Blur, strengths: &[f64]) -> (Framing, Filters) {
    let framing = Framing::plan(Edges::Open, FRAME, blur.extent());
    let assumed = Assumed::new(framing.outer, Regulariser::Spectral, Light(SIGMA));
    let filters = Filters::plan(blur, framing, &assumed, false, strengths);
    (framing, filters.expect("the PSFs fit"))
}

/// A plane with the mean spectrum of natural pictures, and what is seen of it through the field.
fn natural(field: &Field, framing: Framing) -> [Plane<f32>; 2] {
    // Uniform between -0.5 and 0.5 has a variance of 1/12.
    let white = |seed, deviation: f64| {
        let factor = 12.0_f64.sqrt() * deviation;
        filtered(&random_plane(framing.outer, seed), &Filter::real(framing.outer, |_| factor))
    };
    let colour = |at: usize| match at {
        0 => 0.0,
        _ => natural_power(framing.outer, at).sqrt(),
    };
    let sharp = filtered(&white(1, 1.0), &Filter::real(framing.outer, colour));
    let blurred = field.psfs().iter().map(|psf| {
        let otf = psf.otf(framing.outer).expect("it fits");
        filtered(&sharp, &Filter::complex(framing.outer, |at| otf[at]))
    });
    let (blurred, noise) = (blurred.collect::<Vec<_>>(), white(2, SIGMA));
    let seen = Plane::from_fn(framing.outer, |x, y| {
        let (u, v) = place(framing, x, y);
        let parts = field.weights_at(u, v).map(|(psf, a)| a * f64::from(blurred[psf].row(y)[x]));
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let sum = parts.iter().sum::<f64>() as f32;
        sum + noise.row(y)[x]
    });
    [sharp, seen]
}

/// Where on the frame a sample of the plane lies.
fn place(Framing { inner, outer, .. }: Framing, x: usize, y: usize) -> (f64, f64) {
    let place = |at: usize, inner: usize, outer: usize| {
        (at as f64 + 0.5 - (outer - inner) as f64 / 2.0) / inner as f64
    };
    (place(x, inner.width, outer.width), place(y, inner.height, outer.height))
}

/// How much further, in decibels, the planned Wiener estimate is from the sharp plane than the exact
/// one, at some samples of the frame. Exact is, for every sample, the filter planned for a camera
/// that has the PSF of this sample everywhere.
fn loss_db(field: &Field) -> f64 {
    let (framing, planned) = plan(&field.clone().into(), &[]);
    let [sharp, y] = natural(field, framing);
    let x_w = filtered_by_field(&y, &planned.wiener);
    let (left, top) = framing.offset();
    let (mut is, mut expected) = (0.0, 0.0);
    for row in (STEP / 2..FRAME.height).step_by(STEP).map(|row| top + row) {
        for column in (STEP / 2..FRAME.width).step_by(STEP).map(|column| left + column) {
            let (u, v) = place(framing, column, row);
            let exact = filtered_by_field(&y, &plan(&field.at(u, v).into(), &[]).1.wiener);
            let error = |x: &Plane<f32>| f64::from(x.row(row)[column] - sharp.row(row)[column]);
            is += error(&x_w).powi(2);
            expected += error(&exact).powi(2);
        }
    }
    10.0 * (is / expected).log10()
}

#[track_caller]
fn check_growing(cells: usize, radius: f64) {
    let loss = loss_db(&disks(cells, radius, 1.5));
    assert!(loss < 0.1, "{loss} dB lost");
}

#[test]
fn every_sample_is_filtered_for_its_psf() {
    check_growing(3, 2.0);
    check_growing(5, 2.0);
    check_growing(3, 3.0);
    check_growing(5, 3.0);
}

#[test]
fn a_constant_field_has_the_filters_of_its_psf() {
    let field = disks(3, 2.0, 1.0);
    let (framing, uniform) = plan(&field.psfs()[0].clone().into(), &[0.5, 5.0]);
    let [_, y] = natural(&field, framing);
    let (_, planned) = plan(&field.into(), &[0.5, 5.0]);
    let all = |filters: &Filters| -> Vec<FieldFilter> {
        [&filters.wiener].into_iter().chain(&filters.projections).cloned().collect()
    };
    for (planned, uniform) in all(&planned).iter().zip(all(&uniform)) {
        assert_eq!(planned.layers(), 1);
        assert!(
            largest_difference(&filtered_by_field(&y, planned), &filtered_by_field(&y, &uniform))
                < 1e-5
        );
    }
}

#[test]
fn wide_psfs_are_blended_as_well() {
    check_growing(3, 8.0);
    check_growing(5, 8.0);
}

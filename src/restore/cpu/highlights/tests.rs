//! Frames with lamps, and what is left of them.

use super::*;
use crate::executor::Sequential;
use crate::fft::Filter;
use crate::frame::Range;
use crate::optics::{GrayLevels, Psf, Transfer};
use crate::plan::Edges;
use crate::testing::filtered;

const EXTENT: Extent = Extent::new(150, 110);

/// A dim scene with lamps: middle, radius and light of each.
fn scene(lamps: &[(f32, f32, f32, f32)]) -> Plane<f32> {
    Plane::from_fn(EXTENT, |x, y| {
        let (x, y) = (x as f32, y as f32);
        let dim = 0.15 + 0.1 * (x / 7.0).sin() * (y / 11.0).cos();
        lamps.iter().fold(dim, |light, &(at_x, at_y, radius, lamp)| {
            let share = (radius - (x - at_x).hypot(y - at_y) + 0.5).clamp(0.0, 1.0);
            light * (1.0 - share) + lamp * share
        })
    })
}

fn clipped(light: &Plane<f32>) -> Plane<f32> {
    Plane::from_fn(EXTENT, |x, y| light.row(y)[x].min(1.0))
}

fn seen(psf: &Psf, scene: &Plane<f32>) -> Plane<f32> {
    let otf = psf.otf(EXTENT).expect("the PSF fits");
    filtered(scene, &Filter::complex(EXTENT, |index| otf[index]))
}

/// What is left of a frame, and the lamps, where there are any.
fn peeled(
    psf: &Psf,
    y: &Plane<f32>,
    executor: Arc<dyn Executor>,
) -> (Plane<f32>, Option<Plane<f32>>) {
    let (left, lamps, _) = peeled_next(&mut peel(psf, None, executor), y);
    (left, lamps)
}

/// What finds lamps, with as much time for them.
fn peel(psf: &Psf, filters_most: Option<usize>, executor: Arc<dyn Executor>) -> Peel {
    let noise = GrayLevels::new(0.5).expect("gray levels");
    let plan = Highlights::plan(&psf.clone().into(), noise, Transfer::None, Range::Full);
    let mut plan = plan.expect("a plan");
    plan.filters_most = filters_most;
    Peel::new(plan, Framing::plan(Edges::Open, EXTENT, psf.extent()), executor)
}

/// The same of the next frame of a stream, and what was done.
fn peeled_next(peel: &mut Peel, y: &Plane<f32>) -> (Plane<f32>, Option<Plane<f32>>, Lamps) {
    let (framing, (left, top)) = (peel.framing, peel.framing.offset());
    let mut plane = Plane::new(framing.outer, 0.0);
    for (at, row) in y.rows().enumerate() {
        plane.row_mut(top + at)[left..][..EXTENT.width].copy_from_slice(row);
        peel.mark(at, row);
    }
    let mut beyond = Plane::new(framing.outer, 0.0);
    let lamps = peel.run(&mut plane, &mut beyond);
    let inner = |plane: &Plane<f32>| Plane::from_fn(EXTENT, |x, y| plane.row(top + y)[left + x]);
    (inner(&plane), (lamps.tiles > 0).then(|| inner(&beyond)), lamps)
}

fn error(a: &Plane<f32>, b: &Plane<f32>) -> f64 {
    let squares = a.samples().iter().zip(b.samples()).map(|(a, b)| f64::from(a - b).powi(2));
    (squares.sum::<f64>() / EXTENT.area() as f64).sqrt()
}

fn psf(formula: &str) -> Psf {
    Psf::from_formula(formula).expect("a formula").expect("a PSF")
}

/// What is left of a frame with lamps is nearer to a frame without them than the frame was, by so
/// many times.
#[track_caller]
fn check_nearer(formula: &str, lamps: &[(f32, f32, f32, f32)], times: f64) {
    let psf = psf(formula);
    let (lit, dark) = (clipped(&seen(&psf, &scene(lamps))), seen(&psf, &scene(&[])));
    let (left, found) = peeled(&psf, &lit, Arc::new(Sequential));
    let found = found.expect("lamps");
    let (before, after) = (error(&lit, &dark), error(&left, &dark));
    assert!(times * after < before, "{formula}: {after} is left of {before}");
    let brightest = found.samples().iter().copied().fold(0.0, f32::max);
    assert!(brightest > 0.5, "{formula}: {brightest} at most was set aside");
}

#[test]
fn the_blur_of_lamps_is_taken_away() {
    let lamps = [(40.0, 50.0, 3.0, 12.0), (100.0, 30.0, 2.0, 25.0), (120.0, 90.0, 5.0, 4.0)];
    for (formula, times) in [("disk:3", 3.3), ("motion:11,30", 2.5), ("gaussian:1.6", 1.5)] {
        check_nearer(formula, &lamps, times);
    }
}

#[test]
fn wide_lamps_are_not_hollow() {
    let lamp = (60.0, 50.0, 6.0, 30.0);
    for formula in ["disk:3", "motion:9,0", "gaussian:1.6"] {
        let psf = psf(formula);
        let lit = clipped(&seen(&psf, &scene(&[lamp])));
        let found = peeled(&psf, &lit, Arc::new(Sequential)).1.expect("a lamp");
        for (x, y) in [(60, 50), (58, 50), (60, 47), (62, 52)] {
            assert!(found.row(y)[x] >= 1.0, "{formula}: {} at {x}, {y}", found.row(y)[x]);
        }
    }
}

#[test]
fn lamps_at_the_border_are_lamps() {
    check_nearer("disk:3", &[(8.0, 60.0, 3.0, 10.0), (75.0, 102.0, 3.0, 10.0)], 2.0);
}

#[test]
fn a_frame_without_light_at_white_stays_as_it_is() {
    let psf = psf("disk:3");
    let y = clipped(&seen(&psf, &scene(&[(40.0, 50.0, 3.0, 0.9)])));
    let (left, lamps) = peeled(&psf, &y, Arc::new(Sequential));
    assert_eq!(lamps, None);
    assert_eq!(left.samples(), y.samples());
}

/// Does the last part first.
#[derive(Debug)]
struct Backwards;

impl Executor for Backwards {
    fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync)) {
        (0..count).rev().for_each(part);
    }

    fn threads(&self) -> usize {
        1
    }
}

#[test]
fn the_order_of_the_tiles_does_not_change_what_is_left() {
    let psf = psf("disk:3");
    let y = clipped(&seen(&psf, &scene(&[(40.0, 50.0, 3.0, 12.0), (100.0, 80.0, 3.0, 9.0)])));
    assert_eq!(peeled(&psf, &y, Arc::new(Backwards)), peeled(&psf, &y, Arc::new(Sequential)));
}

const LAMPS: [(f32, f32, f32, f32); 2] = [(40.0, 50.0, 3.0, 12.0), (100.0, 80.0, 3.0, 9.0)];

/// In a stream with time for one tile a frame, lamps at rest are taken away as in a picture by and by.
#[test]
fn what_waits_is_found_in_later_frames() {
    let psf = psf("disk:3");
    let y = clipped(&seen(&psf, &scene(&LAMPS)));
    let at_once = peeled(&psf, &y, Arc::new(Sequential));
    let mut peel = peel(&psf, Some(1), Arc::new(Sequential));
    let mut waiting = usize::MAX;
    while waiting > 0 {
        let (left, found, Lamps { tiles, postponed }) = peeled_next(&mut peel, &y);
        assert_eq!(postponed, waiting.min(tiles) - 1, "one more is done in each frame");
        waiting = postponed;
        if waiting == 0 {
            assert_eq!((left, found), at_once);
        }
    }
    assert_eq!(peeled_next(&mut peel, &y).2.postponed, 0, "it is known");
    peel.forget();
    assert!(peeled_next(&mut peel, &y).2.postponed > 0, "it is forgotten");
}

#[test]
fn lamps_that_move_are_found_anew() {
    let psf = psf("disk:3");
    let moved = LAMPS.map(|(x, y, radius, light)| (x + 5.0, y, radius, light));
    let [one, other] = [LAMPS, moved].map(|lamps| clipped(&seen(&psf, &scene(&lamps))));
    let mut peel = peel(&psf, Some(usize::MAX), Arc::new(Sequential));
    peeled_next(&mut peel, &one);
    let dark = seen(&psf, &scene(&[]));
    let (left, ..) = peeled_next(&mut peel, &other);
    let (before, after) = (error(&other, &dark), error(&left, &dark));
    assert!(3.0 * after < before, "{after} is left of {before}");
}

/// Motion along rows changes what is seen from one sample to the next by no more than a part of the light.
#[track_caller]
fn check_leaves_a_blur(length: f32, lamps: &[(f32, f32, f32, f32)]) {
    let psf = psf(&format!("motion:{length},0"));
    let (left, found) = peeled(&psf, &clipped(&seen(&psf, &scene(lamps))), Arc::new(Sequential));
    assert!(found.expect("lamps").samples().iter().any(|lamp| *lamp > 0.5));
    let steps = left.rows().flat_map(|row| row.windows(2).map(|pair| (pair[1] - pair[0]).abs()));
    let step = steps.fold(0.0, f32::max);
    assert!(step < 1.25 / length, "{length}: {step}");
}

#[test]
fn tiles_leave_no_edges_where_they_meet() {
    for length in [9.0, 15.0] {
        check_leaves_a_blur(length, &[(60.0, 50.0, 24.0, 3.0), (120.0, 60.0, 14.0, 20.0)]);
        check_leaves_a_blur(length, &[(70.0, 50.0, 36.0, 8.0)]);
    }
}

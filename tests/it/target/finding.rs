//! The target is found wherever it is, and where nothing of use is, why.

use deblurd::calibrate::target::{Pattern, Point, find, luma};

use super::photograph::Photograph;
use super::psf;
use crate::harness::{apply, trial};

/// Finds the target, and its cells where they are to half a sample: the PSF refines that.
#[track_caller]
fn check_found(photograph: &Photograph, blur: &str) {
    let pattern = Pattern::default();
    let frame = luma(&photograph.take(&pattern, &psf(blur), 1)[0]);
    let found = find(&frame, &pattern);
    let found = found.unwrap_or_else(|error| panic!("{error}: {photograph:?} {blur}"));
    for cell in [[20.0, 40.0], [84.0, 104.0], [52.0, 72.0], [20.0, 104.0]] {
        let [x, y] = found.geometry.point(cell).expect("a point");
        let [true_x, true_y] = seen(photograph, &pattern, cell);
        let apart = (x - true_x).hypot(y - true_y);
        assert!(apart < 0.5, "cell {cell:?} is {apart} samples off: {photograph:?} {blur}");
    }
}

/// Where the target's `cell` is seen, by search: independent of what calibrates.
fn seen(photograph: &Photograph, pattern: &Pattern, cell: Point) -> Point {
    let mut point = photograph.middle;
    for _ in 0..200 {
        let found = photograph.cell(pattern.extent(), point);
        let (du, dv) = (cell[0] - found[0], cell[1] - found[1]);
        let (sin, cos) = photograph.turn.to_radians().sin_cos();
        let du = if photograph.mirrored { -du } else { du };
        point[0] += 0.7 * photograph.cell * (cos * du - sin * dv);
        point[1] += 0.7 * photograph.cell * (sin * du + cos * dv);
    }
    point
}

#[apply(trial)]
fn a_target_is_found_at_any_rotation() {
    for turn in [0.0, 45.0, 90.0, 180.0, 200.0, 275.0] {
        check_found(&Photograph { turn, ..Photograph::default() }, "disk:3");
    }
}

#[apply(trial)]
fn a_target_is_found_under_perspective_and_distortion() {
    for (tilt, bend) in [([0.4, 0.2], 0.0), ([-0.3, 0.3], -0.1), ([0.1, 0.1], 0.15)] {
        check_found(&Photograph { tilt, bend, ..Photograph::default() }, "gaussian:1.6");
    }
}

/// A third of a square: 5.6 samples of 2.1 a cell.
#[apply(trial)]
fn a_target_is_found_at_any_size_and_blur() {
    for (cell, turn, blur) in [(1.1, 7.0, "disk:2"), (2.1, 3.0, "disk:5.6"), (2.9, 95.0, "disk:7")]
    {
        check_found(&Photograph { cell, turn, ..Photograph::default() }, blur);
    }
}

//! How near the PSF, the noise and the curve come to the truth.

use deblurd::calibrate::target::{Curve, Options, Outcome, Pattern, calibrate};
use deblurd::executor::Sequential;
use deblurd::frame::Extent;
use deblurd::optics::{Blur, Psf, Transfer};

use super::photograph::Photograph;
use super::{error, psf, uniform};
use crate::harness::{apply, trial};

fn outcome(photograph: &Photograph, truth: &Psf, count: usize) -> Outcome {
    let pattern = Pattern::default();
    let frames = photograph.take(&pattern, truth, count);
    let outcome = calibrate(&[&frames], &pattern, &Options::default(), &Sequential);
    outcome.unwrap_or_else(|error| panic!("{error}: {photograph:?}"))
}

/// Calibrates from `count` photographs; the PSF is within `most` of the truth, relative L2.
#[track_caller]
fn check_psf(photograph: &Photograph, blur: &str, count: usize, most: f64) {
    let truth = psf(blur);
    let outcome = outcome(photograph, &truth, count);
    let error = error(uniform(&outcome), &truth);
    assert!(error <= most, "{blur} of {count} frames is {error:.4} off: {photograph:?}");
    assert_eq!(outcome.curve, Curve::Known(photograph.transfer), "the curve of {blur}");
    assert!(outcome.verdicts.is_empty(), "{:?}", outcome.verdicts);
    let sigma = outcome.sigma.get();
    let tolerance = if count > 1 { 0.03 } else { 0.12 };
    assert!((sigma / photograph.sigma - 1.0).abs() < tolerance, "sigma {sigma}");
    assert!((0.9..1.3).contains(&outcome.residual_over_sigma), "{}", outcome.residual_over_sigma);
}

/// In a frame of 1280x720, where a stroke of 20 samples is two thirds of a square.
fn large() -> Photograph {
    Photograph {
        extent: Extent::new(1280, 720),
        middle: [620.0, 370.0],
        cell: 3.9,
        turn: 95.0,
        ..Photograph::default()
    }
}

#[apply(trial)]
fn sixteen_frames_give_the_psf_within_three_hundredths() {
    let photograph = Photograph { extent: Extent::new(1280, 720), ..Photograph::default() };
    check_psf(&photograph, "disk:3", 16, 0.03);
    check_psf(&Photograph::default(), "gaussian:1.6", 16, 0.03);
}

#[apply(trial)]
fn one_frame_gives_the_psf_within_five_hundredths() {
    check_psf(&Photograph::default(), "disk:3", 1, 0.05);
    check_psf(&Photograph::default(), "gaussian:1.6", 1, 0.05);
}

#[apply(trial)]
#[needs(SharedData)]
fn sixteen_frames_give_a_shaken_psf_within_three_hundredths() {
    check_psf(&large(), "psf/levin/levin4_27x27.txt", 16, 0.03);
}

#[apply(trial)]
#[needs(SharedData)]
fn one_frame_gives_a_shaken_psf_within_five_hundredths() {
    check_psf(&large(), "psf/levin/levin4_27x27.txt", 1, 0.05);
}

#[apply(trial)]
fn other_curves_and_poses_do_as_well() {
    let plain = Photograph { transfer: Transfer::None, turn: 183.0, ..Photograph::default() };
    check_psf(&plain, "disk:3", 16, 0.03);
    let video =
        Photograph { transfer: Transfer::Bt709, cell: 1.5, turn: -40.0, ..Photograph::default() };
    check_psf(&video, "disk:2.5", 16, 0.03);
    check_psf(
        &Photograph { tilt: [0.3, 0.2], bend: 0.1, ..Photograph::default() },
        "disk:4",
        16,
        0.03,
    );
}

/// Two positions, of which each half of the frame sees one through another blur. A part leans on the
/// PSF of the whole frame, so it is less near than a PSF of one blur; it is its own nevertheless.
#[apply(trial)]
fn a_grid_has_the_blur_of_each_part() {
    let pattern = Pattern::default();
    let half = |x: f64| Photograph {
        middle: [x, 236.0],
        cell: 1.7,
        turn: 2.0,
        tilt: [0.0, 0.05],
        ..Photograph::default()
    };
    let blurs = [psf("disk:2"), psf("disk:3")];
    let groups =
        [half(160.0).take(&pattern, &blurs[0], 4), half(480.0).take(&pattern, &blurs[1], 4)];
    let options = Options { grid: (2, 1), ..Options::default() };
    let groups = [&groups[0][..], &groups[1][..]];
    let outcome = calibrate(&groups, &pattern, &options, &Sequential).expect("a calibration");
    let Blur::Field(field) = &outcome.blur else { panic!("a grid was asked for") };
    for (part, found) in field.psfs().iter().enumerate() {
        let (own, other) = (error(found, &blurs[part]), error(found, &blurs[1 - part]));
        assert!(own < 0.13 && own < other / 3.0, "a part is {own} off, {other} off the other's");
    }
    assert_eq!(outcome.coverage, [1.0, 1.0]);
}

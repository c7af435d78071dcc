//! How near the PSF, the noise and the curve come to the truth.

use deblurd::calibrate::target::{Curve, Options, Outcome, Pattern, calibrate, luma};
use deblurd::executor::Sequential;
use deblurd::frame::{Extent, Plane};
use deblurd::optics::{Blur, Psf, Transfer};
use deblurd::source::read_picture;

use super::photograph::Photograph;
use super::{error, psf, uniform};
use crate::harness::{apply, trial};
use crate::support::shared_data;

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

/// The PSF together with the area of a sample, both below half a cycle a sample: the PSF of programs
/// that take the pattern itself, below that frequency, for the picture without blur. Ours takes the
/// means of the pattern over samples. Each way the area is `b(n) = integral over |f| < 1/2 of
/// sinc(f) cos(2 pi f n) df`.
fn with_area(psf: &Psf) -> Psf {
    const REACH: usize = 4;
    const STEPS: usize = 1000;
    let frequencies = || (0..STEPS).map(|step| (step as f64 + 0.5) / STEPS as f64 - 0.5);
    let area = |distance: f64| {
        let part = |f: f64| {
            let turn = std::f64::consts::PI * f;
            turn.sin() / turn * (2.0 * turn * distance).cos()
        };
        frequencies().map(part).sum::<f64>() / STEPS as f64
    };
    let areas: Vec<f64> = (0..=2 * REACH).map(|k| area(k as f64 - REACH as f64)).collect();
    let Extent { width, height } = psf.extent();
    let mut whole = Plane::new(Extent::new(width + 2 * REACH, height + 2 * REACH), 0.0);
    for (y, row) in psf.samples().rows().enumerate() {
        for (x, k) in row.iter().enumerate() {
            for (j, down) in areas.iter().enumerate() {
                for (i, across) in areas.iter().enumerate() {
                    whole.row_mut(y + j)[x + i] += k * down * across;
                }
            }
        }
    }
    // Theirs is bounded at zero as well.
    whole.samples_mut().iter_mut().for_each(|k| *k = k.max(0.0));
    Psf::new(whole).expect("a PSF")
}

/// A photograph of a printed pattern of others, with the PSF that their program finds in it: that of
/// Delbracio and others, IPOL 2, 2012. Its cells are a third of a sample wide.
#[apply(trial)]
#[needs(SharedData)]
fn a_pattern_from_elsewhere_gives_the_psf_that_others_find() {
    let read =
        |name: &str| read_picture(&shared_data().join("target").join(name)).expect("a picture");
    let (cells, frame) = (luma(&read("pattern_noise.png")), read("img_example.png"));
    let pattern = Pattern::from_picture(&cells).expect("a pattern");
    let outcome = calibrate(&[&[frame]], &pattern, &Options::default(), &Sequential);
    let outcome = outcome.expect("a calibration");
    let found = uniform(&outcome);
    let error = error(&with_area(found), &psf("target/psf.txt"));
    assert!(error < 0.1, "the PSF is {error} off");
    assert_eq!(outcome.curve, Curve::Known(Transfer::None), "their camera's is linear");
    assert_eq!(outcome.verdicts, []);
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

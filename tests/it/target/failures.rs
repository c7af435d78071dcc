//! What goes wrong is said: what it is, and what would help.

use deblurd::calibrate::target::{
    Curve, FindError, Guide, Hint, Options, Pattern, TargetError, Verdict, calibrate, find, luma,
};
use deblurd::executor::Sequential;
use deblurd::frame::{Extent, Picture, PictureFormat, Plane};
use deblurd::optics::Transfer;
use deblurd::source::read_picture;

use super::photograph::Photograph;
use super::{error, psf, uniform};
use crate::harness::{apply, trial};
use crate::support::shared_data;

fn error_of(frames: &[Picture], pattern: &Pattern) -> TargetError {
    calibrate(&[frames], pattern, &Options::default(), &Sequential).expect_err("no calibration")
}

/// The error's text holds `message`, and the live guide says `hint`.
#[track_caller]
fn check_refused(frame: Picture, pattern: &Pattern, message: &str, hint: Hint) {
    let look = Guide::new(pattern).look(&luma(&frame));
    assert!(look.hints.contains(&hint), "{:?} is no {hint:?}", look.hints);
    let error = error_of(&[frame], pattern).to_string();
    assert!(error.contains(message), "{error}");
}

fn photograph(change: impl FnOnce(&mut Photograph)) -> Picture {
    let mut photograph = Photograph::default();
    change(&mut photograph);
    photograph.take(&Pattern::default(), &psf("disk:2"), 1).remove(0)
}

/// A picture of this sample everywhere.
fn flat(sample: u16) -> Picture {
    let mut picture = Picture::new(PictureFormat::gray(Extent::new(640, 480)));
    picture.planes_mut()[0].samples_mut().fill(sample);
    picture
}

#[apply(trial)]
fn pictures_without_a_target_are_refused() {
    let pattern = Pattern::default();
    for sample in [0, 128, 255] {
        check_refused(flat(sample), &pattern, "no target", Hint::ShowTarget);
    }
    // An empty scene: the stripes of the table.
    let empty = photograph(|p| p.middle = [5000.0, 232.0]);
    check_refused(empty, &pattern, "no target", Hint::ShowTarget);
    let tiny = Picture::new(PictureFormat::gray(Extent::new(3, 2)));
    check_refused(tiny, &pattern, "no target", Hint::ShowTarget);
}

#[apply(trial)]
fn targets_of_no_use_are_refused_with_the_reason() {
    let pattern = Pattern::default();
    let cut = photograph(|p| p.middle = [600.0, 232.0]);
    check_refused(cut, &pattern, "cut off", Hint::ShowAll);
    check_refused(photograph(|p| p.mirrored = true), &pattern, "mirror", Hint::Unmirror);
    check_refused(photograph(|p| p.cell = 0.75), &pattern, "too small", Hint::Nearer);
    check_refused(
        photograph(|p| p.light = (0.05, 0.09)),
        &pattern,
        "too little contrast",
        Hint::MoreLight,
    );
    check_refused(
        photograph(|_| ()),
        &Pattern::noise(5),
        "noise within is another",
        Hint::OtherTarget,
    );
}

/// Of a pattern from elsewhere: other noise, and the same in a mirror.
#[apply(trial)]
#[needs(SharedData)]
fn patterns_that_the_picture_does_not_show_are_refused() {
    let read = |name: &str| {
        luma(&read_picture(&shared_data().join("target").join(name)).expect("a picture"))
    };
    let (frame, cells) = (read("img_example.png"), read("pattern_noise.png"));
    let extent = cells.extent();
    let mirrored = Plane::from_fn(extent, |x, y| cells.row(y)[extent.width - 1 - x]);
    let mirrored = Pattern::from_picture(&mirrored).expect("a pattern");
    assert_eq!(find(&frame, &mirrored), Err(FindError::Mirrored));
    let part = Extent::new(64, 64);
    let ours = Pattern::noise(5);
    let other = Plane::from_fn(part, |x, y| ours.cells().row(y + 40)[x + 20]);
    let other = Pattern::from_picture(&other).expect("a pattern");
    let error = find(&frame, &other).expect_err("another pattern");
    assert!(matches!(error, FindError::OtherPattern { .. }), "{error}");
}

#[apply(trial)]
fn two_targets_are_refused() {
    let left = photograph(|p| (p.middle, p.cell, p.turn) = ([150.0, 232.0], 1.6, 0.0));
    let right = photograph(|p| (p.middle, p.cell, p.turn) = ([490.0, 232.0], 1.6, 0.0));
    let mut both = left;
    for (row, other) in both.planes_mut()[0].rows_mut().zip(right.planes()[0].rows()) {
        row[320..].copy_from_slice(&other[320..]);
    }
    check_refused(both, &Pattern::default(), "two targets", Hint::OneOnly);
}

#[apply(trial)]
fn clipped_frames_are_refused_and_said() {
    let bright = photograph(|p| p.light = (0.04, 1.4));
    let hints = Guide::new(&Pattern::default()).look(&luma(&bright)).hints;
    assert!(hints.contains(&Hint::LessLight), "{hints:?}");
    let error = error_of(&[bright], &Pattern::default());
    assert!(matches!(error, TargetError::Clipped { colour: "white", .. }), "{error}");
}

#[apply(trial)]
fn no_frames_and_frames_of_two_extents_are_refused() {
    let pattern = Pattern::default();
    assert_eq!(error_of(&[], &pattern), TargetError::NoFrames);
    let other = Picture::new(PictureFormat::gray(Extent::new(320, 240)));
    let error = error_of(&[flat(0), other], &pattern);
    assert!(error.to_string().contains("frame 2 has 320x240 samples"), "{error}");
    let error = error_of(&[flat(0)], &pattern);
    assert!(
        matches!(error, TargetError::Find { frame: 1, error: FindError::NoCorners }),
        "{error}"
    );
}

/// Frames in which the target moved are left out, and the others give what they would have given.
#[apply(trial)]
fn frames_in_which_the_target_moved_are_left_out() {
    let (pattern, truth) = (Pattern::default(), psf("disk:3"));
    let mut frames = Photograph::default().take(&pattern, &truth, 5);
    let moved = Photograph { middle: [330.6, 232.3], ..Photograph::default() };
    frames.insert(2, moved.take(&pattern, &truth, 1).remove(0));
    let options = Options { curve: Some(Curve::Known(Transfer::Srgb)), ..Options::default() };
    let outcome = calibrate(&[&frames], &pattern, &options, &Sequential).expect("a calibration");
    assert_eq!(outcome.verdicts, [Verdict::Moved { moved: 1, frames: 6 }]);
    assert!(error(uniform(&outcome), &truth) < 0.03, "{}", error(uniform(&outcome), &truth));
}

/// The guide sees a hand that is not still, and a focus that hunts.
#[apply(trial)]
fn the_guide_compares_frames() {
    let pattern = Pattern::default();
    let mut guide = Guide::new(&pattern);
    let frame = |x: f64, blur: &str| {
        let photograph = Photograph { middle: [x, 232.0], ..Photograph::default() };
        luma(&photograph.take(&pattern, &psf(blur), 1)[0])
    };
    assert_eq!(guide.look(&frame(330.0, "disk:2")).hints, []);
    assert_eq!(guide.look(&frame(330.0, "disk:2")).hints, []);
    assert_eq!(guide.look(&frame(332.0, "disk:2")).hints, [Hint::HoldStill]);
    assert_eq!(guide.look(&frame(332.0, "disk:3")).hints, [Hint::LockFocus]);
}

//! Frames that break the terms of the restoration: unknown borders, hot pixels, a wrong PSF. Through the
//! program, by the Wiener filter alone, which has no network to smooth things over.

use deblurd::frame::Picture;
use deblurd::frame::colour::luma;
use deblurd::restore::quality::psnr_db;
use deblurd::sink::encode_png;
use deblurd::source::read_picture;

use crate::harness::{apply, trial};
use crate::program::{Workshop, scene};

/// A sharp scene in `sharp.png` and what a camera makes of it in `blurred.png`.
fn camera(psf: &str, sigma: &str, edges: &str) -> (Workshop, Picture) {
    let workshop = Workshop::new();
    let sharp = luma(&scene(160, 130));
    workshop.write("sharp.png", encode_png(&sharp).expect("a PNG"));
    let how = ["--psf", psf, "--sigma", sigma, "--edges", edges];
    workshop.succeed(&[&["simulate", "sharp.png", "-o", "blurred.png"], how.as_slice()].concat());
    (workshop, sharp)
}

fn read(workshop: &Workshop, name: &str) -> Picture {
    read_picture(&workshop.path(name)).expect("a picture")
}

/// What `restore` makes of `input`, with these options, by the Wiener filter.
fn restored(workshop: &Workshop, input: &str, options: &[&str]) -> Picture {
    let fixed = ["restore", input, "-o", "restored.png", "--model", "none"];
    workshop.succeed(&[fixed.as_slice(), options].concat());
    read(workshop, "restored.png")
}

/// The ratios of the blurred and the restored picture where the borders are unknown and the noise is low.
#[track_caller]
fn check_borders(psf: &str) {
    let (workshop, mut sharp) = camera(psf, "0.5", "open");
    let blurred = read(&workshop, "blurred.png");
    let (is, was) = (blurred.extent(), sharp.extent());
    sharp.crop((was.width - is.width) / 2, (was.height - is.height) / 2, is);
    let options = ["--psf", psf, "--sigma", "0.5", "--guard", "false"];
    let restored = restored(&workshop, "blurred.png", &options);
    let [before, after] = [&blurred, &restored].map(|picture| psnr_db(picture, &sharp));
    assert!(after > before, "{psf}: {before:.2} dB before, {after:.2} dB after");
}

#[apply(trial)]
fn unknown_borders_do_not_poison_frames_of_little_noise() {
    ["motion:21,30", "disk:5", "motion:13,0"].into_iter().for_each(check_borders);
}

#[apply(trial)]
fn a_wrong_psf_is_held_back_and_a_right_one_is_not() {
    let (workshop, sharp) = camera("disk:3", "0.5", "circular");
    let blurred = read(&workshop, "blurred.png");
    let restore = |psf: &str, guard: &str| {
        let how = ["--psf", psf, "--sigma", "0.5", "--edges", "circular", "--guard", guard];
        restored(&workshop, "blurred.png", &how)
    };
    let ratio = |picture: &Picture| psnr_db(picture, &sharp);
    let before = ratio(&blurred);
    let (unguarded, guarded) =
        (ratio(&restore("motion:15,30", "false")), ratio(&restore("motion:15,30", "true")));
    assert!(unguarded < before - 2.0, "a wrong PSF does no harm: {before} and {unguarded} dB");
    assert!(guarded > before - 0.1, "{before} dB became {guarded} dB");
    let (unguarded, guarded) =
        (ratio(&restore("disk:3", "false")), ratio(&restore("disk:3", "true")));
    assert!(guarded > unguarded - 0.1, "the right PSF: {unguarded} dB became {guarded} dB");
}

#[apply(trial)]
fn hot_and_dead_pixels_leave_no_trace() {
    let (workshop, _) = camera("disk:3", "1", "circular");
    let mut picture = read(&workshop, "blurred.png");
    let options = ["--psf", "disk:3", "--sigma", "1", "--edges", "circular"];
    let clean = restored(&workshop, "blurred.png", &options);
    for at in 0..8 {
        picture.planes_mut()[0].row_mut(13 + 14 * at)[17 + 16 * at] =
            if at % 2 == 0 { 255 } else { 0 };
    }
    workshop.write("hot.png", encode_png(&picture).expect("a PNG"));
    let mended = restored(&workshop, "hot.png", &options);
    let apart = psnr_db(&mended, &clean);
    assert!(apart > 40.0, "hot pixels put {apart:.1} dB between what is restored");
}

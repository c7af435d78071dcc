//! Light beyond white in frames of any contrast, through the real steps.

use deblurd::frame::{Extent, Picture, PictureFormat, Plane};
use deblurd::optics::{Contrast, Psf};
use deblurd::plan::Edges;
use deblurd::restore::quality::psnr_db;

use crate::harness::{apply, trial};
use crate::restorations::{Restoration, blurred, largest_difference, restored};

/// White of a picture is so many times the white of what a camera sees of it.
const WHITES: u16 = 16;

/// A frame of half the contrast is restored as an ordinary one with twice the noise: the filters are the
/// same. Light beyond white is no part of that: it is set aside before, and comes back after.
#[apply(trial)]
fn faint_frames_with_lamps_are_restored_as_others_of_more_noise() {
    let psf = Psf::from_formula("disk:3").expect("a formula").expect("a PSF");
    let sharp = with_lamp(Extent::new(90, 70));
    let [truth, seen] = [&sharp, &blurred(&sharp, &psf)].map(clipped);
    let restore = |sigma, contrast| {
        let mut how = Restoration::for_noise(sigma).edges(Edges::Circular);
        how.options.contrast = Contrast::saturating(contrast);
        restored(&how, &psf, None, &seen)
    };
    let (is, expected) = (restore(1.0, 0.5), restore(2.0, 1.0));
    let difference = largest_difference(&is, &expected);
    assert!(difference <= 1, "{difference} of 65535 levels apart");
    let (before, after) = (psnr_db(&seen, &truth), psnr_db(&is, &truth));
    assert!(after > before, "{before} dB became {after} dB: nothing was set aside");
}

/// A dark 16-bit picture with a lamp of twelve times the camera's white.
fn with_lamp(extent: Extent) -> Picture {
    let format = PictureFormat { depth: 16, ..PictureFormat::gray(extent) };
    let mut picture = Picture::new(format);
    let middle = (extent.width as f64 / 2.0, extent.height as f64 / 2.0);
    picture.planes_mut()[0] = Plane::from_fn(extent, |x, y| {
        let (x, y) = (x as f64, y as f64);
        let dim = 0.15 + 0.1 * (x / 7.0).sin() * (y / 11.0).cos();
        let share = (3.5 - (x - middle.0).hypot(y - middle.1)).clamp(0.0, 1.0);
        let light = dim * (1.0 - share) + 12.0 * share;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let sample = (light * 65_535.0 / f64::from(WHITES)).round() as u16;
        sample
    });
    picture
}

/// What a camera sees of a picture: at most its white.
fn clipped(picture: &Picture) -> Picture {
    let mut seen = picture.clone();
    let samples = seen.planes_mut()[0].samples_mut().iter_mut();
    samples.for_each(|sample| *sample = sample.saturating_mul(WHITES));
    seen
}

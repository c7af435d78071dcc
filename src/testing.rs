//! Random planes and PSFs for the tests of this module.

use crate::fft::{Filter, RealFft2d};
use crate::frame::{Extent, Picture, PictureFormat, Plane};
use crate::optics::Psf;
use rand::{RngExt, SeedableRng};

/// Samples between -0.5 and 0.5.
pub(crate) fn random_plane(extent: Extent, seed: u64) -> Plane<f32> {
    let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
    Plane::from_fn(extent, |_, _| random.random_range(-0.5..0.5))
}

/// A PSF of `side` by `side` random samples.
pub(crate) fn random_psf(seed: u64, side: usize) -> Psf {
    let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
    let samples = Plane::from_fn(Extent::new(side, side), |_, _| random.random_range(0.0..1.0));
    Psf::new(samples).expect("positive samples")
}

/// The plane after the filter.
pub(crate) fn filtered(input: &Plane<f32>, filter: &Filter) -> Plane<f32> {
    let mut output = Plane::new(input.extent(), 0.0);
    let fft = RealFft2d::plan(input.extent());
    fft.filter(&mut fft.spectrum(1), filter, input, &mut output);
    output
}

/// The largest absolute difference of two planes of one extent.
pub(crate) fn largest_difference(a: &Plane<f32>, b: &Plane<f32>) -> f32 {
    assert_eq!(a.extent(), b.extent(), "planes of different extents");
    let pairs = a.samples().iter().zip(b.samples());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// A picture of random samples in every plane.
pub(crate) fn random_picture(format: PictureFormat, seed: u64) -> Picture {
    let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
    let mut picture = Picture::new(format);
    for plane in picture.planes_mut() {
        plane.samples_mut().iter_mut().for_each(|s| *s = random.random_range(0..=format.white()));
    }
    picture
}

//! Random planes and PSFs for the tests of this module.

use crate::executor::{Executor, Sequential};
use crate::fft::{FieldFilter, Filter, Output, RealFft2d, Weighted, Weights};
use crate::frame::{Extent, Picture, PictureFormat, Plane};
use crate::optics::Psf;
use rand::{RngExt, SeedableRng};
use rand_distr::Distribution;

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

/// The plane after the filter of a field.
pub(crate) fn field_filtered(
    input: &Plane<f32>,
    filter: &FieldFilter,
    executor: &dyn Executor,
) -> Plane<f32> {
    run_weighted(input, filter.weighted(), executor)
}

/// The plane after a filter whose weights are given with it.
pub(crate) fn weighted(
    input: &Plane<f32>,
    filter: &FieldFilter,
    weights: &[Weights],
) -> Plane<f32> {
    run_weighted(input, (filter, weights), &Sequential)
}

fn run_weighted(input: &Plane<f32>, filter: Weighted<'_>, executor: &dyn Executor) -> Plane<f32> {
    let fft = RealFft2d::plan(input.extent());
    // More layers than are needed, as where another filter has more.
    let mut spectrum = fft.layered_spectrum(filter.0.layers() + 1, executor.threads());
    let mut output = Plane::new(input.extent(), f32::NAN);
    fft.forward(&mut spectrum, [filter.0], executor, &|y, row| row.copy_from_slice(input.row(y)));
    let store = &|_: usize, samples: &[f32], row: &mut [f32]| row.copy_from_slice(samples);
    fft.filter_back(&mut spectrum, [filter], executor, [Output { plane: &mut output, store }]);
    output
}

/// The plane after the filter of a field, on the caller's thread.
pub(crate) fn filtered_by_field(input: &Plane<f32>, filter: &FieldFilter) -> Plane<f32> {
    field_filtered(input, filter, &Sequential)
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

/// A scene of overlapping squares of all sizes, each with a texture of its own: sharp edges and a
/// spectrum that falls like that of natural scenes.
pub(crate) fn mosaic(extent: Extent, seed: u64) -> Plane<f32> {
    let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
    let mut scene = Plane::new(extent, 0.5);
    for _ in 0..extent.area() / 40 {
        // As many of a size as makes the spectrum the same at all scales.
        let size = (3.0 / random.random_range(0.001_f64..1.0).sqrt()).min(90.0);
        let (light, texture) =
            (random.random_range(0.15..0.85_f32), random.random_range(0.0..0.08));
        let (x, y) = (random.random_range(0..extent.width), random.random_range(0..extent.height));
        let turn = random.random_range(0.0..std::f64::consts::FRAC_PI_2);
        paint(&mut scene, (x, y), size, turn, &mut || {
            light + texture * random.random_range(-1.0..1.0)
        });
    }
    scene
}

/// Paints a turned square of a side about a place.
fn paint(
    scene: &mut Plane<f32>,
    (x, y): (usize, usize),
    side: f64,
    turn: f64,
    light: &mut impl FnMut() -> f32,
) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 90")]
    let reach = side.ceil() as usize;
    let (cos, sin) = (turn.cos(), turn.sin());
    let Extent { width, height } = scene.extent();
    for row in y.saturating_sub(reach)..(y + reach).min(height) {
        for column in x.saturating_sub(reach)..(x + reach).min(width) {
            let (a, b) = (column as f64 - x as f64, row as f64 - y as f64);
            let (along, across) = (a * cos + b * sin, b * cos - a * sin);
            if along.abs().max(across.abs()) <= side / 2.0 {
                scene.row_mut(row)[column] = light();
            }
        }
    }
}

/// A camera of 8 bits whose blur wraps around.
pub(crate) struct Camera {
    pub(crate) psf: Psf,
    /// Deviation of its noise in gray levels.
    pub(crate) sigma: f64,
}

impl Camera {
    /// What it makes of a scene.
    pub(crate) fn frame(&self, scene: &Plane<f32>, seed: u64) -> Picture {
        let extent = scene.extent();
        let otf = self.psf.otf(extent).expect("a PSF smaller than the scene");
        let blurred = filtered(scene, &Filter::complex(extent, |index| otf[index]));
        let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
        let noise = rand_distr::Normal::new(0.0, self.sigma).expect("a deviation");
        let mut picture = Picture::new(PictureFormat::gray(extent));
        for (sample, light) in
            picture.planes_mut()[0].samples_mut().iter_mut().zip(blurred.samples())
        {
            let value = 255.0 * f64::from(*light) + noise.sample(&mut random);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
            let rounded = value.round().clamp(0.0, 255.0) as u16;
            *sample = rounded;
        }
        picture
    }

    /// The same as light, 0 at black and 1 at white.
    pub(crate) fn light(&self, scene: &Plane<f32>, seed: u64) -> Plane<f32> {
        let frame = self.frame(scene, seed);
        let samples = &frame.planes()[0];
        Plane::from_fn(scene.extent(), |x, y| f32::from(samples.row(y)[x]) / 255.0)
    }

    /// Deviation of its noise in light, that of rounding included.
    pub(crate) fn deviation(&self) -> f64 {
        (self.sigma * self.sigma + 1.0 / 12.0).sqrt() / 255.0
    }
}

//! Restorations, pictures and models for the trials of many features, and how far two pictures are apart.

use std::sync::Arc;

use deblurd::executor::{Executor, Sequential};
use deblurd::fft::{Filter, RealFft2d};
use deblurd::frame::{Effort, Extent, Picture, PictureFormat, Plane};
use deblurd::optics::{Blur, Curve, GrayLevels, Psf, Transfer};
use deblurd::plan::network::Model;
use deblurd::plan::{Channels, Edges, RestoreOptions, RestorePlan, TemporalOptions};
use deblurd::restore::model;
use deblurd::restore::{Backend, CpuBackend, Restorer, Unwatched};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tract_onnx::pb::ModelProto;

use crate::onnx::{sealed, tiny_model};

/// Runs a property on a few cases.
pub(crate) fn check_property<S: Strategy>(
    strategy: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config =
        ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    if let Err(failure) = TestRunner::new(config).run(&strategy, property) {
        std::panic::panic_any(failure.to_string());
    }
}

/// How pictures are restored.
#[derive(Debug, Clone)]
pub(crate) struct Restoration {
    /// Deviation of the noise in gray levels.
    pub(crate) sigma: f64,
    pub(crate) options: RestoreOptions,
}

impl Restoration {
    /// As for an ordinary camera of so much noise, without the guard: random pictures, and networks that
    /// write what they like, are what it holds back.
    pub(crate) fn for_noise(sigma: f64) -> Self {
        Self { sigma, options: RestoreOptions { guard: false, ..RestoreOptions::default() } }
    }

    pub(crate) fn guarded(mut self) -> Self {
        self.options.guard = true;
        self
    }

    pub(crate) fn of_sharp_frames(mut self) -> Self {
        self.options.is_sharp = true;
        self
    }

    pub(crate) fn averaged(mut self) -> Self {
        self.options.temporal = TemporalOptions::USUAL;
        self
    }

    pub(crate) fn edges(mut self, edges: Edges) -> Self {
        self.options.edges = edges;
        self
    }

    pub(crate) fn transfer(mut self, transfer: Transfer) -> Self {
        self.options.transfer = Curve::Of(transfer);
        self
    }

    pub(crate) fn channels(mut self, channels: Channels) -> Self {
        self.options.channels = channels;
        self
    }

    /// A restorer of pictures of `format` with that blur.
    pub(crate) fn restorer(
        &self,
        blur: &(impl Clone + Into<Blur>),
        model: Option<&Arc<Model>>,
        format: PictureFormat,
        executor: Arc<dyn Executor>,
    ) -> Box<dyn Restorer> {
        let noise = GrayLevels::new(self.sigma).expect("gray levels");
        let camera = self.options.camera(blur.clone(), noise);
        let plan = RestorePlan::new(&camera, model.cloned(), &self.options, format);
        CpuBackend::new(executor).load(plan.expect("a plan")).expect("a restorer")
    }
}

/// What a restorer makes of a picture.
pub(crate) fn run(restorer: &mut dyn Restorer, picture: &Picture, effort: Effort) -> Picture {
    let mut restored = Picture::new(picture.format());
    restorer.restore(picture, &mut restored, effort, &mut Unwatched).expect("restores");
    restored
}

/// What the whole restorer makes of a picture.
pub(crate) fn restored(
    how: &Restoration,
    psf: &Psf,
    model: Option<&Arc<Model>>,
    picture: &Picture,
) -> Picture {
    let mut restorer = how.restorer(psf, model, picture.format(), Arc::new(Sequential));
    run(&mut *restorer, picture, Effort::Full)
}

pub(crate) fn model(stages: usize, channels: usize, seed: u64, quantised: bool) -> Arc<Model> {
    Arc::new(loaded(&tiny_model(stages, channels, seed, quantised)))
}

pub(crate) fn loaded(model: &ModelProto) -> Model {
    model::load(&sealed(model)).expect("a model")
}

/// A picture of random samples in every plane.
pub(crate) fn random_picture(format: PictureFormat, seed: u64) -> Picture {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut picture = Picture::new(format);
    for plane in picture.planes_mut() {
        plane.samples_mut().iter_mut().for_each(|s| *s = random.random_range(0..=format.white()));
    }
    picture
}

/// A PSF of `side` by `side` random samples, with the greatest in its centre, so that it can be
/// inverted.
pub(crate) fn random_psf(seed: u64, side: usize) -> Psf {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut samples = Plane::from_fn(Extent::new(side, side), |_, _| random.random_range(0.0..1.0));
    samples.row_mut(side / 2)[side / 2] += (side * side) as f64 / 4.0;
    Psf::new(samples).expect("positive samples")
}

/// The middle of 16 bits.
pub(crate) const GRAY: u16 = 32_768;

/// A 16-bit picture of random samples within `reach` of the middle, so that nothing that is made
/// of it leaves the range.
pub(crate) fn around_gray(extent: Extent, reach: u16, seed: u64) -> Picture {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut picture = Picture::new(PictureFormat { depth: 16, ..PictureFormat::gray(extent) });
    let plane = &mut picture.planes_mut()[0];
    plane
        .samples_mut()
        .iter_mut()
        .for_each(|s| *s = random.random_range(GRAY - reach..GRAY + reach));
    picture
}

/// The picture blurred circularly, in 16 bits.
pub(crate) fn blurred(picture: &Picture, psf: &Psf) -> Picture {
    let extent = picture.extent();
    let otf = psf.otf(extent).expect("the PSF fits");
    let white = f32::from(picture.format().white());
    let plane = &picture.planes()[0];
    let light = Plane::from_fn(extent, |x, y| f32::from(plane.row(y)[x]) / white);
    let (fft, mut blurred) = (RealFft2d::plan(extent), light.clone());
    let blur = Filter::complex(extent, |i| otf[i]);
    fft.filter(&mut fft.spectrum(1), &blur, &light, &mut blurred);
    let mut result = picture.clone();
    for (sample, light) in result.planes_mut()[0].samples_mut().iter_mut().zip(blurred.samples()) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let rounded = (light * white).round() as u16;
        *sample = rounded;
    }
    result
}

pub(crate) fn largest_difference(a: &Picture, b: &Picture) -> i32 {
    assert_eq!(a.format(), b.format(), "pictures of different formats");
    let planes = a.planes().iter().zip(b.planes());
    let samples = planes.flat_map(|(a, b)| a.samples().iter().zip(b.samples()));
    samples.map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs()).max().unwrap_or(0)
}

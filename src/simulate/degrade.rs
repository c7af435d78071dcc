//! The degradation `y = Hx + n`, to make blurred frames whose truth is known.
//!
//! Every plane is blurred and made noisy, half-size chroma by what the PSF is in samples of that size.
//! A blur may differ over the field: places are counted on the frame that the camera gives, which is
//! what an open edge leaves. The noise is Gaussian and seeded by frame and plane, so that the same
//! frame always gets the same noise. Samples are rounded and clipped as a camera does.

use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;
use serde::Deserialize;

use super::blurring::Blurring;
use crate::exit::{ExitStatus, Status};
use crate::fft::good_size;
use crate::frame::{Extent, Picture, PictureFormat, Plane};
use crate::optics::{Blur, GrayLevels, PsfError};
use crate::plan::Edges;

/// How a simulated camera degrades.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DegradeOptions {
    /// Standard deviation of the noise in 8-bit gray levels.
    pub sigma: GrayLevels,
    /// What lies beyond the edges: open cuts off what the blur would bring in from there.
    #[serde(default, alias = "boundary")]
    pub edges: Edges,
    /// Seed of the noise; each picture gets its own from it.
    #[serde(default)]
    pub seed: u64,
}

/// Why a camera cannot be simulated.
#[derive(Debug, displaydoc::Display, PartialEq, thiserror::Error)]
pub enum DegradeError {
    /// {0}
    Psf(#[from] PsfError),
    /// a PSF of {psf} leaves nothing of a frame of {frame}
    NothingLeft {
        /// Extent of the PSF.
        psf: Extent,
        /// Extent of the frame.
        frame: Extent,
    },
}

impl ExitStatus for DegradeError {
    fn status(&self) -> Status {
        Status::Data
    }
}

/// Degrades pictures of one format.
#[derive(Debug)]
pub struct Degrade {
    options: DegradeOptions,
    format: PictureFormat,
    margin: (usize, usize),
    /// For the first plane, and for chroma where that is smaller.
    scales: Vec<Scale>,
}

/// The blur of planes of one extent.
#[derive(Debug)]
struct Scale {
    /// Extent of sharp planes.
    extent: Extent,
    /// Columns and rows cut off on every side.
    margin: (usize, usize),
    blurring: Blurring,
    input: Plane<f32>,
    output: Plane<f32>,
}

impl Scale {
    /// Plans planes of `extent`, of which `margin` is cut off on every side where the edges are open.
    fn plan(
        blur: &Blur,
        edges: Edges,
        extent: Extent,
        margin: (usize, usize),
    ) -> Result<Self, PsfError> {
        // What lies beyond the edges reaches only what is cut off, so there may be more of it.
        let transformed = match edges {
            Edges::Circular => extent,
            Edges::Open => Extent::new(good_size(extent.width), good_size(extent.height)),
        };
        let frame = extent.shrunk(margin.0, margin.1);
        Ok(Self {
            extent,
            margin,
            blurring: Blurring::plan(blur, transformed, frame, margin)?,
            input: Plane::new(transformed, 0.0),
            output: Plane::new(transformed, 0.0),
        })
    }

    fn blur(&mut self, plane: &Plane<u16>, white: f32) {
        for (target, row) in self.input.rows_mut().zip(plane.rows()) {
            let samples = target.iter_mut().zip(row);
            samples.for_each(|(light, sample)| *light = f32::from(*sample) / white);
        }
        self.blurring.run(&self.input, &mut self.output);
    }
}

/// The extent of sharp pictures of which `extent` is left.
pub fn grown(extent: Extent, blur: &Blur, edges: Edges) -> Extent {
    let (x, y) = margin(blur, edges);
    Extent::new(extent.width + 2 * x, extent.height + 2 * y)
}

/// Columns and rows cut off on every side; even, so that half-size chroma is cut alike.
fn margin(blur: &Blur, edges: Edges) -> (usize, usize) {
    let (x, y) = blur.psfs()[0].radius();
    match edges {
        Edges::Circular => (0, 0),
        Edges::Open => (x.next_multiple_of(2), y.next_multiple_of(2)),
    }
}

impl Degrade {
    /// Plans the degradation of pictures of `format`.
    ///
    /// # Errors
    /// Where the PSF is larger than the picture, or nothing would be left of the picture.
    pub fn plan(
        blur: &Blur,
        options: DegradeOptions,
        format: PictureFormat,
    ) -> Result<Self, DegradeError> {
        let (extent, psf) = (format.extent, blur.extent());
        if psf.width > extent.width || psf.height > extent.height {
            return Err(PsfError::LargerThanFrame { psf, frame: extent }.into());
        }
        let (x, y) = margin(blur, options.edges);
        let frame = extent.shrunk(x, y);
        if frame.is_empty() {
            return Err(DegradeError::NothingLeft { psf, frame: extent });
        }
        let mut scales = vec![Scale::plan(blur, options.edges, extent, (x, y))?];
        let chroma = format.layout.plane_extent(extent, 1);
        if format.layout.planes() > 1 && chroma != extent {
            let halved = (chroma.width < extent.width, chroma.height < extent.height);
            let part = |margin, halved| if halved { margin / 2 } else { margin };
            let margin = (part(x, halved.0), part(y, halved.1));
            let blur = blur.map(|psf| psf.reduced(halved))?;
            scales.push(Scale::plan(&blur, options.edges, chroma, margin)?);
        }
        Ok(Self { options, format, margin: (x, y), scales })
    }

    /// Format of degraded pictures.
    pub fn degraded_format(&self) -> PictureFormat {
        let (x, y) = self.margin;
        self.format.with_extent(self.format.extent.shrunk(x, y))
    }

    /// Fills `blurred` with what is seen of the `sharp` picture of that number, and `truth` with as
    /// much of that picture.
    ///
    /// # Panics
    /// Where the sharp picture is not of the planned format.
    pub fn run(
        &mut self,
        sharp: &Picture,
        number: u64,
        blurred: &mut Picture,
        truth: &mut Picture,
    ) {
        assert_eq!(sharp.format(), self.format, "a picture of another format than planned");
        let ((left, top), extent) = (self.margin, self.degraded_format().extent);
        blurred.copy_window(sharp, left, top, extent);
        truth.copy_window(sharp, left, top, extent);
        let white = f32::from(self.format.white());
        for (index, plane) in sharp.planes().iter().enumerate() {
            let at = self.scales.iter().position(|scale| scale.extent == plane.extent());
            let Some(at) = at else { continue };
            self.scales[at].blur(plane, white);
            self.sense(&self.scales[at], (number, index), &mut blurred.planes_mut()[index]);
        }
    }

    /// Writes the plane that was blurred, of this picture and index, with noise, into `target`.
    fn sense(&self, scale: &Scale, (number, index): (u64, usize), target: &mut Plane<u16>) {
        let white = f32::from(self.format.white());
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let sigma = (self.options.sigma.get() / 255.0) as f32;
        // Odd multipliers keep the streams of frames and planes apart.
        let stream = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index as u64);
        let mut random = Pcg64::seed_from_u64(self.options.seed.wrapping_add(stream));
        let (left, top) = scale.margin;
        for (y, row) in target.rows_mut().enumerate() {
            for (sample, light) in row.iter_mut().zip(&scale.output.row(y + top)[left..]) {
                let noise: f32 = StandardNormal.sample(&mut random);
                let value = (light + sigma * noise) * white;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "clamped"
                )]
                let rounded = (value.clamp(0.0, white) + 0.5) as u16;
                *sample = rounded;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Layout;
    use crate::optics::{Field, Psf};
    use crate::restore::quality::psnr_db;
    use crate::testing::{random_picture, random_psf};
    use proptest::prelude::*;

    const CIRCULAR: DegradeOptions =
        DegradeOptions { edges: Edges::Circular, sigma: GrayLevels::NONE, seed: 1 };
    const OPEN: DegradeOptions = DegradeOptions { edges: Edges::Open, ..CIRCULAR };

    /// The blurred picture and its truth.
    fn degraded(
        blur: impl Into<Blur>,
        options: DegradeOptions,
        extent: Extent,
    ) -> (Picture, Picture) {
        let sharp = gray(extent);
        let mut degrade = Degrade::plan(&blur.into(), options, sharp.format()).expect("a plan");
        let mut blurred = Picture::new(degrade.degraded_format());
        let mut truth = blurred.clone();
        degrade.run(&sharp, 0, &mut blurred, &mut truth);
        (blurred, truth)
    }

    /// A random picture, far from black and white, so that nothing is clipped.
    fn gray(extent: Extent) -> Picture {
        let mut sharp = random_picture(PictureFormat::gray(extent), 5);
        let samples = sharp.planes_mut()[0].samples_mut();
        samples.iter_mut().for_each(|sample| *sample = 64 + *sample / 2);
        sharp
    }

    #[test]
    fn without_blur_and_noise_the_picture_stays() {
        let (blurred, truth) = degraded(Psf::delta(), OPEN, Extent::new(31, 17));
        assert_eq!(blurred, truth);
    }

    /// Half-size chroma is blurred as a picture of its size is by the reduced PSF.
    #[test]
    fn chroma_is_blurred_too() {
        let psf = Psf::from_formula("disk:3").expect("a formula").expect("a PSF");
        let format =
            PictureFormat { layout: Layout::Yuv420, ..PictureFormat::gray(Extent::new(48, 40)) };
        let sharp = random_picture(format, 5);
        let mut degrade = Degrade::plan(&psf.clone().into(), OPEN, format).expect("a plan");
        let mut blurred = Picture::new(degrade.degraded_format());
        let mut truth = blurred.clone();
        degrade.run(&sharp, 0, &mut blurred, &mut truth);
        let small = PictureFormat::gray(Extent::new(24, 20));
        let mut chroma = Picture::new(small);
        chroma.planes_mut()[0] = sharp.planes()[1].clone();
        let reduced = psf.reduced((true, true)).into();
        let mut alone = Degrade::plan(&reduced, CIRCULAR, small).expect("a plan");
        let mut expected = chroma.clone();
        alone.run(&chroma, 0, &mut expected, &mut chroma.clone());
        for (y, row) in blurred.planes()[1].rows().enumerate() {
            for (is, other) in row.iter().zip(&expected.planes()[0].row(y + 2)[2..]) {
                assert!(is.abs_diff(*other) <= 1, "{is} instead of {other} in row {y}");
            }
        }
    }

    #[test]
    fn the_noise_has_the_deviation_asked_for() {
        let sigma = GrayLevels::new(7.65).expect("gray levels");
        let options = DegradeOptions { sigma, ..CIRCULAR };
        let (blurred, truth) = degraded(Psf::delta(), options, Extent::new(200, 100));
        let psnr = psnr_db(&blurred, &truth);
        let expected = -20.0 * (7.65 / 255.0_f64).log10();
        assert!((psnr - expected).abs() < 0.15, "{psnr} dB instead of {expected}");
    }

    #[test]
    fn what_the_edge_would_reach_is_cut_off() {
        let psf = Psf::from_formula("disk:3").expect("a formula").expect("a PSF");
        let (blurred, truth) = degraded(psf.clone(), OPEN, Extent::new(40, 30));
        assert_eq!(blurred.extent(), Extent::new(32, 22), "a margin of 3, made even");
        assert_eq!(truth.extent(), Extent::new(32, 22));
        let (circular, _) = degraded(psf, CIRCULAR, Extent::new(40, 30));
        for y in 0..22 {
            let expected = &circular.planes()[0].row(y + 4)[4..36];
            assert_eq!(blurred.planes()[0].row(y), expected, "row {y}");
        }
    }

    /// Sample by sample, each with the PSF of its place.
    #[track_caller]
    fn check_field(grid: (usize, usize), options: DegradeOptions, extent: Extent, seed: u64) {
        let psfs = (0..grid.0 * grid.1).map(|cell| random_psf(seed ^ cell as u64, 5)).collect();
        let field = Field::new(grid.0, psfs).expect("a grid");
        let (blurred, _) = degraded(field.clone(), options, extent);
        let (sharp, frame) = (gray(extent), blurred.extent());
        let (left, top) = ((extent.width - frame.width) / 2, (extent.height - frame.height) / 2);
        for (y, row) in blurred.planes()[0].rows().enumerate() {
            for (x, &is) in row.iter().enumerate() {
                let place = |at: usize, side: usize| (at as f64 + 0.5) / side as f64;
                let psf = field.at(place(x, frame.width), place(y, frame.height));
                let mut expected = 0.0;
                for (q, weights) in psf.samples().rows().enumerate() {
                    for (p, weight) in weights.iter().enumerate() {
                        let from = (extent.width + left + x + 2 - p) % extent.width;
                        let row = sharp.planes()[0]
                            .row((extent.height + top + y + 2 - q) % extent.height);
                        expected += weight * f64::from(row[from]);
                    }
                }
                // Rounding to samples, and what single precision adds to it.
                assert!((f64::from(is) - expected).abs() < 0.501, "{x},{y}: {is} for {expected}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn in_a_field_every_sample_gathers_by_its_own_psf(
            columns in 1_usize..5, rows in 1_usize..4, width in 9_usize..50, height in 9_usize..50,
            seed: u64,
        ) {
            for options in [OPEN, CIRCULAR] {
                check_field((columns, rows), options, Extent::new(width, height), seed);
            }
        }
    }
}

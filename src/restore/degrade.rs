//! The degradation `y = Hx + n`, to make blurred frames whose truth is known.
//!
//! Every plane of full resolution is blurred and made noisy; half-size chroma is left as it is.
//! The noise is Gaussian and seeded by frame and plane, so that the same frame always gets the
//! same noise, whichever thread it meets. Samples are rounded and clipped as a camera does.

use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

use super::fft2d::{Filter, RealFft2d, Spectrum, good_size};
use super::psf::Psf;
use super::wiener::otf;
use super::{RestoreError, Stage};
use crate::frame::{Extent, Frame, Picture, PictureFormat, Plane};

/// What a simulated camera sees beyond the edges of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scenery {
    /// The opposite edge: the blurred picture keeps its extent.
    Circular,
    /// Nothing known: what the edge would reach is cut off, as with a real camera.
    Valid,
}

/// How a simulated camera degrades.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DegradeOptions {
    /// What lies beyond the edges.
    pub scenery: Scenery,
    /// Standard deviation of the noise in 8-bit gray levels.
    pub sigma: f64,
    /// Seed of the noise.
    pub seed: u64,
}

/// A stage that takes the captured picture for the truth and degrades it.
#[derive(Debug)]
pub struct Degrade {
    options: DegradeOptions,
    format: PictureFormat,
    radius: (usize, usize),
    blur: Filter,
    fft: RealFft2d,
    spectrum: Spectrum,
    input: Plane<f32>,
    output: Plane<f32>,
}

impl Degrade {
    /// Plans the degradation of pictures of `format`.
    ///
    /// # Errors
    /// Where the PSF is larger than the picture, or nothing would be left of the picture.
    pub fn plan(
        psf: &Psf,
        options: DegradeOptions,
        format: PictureFormat,
    ) -> Result<Self, RestoreError> {
        let extent = format.extent;
        psf.rolled(extent)?;
        // What lies beyond the edges reaches only what is cut off, so there may be more of it.
        let transformed = match options.scenery {
            Scenery::Circular => extent,
            Scenery::Valid => Extent::new(good_size(extent.width), good_size(extent.height)),
        };
        let otf = otf(psf, transformed)?;
        let fft = RealFft2d::plan(transformed);
        let degrade = Self {
            options,
            format,
            radius: psf.radius(),
            blur: Filter::complex(transformed, |index| otf[index]),
            spectrum: fft.spectrum(1),
            fft,
            input: Plane::new(transformed, 0.0),
            output: Plane::new(transformed, 0.0),
        };
        if degrade.degraded_format().extent.is_empty() {
            return Err(RestoreError::NothingLeft { psf: psf.extent(), frame: extent });
        }
        Ok(degrade)
    }

    /// Format of degraded pictures.
    pub fn degraded_format(&self) -> PictureFormat {
        let (x, y) = self.margin();
        self.format.with_extent(self.format.extent.shrunk(x, y))
    }

    /// Columns and rows cut off on every side; even, so that half-size chroma is cut alike.
    fn margin(&self) -> (usize, usize) {
        match self.options.scenery {
            Scenery::Circular => (0, 0),
            Scenery::Valid => {
                (self.radius.0.next_multiple_of(2), self.radius.1.next_multiple_of(2))
            }
        }
    }

    fn blur(&mut self, picture: &Picture, index: usize) {
        let white = f32::from(self.format.white());
        for (target, row) in self.input.rows_mut().zip(picture.planes()[index].rows()) {
            target
                .iter_mut()
                .zip(row)
                .for_each(|(light, sample)| *light = f32::from(*sample) / white);
        }
        self.fft.filter(&mut self.spectrum, &self.blur, &self.input, &mut self.output);
    }

    /// Writes the blurred plane, with noise, into `target`.
    fn sense(&self, sequence: u64, index: usize, target: &mut Plane<u16>) {
        let white = f32::from(self.format.white());
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let sigma = (self.options.sigma / 255.0) as f32;
        // Odd multipliers keep the streams of frames and planes apart.
        let stream = sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index as u64);
        let mut random = Pcg64::seed_from_u64(self.options.seed.wrapping_add(stream));
        let (left, top) = self.margin();
        for (y, row) in target.rows_mut().enumerate() {
            for (sample, light) in row.iter_mut().zip(&self.output.row(y + top)[left..]) {
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

impl Stage for Degrade {
    fn name(&self) -> &str {
        "degrade"
    }

    fn prepare(&self, frame: &mut Frame) {
        frame.truth = Some(Picture::new(self.format));
    }

    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        let Frame { blurred, truth, meta, .. } = frame;
        if blurred.format() != self.format {
            return Err(RestoreError::Format {
                is: blurred.format().extent,
                planned: self.format.extent,
            });
        }
        // The sharp picture moves to `truth`, whose buffers then take the blurred one.
        let sharp = truth.get_or_insert_with(|| Picture::new(self.format));
        std::mem::swap(sharp, blurred);
        let degraded = self.degraded_format();
        let (left, top) = self.margin();
        blurred.copy_window(sharp, left, top, degraded.extent);
        for index in 0..sharp.planes().len() {
            if sharp.planes()[index].extent() == self.format.extent {
                self.blur(sharp, index);
                self.sense(meta.sequence, index, &mut blurred.planes_mut()[index]);
            }
        }
        self.cut(sharp, degraded.extent);
        Ok(())
    }
}

impl Degrade {
    /// Cuts the truth down to what is left of the frame, in place.
    fn cut(&self, truth: &mut Picture, extent: Extent) {
        let (left, top) = self.margin();
        if (left, top) != (0, 0) {
            truth.crop(left, top, extent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restore::quality::psnr_db;
    use crate::restore::testing::random_picture;

    fn degraded(psf: &Psf, options: DegradeOptions, extent: Extent) -> Frame {
        let mut sharp = random_picture(PictureFormat::gray(extent), 5);
        // Far from black and white, so that nothing is clipped.
        sharp.planes_mut()[0]
            .samples_mut()
            .iter_mut()
            .for_each(|sample| *sample = 64 + *sample / 2);
        let mut frame = Frame::new(sharp.format());
        frame.blurred.copy_from(&sharp);
        let mut stage = Degrade::plan(psf, options, sharp.format()).expect("a plan");
        stage.apply(&mut frame).expect("degrades");
        frame
    }

    #[test]
    fn without_blur_and_noise_the_picture_stays() {
        let options = DegradeOptions { scenery: Scenery::Valid, sigma: 0.0, seed: 1 };
        let frame = degraded(&Psf::delta(), options, Extent::new(31, 17));
        assert_eq!(frame.truth.as_ref(), Some(&frame.blurred));
    }

    #[test]
    fn the_noise_has_the_deviation_asked_for() {
        let options = DegradeOptions { scenery: Scenery::Circular, sigma: 7.65, seed: 1 };
        let frame = degraded(&Psf::delta(), options, Extent::new(200, 100));
        let psnr = psnr_db(&frame.blurred, frame.truth.as_ref().expect("a truth"));
        let expected = -20.0 * (7.65 / 255.0_f64).log10();
        assert!((psnr - expected).abs() < 0.15, "{psnr} dB instead of {expected}");
    }

    #[test]
    fn what_the_edge_would_reach_is_cut_off() {
        let psf = Psf::from_formula("disk:3").expect("a formula").expect("a PSF");
        let options = DegradeOptions { scenery: Scenery::Valid, sigma: 0.0, seed: 1 };
        let frame = degraded(&psf, options, Extent::new(40, 30));
        assert_eq!(frame.blurred.extent(), Extent::new(32, 22), "a margin of 3, made even");
        assert_eq!(frame.truth.map(|truth| truth.extent()), Some(Extent::new(32, 22)));
        let whole = DegradeOptions { scenery: Scenery::Circular, ..options };
        let circular = degraded(&psf, whole, Extent::new(40, 30));
        for y in 0..22 {
            let expected = &circular.blurred.planes()[0].row(y + 4)[4..36];
            assert_eq!(frame.blurred.planes()[0].row(y), expected, "row {y}");
        }
    }
}

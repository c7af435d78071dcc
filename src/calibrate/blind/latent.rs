//! The picture that a kernel makes of a blurred one, gradients being few: pooled L0 deconvolution.
//!
//! `min |k * u - y|^2 + lambda |grad u|_0` by half-quadratic splitting (Xu, Zheng and Jia, "Unnatural
//! L0 sparse representation for natural image deblurring", CVPR 2013): gradients smaller than
//! `sqrt(lambda / beta)` are set to 0, then
//!
//! ```text
//! u = F^-1 [ (conj(K) Y + beta F(div g)) / (|K|^2 + beta (|Dx|^2 + |Dy|^2)) ]
//! ```
//!
//! and beta is doubled. `conj(K) Y` is taken back to the plane once, so that a step is one filter.

use super::window::periodic;
use crate::fft::{Complex, Filter, RealFft2d, Spectrum, coefficients, frequency};
use crate::frame::{Extent, Plane};

/// The last weight of the splitting.
const LAST_BETA: f64 = 1e5;

/// The square of a gradient that is none.
const FLAT: f32 = 1e-6;

/// Windows of scenes at one scale.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) windows: Vec<Blurred>,
    /// Side of the kernel.
    pub(super) side: usize,
}

/// One window.
#[derive(Debug)]
pub(super) struct Blurred {
    pub(super) fft: RealFft2d,
    pub(super) plane: Plane<f32>,
    pub(super) spectrum: Vec<Complex>,
    /// `|Dx|^2 + |Dy|^2` of each coefficient.
    pub(super) gradients: Vec<f32>,
}

impl Level {
    /// At `scale`, for kernels of `side`.
    pub(super) fn new(windows: &[Plane<f32>], scale: f64, side: usize) -> Self {
        let blurred = |window: &Plane<f32>| Blurred::new(periodic(window, scale, side.max(4)));
        Self { windows: windows.iter().map(blurred).collect(), side }
    }
}

impl Blurred {
    fn new(plane: Plane<f32>) -> Self {
        let extent = plane.extent();
        let fft = RealFft2d::plan(extent);
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let gradient = |index: usize| {
            let (u, v) = frequency(extent, index);
            let square = |f: f64| 4.0 * (std::f64::consts::PI * f).sin().powi(2);
            (square(u) + square(v)) as f32
        };
        Self {
            spectrum: fft.transform(&plane),
            gradients: (0..coefficients(extent)).map(gradient).collect(),
            fft,
            plane,
        }
    }

    pub(super) fn extent(&self) -> Extent {
        self.plane.extent()
    }

    /// The OTF of a kernel whose centre is its middle.
    pub(super) fn otf(&self, kernel: &Plane<f32>) -> Vec<Complex> {
        let Extent { width, height } = self.extent();
        let (side, mut plane) = (kernel.extent().width, Plane::new(self.extent(), 0.0));
        for (y, row) in kernel.rows().enumerate() {
            for (x, &sample) in row.iter().enumerate() {
                let (x, y) = (x + width - side / 2, y + height - side / 2);
                plane.row_mut(y % height)[x % width] += sample;
            }
        }
        self.fft.transform(&plane)
    }

    /// The picture for a kernel at the strength `weight` of the prior.
    pub(super) fn latent(&self, kernel: &Plane<f32>, weight: f64) -> Plane<f32> {
        let (extent, otf) = (self.extent(), self.otf(kernel));
        let mut spectrum = self.fft.spectrum(1);
        let mut back = Plane::new(extent, 0.0);
        let adjoint = Filter::complex(extent, |index| otf[index].conj());
        self.fft.filter(&mut spectrum, &adjoint, &self.plane, &mut back);
        let (mut u, mut right) = (self.plane.clone(), Plane::new(extent, 0.0));
        let mut beta = 2.0 * weight;
        while beta < LAST_BETA {
            divergence(&u, weight / beta, &mut right);
            scale_and_add(&mut right, beta, &back);
            self.divide(&mut spectrum, &otf, beta, &right, &mut u);
            beta *= 2.0;
        }
        u
    }

    /// `right / (|K|^2 + beta (|Dx|^2 + |Dy|^2))`.
    fn divide(
        &self,
        spectrum: &mut Spectrum,
        otf: &[Complex],
        beta: f64,
        right: &Plane<f32>,
        u: &mut Plane<f32>,
    ) {
        let filter = Filter::real(self.extent(), |index| {
            1.0 / (f64::from(otf[index].norm_sqr()) + beta * f64::from(self.gradients[index]))
        });
        self.fft.filter(spectrum, &filter, right, u);
    }

    /// What the picture `u` of a kernel costs: `|k * u - y|^2 + lambda |grad u|_0`.
    pub(super) fn cost(&self, kernel: &Plane<f32>, u: &Plane<f32>, lambda: f64) -> f64 {
        let otf = self.otf(kernel);
        let mut again = Plane::new(self.extent(), 0.0);
        let filter = Filter::complex(self.extent(), |index| otf[index]);
        self.fft.filter(&mut self.fft.spectrum(1), &filter, u, &mut again);
        let errors = again.samples().iter().zip(self.plane.samples());
        let mut cost: f64 = errors.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        for_each_gradient(u, |_, _, gx, gy| {
            cost += if gx * gx + gy * gy > FLAT { lambda } else { 0.0 };
        });
        cost
    }
}

/// Gives the backward differences at each sample, the plane being periodic.
fn for_each_gradient(plane: &Plane<f32>, mut take: impl FnMut(usize, usize, f32, f32)) {
    let Extent { width, height } = plane.extent();
    for y in 0..height {
        let (row, above) = (plane.row(y), plane.row((y + height - 1) % height));
        let mut before = row[width - 1];
        for (x, (&here, &above)) in row.iter().zip(above).enumerate() {
            take(x, y, here - before, here - above);
            before = here;
        }
    }
}

/// The divergence of those gradients whose square is at least `least`.
fn divergence(u: &Plane<f32>, least: f64, out: &mut Plane<f32>) {
    #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
    let least = least as f32;
    let Extent { width, height } = u.extent();
    out.samples_mut().fill(0.0);
    let samples = out.samples_mut();
    for_each_gradient(u, |x, y, gx, gy| {
        if gx * gx + gy * gy >= least {
            samples[y * width + x] += gx + gy;
            samples[y * width + (x + width - 1) % width] -= gx;
            samples[(y + height - 1) % height * width + x] -= gy;
        }
    });
}

fn scale_and_add(plane: &mut Plane<f32>, factor: f64, other: &Plane<f32>) {
    #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
    let factor = factor as f32;
    let samples = plane.samples_mut().iter_mut().zip(other.samples());
    samples.for_each(|(sample, other)| *sample = factor * *sample + other);
}

//! The kernel that makes blurred pictures of sharp ones: non-negative least squares on gradients.
//!
//! `min sum_i |k * grad u_i - grad y_i|^2 + gamma |k|^2`, `k >= 0` within its support. All that enters
//! are the gradients' autocorrelation, as far as the support reaches, and their correlation with those
//! of what was seen: sums over frames, so that pooling is addition. Solved by accelerated projected
//! gradients (Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm", 2009).

use super::latent::Blurred;
use super::window::sample;
use crate::fft::{Complex, Filter, RealFft2d, good_size};
use crate::frame::{Extent, Plane};

/// The penalty on `|k|^2`, relative to the gradients' energy.
const GAMMA: f64 = 1e-3;

/// Steps of the solver.
const STEPS: usize = 120;

/// Autocorrelation of the gradients of sharp pictures and correlation with those of blurred ones.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    side: usize,
    /// Lags from -(side - 1) to side - 1 on either axis.
    auto: Vec<f64>,
    /// Lags from -side/2 to side/2.
    cross: Vec<f64>,
}

impl Moments {
    /// Of one window and its sharp picture `u`.
    pub(super) fn of(window: &Blurred, u: &Plane<f32>, side: usize) -> Self {
        let sharp = window.fft.transform(u);
        let weighted = |index: usize, value: Complex| value * window.gradients[index];
        let auto = correlation(window, |i| weighted(i, Complex::from(sharp[i].norm_sqr())));
        let cross = correlation(window, |i| weighted(i, sharp[i].conj() * window.spectrum[i]));
        Self { side, auto: centre(&auto, 2 * side - 1), cross: centre(&cross, side) }
    }

    /// Of several windows.
    pub(super) fn sum(parts: Vec<Self>) -> Option<Self> {
        parts.into_iter().reduce(|mut sum, part| {
            sum.auto.iter_mut().zip(&part.auto).for_each(|(a, b)| *a += b);
            sum.cross.iter_mut().zip(&part.cross).for_each(|(a, b)| *a += b);
            sum
        })
    }

    /// The kernel, from `start` on.
    pub(super) fn kernel(&self, start: &Plane<f32>) -> Plane<f32> {
        let side = self.side;
        let extent = Extent::new(good_size(2 * side), good_size(2 * side));
        let energy = self.auto[self.auto.len() / 2].max(1e-12);
        let apply = Toeplitz::new(self, extent, energy);
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let wanted: Vec<f32> = self.cross.iter().map(|value| (value / energy) as f32).collect();
        let step = 1.0 / apply.greatest;
        let (mut k, mut ahead) = (start.samples().to_vec(), start.samples().to_vec());
        let mut t = 1.0_f32;
        for _ in 0..STEPS {
            let slope = apply.times(&ahead, side);
            let next: Vec<f32> = ahead
                .iter()
                .zip(slope.iter().zip(&wanted))
                .map(|(k, (a, b))| (k - step * (a - b)).max(0.0))
                .collect();
            let after = (1.0 + (1.0 + 4.0 * t * t).sqrt()) / 2.0;
            let momentum = (t - 1.0) / after;
            ahead = next.iter().zip(&k).map(|(new, old)| new + momentum * (new - old)).collect();
            (k, t) = (next, after);
        }
        Plane::from_samples(start.extent(), k).unwrap_or_else(|| start.clone())
    }
}

/// The normal equations' matrix, applied by transforms.
struct Toeplitz {
    fft: RealFft2d,
    filter: Filter,
    greatest: f32,
}

impl Toeplitz {
    fn new(moments: &Moments, extent: Extent, energy: f64) -> Self {
        let (side, lags) = (moments.side, 2 * moments.side - 1);
        let mut plane = Plane::new(extent, 0.0);
        for (index, value) in moments.auto.iter().enumerate() {
            let (x, y) =
                (index % lags + extent.width + 1 - side, index / lags + extent.height + 1 - side);
            #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
            let value = (value / energy) as f32;
            plane.row_mut(y % extent.height)[x % extent.width] = value;
        }
        let fft = RealFft2d::plan(extent);
        let spectrum = fft.transform(&plane);
        let factor = |index: usize| f64::from(spectrum[index].re).max(0.0) + GAMMA;
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let greatest = (0..spectrum.len()).map(factor).fold(0.0, f64::max) as f32;
        Self { filter: Filter::real(extent, factor), fft, greatest }
    }

    fn times(&self, k: &[f32], side: usize) -> Vec<f32> {
        let extent = Extent::new(good_size(2 * side), good_size(2 * side));
        let mut plane = Plane::new(extent, 0.0);
        for (y, row) in k.chunks_exact(side).enumerate() {
            plane.row_mut(y)[..side].copy_from_slice(row);
        }
        let mut out = Plane::new(extent, 0.0);
        self.fft.filter(&mut self.fft.spectrum(1), &self.filter, &plane, &mut out);
        (0..side).flat_map(|y| out.row(y)[..side].to_vec()).collect()
    }
}

/// The plane of a spectrum: the impulse, filtered.
fn correlation(window: &Blurred, factor: impl FnMut(usize) -> Complex) -> Plane<f32> {
    let extent = window.extent();
    let (mut impulse, mut plane) = (Plane::new(extent, 0.0), Plane::new(extent, 0.0));
    impulse.samples_mut()[0] = 1.0;
    let filter = Filter::complex(extent, factor);
    window.fft.filter(&mut window.fft.spectrum(1), &filter, &impulse, &mut plane);
    plane
}

/// The `side` lags about zero of a periodic plane.
fn centre(plane: &Plane<f32>, side: usize) -> Vec<f64> {
    let Extent { width, height } = plane.extent();
    let row = |y: usize| plane.row((y + side * height - side / 2) % height);
    let lags = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
    lags.map(|(x, y)| f64::from(row(y)[(x + side * width - side / 2) % width])).collect()
}

/// The kernel without what is fainter than `threshold` of its maximum and without fragments of less
/// than a tenth of it, its centroid moved to the middle, its sum 1.
pub(super) fn cleaned(mut kernel: Plane<f32>, threshold: f32) -> Plane<f32> {
    let most = kernel.samples().iter().copied().fold(0.0, f32::max);
    for sample in kernel.samples_mut() {
        if *sample < threshold * most || !sample.is_finite() {
            *sample = 0.0;
        }
    }
    drop_fragments(&mut kernel);
    centred(&normalised(kernel))
}

/// The impulse where there is nothing.
pub(super) fn normalised(mut kernel: Plane<f32>) -> Plane<f32> {
    let sum: f32 = kernel.samples().iter().sum();
    if sum > 0.0 {
        kernel.samples_mut().iter_mut().for_each(|sample| *sample /= sum);
    } else {
        let middle = kernel.samples().len() / 2;
        kernel.samples_mut()[middle] = 1.0;
    }
    kernel
}

/// Rolls the centroid to the middle, to the nearest sample.
fn centred(kernel: &Plane<f32>) -> Plane<f32> {
    let side = kernel.extent().width;
    let (mut x_sum, mut y_sum) = (0.0, 0.0);
    for (y, row) in kernel.rows().enumerate() {
        for (x, &sample) in row.iter().enumerate() {
            x_sum += f64::from(sample) * x as f64;
            y_sum += f64::from(sample) * y as f64;
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the side")]
    let shift = |sum: f64| sum.round() as usize + side - side / 2;
    let (dx, dy) = (shift(x_sum), shift(y_sum));
    Plane::from_fn(kernel.extent(), |x, y| kernel.row((y + dy) % side)[(x + dx) % side])
}

fn drop_fragments(kernel: &mut Plane<f32>) {
    let total: f32 = kernel.samples().iter().sum();
    let (mut seen, mut parts) = (vec![false; kernel.samples().len()], Vec::new());
    for start in 0..seen.len() {
        if !seen[start] && kernel.samples()[start] > 0.0 {
            parts.push(part(kernel, start, &mut seen));
        }
    }
    let weight = |part: &[usize]| part.iter().map(|&at| kernel.samples()[at]).sum::<f32>();
    let faint: Vec<usize> =
        parts.iter().filter(|part| weight(part) < 0.1 * total).flatten().copied().collect();
    if parts.len() > 1 {
        faint.into_iter().for_each(|at| kernel.samples_mut()[at] = 0.0);
    }
}

/// The samples that hang together with the one at `start`, corners included.
fn part(kernel: &Plane<f32>, start: usize, seen: &mut [bool]) -> Vec<usize> {
    let side = kernel.extent().width;
    let (mut part, mut next) = (vec![start], 0);
    seen[start] = true;
    while next < part.len() {
        let (x, y) = (part[next] % side, part[next] / side);
        next += 1;
        for y in y.saturating_sub(1)..(y + 2).min(side) {
            for x in x.saturating_sub(1)..(x + 2).min(side) {
                let at = y * side + x;
                if !seen[at] && kernel.samples()[at] > 0.0 {
                    seen[at] = true;
                    part.push(at);
                }
            }
        }
    }
    part
}

/// The kernel on a square of another side, as much larger or smaller as the side.
pub(super) fn resized(kernel: &Plane<f32>, side: usize, factor: f64) -> Plane<f32> {
    let (middle, old) = (side as f64 / 2.0 - 0.5, kernel.extent().width as f64 / 2.0 - 0.5);
    let inside = |x: f64| (-0.5..=kernel.extent().width as f64 - 0.5).contains(&x);
    normalised(Plane::from_fn(Extent::new(side, side), |x, y| {
        let (x, y) = ((x as f64 - middle) / factor + old, (y as f64 - middle) / factor + old);
        if inside(x) && inside(y) { sample(kernel, x, y).max(0.0) } else { 0.0 }
    }))
}

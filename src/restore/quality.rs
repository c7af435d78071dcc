//! How far a picture is from the truth: peak signal-to-noise ratio and structural similarity.
//!
//! Samples are taken on the scale from 0 to 1. Pictures of luma and chroma are compared by luma,
//! pictures of red, green and blue by all three.
//!
//! PSNR is `-10 log10` of the mean squared difference, 99 dB at most. SSIM is that of Wang, Bovik,
//! Sheikh, Simoncelli, IEEE TIP 13(4), 2004: Gaussian window of deviation 1.5 and 11 samples,
//! `K1 = 0.01`, `K2 = 0.03`, averaged over the places where the window fits.

use crate::frame::{Frame, FramePsnr, Layout, Picture, Plane};

/// The PSNR given for equal pictures, in dB.
const EQUAL_DB: f64 = 99.0;

const WINDOW_RADIUS: usize = 5;
const WINDOW_SIGMA: f64 = 1.5;

/// How far the pictures of a frame are from its truth, where that is known.
pub fn assess(frame: &Frame) -> Option<FramePsnr> {
    let truth = frame.truth.as_ref()?;
    #[expect(clippy::cast_possible_truncation, reason = "a few digits are enough")]
    let db = |picture| psnr_db(picture, truth) as f32;
    Some(FramePsnr { blurred_db: db(&frame.blurred), restored_db: db(&frame.restored) })
}

/// Peak signal-to-noise ratio in dB.
///
/// # Panics
/// Where the pictures differ in extent or layout.
pub fn psnr_db(picture: &Picture, truth: &Picture) -> f64 {
    let (mut squares, mut count) = (0.0, 0);
    let (scale, truth_scale) = (scale(picture), scale(truth));
    for (plane, truth) in compared(picture, truth) {
        for (row, truth) in plane.rows().zip(truth.rows()) {
            let difference =
                |(a, b): (&u16, &u16)| f64::from(*a) * scale - f64::from(*b) * truth_scale;
            squares += row.iter().zip(truth).map(|pair| difference(pair).powi(2)).sum::<f64>();
            count += row.len();
        }
    }
    (-10.0 * (squares / f64::from(u32::try_from(count.max(1)).unwrap_or(u32::MAX))).log10())
        .min(EQUAL_DB)
}

/// Mean structural similarity, 1 for equal pictures.
///
/// # Panics
/// Where the pictures differ in extent or layout.
pub fn ssim(picture: &Picture, truth: &Picture) -> f64 {
    let (scale, truth_scale) = (scale(picture), scale(truth));
    let values: Vec<f64> = compared(picture, truth)
        .map(|(plane, truth)| plane_ssim(&scaled(plane, scale), &scaled(truth, truth_scale)))
        .collect();
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn compared<'a>(
    picture: &'a Picture,
    truth: &'a Picture,
) -> impl Iterator<Item = (&'a Plane<u16>, &'a Plane<u16>)> {
    let (format, expected) = (picture.format(), truth.format());
    assert_eq!(
        (format.extent, format.layout),
        (expected.extent, expected.layout),
        "compared pictures"
    );
    let planes = if format.layout == Layout::Rgb { 3 } else { 1 };
    picture.planes().iter().zip(truth.planes()).take(planes)
}

fn scale(picture: &Picture) -> f64 {
    1.0 / f64::from(picture.format().white())
}

fn scaled(plane: &Plane<u16>, scale: f64) -> Plane<f64> {
    Plane::from_fn(plane.extent(), |x, y| f64::from(plane.row(y)[x]) * scale)
}

fn plane_ssim(a: &Plane<f64>, b: &Plane<f64>) -> f64 {
    const C1: f64 = 0.01 * 0.01;
    const C2: f64 = 0.03 * 0.03;
    let window = window(a);
    let blur = |value: &dyn Fn(f64, f64) -> f64| {
        let plane = Plane::from_fn(a.extent(), |x, y| value(a.row(y)[x], b.row(y)[x]));
        transposed_rows(&transposed_rows(&plane, &window), &window)
    };
    let (mean_a, mean_b) = (blur(&|a, _| a), blur(&|_, b| b));
    let (square_a, square_b, product) =
        (blur(&|a, _| a * a), blur(&|_, b| b * b), blur(&|a, b| a * b));
    let count = mean_a.samples().len();
    let at = |index: usize| {
        let (ma, mb) = (mean_a.samples()[index], mean_b.samples()[index]);
        let variances = square_a.samples()[index] - ma * ma + square_b.samples()[index] - mb * mb;
        let covariance = product.samples()[index] - ma * mb;
        ((2.0 * ma * mb + C1) * (2.0 * covariance + C2))
            / ((ma * ma + mb * mb + C1) * (variances + C2))
    };
    (0..count).map(at).sum::<f64>() / count.max(1) as f64
}

/// The Gaussian window, smaller where the picture is smaller than it.
fn window(plane: &Plane<f64>) -> Vec<f64> {
    let least = plane.extent().width.min(plane.extent().height);
    let radius = WINDOW_RADIUS.min(least.saturating_sub(1) / 2);
    let weight = |index: usize| {
        (-(index as f64 - radius as f64).powi(2) / (2.0 * WINDOW_SIGMA.powi(2))).exp()
    };
    let weights: Vec<f64> = (0..=2 * radius).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Rows averaged under the window where it fits, written as columns: twice applied it averages in
/// both directions.
fn transposed_rows(plane: &Plane<f64>, window: &[f64]) -> Plane<f64> {
    let extent = plane.extent();
    let fits = (extent.width + 1).saturating_sub(window.len());
    Plane::from_fn(crate::frame::Extent::new(extent.height, fits), |y, x| {
        plane.row(y)[x..].iter().zip(window).map(|(sample, weight)| sample * weight).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Extent, PictureFormat};

    fn gray(extent: Extent, value: impl Fn(usize, usize) -> usize) -> Picture {
        let mut picture = Picture::new(PictureFormat::gray(extent));
        let plane = Plane::from_fn(extent, |x, y| u16::try_from(value(x, y)).expect("a sample"));
        picture.planes_mut()[0] = plane;
        picture
    }

    #[test]
    fn equal_pictures_are_equal() {
        for extent in [Extent::new(1, 1), Extent::new(7, 3), Extent::new(30, 20)] {
            let picture = gray(extent, |x, y| (31 * x + 17 * y) % 256);
            assert!((psnr_db(&picture, &picture) - 99.0).abs() < 1e-9);
            assert!((ssim(&picture, &picture) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn psnr_is_that_of_the_definition() {
        let extent = Extent::new(4, 4);
        let (a, b) = (gray(extent, |_, _| 100), gray(extent, |x, _| 100 + 2 * (x % 2)));
        let expected = -10.0 * (2.0 / (255.0 * 255.0_f64)).log10();
        assert!((psnr_db(&a, &b) - expected).abs() < 1e-9);
    }

    /// The value is that of scikit-image 0.25 `structural_similarity` with `gaussian_weights`,
    /// `sigma=1.5`, `use_sample_covariance=False`, `data_range=1`, its border of 5 removed.
    #[test]
    fn ssim_agrees_with_scikit_image() {
        let extent = Extent::new(24, 20);
        let a = gray(extent, |x, y| (x * x + 3 * y * y) % 256);
        let b = gray(extent, |x, y| ((x * x + 3 * y * y) % 256 * 3 / 4 + 5 * (x % 3)) % 256);
        let is = ssim(&a, &b);
        assert!((is - SSIM_BY_SCIKIT_IMAGE).abs() < 1e-6, "{is}");
    }

    const SSIM_BY_SCIKIT_IMAGE: f64 = 0.931_049_740_232_883;
}

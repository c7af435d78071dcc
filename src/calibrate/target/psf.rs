//! What is asked of an estimated PSF: its sum, its middle, its border.
//!
//! A PSF is `side` x `side` samples, row by row.

use super::geometry::Point;

/// A Gaussian with the sum 1.
pub(super) fn gaussian(side: usize, sigma: f64) -> Vec<f64> {
    let value = |index: usize| {
        let [x, y] = offset(index, side);
        (-(x * x + y * y) / (2.0 * sigma * sigma)).exp()
    };
    let samples: Vec<f64> = (0..side * side).map(value).collect();
    let sum: f64 = samples.iter().sum();
    samples.iter().map(|sample| sample / sum).collect()
}

/// The PSF with the sum 1; `None` where there is nothing.
pub(super) fn normalised(mut psf: Vec<f64>) -> Option<Vec<f64>> {
    let sum: f64 = psf.iter().sum();
    psf.iter_mut().for_each(|sample| *sample /= sum);
    (sum > 0.0 && sum.is_finite()).then_some(psf)
}

/// Centre of mass from the middle, in samples.
pub(super) fn centroid(psf: &[f64], side: usize) -> Point {
    let mut sum = [0.0; 2];
    for (index, k) in psf.iter().enumerate() {
        let [x, y] = offset(index, side);
        sum = [sum[0] + k * x, sum[1] + k * y];
    }
    sum
}

/// The part of the sum that lies `inwards` or fewer samples from the border.
pub(super) fn border(psf: &[f64], side: usize, inwards: usize) -> f64 {
    let reach = (side / 2 - inwards.min(side / 2)) as f64;
    let is_out = |index: usize| offset(index, side).iter().any(|value| value.abs() >= reach);
    psf.iter().enumerate().filter(|(index, _)| is_out(*index)).map(|(_, k)| k.abs()).sum()
}

/// What that border holds on the average where nothing is but noise: of normal deviations, the bound
/// at zero leaves `1 / sqrt(2 pi)`.
pub(super) fn border_of_noise(uncertainty: f64, side: usize, inwards: usize) -> f64 {
    let inner = side.saturating_sub(2 * inwards + 2);
    let samples = (side * side - inner * inner) as f64;
    samples * uncertainty / std::f64::consts::TAU.sqrt()
}

/// The same PSF in the middle of one of `to` samples each way, which is cut where it is less.
pub(super) fn padded(psf: &[f64], from: usize, to: usize) -> Vec<f64> {
    let (old, new) = (from / 2, to / 2);
    let at = |index: usize| {
        let x = (index % to + old).checked_sub(new).filter(|&x| x < from)?;
        let y = (index / to + old).checked_sub(new).filter(|&y| y < from)?;
        Some(psf[y * from + x])
    };
    (0..to * to).map(|index| at(index).unwrap_or(0.0)).collect()
}

/// Relative distance of two PSFs of one extent: `|a - b| / |b|`.
pub(super) fn difference(a: &[f64], b: &[f64]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let apart = square(&mut a.iter().zip(b).map(|(a, b)| a - b));
    (apart / square(&mut b.iter().copied()).max(f64::MIN_POSITIVE)).sqrt()
}

/// The largest negative lobe of a PSF, as a part of its greatest sample.
pub(super) fn negative_lobe(psf: &[f64]) -> f64 {
    let greatest = psf.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let least = psf.iter().copied().fold(0.0, f64::min);
    -least / greatest
}

/// Where sample `index` lies from the middle.
fn offset(index: usize, side: usize) -> Point {
    let middle = (side / 2) as f64;
    [(index % side) as f64 - middle, (index / side) as f64 - middle]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_border_and_the_room_of_a_psf() {
        let mut psf = vec![0.0; 25];
        (psf[12], psf[0], psf[6]) = (0.5, 0.2, 0.3);
        assert_eq!([0, 1, 2].map(|inwards| border(&psf, 5, inwards)), [0.2, 0.5, 1.0]);
        let larger = padded(&psf, 5, 7);
        assert_eq!((larger[24], larger[8], padded(&larger, 7, 5)), (0.5, 0.2, psf));
    }
}

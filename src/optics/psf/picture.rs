//! Pictures of PSFs and their transforms, as they are shown everywhere.
//!
//! Shades are square roots of samples over the greatest: the flanks of a PSF are most of it, and would
//! be black.

use super::Psf;
use crate::frame::{Extent, Plane};

impl Psf {
    /// The shades of its samples, 0 to 1, in the middle of a square of `side` pixels.
    pub fn portrait(&self, side: usize) -> Plane<f64> {
        framed(&shades(&self.samples), side)
    }
}

/// The square roots of samples over the greatest of them.
pub fn shades(plane: &Plane<f64>) -> Plane<f64> {
    let greatest = plane.samples().iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    Plane::from_fn(plane.extent(), |x, y| (plane.row(y)[x] / greatest).sqrt())
}

/// The plane in means of squares so large that no side is longer than `side`.
pub fn shrunk(plane: &Plane<f64>, side: usize) -> Plane<f64> {
    let Extent { width, height } = plane.extent();
    let block = width.max(height).div_ceil(side).max(1);
    let extent = Extent::new(width.div_ceil(block), height.div_ceil(block));
    Plane::from_fn(extent, |x, y| {
        let rows = y * block..((y + 1) * block).min(height);
        let sum: f64 = rows
            .map(|y| plane.row(y)[x * block..((x + 1) * block).min(width)].iter().sum::<f64>())
            .sum();
        sum / (block * block) as f64
    })
}

/// The plane as large as it fits into a square of `side` pixels, whole pixels a sample, and zeros
/// around it.
pub fn framed(plane: &Plane<f64>, side: usize) -> Plane<f64> {
    let plane = shrunk(plane, side);
    let Extent { width, height } = plane.extent();
    let scale = (side / width.max(height).max(1)).max(1);
    let (left, top) = ((side - width * scale) / 2, (side - height * scale) / 2);
    Plane::from_fn(Extent::new(side, side), |x, y| {
        let place = |at: usize, start: usize, length: usize| {
            at.checked_sub(start).map(|at| at / scale).filter(|&at| at < length)
        };
        let inside = place(x, left, width).zip(place(y, top, height));
        inside.map_or(0.0, |(x, y)| plane.row(y)[x])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_planes_are_shrunk_by_means() {
        let plane = Plane::from_fn(Extent::new(71, 5), |x, _| f64::from(u8::from(x < 3)));
        let small = shrunk(&plane, 35);
        assert_eq!(small.extent(), Extent::new(24, 2));
        assert!((small.row(0)[0] - 1.0).abs() < 1e-12 && small.row(0)[1].abs() < 1e-12);
    }

    /// A portrait is a square whatever the PSF, and its centre is that of the PSF.
    #[test]
    fn a_portrait_is_a_square_with_the_psf_in_its_middle() {
        for formula in ["disk:3", "gaussian:60", "motion:15,0"] {
            let psf = Psf::from_formula(formula).expect("a formula").expect("a PSF");
            let portrait = psf.portrait(97);
            assert_eq!(portrait.extent(), Extent::new(97, 97), "{formula}");
            assert!(
                portrait.samples().iter().all(|shade| (0.0..=1.0).contains(shade)),
                "{formula}"
            );
            assert!(portrait.row(48)[48] > 0.9, "{formula}: {}", portrait.row(48)[48]);
            assert!(portrait.row(0)[0] < 0.1, "{formula}");
        }
    }
}

//! A PSF made wider or narrower.

use super::{Psf, PsfError};
use crate::frame::{Extent, Plane};

impl Psf {
    /// The PSF, `factor` times as wide, about its centre of mass, in the same extent.
    ///
    /// Where it becomes narrower each sample's light goes to the four samples around its new place, so that
    /// none is passed over; where it becomes wider each sample takes from the four around its old one, so
    /// that none is left out.
    ///
    /// # Errors
    /// Where nothing is left of it.
    pub fn scaled(&self, factor: f64) -> Result<Self, PsfError> {
        let middle = self.centre_of_mass();
        let mut scaled = Plane::new(self.extent(), 0.0);
        if factor < 1.0 {
            let place = |at: usize, side: usize| middle[side] + (at as f64 - middle[side]) * factor;
            for (y, row) in self.samples().rows().enumerate() {
                for (x, sample) in row.iter().enumerate() {
                    for (near, share) in around(self.extent(), [place(x, 0), place(y, 1)]) {
                        scaled.row_mut(near.1)[near.0] += share * sample;
                    }
                }
            }
        } else {
            let place = |at: usize, side: usize| middle[side] + (at as f64 - middle[side]) / factor;
            for (y, row) in scaled.rows_mut().enumerate() {
                for (x, sample) in row.iter_mut().enumerate() {
                    let taken = around(self.extent(), [place(x, 0), place(y, 1)]);
                    *sample = taken
                        .map(|(near, share)| share * self.samples().row(near.1)[near.0])
                        .iter()
                        .sum();
                }
            }
        }
        Self::new(scaled)
    }

    /// Where its light is, on average: column and row.
    fn centre_of_mass(&self) -> [f64; 2] {
        let mut mean = [0.0, 0.0];
        for (y, row) in self.samples().rows().enumerate() {
            for (x, sample) in row.iter().enumerate() {
                mean[0] += sample * x as f64;
                mean[1] += sample * y as f64;
            }
        }
        mean
    }
}

/// The four samples around a place, the nearest in the plane where it lies beyond, with the share of each.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the plane")]
fn around(extent: Extent, [x, y]: [f64; 2]) -> [((usize, usize), f64); 4] {
    let Extent { width, height } = extent;
    let (x, y) = (x.clamp(0.0, (width - 1) as f64), y.clamp(0.0, (height - 1) as f64));
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (a, b) = (x - left as f64, y - top as f64);
    [
        ((left, top), (1.0 - a) * (1.0 - b)),
        ((right, top), a * (1.0 - b)),
        ((left, bottom), (1.0 - a) * b),
        ((right, bottom), a * b),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Variance along the rows.
    fn variance(psf: &Psf) -> f64 {
        let centre = psf.radius().0 as f64;
        let rows = psf.samples().rows();
        rows.flat_map(|row| row.iter().enumerate())
            .map(|(x, sample)| sample * (x as f64 - centre).powi(2))
            .sum::<f64>()
    }

    impl Psf {
        /// In the middle of a square.
        fn framed(&self, side: usize) -> Self {
            let off = side / 2 - self.radius().0;
            let inner = self.extent().width;
            let sample = |x: usize, y: usize| {
                let is_in = [x, y].iter().all(|at| (off..off + inner).contains(at));
                if is_in { self.samples().row(y - off)[x - off] } else { 0.0 }
            };
            Self::new(Plane::from_fn(Extent::new(side, side), sample)).expect("a PSF")
        }
    }

    #[test]
    fn the_width_is_scaled() {
        let disk = Psf::from_formula("disk:4").expect("a formula").expect("a PSF");
        for factor in [0.8, 1.0, 1.2] {
            let room = disk.framed(15);
            let ratio = (variance(&room.scaled(factor).expect("a PSF")) / variance(&room)).sqrt();
            assert!((ratio / factor - 1.0).abs() < 0.06, "{ratio} for {factor}");
        }
    }
}

//! PSFs to the bytes of files, as [`Psf::from_bytes`] reads them.

use std::fmt::Write;

use super::Psf;
use crate::frame::{Extent, Picture, PictureFormat};
use crate::optics::npy::write_array;

impl Psf {
    /// A text matrix whose numbers are read back as they are.
    pub fn to_text(&self) -> String {
        let mut text = format!("# a PSF as in convolution, {}, sum 1\n", self.extent());
        for row in self.samples.rows() {
            let numbers: Vec<String> = row.iter().map(f64::to_string).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", numbers.join(" "));
        }
        text
    }

    /// A NumPy array of `f64`.
    ///
    /// # Errors
    /// None is known: memory takes it.
    pub fn to_npy(&self) -> std::io::Result<Vec<u8>> {
        let (mut bytes, Extent { width, height }) = (Vec::new(), self.extent());
        write_array(&mut bytes, &[height, width], self.samples.samples().iter().copied())?;
        Ok(bytes)
    }

    /// A gray picture of 16 bits, the greatest sample white. It has lost what its steps do not show.
    pub fn to_picture(&self) -> Picture {
        let greatest = self.samples.samples().iter().copied().fold(0.0, f64::max);
        let format = PictureFormat { depth: 16, ..PictureFormat::gray(self.extent()) };
        let mut picture = Picture::new(format);
        let samples = picture.planes_mut()[0].samples_mut().iter_mut();
        for (sample, value) in samples.zip(self.samples.samples()) {
            let level = (value / greatest * f64::from(u16::MAX)).round();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 to 65535"
            )]
            let level = level as u16;
            *sample = level;
        }
        picture
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random_psf;

    #[track_caller]
    fn check_read_back(psf: &Psf, bytes: &[u8], tolerance: f64) {
        let read = Psf::from_bytes(bytes).expect("a PSF");
        assert_eq!(read.extent(), psf.extent());
        let pairs = read.samples().samples().iter().zip(psf.samples().samples());
        for (is, was) in pairs {
            assert!((is - was).abs() <= tolerance, "{was} became {is}");
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        for (psf, side) in [3, 5, 31].map(|side| (random_psf(side as u64, side), side)) {
            check_read_back(&psf, psf.to_text().as_bytes(), 1e-16);
            check_read_back(&psf, &psf.to_npy().expect("an array"), 1e-16);
            let picture = psf.to_picture();
            let read = Psf::new(crate::frame::Plane::from_fn(psf.extent(), |x, y| {
                f64::from(picture.planes()[0].row(y)[x])
            }));
            let close = psf.compare(&read.expect("a PSF")).expect("both fit").distance;
            assert!(close < 1e-4, "{side}: {close}");
        }
    }
}

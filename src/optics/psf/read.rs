//! PSFs from the bytes of files: text, PNG pictures and NumPy arrays, told from their first bytes.

use std::fmt;

use super::{Psf, PsfError, check_side, png, text};
use crate::frame::{Extent, Plane};
use crate::optics::npy::Npy;

/// What files begin with that hold no PSF, and what they are.
const OTHERS: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "an archive"),
    (b"\xFF\xD8\xFF", "a JPEG picture, which has lost what a PSF needs"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"RIFF", "a RIFF file"),
    (b"MATLAB", "a MATLAB file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"SIMPLE  =", "a FITS file"),
    (b"%PDF", "a PDF document"),
    (b"P5", "a PGM picture"),
    (b"P2", "a PGM picture"),
    (b"\x80\x04", "a pickle"),
];

/// What was found in the file of a PSF.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Of which format it is.
    pub format: String,
    /// Its extent there, which may be even.
    pub extent: Extent,
    /// The sum of its samples there.
    pub sum: f64,
    /// What had to be assumed to make a PSF of it; each a sentence.
    pub notes: Vec<String>,
}

impl Psf {
    /// Reads a PSF from the bytes of a file: a text matrix (rows on lines, `#` begins a comment), a
    /// PNG that is gray, or a two-dimensional `.npy` array of numbers.
    ///
    /// # Errors
    /// Where the bytes hold no PSF.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PsfError> {
        Ok(Self::read(bytes)?.0)
    }

    /// As [`Psf::from_bytes`], with what was found.
    ///
    /// # Errors
    /// Where the bytes hold no PSF.
    pub fn read(bytes: &[u8]) -> Result<(Self, Found), PsfError> {
        let (samples, format, mut notes) = if bytes.starts_with(png::MARK) {
            let (samples, format) = png::samples(bytes)?;
            (samples, format, Vec::new())
        } else if Npy::is_npy(bytes) {
            let (samples, format) = npy(bytes)?;
            (samples, format, Vec::new())
        } else if let Some((_, what)) = OTHERS.iter().find(|(mark, _)| bytes.starts_with(mark)) {
            return Err(PsfError::Format(format!("it is {what}")));
        } else {
            let matrix = text::matrix(&text::decode(bytes)?)?;
            (matrix.samples, "text".to_owned(), matrix.notes)
        };
        let (extent, sum) = (samples.extent(), samples.samples().iter().sum());
        notes.extend(padding("width", "column", extent.width));
        notes.extend(padding("height", "row", extent.height));
        Ok((Self::new(samples)?, Found { format, extent, sum, notes }))
    }
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, extent, sum, .. } = self;
        write!(out, "{format}, {extent}, sum {}", Digits(*sum))
    }
}

/// A number to six significant digits.
struct Digits(f64);

impl fmt::Display for Digits {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded: f64 = format!("{:.5e}", self.0).parse().unwrap_or(self.0);
        if (1e-4..1e9).contains(&rounded.abs()) {
            write!(out, "{rounded}")
        } else {
            write!(out, "{rounded:e}")
        }
    }
}

/// Says where the centre is along an even side.
fn padding(side: &str, line: &str, length: usize) -> Option<String> {
    let centre = length / 2 + 1;
    (length.is_multiple_of(2) && length > 0).then(|| {
        format!(
            "the {side} {length} is even: {line} {centre} was taken for the central one, and a \
             {line} of zeros added behind the last"
        )
    })
}

fn npy(bytes: &[u8]) -> Result<(Plane<f64>, String), PsfError> {
    let format = |error: crate::optics::npy::NpyError| PsfError::Format(error.to_string());
    let npy = Npy::open(bytes).map_err(format)?;
    let &[height, width] = npy.shape.as_slice() else {
        let sides = &npy.shape[..npy.shape.len().min(8)];
        return Err(PsfError::Format(format!("the array has shape {sides:?}, not two sides")));
    };
    check_side(width, height)?;
    let kind = format!("NumPy array of {}", npy.kind);
    let samples = npy.read().map_err(format)?.values;
    let samples = Plane::from_samples(Extent::new(width, height), samples);
    Ok((samples.ok_or(PsfError::Empty)?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::npy::write_array;

    const SAMPLES: [f64; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 6.0];

    #[track_caller]
    fn check_reads(bytes: &[u8], format: &str, scale: f64) {
        let (psf, found) = Psf::read(bytes).expect("a PSF");
        assert_eq!(psf.extent(), Extent::new(3, 3), "two rows of three, padded");
        for (index, sample) in SAMPLES.iter().enumerate() {
            let is = psf.samples().samples()[index];
            assert!((is - sample / 16.0).abs() < 1e-9, "sample {index} is {is}");
        }
        assert_eq!((found.format.as_str(), found.extent), (format, Extent::new(3, 2)));
        assert!((found.sum - 16.0 * scale).abs() < 1e-9, "{found:?}");
        let [note] = found.notes.as_slice() else { panic!("{:?}", found.notes) };
        assert!(note.starts_with("the height 2 is even: row 2 was taken"), "{note}");
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], message: &str) {
        let error = Psf::from_bytes(bytes).expect_err("not a PSF").to_string();
        assert!(error.contains(message), "{error}");
    }

    fn png_of(color: image::ExtendedColorType, samples: &[u8], width: u32) -> Vec<u8> {
        use image::ImageEncoder;
        let mut bytes = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        encoder.write_image(samples, width, 2, color).expect("encodes");
        bytes
    }

    fn npy_of(shape: &[usize], samples: &[f64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_array(&mut bytes, shape, samples.iter().copied()).expect("an array");
        bytes
    }

    /// Two rows of three by columns, as `numpy.save` writes `numpy.asfortranarray`.
    fn npy_by_columns() -> Vec<u8> {
        let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }";
        let header = format!("{header:<117}\n");
        [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes(), &[0, 3, 1, 4, 2, 6]].concat()
    }

    #[test]
    fn every_format_gives_the_same_psf() {
        use image::ExtendedColorType::{L8, L16, La8, Rgb8, Rgba8, Rgba16};
        check_reads(b"0 1 2\n3 4 6\n", "text", 1.0);
        check_reads(b"# calibrated\r\n0.0, 1e0; 2\r\n\r\n3,4,6 # end\r\n", "text", 1.0);
        let gray = [0, 10, 20, 30, 40, 60];
        check_reads(&png_of(L8, &gray, 3), "PNG of type L8", 10.0);
        check_reads(&png_of(La8, &gray.map(|v| [v, 255]).concat(), 3), "PNG of type La8", 10.0);
        check_reads(&png_of(Rgb8, &gray.map(|v| [v; 3]).concat(), 3), "PNG of type Rgb8", 10.0);
        let opaque = gray.map(|v| [v, v, v, 255]).concat();
        check_reads(&png_of(Rgba8, &opaque, 3), "PNG of type Rgba8", 10.0);
        let wide = [0_u16, 1000, 2000, 3000, 4000, 6000];
        check_reads(
            &png_of(L16, &wide.map(u16::to_ne_bytes).concat(), 3),
            "PNG of type L16",
            1000.0,
        );
        let opaque = wide.map(|v| [v, v, v, u16::MAX].map(u16::to_ne_bytes).concat()).concat();
        check_reads(&png_of(Rgba16, &opaque, 3), "PNG of type Rgba16", 1000.0);
        check_reads(&npy_of(&[2, 3], &SAMPLES), "NumPy array of <f8", 1.0);
        check_reads(&npy_by_columns(), "NumPy array of |u1", 1.0);
    }

    #[test]
    fn what_is_no_psf_is_refused_by_name() {
        use image::ExtendedColorType::{Rgb8, Rgba8};
        check_refused(b"", "empty");
        check_refused(b"\n \n", "empty");
        check_refused(b"0 1\n2 x3\n", "row 2, column 2 of the PSF is 'x3'");
        check_refused(b"0 1\n2\n", "row 2 of the PSF has 1 numbers (expected 2");
        check_refused(b"\xff\xfd", "not text");
        check_refused(b"\x89PNG\r\n", "cannot be read");
        check_refused(b"\x93NUMPY\x01", "cannot be read");
        check_refused(b"\xFF\xD8\xFF\xE0", "it is a JPEG picture");
        check_refused(b"PK\x03\x04", "it is an archive");
        let red = [9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 8, 9];
        check_refused(
            &png_of(Rgb8, &red, 2),
            "type Rgb8 whose red, green and blue differ at column 1, row 1",
        );
        let clear = [[9, 9, 9, 255], [9, 9, 9, 0]].concat().repeat(2);
        check_refused(&png_of(Rgba8, &clear, 2), "that is transparent at column 1, row 0");
        check_refused(&npy_of(&[1, 2, 3], &SAMPLES), "shape [1, 2, 3], not two sides");
        check_refused(&npy_of(&[6], &SAMPLES), "shape [6], not two sides");
        check_refused(&npy_of(&[2, 3], &[-1.0; 6]), "sample 0,0 of the PSF is -1");
        check_refused(&"1 ".repeat(10_000).into_bytes(), "1024x1 samples (expected at most");
        check_refused(&"1\n".repeat(10_000).into_bytes(), "1x1024 samples (expected at most");
    }

    #[test]
    fn numbers_are_shown_to_six_digits() {
        for (number, text) in [
            (1.0, "1"),
            (0.999_999_9, "1"),
            (255.125, "255.125"),
            (1e-9, "1e-9"),
            (2.5e12, "2.5e12"),
        ] {
            assert_eq!(Digits(number).to_string(), text);
        }
    }
}

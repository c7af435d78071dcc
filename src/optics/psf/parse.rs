//! PSFs from the bytes of files: text matrices, gray PNG pictures and NumPy arrays.

use super::{Psf, PsfError};
use crate::frame::{Extent, Plane};

const PNG: &[u8] = b"\x89PNG";
const NPY: &[u8] = b"\x93NUMPY";

impl Psf {
    /// Reads a PSF from the bytes of a file: a text matrix (rows on lines, numbers separated by
    /// blanks, commas or semicolons, `#` begins a comment), an 8- or 16-bit gray PNG, or a
    /// two-dimensional `.npy` array of numbers. The format is told from the bytes.
    ///
    /// # Errors
    /// Where the bytes hold no PSF.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PsfError> {
        let samples = if bytes.starts_with(PNG) {
            png(bytes)?
        } else if bytes.starts_with(NPY) {
            npy(bytes)?
        } else {
            let text = std::str::from_utf8(bytes);
            matrix(text.map_err(|_| PsfError::Format("it is not text".to_owned()))?)?
        };
        Self::new(samples)
    }
}

fn matrix(text: &str) -> Result<Plane<f64>, PsfError> {
    let (mut width, mut height, mut samples) = (0, 0, Vec::new());
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    for line in lines.filter(|line| !line.is_empty()) {
        height += 1;
        let before = samples.len();
        let is_separator = |c: char| c.is_whitespace() || c == ',' || c == ';';
        for word in line.split(is_separator).filter(|word| !word.is_empty()) {
            let column = samples.len() - before + 1;
            samples.push(number(word, height, column)?);
            check_side(column, height)?;
        }
        let is = samples.len() - before;
        if height == 1 {
            width = is;
        } else if is != width {
            return Err(PsfError::Ragged { row: height, is, expected: width });
        }
    }
    Plane::from_samples(Extent::new(width, height), samples).ok_or(PsfError::Empty)
}

fn number(word: &str, row: usize, column: usize) -> Result<f64, PsfError> {
    let shown = || word.chars().take(40).collect();
    word.parse().map_err(|_| PsfError::NotANumber { row, column, word: shown() })
}

/// Refuses a side as soon as it is too long, so that nothing larger is ever held.
fn check_side(width: usize, height: usize) -> Result<(), PsfError> {
    let fits = width.max(height) <= Psf::MAX_SIDE;
    fits.then_some(()).ok_or(PsfError::TooLarge(Extent::new(width, height)))
}

fn png(bytes: &[u8]) -> Result<Plane<f64>, PsfError> {
    let format = |error: image::ImageError| PsfError::Format(error.to_string());
    let reader =
        || image::ImageReader::with_format(std::io::Cursor::new(bytes), image::ImageFormat::Png);
    let (width, height) = reader().into_dimensions().map_err(format)?;
    check_side(width as usize, height as usize)?;
    let samples = match reader().decode().map_err(format)? {
        image::DynamicImage::ImageLuma8(gray) => {
            gray.into_raw().into_iter().map(f64::from).collect()
        }
        image::DynamicImage::ImageLuma16(gray) => {
            gray.into_raw().into_iter().map(f64::from).collect()
        }
        other => return Err(PsfError::Format(format!("it is a PNG of type {:?}", other.color()))),
    };
    Plane::from_samples(Extent::new(width as usize, height as usize), samples)
        .ok_or(PsfError::Empty)
}

fn npy(bytes: &[u8]) -> Result<Plane<f64>, PsfError> {
    let format = |error: std::io::Error| PsfError::Format(error.to_string());
    let file = npyz::NpyFile::new(bytes).map_err(format)?;
    let &[height, width] = file.shape() else {
        return Err(PsfError::Format(format!("the array has shape {:?}", file.shape())));
    };
    let side = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let extent = Extent::new(side(width), side(height));
    check_side(extent.width, extent.height)?;
    let in_columns = file.order() == npyz::Order::Fortran;
    let samples = npy_samples(bytes).map_err(format)?;
    if in_columns {
        let columns = Plane::from_samples(Extent::new(extent.height, extent.width), samples);
        let columns = columns.ok_or(PsfError::Empty)?;
        return Ok(Plane::from_fn(extent, |x, y| columns.row(x)[y]));
    }
    Plane::from_samples(extent, samples).ok_or(PsfError::Empty)
}

/// The numbers of a NumPy array in storage order, whatever common type they have.
fn npy_samples(bytes: &[u8]) -> std::io::Result<Vec<f64>> {
    fn read<T: npyz::Deserialize + Into<f64>>(bytes: &[u8]) -> std::io::Result<Vec<f64>> {
        let samples = npyz::NpyFile::new(bytes)?.data::<T>().map_err(std::io::Error::other)?;
        samples.map(|sample| sample.map(Into::into)).collect()
    }
    read::<f64>(bytes)
        .or_else(|_| read::<f32>(bytes))
        .or_else(|_| read::<u8>(bytes))
        .or_else(|_| read::<u16>(bytes))
        .or_else(|_| read::<i32>(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use npyz::WriterBuilder;

    const SAMPLES: [f64; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 6.0];

    fn check_reads(bytes: &[u8]) {
        let psf = Psf::from_bytes(bytes).expect("a PSF");
        assert_eq!(psf.extent(), Extent::new(3, 3), "two rows of three, padded");
        for (index, sample) in SAMPLES.iter().enumerate() {
            let is = psf.samples().samples()[index];
            assert!((is - sample / 16.0).abs() < 1e-9, "sample {index} is {is}");
        }
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

    fn npy_of(order: npyz::Order, samples: &[f64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let options = npyz::WriteOptions::new().default_dtype().shape(&[2, 3]).order(order);
        let mut writer = options.writer(&mut bytes).begin_nd().expect("a header");
        writer.extend(samples.iter().copied()).expect("writes");
        writer.finish().expect("finishes");
        bytes
    }

    #[test]
    fn every_format_gives_the_same_psf() {
        check_reads(b"0 1 2\n3 4 6\n");
        check_reads(b"# calibrated\r\n0.0, 1e0; 2\r\n\r\n3,4,6 # end\r\n");
        check_reads(&png_of(image::ExtendedColorType::L8, &[0, 10, 20, 30, 40, 60], 3));
        let wide = [0_u16, 1000, 2000, 3000, 4000, 6000].map(u16::to_ne_bytes).concat();
        check_reads(&png_of(image::ExtendedColorType::L16, &wide, 3));
        check_reads(&npy_of(npyz::Order::C, &SAMPLES));
        check_reads(&npy_of(npyz::Order::Fortran, &[0.0, 3.0, 1.0, 4.0, 2.0, 6.0]));
    }

    #[test]
    fn what_is_no_psf_is_refused_by_name() {
        check_refused(b"", "empty");
        check_refused(b"\n \n", "empty");
        check_refused(b"0 1\n2 x3\n", "row 2, column 2 of the PSF is 'x3'");
        check_refused(b"0 1\n2\n", "row 2 of the PSF has 1 numbers (expected 2");
        check_refused(b"\xff\xfe", "not text");
        check_refused(b"\x89PNG\r\n", "cannot be read");
        check_refused(b"\x93NUMPY\x01", "cannot be read");
        check_refused(&png_of(image::ExtendedColorType::Rgb8, &[1; 12], 2), "type Rgb8");
        check_refused(&"1 ".repeat(10_000).into_bytes(), "1024x1 samples (expected at most");
        check_refused(&"1\n".repeat(10_000).into_bytes(), "1x1024 samples (expected at most");
    }
}

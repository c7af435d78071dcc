//! PSFs from PNG pictures: gray ones, or such as were saved in colour and are gray.

use image::{DynamicImage, ImageError, ImageFormat, ImageReader, Limits};

use super::{PsfError, check_side};
use crate::frame::{Extent, Plane};

/// What a file begins with.
pub(super) const MARK: &[u8] = b"\x89PNG";

/// Memory that decoding may take: the largest PSF with four samples of 16 bits, and profiles.
const BYTES_MAX: u64 = 32 << 20;

/// Reads the samples of a picture, and says of which kind it is. Pictures of fewer than 8 bits or
/// with a palette are decoded by the library; transparency that hides something, and colours, are
/// refused.
pub(super) fn samples(bytes: &[u8]) -> Result<(Plane<f64>, String), PsfError> {
    let format = |error: ImageError| PsfError::Format(error.to_string());
    let (width, height) = reader(bytes).into_dimensions().map_err(format)?;
    check_side(width as usize, height as usize)?;
    let picture = reader(bytes).decode().map_err(format)?;
    let kind = format!("PNG of type {:?}", picture.color());
    let extent = Extent::new(width as usize, height as usize);
    let gray = match &picture {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLumaA8(_) => gray(&picture, 255),
        DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => gray(&picture, 255),
        _ => gray(&picture, u16::MAX),
    };
    let samples = gray.map_err(|(index, why)| {
        let (x, y) = (index % extent.width.max(1), index / extent.width.max(1));
        PsfError::Format(format!("it is a {kind} {why} at column {x}, row {y}"))
    })?;
    Ok((Plane::from_samples(extent, samples).ok_or(PsfError::Empty)?, kind))
}

fn reader(bytes: &[u8]) -> ImageReader<std::io::Cursor<&[u8]>> {
    let mut reader = ImageReader::with_format(std::io::Cursor::new(bytes), ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_alloc = Some(BYTES_MAX);
    reader.limits(limits);
    reader
}

/// The samples of a picture whose greatest value is `white`; or where it is not gray, and why.
fn gray(picture: &DynamicImage, white: u16) -> Result<Vec<f64>, (usize, &'static str)> {
    // Samples of 8 bits are widened by 257.
    let step = f64::from(u16::MAX / white);
    let pixels = picture.to_rgba16().into_raw();
    let sample = |(index, pixel): (usize, &[u16])| match *pixel {
        [.., alpha] if alpha != u16::MAX => Err((index, "that is transparent")),
        [red, green, blue, _] if red != green || red != blue => {
            Err((index, "whose red, green and blue differ"))
        }
        _ => Ok(f64::from(pixel[0]) / step),
    };
    pixels.chunks_exact(4).enumerate().map(sample).collect()
}

//! Picture files: PNG and JPEG to planes of samples.
//!
//! Gray pictures stay gray, everything else becomes RGB planes; 8 and 16 bits are kept, fewer
//! bits and palettes are expanded, alpha is dropped, CMYK is converted. The orientation noted by
//! a camera is ignored: the blur belongs to the sensor's own axes.
//!
//! A file is refused by what its header says before memory for its samples is asked for.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::SourceError;
use crate::frame::{Extent, Layout, Picture, PictureFormat, Range};

/// Samples in a row or column, at most.
const SIDE_MAX: u32 = 65_535;
/// Pixels of a picture, at most.
const PIXELS_MAX: u64 = 120_000_000;
/// Memory for a decoded picture, in bytes.
const DECODED_BYTES_MAX: u64 = 1 << 30;
/// Bytes of a file, at most.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Reads a PNG or JPEG file.
///
/// # Errors
/// Where the file cannot be read, is neither, is cut short or damaged, or would need too much
/// memory.
pub fn read_picture(path: &Path) -> Result<Picture, SourceError> {
    let failed = |cause| SourceError::Read { path: path.to_owned(), cause };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > FILE_BYTES_MAX {
        return Err(damaged(path, format!("{length} bytes are more than {FILE_BYTES_MAX}")));
    }
    decode_picture(&std::fs::read(path).map_err(failed)?, path)
}

/// Decodes the bytes of a PNG or JPEG file; `name` is for messages.
///
/// # Errors
/// As [`read_picture`].
pub fn decode_picture(bytes: &[u8], name: &Path) -> Result<Picture, SourceError> {
    let image = decode(bytes).map_err(|cause| damaged(name, cause))?;
    if image.color().has_alpha() {
        log::warn!("{}: transparency is ignored", name.display());
    }
    Ok(planes_of(&image))
}

fn damaged(path: &Path, cause: String) -> SourceError {
    SourceError::Decode { path: path.to_owned(), cause }
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, String> {
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let mut reader = ImageReader::new(Cursor::new(bytes));
    reader.limits(limits());
    let reader = reader.with_guessed_format().map_err(|error| error.to_string())?;
    let format = reader.format().ok_or("neither PNG nor JPEG")?;
    if format == ImageFormat::Jpeg && !jpeg_is_whole(bytes) {
        return Err("the file is cut short: no end of image".to_owned());
    }
    let decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    check_size(decoder.dimensions(), decoder.total_bytes())?;
    DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    limits
}

fn check_size((width, height): (u32, u32), decoded_bytes: u64) -> Result<(), String> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        Err(format!("{width}x{height} has no pixels"))
    } else if pixels > PIXELS_MAX || decoded_bytes > DECODED_BYTES_MAX {
        Err(format!("{width}x{height} is more than {} megapixels", PIXELS_MAX / 1_000_000))
    } else {
        Ok(())
    }
}

/// Whether an end marker follows the start of the samples. The decoder fills what a cut file
/// lacks with gray and says nothing. Segments before the samples are stepped over, because a
/// thumbnail inside them has an end marker of its own.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xDA;
    let mut at = 2;
    while let Some(&[0xFF, marker, high, low]) = bytes.get(at..at + 4) {
        if marker == START_OF_SCAN {
            return bytes[at..].windows(2).any(|pair| pair == [0xFF, 0xD9]);
        }
        let fill_byte = marker == 0xFF;
        at += if fill_byte { 1 } else { 2 + usize::from(u16::from_be_bytes([high, low])) };
    }
    false
}

fn planes_of(image: &DynamicImage) -> Picture {
    match image {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLumaA8(_) => {
            let samples = image.to_luma8();
            picture(image, Layout::Gray, 8, samples.iter().map(|&sample| sample.into()))
        }
        DynamicImage::ImageLuma16(_) | DynamicImage::ImageLumaA16(_) => {
            picture(image, Layout::Gray, 16, image.to_luma16().iter().copied())
        }
        DynamicImage::ImageRgb16(_) | DynamicImage::ImageRgba16(_) => {
            picture(image, Layout::Rgb, 16, image.to_rgb16().iter().copied())
        }
        _ => {
            let samples = image.to_rgb8();
            picture(image, Layout::Rgb, 8, samples.iter().map(|&sample| sample.into()))
        }
    }
}

/// Deals interleaved samples out to planes.
fn picture(
    image: &DynamicImage,
    layout: Layout,
    depth: u8,
    mut samples: impl Iterator<Item = u16>,
) -> Picture {
    let extent = Extent::new(image.width() as usize, image.height() as usize);
    let mut picture = Picture::new(PictureFormat { extent, layout, depth, range: Range::Full });
    for index in 0..extent.area() {
        for plane in picture.planes_mut() {
            plane.samples_mut()[index] = samples.next().unwrap_or_default();
        }
    }
    picture
}

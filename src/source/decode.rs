//! Picture files: PNG and JPEG to planes of samples.
//!
//! Gray pictures stay gray, everything else becomes RGB planes; 8 and 16 bits are kept, fewer
//! bits and palettes are expanded, alpha is dropped, CMYK is converted. What the file says beside is
//! read for whoever writes the picture out again ([`Tags`]); pictures stay as the sensor gave them.
//!
//! A file is refused by what its header says before memory for its samples is asked for.

use std::io::{Cursor, ErrorKind};
use std::path::Path;

use image::error::LimitErrorKind;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::unpack::coding_noise;
use super::unpack::jpeg::file::look_through;
use super::{SourceError, read_bounded, tags};
use crate::frame::{Extent, Layout, Picture, PictureFormat, Range, Tags};

/// Samples in a row or column, at most.
const SIDE_MAX: u32 = 65_535;
/// Pixels of a picture, at most.
const PIXELS_MAX: u64 = 120_000_000;
/// Memory for a decoded picture, in bytes.
const DECODED_BYTES_MAX: u64 = 1 << 30;
/// Bytes of a file, at most.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Reads the picture of a PNG or JPEG file. That an orientation is passed over is said.
///
/// # Errors
/// Where the file cannot be read, is neither, is cut short or damaged, or would need too much
/// memory.
pub fn read_picture(path: &Path) -> Result<Picture, SourceError> {
    read_tagged(path).map(|tagged| without_tags(tagged, path))
}

/// Reads a PNG or JPEG file: the picture, and what the file says of it.
///
/// # Errors
/// As [`read_picture`].
pub fn read_tagged(path: &Path) -> Result<(Picture, Tags), SourceError> {
    let bytes = read_bounded(path, FILE_BYTES_MAX).map_err(|cause| match cause.kind() {
        ErrorKind::FileTooLarge => damaged(path, cause.to_string()),
        _ => SourceError::Read { path: path.to_owned(), cause },
    })?;
    decode_tagged(&bytes, path)
}

/// Decodes the bytes of a PNG or JPEG file; `name` is for messages.
///
/// # Errors
/// As [`read_picture`].
pub fn decode_picture(bytes: &[u8], name: &Path) -> Result<Picture, SourceError> {
    decode_tagged(bytes, name).map(|tagged| without_tags(tagged, name))
}

fn decode_tagged(bytes: &[u8], name: &Path) -> Result<(Picture, Tags), SourceError> {
    let Decoded { image, tags, coding_noise, oddities } =
        decode(bytes).map_err(|cause| damaged(name, cause))?;
    for oddity in oddities {
        log::warn!("{}: {oddity}; read all the same", name.display());
    }
    if image.color().has_alpha() {
        log::warn!("{}: transparency is ignored", name.display());
    }
    let mut picture = planes_of(&image);
    picture.set_coding_noise(coding_noise);
    Ok((picture, tags))
}

fn without_tags((picture, tags): (Picture, Tags), name: &Path) -> Picture {
    if let Some(orientation) = tags.orientation {
        let name = name.display();
        log::warn!("{name}: the orientation {orientation} is ignored: taken as the sensor gave it");
    }
    picture
}

/// What was found in a file.
struct Decoded {
    image: DynamicImage,
    tags: Tags,
    /// Deviation in 8-bit gray levels of what the coder rounded, as far as it says so.
    coding_noise: f32,
    oddities: Vec<String>,
}

fn damaged(path: &Path, cause: String) -> SourceError {
    SourceError::Decode { path: path.to_owned(), cause }
}

fn decode(bytes: &[u8]) -> Result<Decoded, String> {
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => decode_jpeg(bytes),
        Ok(ImageFormat::Png) => {
            let slim = tags::without_packed(bytes);
            let image = pixels(opened(&slim, ImageFormat::Png)?)?;
            let tags = tags::of_png(bytes, channels(&image));
            Ok(Decoded { image, tags, coding_noise: 0.0, oddities: Vec::new() })
        }
        _ => Err("neither PNG nor JPEG".to_owned()),
    }
}

fn decode_jpeg(bytes: &[u8]) -> Result<Decoded, String> {
    let file = look_through(bytes)?;
    let mut decoder = opened(&file.bytes, ImageFormat::Jpeg)?;
    file.check_whole()?;
    // A profile that cannot be put together is none.
    let profile = decoder.icc_profile().ok().flatten();
    let image = pixels(decoder)?;
    let tags = tags::of_jpeg(&file.segments, profile, channels(&image));
    let coding_noise = coding_noise(&file.bytes).unwrap_or_default();
    Ok(Decoded { image, tags, coding_noise, oddities: file.oddities })
}

/// A decoder of a picture that is not too large.
fn opened(bytes: &[u8], format: ImageFormat) -> Result<impl ImageDecoder, String> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    let decoder = reader.into_decoder().map_err(|error| match error {
        ImageError::Limits(error) if matches!(error.kind(), LimitErrorKind::DimensionError) => {
            format!("a side is longer than {SIDE_MAX} pixels")
        }
        error => error.to_string(),
    })?;
    check_size(decoder.dimensions(), decoder.total_bytes())?;
    Ok(decoder)
}

fn pixels(decoder: impl ImageDecoder) -> Result<DynamicImage, String> {
    DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())
}

/// Samples of a pixel of the picture that is made of it.
fn channels(image: &DynamicImage) -> usize {
    if image.color().has_color() { 3 } else { 1 }
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
    } else if pixels > PIXELS_MAX {
        Err(format!("{width}x{height} is more than {} megapixels", PIXELS_MAX / 1_000_000))
    } else if decoded_bytes > DECODED_BYTES_MAX {
        let [is, most] = [decoded_bytes, DECODED_BYTES_MAX].map(|bytes| bytes >> 20);
        Err(format!("{width}x{height} takes {is} MiB, more than {most} MiB"))
    } else {
        Ok(())
    }
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

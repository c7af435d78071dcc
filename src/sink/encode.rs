//! Pictures as PNG and JPEG bytes, with what the file they are of said beside its samples.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::error::UnsupportedError;
use image::{ExtendedColorType, ImageBuffer, ImageEncoder, ImageError, Luma, Rgb};
use jpeg_encoder::{
    Encoder, ImageBuffer as JpegRows, JpegColorType, PixelDensity, PixelDensityUnit,
};

use super::colour::{push_rgb, push_ycc};
use super::contract::SinkError;
use crate::frame::{Density, Extent, Layout, Picture, Tags};

/// Rows that share a block in a JPEG with its chroma halved.
const BLOCK_ROWS: usize = 16;
/// Samples in a row or column of a JPEG, at most.
const JPEG_SIDE_MAX: usize = 65_535;

/// Encodes as PNG: gray or RGB of full range, in 8 bits, or in 16 where the picture has more than
/// 8.
///
/// # Errors
/// Where the picture is empty.
pub fn encode_png(picture: &Picture) -> Result<Vec<u8>, SinkError> {
    Ok(encode_tagged_png(picture, &Tags::default())?.0)
}

/// As [`encode_png`], with those tags; also gives the ones that PNG has no place for.
///
/// # Errors
/// As [`encode_png`].
pub fn encode_tagged_png(picture: &Picture, tags: &Tags) -> Result<(Vec<u8>, Tags), SinkError> {
    let mut png = Vec::new();
    let gray = picture.format().layout == Layout::Gray;
    let encoder = png_encoder(&mut png, tags).map_err(|error| failed("a PNG picture", &error))?;
    let result = match (picture.format().depth > 8, gray) {
        (false, true) => write_png8(picture, ExtendedColorType::L8, encoder),
        (false, false) => write_png8(picture, ExtendedColorType::Rgb8, encoder),
        (true, true) => write_png16::<Luma<u16>>(picture, encoder),
        (true, false) => write_png16::<Rgb<u16>>(picture, encoder),
    };
    result.map_err(|error| failed("a PNG picture", &error))?;
    let chunks: Vec<u8> = tags
        .density
        .iter()
        .map(|density| chunk(*b"pHYs", &physical(*density)))
        .chain(tags.chunks.iter().map(|(name, data)| chunk(*name, data)))
        .flatten()
        .collect();
    let at = PNG_HEADER_BYTES.min(png.len());
    png.splice(at..at, chunks);
    let left = Tags { segments: tags.segments.clone(), lost: tags.lost.clone(), ..Tags::default() };
    Ok((png, left))
}

/// Encodes as JPEG, `quality` from 1 to 100.
///
/// # Errors
/// Where the picture is empty or a side is longer than 65,535.
pub fn encode_jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, SinkError> {
    encode_jpeg_stack(&[picture], quality)
}

/// As [`encode_jpeg`], with those tags; also gives the ones that JPEG has no place for.
///
/// # Errors
/// As [`encode_jpeg`].
pub fn encode_tagged_jpeg(
    picture: &Picture,
    quality: u8,
    tags: &Tags,
) -> Result<(Vec<u8>, Tags), SinkError> {
    let mut left = Tags { lost: tags.lost.clone(), ..Tags::default() };
    // Without a profile the colours of a JPEG are those of sRGB, as the chunk says.
    let chunks = tags.chunks.iter().filter(|(name, _)| name != b"sRGB");
    left.chunks = chunks.cloned().collect();
    let jpeg = encode_jpeg_stack_with(&[picture], quality, |encoder| {
        if let Some(density) = tags.density {
            encoder.set_density(pixel_density(density));
        }
        // What is too large for the segments of a JPEG is left.
        if let Some(exif) = &tags.exif
            && encoder.add_exif_metadata(exif).is_err()
        {
            (left.exif, left.orientation) = (tags.exif.clone(), tags.orientation);
        }
        if let Some(profile) = &tags.profile
            && encoder.add_icc_profile(profile).is_err()
        {
            left.profile = tags.profile.clone();
        }
        for (number, body) in &tags.segments {
            if encoder.add_app_segment(*number, body.clone()).is_err() {
                left.segments.push((*number, body.clone()));
            }
        }
    })?;
    Ok((jpeg, left))
}

/// Encodes pictures of one format below each other as one JPEG. Each begins [`stack_step`] rows
/// below the one before it.
pub(super) fn encode_jpeg_stack(pictures: &[&Picture], quality: u8) -> Result<Vec<u8>, SinkError> {
    encode_jpeg_stack_with(pictures, quality, |_| ())
}

fn encode_jpeg_stack_with(
    pictures: &[&Picture],
    quality: u8,
    prepare: impl FnOnce(&mut Encoder<&mut Vec<u8>>),
) -> Result<Vec<u8>, SinkError> {
    let extent = pictures.first().map_or(Extent::new(0, 0), |picture| picture.extent());
    let step = stack_step(extent);
    let height = step * (pictures.len().max(1) - 1) + extent.height;
    let side = |length: usize| u16::try_from(length).ok().filter(|&length| length > 0);
    let (Some(width), Some(height)) = (side(extent.width), side(height)) else {
        let cause = format!(
            "{}x{height} is not within 1x1 to {JPEG_SIDE_MAX}x{JPEG_SIDE_MAX}",
            extent.width
        );
        return Err(failed("a JPEG picture", &cause));
    };
    let mut jpeg = Vec::with_capacity(extent.area() / 2);
    let mut encoder = Encoder::new(&mut jpeg, quality.clamp(1, 100));
    prepare(&mut encoder);
    encoder
        .encode_image(Stack { pictures, step, width, height })
        .map_err(|error| failed("a JPEG picture", &error))?;
    Ok(jpeg)
}

/// Rows from the top of one picture of a stack to the top of the next: its height, rounded up so
/// that no block of the JPEG holds parts of both.
pub(super) fn stack_step(extent: Extent) -> usize {
    extent.height.next_multiple_of(BLOCK_ROWS)
}

struct Stack<'a> {
    pictures: &'a [&'a Picture],
    step: usize,
    width: u16,
    height: u16,
}

impl JpegRows for Stack<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        match self.pictures[0].format().layout {
            Layout::Gray => JpegColorType::Luma,
            _ => JpegColorType::Ycbcr,
        }
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let picture = self.pictures[usize::from(y) / self.step];
        // The rows between two pictures repeat the last row of the upper one.
        let row = (usize::from(y) % self.step).min(picture.extent().height - 1);
        push_ycc(picture, row, &mut buffers[..3]);
    }
}

/// Bytes of a PNG file before its second chunk: a signature, and the first chunk.
const PNG_HEADER_BYTES: usize = 8 + 25;

/// A chunk of a PNG file.
fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [&name, data].concat();
    // Chunks come from files and are no longer than theirs.
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes();
    let sum = crc32fast::hash(&named).to_be_bytes();
    [&length, named.as_slice(), &sum].concat()
}

/// A density as a PNG file has it.
fn physical(density: Density) -> Vec<u8> {
    let [across, down] = density.per_metre().map(u32::to_be_bytes);
    [&across[..], &down, &[u8::from(density.per.is_some())]].concat()
}

/// A density as a JPEG file has it.
fn pixel_density(density: Density) -> PixelDensity {
    let [across, down] =
        density.per_inch().map(|samples| u16::try_from(samples).unwrap_or(u16::MAX));
    let unit = match density.per {
        Some(_) => PixelDensityUnit::Inches,
        None => PixelDensityUnit::PixelAspectRatio,
    };
    PixelDensity { density: (across, down), unit }
}

fn write_png8(
    picture: &Picture,
    colour: ExtendedColorType,
    encoder: PngEncoder<&mut Vec<u8>>,
) -> Result<(), ImageError> {
    let samples = interleaved(picture, 255);
    // Values up to 255 lose nothing.
    let bytes: Vec<u8> = samples.iter().map(|sample| sample.to_le_bytes()[0]).collect();
    let (width, height) = sides(picture.extent());
    encoder.write_image(&bytes, width, height, colour)
}

fn write_png16<P>(picture: &Picture, encoder: PngEncoder<&mut Vec<u8>>) -> Result<(), ImageError>
where
    P: image::Pixel<Subpixel = u16> + image::PixelWithColorType,
{
    let (width, height) = sides(picture.extent());
    let samples = interleaved(picture, u16::MAX);
    ImageBuffer::<P, Vec<u16>>::from_raw(width, height, samples)
        .map_or(Ok(()), |image| image.write_with_encoder(encoder))
}

fn png_encoder<'a>(
    png: &'a mut Vec<u8>,
    tags: &Tags,
) -> Result<PngEncoder<&'a mut Vec<u8>>, UnsupportedError> {
    let mut encoder =
        PngEncoder::new_with_quality(png, CompressionType::Fast, FilterType::Adaptive);
    tags.profile.iter().try_for_each(|profile| encoder.set_icc_profile(profile.clone()))?;
    tags.exif.iter().try_for_each(|exif| encoder.set_exif_metadata(exif.clone()))?;
    Ok(encoder)
}

fn interleaved(picture: &Picture, white: u16) -> Vec<u16> {
    let mut samples = Vec::with_capacity(picture.extent().area() * picture.planes().len());
    for y in 0..picture.extent().height {
        push_rgb(picture, y, white, &mut samples);
    }
    samples
}

fn sides(extent: Extent) -> (u32, u32) {
    let side = |length| u32::try_from(length).unwrap_or(u32::MAX);
    (side(extent.width), side(extent.height))
}

fn failed(what: &str, cause: &impl ToString) -> SinkError {
    SinkError::Encode { what: what.to_owned(), cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{PictureFormat, Plane, Range};

    fn ramp(layout: Layout, depth: u8, extent: Extent) -> Picture {
        let mut picture = Picture::new(PictureFormat { extent, layout, depth, range: Range::Full });
        let white = usize::from(picture.format().white());
        for plane in picture.planes_mut() {
            let last = plane.extent().area().max(2) - 1;
            let ramp = (0..=last).map(|i| u16::try_from(i * white / last).expect("a sample"));
            plane.samples_mut().iter_mut().zip(ramp).for_each(|(sample, value)| *sample = value);
        }
        picture
    }

    #[track_caller]
    fn check_png(layout: Layout, depth: u8) {
        let picture = ramp(layout, depth, Extent::new(7, 5));
        let png = encode_png(&picture).expect("a PNG");
        let read = image::load_from_memory(&png).expect("a picture");
        assert_eq!(
            read.color().bits_per_pixel() > 24 || layout == Layout::Gray && depth > 8,
            depth > 8
        );
        let samples: Vec<u16> = match depth {
            8 => read.to_rgb8().iter().map(|&sample| sample.into()).collect(),
            _ => read.to_rgb16().into_raw(),
        };
        for (index, pixel) in samples.chunks_exact(3).enumerate() {
            for (channel, &sample) in pixel.iter().enumerate() {
                let plane: &Plane<u16> = &picture.planes()[channel.min(picture.planes().len() - 1)];
                assert_eq!(sample, plane.samples()[index], "channel {channel} of pixel {index}");
            }
        }
    }

    #[test]
    fn png_keeps_every_sample() {
        for layout in [Layout::Gray, Layout::Rgb] {
            check_png(layout, 8);
            check_png(layout, 16);
        }
    }

    #[test]
    fn a_stack_keeps_its_pictures_apart() {
        let extent = Extent::new(24, 20);
        let black = Picture::new(PictureFormat::gray(extent));
        let mut white = black.clone();
        white.planes_mut()[0].samples_mut().fill(255);
        let jpeg = encode_jpeg_stack(&[&black, &white], 80).expect("a JPEG");
        let read = image::load_from_memory(&jpeg).expect("a picture").to_luma8();
        assert_eq!((read.width(), read.height()), (24, 32 + 20));
        assert!(
            read.rows().take(20).flatten().all(|pixel| pixel.0[0] == 0),
            "black has light in it"
        );
        assert!(
            read.rows().skip(32).flatten().all(|pixel| pixel.0[0] == 255),
            "white has dark in it"
        );
    }

    #[test]
    fn jpeg_shows_every_layout() {
        use Layout::{Gray, Rgb, Yuv420, Yuv422, Yuv444};
        for layout in [Gray, Rgb, Yuv420, Yuv422, Yuv444] {
            let jpeg = encode_jpeg(&ramp(layout, 8, Extent::new(33, 17)), 90).expect("a JPEG");
            let read = image::load_from_memory(&jpeg).expect("a picture");
            assert_eq!((read.width(), read.height()), (33, 17), "{layout:?}");
        }
    }

    #[test]
    fn what_jpeg_cannot_hold_is_an_error() {
        for extent in [Extent::new(0, 0), Extent::new(65_536, 1), Extent::new(1, 65_536)] {
            let picture = Picture::new(PictureFormat::gray(extent));
            assert!(encode_jpeg(&picture, 80).is_err(), "{extent} was encoded");
        }
    }
}

//! From the bytes of a camera's buffers to pictures.
//!
//! An [`Unpacker`] is planned for a pixel format, an extent and strides; it allocates then and
//! never afterwards. What it is given is checked against what the plan needs before a sample is
//! read, so that short buffers are errors and nothing beyond a buffer's used bytes is looked at.
//!
//! | codes | picture |
//! |---|---|
//! | GREY, Y10, Y12, Y16 | gray of 8, 10, 12, 16 bits |
//! | YUYV, UYVY, YVYU | 4:2:2 of 8 bits |
//! | NV12, NV21, YU12; NM12, NM21, YM12 in several buffers | 4:2:0 of 8 bits |
//! | RGB3, BGR3 | RGB of 8 bits |
//! | MJPG, JPEG | 4:2:2 of 8 bits, full range; chroma is neutral where there is only luma |
//! | Bayer of 8, 10, 12, 16 bits, four orders | gray or RGB of 16 bits, full range |

mod area;
mod bayer;
mod error;
pub(in crate::source) mod jpeg;
mod pixel_format;
mod planes;

pub use area::Memory;
pub use bayer::{Demosaic, RawOptions};
pub use error::{SIDE_MAX, UnpackError};
pub use jpeg::{JpegError, coding_noise};
pub use pixel_format::PixelFormat;

use crate::frame::{Extent, Layout, Picture, PictureFormat, Plane, Range};
use area::Area;
use bayer::Mosaicked;
use jpeg::JpegReader;
use pixel_format::Coding;

/// What cannot be read off the pixel format.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnpackOptions {
    /// Values of black and white; see [`PixelFormat::range`].
    pub range: Range,
    /// Bits below the samples of 16-bit words, 0 to 8: some receivers of CSI cameras put the 10
    /// or 12 bits of a sample at the top of the word.
    pub shift: u8,
    /// Rows above the picture that are no part of it; none of compressed pictures.
    pub skip_rows: usize,
    /// What becomes of mosaics.
    pub raw: RawOptions,
}

/// What the 16-bit words of pictures have in common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    /// The largest of them.
    pub largest: u16,
    /// The bits that are set in any of them.
    pub bits: u16,
}

impl Spread {
    /// With one more word.
    pub fn with(self, word: u16) -> Self {
        Self { largest: self.largest.max(word), bits: self.bits | word }
    }

    /// With the words of another.
    pub fn and(self, other: Self) -> Self {
        Self { largest: self.largest.max(other.largest), bits: self.bits | other.bits }
    }
}

impl Default for UnpackOptions {
    fn default() -> Self {
        Self { range: Range::Full, shift: 0, skip_rows: 0, raw: RawOptions::default() }
    }
}

/// Turns the buffers of one pixel format into pictures of one format.
#[derive(Debug)]
pub struct Unpacker {
    pixel_format: PixelFormat,
    format: PictureFormat,
    shift: u8,
    areas: Vec<Area>,
    work: Work,
}

/// What needs memory of its own.
#[derive(Debug)]
enum Work {
    None,
    Jpeg(JpegReader),
    Bayer(Box<Mosaicked>),
}

impl Unpacker {
    /// Plans for pictures of one kind, and allocates.
    ///
    /// # Errors
    /// Where the extent, a stride or an option is out of range.
    pub fn plan(
        pixel_format: PixelFormat,
        memory: Memory,
        options: &UnpackOptions,
    ) -> Result<Self, UnpackError> {
        let extent = picture_extent(pixel_format, memory.extent, options.skip_rows)?;
        let least = if pixel_format.is_bayer() { bayer::SIDE_MIN } else { 1 };
        let in_range = |side| (least..=SIDE_MAX).contains(&side);
        if !in_range(extent.width) || !in_range(extent.height) {
            return Err(UnpackError::Extent { is: extent, least });
        }
        if options.shift > 8 {
            let (name, value) = ("sample_shift", options.shift.to_string());
            return Err(UnpackError::Setting { name, value, expected: "0 to 8".to_owned() });
        }
        let work = match pixel_format.coding {
            Coding::Jpeg => Work::Jpeg(JpegReader::plan(extent)),
            Coding::Bayer { mosaic, depth } => {
                let mosaic = mosaic.below(options.skip_rows);
                Work::Bayer(Box::new(Mosaicked::plan(
                    mosaic,
                    depth,
                    extent,
                    options.shift,
                    &options.raw,
                )?))
            }
            _ => Work::None,
        };
        Ok(Self {
            pixel_format,
            format: picture_format(pixel_format, extent, options),
            shift: options.shift,
            areas: area::areas(pixel_format, memory, options.skip_rows)?,
            work,
        })
    }

    /// Format of the pictures.
    pub fn format(&self) -> PictureFormat {
        self.format
    }

    /// Bytes that each buffer must hold, at least; nothing is known of compressed pictures.
    pub fn bytes_needed(&self) -> [usize; 3] {
        let mut needed = [0; 3];
        for (buffer, bytes) in self.areas.iter().map(Area::need) {
            needed[buffer] = needed[buffer].max(bytes);
        }
        needed
    }

    /// What the words of a picture have in common; nothing where samples are no words.
    ///
    /// # Errors
    /// Where buffers are missing or short.
    pub fn spread(&self, buffers: &[&[u8]]) -> Result<Spread, UnpackError> {
        self.check(buffers)?;
        let (Some(area), 9..) = (self.areas.first(), self.pixel_format.depth_in_words()) else {
            return Ok(Spread::default());
        };
        let words = area.rows(buffers)?.flat_map(|row| row.as_chunks().0);
        Ok(words.copied().map(u16::from_le_bytes).fold(Spread::default(), Spread::with))
    }

    /// Makes `picture` what the bytes in use of the buffers say. Where that fails, `picture`
    /// holds nothing of worth.
    ///
    /// # Errors
    /// Where buffers are missing or short, or a compressed picture is damaged, cut, or not of the
    /// extent that was planned for.
    pub fn unpack(&mut self, buffers: &[&[u8]], picture: &mut Picture) -> Result<(), UnpackError> {
        self.check(buffers)?;
        picture.reshape(self.format);
        match &mut self.work {
            Work::Jpeg(reader) => Ok(reader.read(buffers[0], picture)?),
            Work::Bayer(mosaicked) => {
                mosaicked.demosaic(self.areas[0].rows(buffers)?, picture);
                Ok(())
            }
            Work::None => self.deal_out(buffers, picture.planes_mut()),
        }
    }

    /// Checks that all buffers are there, and that each holds all that lies in it: planes may share one.
    fn check(&self, buffers: &[&[u8]]) -> Result<(), UnpackError> {
        let expected = self.pixel_format.buffers();
        if buffers.len() != expected {
            return Err(UnpackError::Buffers { is: buffers.len(), expected });
        }
        let lengths = buffers.iter().map(|bytes| bytes.len()).zip(self.bytes_needed());
        match lengths.enumerate().find(|(_, (held, needed))| held < needed) {
            Some((buffer, (held, needed))) => Err(UnpackError::Short { buffer, held, needed }),
            None => Ok(()),
        }
    }

    /// Deals samples out to the planes.
    fn deal_out(&self, buffers: &[&[u8]], target: &mut [Plane<u16>]) -> Result<(), UnpackError> {
        let rows = |area: usize| self.areas[area].rows(buffers);
        match (self.pixel_format.coding, target) {
            (Coding::Packed { luma, blue, red }, [y, u, v]) => {
                for (index, row) in rows(0)?.enumerate() {
                    planes::every_second(row, luma, y.row_mut(index));
                    planes::every_fourth(row, blue, u.row_mut(index));
                    planes::every_fourth(row, red, v.row_mut(index));
                }
            }
            (Coding::SemiPlanar { swapped, .. }, [y, u, v]) => {
                rows(0)?.zip(y.rows_mut()).for_each(|(row, y)| planes::bytes(row, y));
                for (row, (u, v)) in rows(1)?.zip(u.rows_mut().zip(v.rows_mut())) {
                    planes::every_second(row, u8::from(swapped), u);
                    planes::every_second(row, u8::from(!swapped), v);
                }
            }
            (Coding::Rgb { reversed }, [red, green, blue]) => {
                for (index, row) in rows(0)?.enumerate() {
                    let planes = if reversed {
                        [&mut *blue, &mut *green, &mut *red]
                    } else {
                        [&mut *red, &mut *green, &mut *blue]
                    };
                    planes::triples(row, index, planes);
                }
            }
            (Coding::Gray { depth }, [y]) if depth > 8 => {
                let bits = (self.shift, self.format.white());
                rows(0)?.zip(y.rows_mut()).for_each(|(row, y)| planes::words(row, bits, y));
            }
            (_, target) => {
                for (area, plane) in target.iter_mut().enumerate() {
                    rows(area)?.zip(plane.rows_mut()).for_each(|(row, p)| planes::bytes(row, p));
                }
            }
        }
        Ok(())
    }
}

/// The extent of pictures without the rows above them.
fn picture_extent(
    pixel_format: PixelFormat,
    extent: Extent,
    skip_rows: usize,
) -> Result<Extent, UnpackError> {
    let refuse = |expected: String| {
        let (name, value) = ("skip_rows", skip_rows.to_string());
        Err(UnpackError::Setting { name, value, expected })
    };
    match pixel_format.coding {
        _ if skip_rows == 0 => {}
        Coding::Jpeg => return refuse("0 of compressed pictures".to_owned()),
        Coding::SemiPlanar { .. } | Coding::Planar { .. } if skip_rows % 2 == 1 => {
            return refuse(format!("an even number, as {pixel_format} has colours of two rows"));
        }
        _ if skip_rows >= extent.height => {
            return refuse(format!("fewer than the {} rows that there are", extent.height));
        }
        _ => {}
    }
    Ok(Extent::new(extent.width, extent.height - skip_rows))
}

/// Format of the pictures of a pixel format.
fn picture_format(
    pixel_format: PixelFormat,
    extent: Extent,
    options: &UnpackOptions,
) -> PictureFormat {
    let mosaics = match options.raw.demosaic {
        Demosaic::Luma => Layout::Gray,
        Demosaic::Rgb => Layout::Rgb,
    };
    let is_raw = pixel_format.is_bayer() || pixel_format.is_compressed();
    PictureFormat {
        extent,
        layout: pixel_format.layout(mosaics),
        depth: pixel_format.depth(),
        range: if is_raw { Range::Full } else { options.range },
    }
}

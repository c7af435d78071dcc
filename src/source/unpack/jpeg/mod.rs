//! JPEG pictures as cameras send them.
//!
//! UVC cameras leave out the Huffman tables, which are then the standard ones, and pad what they
//! send. A picture is looked through before it is decoded ([`scan`]): what it says of itself must
//! be what was negotiated, and it must be whole. The decoder thus never meets a picture that would
//! need memory which was not planned for.
//!
//! A picture whose middle was lost on the way can still end with a marker. Decoders go on with zeros
//! there, which are codes like any other; ours meets ones, which begin no code ([`NO_CODE`]).

pub(in crate::source) mod file;
mod scan;
mod tables;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

pub use scan::JpegError;
pub use tables::coding_noise;

use crate::frame::{Extent, Picture};

/// Tells the decoder that this is a frame of a motion picture, in which tables that are missing
/// are the standard ones: an APP0 segment of 7 bytes.
const MOTION_JPEG: [u8; 9] = [0xFF, 0xE0, 0, 7, b'A', b'V', b'I', b'1', 0];

/// What the decoder reads behind the samples, before the end marker: eight bytes of ones, each with
/// the zero that tells it from a marker. T.81 keeps the code of ones alone free in every table, and
/// lets a coder pad with ones; so whoever still wants samples here meets, at the latest after the
/// longest code and the bits that belong to it, what is no code.
const NO_CODE: [u8; 16] = *b"\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0";

/// Value of a chroma sample without colour.
const NEUTRAL: u16 = 128;

/// Decodes pictures of one extent.
#[derive(Debug)]
pub(super) struct JpegReader {
    extent: Extent,
    /// A picture on its way into the decoder.
    encoded: Vec<u8>,
    /// What the decoder gave: luma, or luma, blue and red difference of every pixel.
    decoded: Vec<u8>,
}

impl JpegReader {
    pub(super) fn plan(extent: Extent) -> Self {
        let bytes_max = 4 * extent.area() + BYTES_OF_HEADERS;
        let (encoded, decoded) = (Vec::with_capacity(bytes_max), vec![0; 3 * extent.area()]);
        Self { extent, encoded, decoded }
    }

    /// Makes `picture`, which is 4:2:2 and of the planned extent, what `bytes` say.
    pub(super) fn read(&mut self, bytes: &[u8], picture: &mut Picture) -> Result<(), JpegError> {
        let found = scan::scan(bytes)?;
        if found.extent != self.extent {
            return Err(JpegError::Extent { is: found.extent, expected: self.extent });
        }
        if found.length + MOTION_JPEG.len() + NO_CODE.len() > self.encoded.capacity() {
            return Err(JpegError::Long(found.length));
        }
        let (start, rest) = bytes[..found.length].split_at(2);
        let (samples, end) = rest.split_at(rest.len() - 2);
        self.encoded.clear();
        for part in [start, &MOTION_JPEG, samples, &NO_CODE, end] {
            self.encoded.extend_from_slice(part);
        }
        let (space, values) =
            if found.has_colour { (ColorSpace::YCbCr, 3) } else { (ColorSpace::Luma, 1) };
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(self.extent.width)
            .set_max_height(self.extent.height)
            .jpeg_set_out_colorspace(space);
        let decoded = &mut self.decoded[..values * self.extent.area()];
        JpegDecoder::new_with_options(ZCursor::new(&self.encoded), options)
            .decode_into(decoded)
            .map_err(|error| JpegError::Damaged(error.to_string()))?;
        for (y, row) in decoded.chunks_exact(values * self.extent.width).enumerate() {
            deal_out(row, y, found.has_colour, picture);
        }
        picture.set_coding_noise(coding_noise(bytes).unwrap_or_default());
        Ok(())
    }
}

/// Room for what a picture has beside its samples.
const BYTES_OF_HEADERS: usize = 1 << 17;

/// Deals a decoded row out to the planes; two pixels share the mean of their chroma.
fn deal_out(row: &[u8], y: usize, has_colour: bool, picture: &mut Picture) {
    let [luma, blue, red] = picture.planes_mut() else { return };
    let (luma, blue, red) = (luma.row_mut(y), blue.row_mut(y), red.row_mut(y));
    if !has_colour {
        super::planes::bytes(row, luma);
        blue.fill(NEUTRAL);
        red.fill(NEUTRAL);
        return;
    }
    for (sample, pixel) in luma.iter_mut().zip(row.as_chunks::<3>().0) {
        *sample = pixel[0].into();
    }
    let (pairs, last) = row.as_chunks::<6>();
    let mean = |a: u8, b: u8| (u16::from(a) + u16::from(b)).div_ceil(2);
    for ((blue, red), pair) in blue.iter_mut().zip(red.iter_mut()).zip(pairs) {
        (*blue, *red) = (mean(pair[1], pair[4]), mean(pair[2], pair[5]));
    }
    if let (Some(blue), Some(red), [_, b, r]) = (blue.last_mut(), red.last_mut(), last) {
        (*blue, *red) = ((*b).into(), (*r).into());
    }
}

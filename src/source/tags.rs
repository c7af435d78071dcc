//! What picture files say beside their samples, as PNG has it in chunks and JPEG in segments.

use std::borrow::Cow;
use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{ImageDecoder, Limits};

use crate::frame::{Density, Length, Tags};

/// What a PNG file begins with.
const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
/// Chunks that hold for the restored picture as for the blurred one.
const KEPT: [&[u8; 4]; 9] =
    [b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"tEXt", b"zTXt", b"iTXt"];
/// Chunks that are packed, and may be far larger than the file: the decoder does not see them.
const PACKED: [&[u8; 4]; 3] = [b"iCCP", b"zTXt", b"iTXt"];
/// Bytes of a profile, at most.
const PROFILE_BYTES_MAX: u64 = 16 << 20;
/// Chunks that are kept, and bytes of them, at most.
const CHUNKS_MAX: usize = 64;

/// A chunk: its name, what is in it, and all its bytes.
struct Chunk<'a> {
    name: [u8; 4],
    data: &'a [u8],
    bytes: &'a [u8],
}

/// The chunks of a PNG file, as far as they are whole.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = bytes.strip_prefix(SIGNATURE).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, named) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (name, after) = named.split_first_chunk::<4>()?;
        let data = after.get(..length)?;
        let (bytes, next) = rest.split_at_checked(length.checked_add(12)?)?;
        rest = next;
        Some(Chunk { name: *name, data, bytes })
    })
}

/// A PNG file without what is packed beside the samples.
pub(super) fn without_packed(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !chunks(bytes).any(|chunk| PACKED.contains(&&chunk.name)) {
        return bytes.into();
    }
    let mut slim = SIGNATURE.to_vec();
    let mut length = SIGNATURE.len();
    for chunk in chunks(bytes) {
        length += chunk.bytes.len();
        if !PACKED.contains(&&chunk.name) {
            slim.extend(chunk.bytes);
        }
    }
    // What is no whole chunk is for the decoder to tell.
    slim.extend(&bytes[length..]);
    slim.into()
}

/// What a PNG file says of a picture that was read as `channels` samples a pixel, 1 or 3.
pub(super) fn of_png(bytes: &[u8], channels: usize) -> Tags {
    let mut tags = Tags::default();
    for Chunk { name, data, bytes } in chunks(bytes) {
        match &name {
            b"iCCP" => match unpacked(bytes) {
                Some(profile) => tags.keep_profile(profile, channels),
                None => tags.lost.push("a damaged colour profile (ICC)"),
            },
            b"eXIf" => tags.keep_exif(data),
            b"pHYs" => tags.density = density_of_png(data),
            b"sBIT" => {
                let bits = data.get(..channels).filter(|bits| bits.iter().all(|bit| *bit > 0));
                tags.chunks.extend(bits.map(|bits| (name, bits.to_vec())));
            }
            kept if KEPT.contains(&kept) && tags.chunks.len() < CHUNKS_MAX => {
                tags.chunks.push((name, data.to_vec()));
            }
            _ => {}
        }
    }
    tags
}

/// The profile in a chunk, through a picture of one pixel that has it.
fn unpacked(chunk: &[u8]) -> Option<Vec<u8>> {
    let mut picture = SIGNATURE.to_vec();
    let header = [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0];
    for (name, data) in [(b"IHDR", header.as_slice()), (b"IDAT", &[])] {
        if name == b"IDAT" {
            picture.extend(chunk);
        }
        picture.extend(u32::try_from(data.len()).ok()?.to_be_bytes());
        let named = [name, data].concat();
        picture.extend(&named);
        picture.extend(crc32fast::hash(&named).to_be_bytes());
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(PROFILE_BYTES_MAX);
    let mut decoder = PngDecoder::with_limits(Cursor::new(picture), limits).ok()?;
    decoder.icc_profile().ok().flatten()
}

fn density_of_png(data: &[u8]) -> Option<Density> {
    let (pairs, [unit]) = data.as_chunks::<4>() else { return None };
    let &[across, down] = pairs else { return None };
    let samples = [across, down].map(u32::from_be_bytes);
    let is_some = samples.iter().all(|&samples| samples > 0);
    is_some.then_some(Density { samples, per: (*unit == 1).then_some(Length::Metre) })
}

/// What the segments of a JPEG file say of a picture that was read as `channels` samples a pixel;
/// `profile` is the one that several of them make.
pub(super) fn of_jpeg(segments: &[(u8, &[u8])], profile: Option<Vec<u8>>, channels: usize) -> Tags {
    let mut tags = Tags::default();
    if let Some(profile) = profile {
        tags.keep_profile(profile, channels);
    }
    for (marker, body) in segments {
        match marker {
            0xE0 => tags.density = tags.density.or_else(|| density_of_jpeg(body)),
            0xE1 if body.starts_with(b"Exif\0\0") => tags.keep_exif(&body[6..]),
            0xE1 if body.starts_with(b"http://ns.adobe.com/xap/1.0/\0") => {
                tags.segments.push((1, body.to_vec()));
            }
            0xED if body.starts_with(b"Photoshop 3.0\0") => tags.segments.push((13, body.to_vec())),
            0xFE => tags.lost.push("a comment"),
            _ => {}
        }
    }
    tags
}

fn density_of_jpeg(body: &[u8]) -> Option<Density> {
    let &[unit, x1, x0, y1, y0] = body.strip_prefix(b"JFIF\0")?.get(2..7)? else { return None };
    let samples = [[x1, x0], [y1, y0]].map(|pair| u32::from(u16::from_be_bytes(pair)));
    let per = match unit {
        1 => Some(Length::Inch),
        2 => Some(Length::Centimetre),
        // That samples are square is what everybody takes them for.
        _ if samples[0] == samples[1] => return None,
        _ => None,
    };
    samples.iter().all(|&samples| samples > 0).then_some(Density { samples, per })
}

impl Tags {
    fn keep_exif(&mut self, exif: &[u8]) {
        let orientation = Orientation::from_exif_chunk(exif).map(Orientation::to_exif);
        self.orientation = orientation.filter(|&orientation| orientation != 1);
        self.exif = Some(exif.to_vec());
    }

    /// Keeps a profile if it is one of such a picture: that of inks means nothing for what was made
    /// of them.
    fn keep_profile(&mut self, profile: Vec<u8>, channels: usize) {
        let space: &[u8] = if channels == 1 { b"GRAY" } else { b"RGB " };
        if profile.get(16..20) == Some(space) {
            self.profile = Some(profile);
        } else {
            self.lost.push("a colour profile (ICC) of other colours");
        }
    }
}

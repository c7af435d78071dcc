//! The bytes of a published frame: a header of fixed length, then the planes of the restored
//! picture, luma or red first, without gaps. Numbers are little-endian.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `DEBLURD` and a zero |
//! | 8 | 2 | version of this layout, 1 |
//! | 10 | 2 | length of the header: the first plane begins there |
//! | 12 | 1 | layout: 0 gray, 1 YUV 4:2:0, 2 YUV 4:2:2, 3 YUV 4:4:4, 4 RGB, each plane by itself |
//! | 13 | 1 | significant bits of a sample, 8 to 16; 8 take one byte, more take two |
//! | 14 | 1 | what was done to the frame: 0 nothing, 1 Wiener filter, 2 everything |
//! | 15 | 1 | flags: 1 a picture that stands for one the camera does not give, 2 a stage failed and was passed over, 4 limited range |
//! | 16 | 8 | number of the frame since the source started, gaps included |
//! | 24 | 8 | when it was captured, in nanoseconds: of `CLOCK_MONOTONIC` in shared memory, since 1970 where other hosts read it |
//! | 32 | 4 | width |
//! | 36 | 4 | height |
//! | 40 | 4 | bytes from one row of the first plane to the next |
//! | 44 | 4 | bytes of all planes |
//! | 48 | 8 | the run of the publisher, where frames are numbered; 0 in shared memory |
//! | 56 | 8 | number of the frame in that run, from 1 and without gaps: what a reader lacks was lost on its way; 0 in shared memory |
//!
//! Rows have no padding. Chroma planes of half size round odd sides up.

use crate::frame::{Effort, Extent, Frame, Layout, Picture, PictureFormat, Range};

/// Bytes before the first plane.
pub const HEADER_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"DEBLURD\0";
const VERSION: u16 = 1;
const PLACEHOLDER: u8 = 1;
const DEGRADED: u8 = 2;
const LIMITED: u8 = 4;
const EFFORTS: [Effort; 3] = [Effort::Passthrough, Effort::Wiener, Effort::Full];
const LAYOUTS: [Layout; 5] =
    [Layout::Gray, Layout::Yuv420, Layout::Yuv422, Layout::Yuv444, Layout::Rgb];

/// A frame as a consumer has received it.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Number of the frame since the source started, gaps included.
    pub sequence: u64,
    /// When it was captured, in nanoseconds of the monotonic clock.
    pub captured_ns: u64,
    /// What was done to it.
    pub effort: Effort,
    /// Whether the picture stands for one that the camera does not give.
    pub placeholder: bool,
    /// Whether a stage failed on it and was passed over.
    pub degraded: bool,
    /// The restored picture.
    pub picture: Picture,
}

/// Which of the published frames one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publication {
    /// The run of the publisher, in which frames are numbered.
    pub run: u64,
    /// Number of the frame in that run, from 1.
    pub number: u64,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq, displaydoc::Display, thiserror::Error)]
pub enum WireError {
    /// not a frame of deblurd: {0} bytes (expected the word DEBLURD and a header)
    NoFrame(usize),
    /// layout version {0} (expected 1)
    Version(u16),
    /// {what} is {value} (expected {expected})
    Field {
        /// Which number.
        what: &'static str,
        /// Its value.
        value: u64,
        /// What it can be.
        expected: String,
    },
}

/// Which publication a header is of.
///
/// # Errors
/// Where the bytes are no header.
pub fn publication(header: &[u8]) -> Result<Publication, WireError> {
    check(header)?;
    let [run, number] = [48, 56].map(|offset| u64::from_le_bytes(at(header, offset)));
    Ok(Publication { run, number })
}

/// The header of a published frame by itself, which is the `publication`.
pub(super) fn header(
    frame: &Frame,
    captured_ns: u64,
    publication: Publication,
) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    write_header(frame, captured_ns, &mut bytes);
    put(&mut bytes, 48, &publication.run.to_le_bytes());
    put(&mut bytes, 56, &publication.number.to_le_bytes());
    bytes
}

/// Bytes of a published frame of `format`.
pub(super) fn frame_bytes(format: PictureFormat) -> usize {
    HEADER_BYTES + plane_bytes(format)
}

/// Writes a frame. `bytes` must be as long as [`frame_bytes`] says of its format.
pub(super) fn write(frame: &Frame, captured_ns: u64, bytes: &mut [u8]) {
    let (header, mut rest) = bytes.split_at_mut(HEADER_BYTES);
    write_header(frame, captured_ns, header);
    let depth = frame.restored.format().depth;
    for plane in frame.restored.planes() {
        let length = plane.samples().len() * sample_bytes(depth);
        let (target, after) = rest.split_at_mut(length);
        rest = after;
        if sample_bytes(depth) == 1 {
            // Samples of 8 bits lose nothing.
            let bytes = plane.samples().iter().map(|sample| sample.to_le_bytes()[0]);
            target.iter_mut().zip(bytes).for_each(|(byte, sample)| *byte = sample);
        } else {
            let pairs = target.chunks_exact_mut(2).zip(plane.samples());
            pairs.for_each(|(pair, sample)| pair.copy_from_slice(&sample.to_le_bytes()));
        }
    }
}

/// Reads a published frame.
///
/// # Errors
/// Where the bytes are none, or of another version of this layout.
pub fn read(bytes: &[u8]) -> Result<Received, WireError> {
    check(bytes)?;
    let start = usize::from(u16::from_le_bytes(at(bytes, 10)));
    let format = read_format(bytes)?;
    let expected = start + plane_bytes(format);
    if start < HEADER_BYTES || bytes.len() != expected {
        return Err(field("the length", bytes.len() as u64, &format!("{expected} of {format:?}")));
    }
    let mut picture = Picture::new(format);
    read_planes(&bytes[start..], &mut picture);
    Ok(Received {
        sequence: u64::from_le_bytes(at(bytes, 16)),
        captured_ns: u64::from_le_bytes(at(bytes, 24)),
        effort: code("the effort", &EFFORTS, bytes[14])?,
        placeholder: bytes[15] & PLACEHOLDER > 0,
        degraded: bytes[15] & DEGRADED > 0,
        picture,
    })
}

/// Whether bytes begin with a header of this version.
fn check(bytes: &[u8]) -> Result<(), WireError> {
    if bytes.len() < HEADER_BYTES || bytes[..MAGIC.len()] != MAGIC {
        return Err(WireError::NoFrame(bytes.len()));
    }
    match u16::from_le_bytes(at(bytes, 8)) {
        VERSION => Ok(()),
        other => Err(WireError::Version(other)),
    }
}

fn write_header(frame: &Frame, captured_ns: u64, header: &mut [u8]) {
    let format = frame.restored.format();
    let Extent { width, height } = format.extent;
    let layout = LAYOUTS.iter().position(|&layout| layout == format.layout);
    let effort = EFFORTS.iter().position(|&effort| effort == frame.meta.effort);
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    let flags = flag(frame.meta.placeholder, PLACEHOLDER)
        | flag(frame.meta.degraded, DEGRADED)
        | flag(format.range == Range::Limited, LIMITED);
    header.fill(0);
    put(header, 0, &MAGIC);
    put(header, 8, &VERSION.to_le_bytes());
    put(header, 10, &int::<u16>(HEADER_BYTES).to_le_bytes());
    put(header, 12, &[number(layout), format.depth, number(effort), flags]);
    put(header, 16, &frame.meta.sequence.to_le_bytes());
    put(header, 24, &captured_ns.to_le_bytes());
    let stride = width * sample_bytes(format.depth);
    let sizes = [width, height, stride, plane_bytes(format)];
    for (index, size) in sizes.into_iter().enumerate() {
        put(header, 32 + 4 * index, &int::<u32>(size).to_le_bytes());
    }
}

fn put(header: &mut [u8], offset: usize, bytes: &[u8]) {
    header[offset..][..bytes.len()].copy_from_slice(bytes);
}

/// The code of what was found at a place of a list.
fn number(place: Option<usize>) -> u8 {
    place.map_or(0, int)
}

/// A number in the width that the header has for it. A picture of 4 GiB is more than there is
/// memory for.
fn int<T: TryFrom<usize> + Default>(value: usize) -> T {
    T::try_from(value).unwrap_or_default()
}

/// What a code stands for.
fn code<T: Copy>(what: &'static str, list: &[T], code: u8) -> Result<T, WireError> {
    let found = list.get(usize::from(code)).copied();
    found.ok_or_else(|| field(what, code.into(), &format!("0 to {}", list.len() - 1)))
}

fn read_format(bytes: &[u8]) -> Result<PictureFormat, WireError> {
    let side = |what, offset| {
        let value = u32::from_le_bytes(at(bytes, offset));
        let side = u16::try_from(value).ok().filter(|&side| side > 0).map(usize::from);
        side.ok_or_else(|| field(what, value.into(), "1 to 65535"))
    };
    let extent = Extent::new(side("the width", 32)?, side("the height", 36)?);
    let layout = code("the layout", &LAYOUTS, bytes[12])?;
    let depth = Some(bytes[13]).filter(|depth| (8..=16).contains(depth));
    let depth = depth.ok_or_else(|| field("the depth", bytes[13].into(), "8 to 16"))?;
    let range = if bytes[15] & LIMITED > 0 { Range::Limited } else { Range::Full };
    Ok(PictureFormat { extent, layout, depth, range })
}

fn read_planes(mut bytes: &[u8], picture: &mut Picture) {
    let (width, white) = (sample_bytes(picture.format().depth), picture.format().white());
    for plane in picture.planes_mut() {
        let (own, rest) = bytes.split_at(plane.samples().len() * width);
        bytes = rest;
        for (sample, value) in plane.samples_mut().iter_mut().zip(own.chunks_exact(width)) {
            let high = value.get(1).copied().unwrap_or(0);
            *sample = u16::from_le_bytes([value[0], high]).min(white);
        }
    }
}

/// The bytes of a number.
fn at<const LENGTH: usize>(bytes: &[u8], offset: usize) -> [u8; LENGTH] {
    std::array::from_fn(|byte| bytes[offset + byte])
}

fn field(what: &'static str, value: u64, expected: &str) -> WireError {
    WireError::Field { what, value, expected: expected.to_owned() }
}

fn plane_bytes(format: PictureFormat) -> usize {
    let area = |index| format.layout.plane_extent(format.extent, index).area();
    (0..format.layout.planes()).map(area).sum::<usize>() * sample_bytes(format.depth)
}

const fn sample_bytes(depth: u8) -> usize {
    if depth > 8 { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn formats() -> impl Strategy<Value = PictureFormat> {
        let range = prop_oneof![Just(Range::Full), Just(Range::Limited)];
        let layout = prop::sample::select(LAYOUTS.as_slice());
        (1_usize..20, 1_usize..20, layout, 8_u8..=16, range).prop_map(
            |(width, height, layout, depth, range)| PictureFormat {
                extent: Extent::new(width, height),
                layout,
                depth,
                range,
            },
        )
    }

    fn written(frame: &Frame) -> Vec<u8> {
        let mut bytes = vec![0xAA; frame_bytes(frame.restored.format())];
        write(frame, 7, &mut bytes);
        bytes
    }

    #[test]
    fn a_header_by_itself_tells_which_publication_it_is_of() {
        let frame = Frame::new(PictureFormat::gray(Extent::new(3, 2)));
        let of = Publication { run: 1 << 60, number: 7 };
        let header = header(&frame, 7, of);
        assert_eq!(publication(&header), Ok(of));
        assert_eq!(header[..48], written(&frame)[..48]);
        assert_eq!(publication(&header[1..]), Err(WireError::NoFrame(63)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            format in formats(),
            sequence in any::<u64>(),
            effort in prop::sample::select(EFFORTS.as_slice()),
            (placeholder, degraded) in any::<(bool, bool)>(),
            seed in any::<u16>(),
        ) {
            let mut frame = Frame::new(format);
            (frame.meta.sequence, frame.meta.effort) = (sequence, effort);
            (frame.meta.placeholder, frame.meta.degraded) = (placeholder, degraded);
            for plane in frame.restored.planes_mut() {
                for (sample, place) in plane.samples_mut().iter_mut().zip((0..=u16::MAX).cycle()) {
                    *sample = place.wrapping_add(seed).wrapping_mul(31_421) & format.white();
                }
            }
            let bytes = written(&frame);
            let picture = frame.restored;
            let expected = Received { sequence, captured_ns: 7, effort, placeholder, degraded, picture };
            prop_assert_eq!(read(&bytes), Ok(expected));
            prop_assert!(read(&bytes[..bytes.len() - 1]).is_err(), "a cut frame was read");
        }

        #[test]
        fn no_bytes_crash_the_reader(
            format in formats(),
            damage in prop::collection::vec((0_usize..HEADER_BYTES, any::<u8>()), 0..6),
            tail in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let _ = read(&tail);
            let mut bytes = written(&Frame::new(format));
            for (at, byte) in damage {
                bytes[at] = byte;
            }
            let _ = read(&bytes);
        }
    }

    #[track_caller]
    fn check_refused(offset: usize, bytes: &[u8], message: &str) {
        let mut frame = written(&Frame::new(PictureFormat::gray(Extent::new(3, 2))));
        put(&mut frame, offset, bytes);
        let error = read(&frame).expect_err("a refusal").to_string();
        assert!(error.contains(message), "{error}");
    }

    #[test]
    fn damage_is_named() {
        check_refused(0, b"X", "not a frame of deblurd: 70 bytes");
        check_refused(8, &[2], "layout version 2 (expected 1)");
        check_refused(12, &[5], "the layout is 5 (expected 0 to 4)");
        check_refused(13, &[7], "the depth is 7 (expected 8 to 16)");
        check_refused(14, &[3], "the effort is 3 (expected 0 to 2)");
        check_refused(32, &[0], "the width is 0 (expected 1 to 65535)");
        check_refused(36, &[0, 0, 1], "the height is 65536 (expected 1 to 65535)");
        check_refused(36, &[3], "the length is 70 (expected 73 of");
    }

    #[test]
    fn the_header_stands_as_described() {
        let format = PictureFormat {
            extent: Extent::new(3, 1),
            layout: Layout::Rgb,
            depth: 12,
            range: Range::Limited,
        };
        let mut frame = Frame::new(format);
        (frame.meta.sequence, frame.meta.degraded) = (0x0102, true);
        frame.restored.planes_mut()[0].samples_mut()[0] = 0x0ABC;
        let bytes = written(&frame);
        assert_eq!(bytes[..16], *b"DEBLURD\0\x01\x00\x40\x00\x04\x0C\x02\x06");
        assert_eq!(bytes[16..32], [2, 1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[32..48], [3, 0, 0, 0, 1, 0, 0, 0, 6, 0, 0, 0, 18, 0, 0, 0]);
        assert_eq!(bytes[48..64], [0; 16]);
        assert_eq!((bytes.len(), &bytes[64..66]), (64 + 18, [0xBC, 0x0A].as_slice()));
    }
}

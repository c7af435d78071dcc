//! Looking a JPEG picture through without decoding it.
//!
//! Accepted is what the cameras' own coders send: baseline, 8 bits, one scan with all components,
//! luma alone or luma with two chroma components at full, half or quarter size. Everything else is
//! refused by name. Names of segments and markers are those of ITU-T T.81.

use crate::frame::Extent;

/// Why a JPEG picture cannot be used.
#[derive(Debug, Clone, PartialEq, displaydoc::Display, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum JpegError {
    /// does not begin with the marker SOI
    NoPicture,
    /// cut short after {0} bytes
    Cut(usize),
    /// has {is} of {expected} restart markers
    Parts { is: usize, expected: usize },
    /// {0} is not supported
    Unsupported(String),
    /// is {is} (expected {expected})
    Extent { is: Extent, expected: Extent },
    /// {0} bytes are too many for its extent
    Long(usize),
    /// damaged: {0}
    Damaged(String),
}

/// What a picture says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) extent: Extent,
    /// Whether there is chroma.
    pub(super) has_colour: bool,
    /// Bytes to the end of the picture; padding follows.
    pub(super) length: usize,
}

/// What the frame header says.
#[derive(Debug, Clone, Copy)]
struct Header {
    extent: Extent,
    components: u8,
    /// Units of the scan that a restart interval counts.
    units: usize,
}

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const DRI: u8 = 0xDD;
const APP14: u8 = 0xEE;

/// Looks through a picture.
pub(super) fn scan(bytes: &[u8]) -> Result<Found, JpegError> {
    if !bytes.starts_with(&[0xFF, SOI]) {
        return Err(JpegError::NoPicture);
    }
    let (mut at, mut header, mut interval, mut is_rgb) = (2, None, 0, false);
    loop {
        let (marker, body) = segment(bytes, &mut at)?;
        match marker {
            0xC0 | 0xC1 if header.is_none() => header = Some(frame_header(body)?),
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => return Err(coding(marker)),
            DRI => interval = usize::from(word(body, 0)?),
            APP14 => is_rgb = body.starts_with(b"Adobe") && body.get(11) == Some(&0),
            SOS => {
                let header = header.ok_or_else(|| unsupported("a scan before the frame header"))?;
                if body.first() != Some(&header.components) {
                    return Err(unsupported("a picture in several scans"));
                }
                if is_rgb && header.components == 3 {
                    return Err(unsupported("a picture in red, green and blue"));
                }
                let (length, restarts) = scan_samples(bytes, at)?;
                check_parts(restarts, header.units, interval)?;
                let Header { extent, components, .. } = header;
                return Ok(Found { extent, has_colour: components == 3, length });
            }
            _ => {}
        }
    }
}

/// The segment at `at` without its length, and its marker; `at` is moved behind it.
fn segment<'a>(bytes: &'a [u8], at: &mut usize) -> Result<(u8, &'a [u8]), JpegError> {
    let cut = || JpegError::Cut(bytes.len());
    while bytes.get(*at..*at + 2) == Some(&[0xFF, 0xFF]) {
        *at += 1;
    }
    let [start, marker] = *bytes.get(*at..).and_then(<[u8]>::first_chunk).ok_or_else(cut)?;
    // Markers without a segment have no business before the samples.
    if start != 0xFF || matches!(marker, 0x00 | 0x01 | 0xD0..=EOI) {
        return Err(JpegError::Damaged(format!("{start:02X}{marker:02X} where a segment begins")));
    }
    let length = usize::from(word(bytes, *at + 2)?);
    let body = bytes.get(*at + 4..*at + 2 + length.max(2)).ok_or_else(cut)?;
    *at += 2 + length.max(2);
    Ok((marker, body))
}

fn word(bytes: &[u8], at: usize) -> Result<u16, JpegError> {
    let pair = bytes.get(at..).and_then(<[u8]>::first_chunk);
    pair.map(|pair| u16::from_be_bytes(*pair)).ok_or(JpegError::Cut(bytes.len()))
}

/// Reads a frame header.
fn frame_header(body: &[u8]) -> Result<Header, JpegError> {
    let [depth, h1, h0, w1, w0, components] =
        *body.first_chunk().ok_or(JpegError::Cut(body.len()))?;
    let side = |high, low| usize::from(u16::from_be_bytes([high, low]));
    let extent = Extent::new(side(w1, w0), side(h1, h0));
    if depth != 8 {
        return Err(unsupported(&format!("a depth of {depth} bits")));
    }
    let (described, _) = body[6..].as_chunks::<3>();
    // Identity, factors of subsampling and table of each component.
    let (x, y) = match (components, described) {
        // The units of a single component are blocks, whatever its factors.
        (1, [[_, 0x11 | 0x12 | 0x21 | 0x22, _]]) => (1, 1),
        (3, [[b'R', ..], [b'G', ..], [b'B', ..]]) => {
            return Err(unsupported("a picture in red, green and blue"));
        }
        (3, [[_, luma @ (0x11 | 0x12 | 0x21 | 0x22), _], [_, 0x11, _], [_, 0x11, _]]) => {
            (usize::from(luma >> 4), usize::from(luma & 15))
        }
        (1 | 3, _) => {
            let factors: Vec<_> = described.iter().map(|[_, factors, _]| factors).collect();
            return Err(unsupported(&format!("a subsampling of {factors:02X?}")));
        }
        _ => return Err(unsupported(&format!("a picture of {components} components"))),
    };
    let units = extent.width.div_ceil(8 * x) * extent.height.div_ceil(8 * y);
    Ok(Header { extent, components, units })
}

/// Steps over the samples that begin at `start`: where the picture ends, and its restart markers.
fn scan_samples(bytes: &[u8], start: usize) -> Result<(usize, usize), JpegError> {
    let (mut at, mut restarts) = (start, 0);
    loop {
        let next = bytes[at..].iter().position(|&byte| byte == 0xFF);
        at += next.ok_or(JpegError::Cut(bytes.len()))? + 1;
        match bytes.get(at).ok_or(JpegError::Cut(bytes.len()))? {
            0x00 | 0xFF => {}
            0xD0..=0xD7 => restarts += 1,
            &EOI => return Ok((at + 1, restarts)),
            &SOS => return Err(unsupported("a picture in several scans")),
            marker => {
                return Err(JpegError::Damaged(format!("marker FF{marker:02X} among the samples")));
            }
        }
    }
}

/// A picture with restart markers has one between every two intervals.
fn check_parts(is: usize, units: usize, interval: usize) -> Result<(), JpegError> {
    let expected = if interval == 0 { is } else { units.div_ceil(interval).saturating_sub(1) };
    if is < expected { Err(JpegError::Parts { is, expected }) } else { Ok(()) }
}

fn coding(marker: u8) -> JpegError {
    match marker {
        0xC0 | 0xC1 => unsupported("a second frame header"),
        0xC2 => unsupported("progressive coding"),
        _ => unsupported(&format!("the coding of marker FF{marker:02X}")),
    }
}

fn unsupported(what: &str) -> JpegError {
    JpegError::Unsupported(what.to_owned())
}

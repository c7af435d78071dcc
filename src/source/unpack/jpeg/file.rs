//! JPEG files as people keep them: with stray bytes between segments, without the last marker, with
//! what a telephone has hung on. Viewers open them, so they are read, and what is odd is told.
//!
//! The decoder fills what a cut file lacks with gray and says nothing. A file without its end is
//! therefore whole only if all coefficients were sent in full (T.81, G.1.1) and its last scan, with
//! [ones](super::NO_CODE) behind, can be decoded strictly. What follows its samples is unlike them:
//! noughts may be codes, so that a file whose rest is noughts is cut.

use std::borrow::Cow;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::NO_CODE;

/// Noughts at the end of samples, as many as no samples end with.
const BLANK_BYTES: usize = 64;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;

/// A file that a decoder can take.
#[derive(Debug)]
pub(in crate::source) struct JpegFile<'a> {
    /// The picture without what is stray, and with an end.
    pub(in crate::source) bytes: Cow<'a, [u8]>,
    /// Segments before the samples: their markers and what is in them.
    pub(in crate::source) segments: Vec<(u8, &'a [u8])>,
    /// What is odd.
    pub(in crate::source) oddities: Vec<String>,
    /// Whether the end was there, and what was sent before it need not be proved.
    has_end: bool,
    is_all_sent: bool,
}

/// What was found on the way through a file.
#[derive(Default)]
struct Found<'a> {
    /// The pieces of the picture, in order.
    pieces: Vec<&'a [u8]>,
    segments: Vec<(u8, &'a [u8])>,
    stray_bytes: usize,
    /// For each component its identity, and which of its 64 coefficients are there in full.
    sent: Vec<(u8, u64)>,
    has_samples: bool,
    has_end: bool,
}

/// Looks through a file.
///
/// # Errors
/// Where it is cut short before its samples.
pub(in crate::source) fn look_through(bytes: &[u8]) -> Result<JpegFile<'_>, String> {
    let found = walk(bytes);
    if !found.has_samples {
        return Err("the file is cut short: it ends before its samples begin".to_owned());
    }
    let mut oddities = Vec::new();
    if found.stray_bytes > 0 {
        oddities.push(format!("{} stray bytes among its segments", found.stray_bytes));
    }
    let (has_end, is_all_sent) = (found.has_end, found.is_all_sent());
    let bytes = match has_end {
        true if found.stray_bytes == 0 => bytes.into(),
        true => found.pieces.concat().into(),
        false => {
            oddities.push("no end of image".to_owned());
            [found.pieces.concat().as_slice(), &[0xFF, EOI]].concat().into()
        }
    };
    Ok(JpegFile { bytes, segments: found.segments, oddities, has_end, is_all_sent })
}

impl JpegFile<'_> {
    /// Checks that the samples are all there. Takes the memory of the decoded picture.
    ///
    /// # Errors
    /// Where the file is cut short among them.
    pub(in crate::source) fn check_whole(&self) -> Result<(), String> {
        let samples = &self.bytes[..self.bytes.len() - 2];
        if self.has_end || self.is_all_sent && can_be_decoded(samples) {
            return Ok(());
        }
        Err("the file is cut short: its samples end before the picture does".to_owned())
    }
}

/// Goes from segment to segment as far as there are any.
fn walk(bytes: &[u8]) -> Found<'_> {
    let mut found = Found { pieces: vec![&bytes[..2.min(bytes.len())]], ..Found::default() };
    let mut at = 2;
    while let Some((start, marker)) = next_marker(bytes, at) {
        let stray = bytes[at..start].iter().filter(|byte| **byte != 0xFF).count();
        if marker == EOI {
            (found.stray_bytes, found.has_end) = (found.stray_bytes + stray, true);
            found.pieces.push(&bytes[start..start + 2]);
            break;
        }
        let Some(body) = segment(bytes, start, marker) else { break };
        found.stray_bytes += stray;
        at = start + 4 + body.len();
        found.note(marker, body);
        if marker == SOS {
            at = end_of_samples(bytes, at);
            found.has_samples = true;
        }
        found.pieces.push(&bytes[start..at]);
    }
    found
}

impl<'a> Found<'a> {
    fn note(&mut self, marker: u8, body: &'a [u8]) {
        match marker {
            SOS => self.note_scan(body),
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let components = body.get(6..).unwrap_or_default().chunks_exact(3);
                self.sent = components.map(|component| (component[0], 0)).collect();
            }
            _ => {}
        }
        if !self.has_samples {
            self.segments.push((marker, body));
        }
    }

    /// Which coefficients a scan brings to their last bit.
    fn note_scan(&mut self, body: &[u8]) {
        let count = usize::from(body.first().copied().unwrap_or_default());
        let Some(&[first, last, bits]) = body.get(1 + 2 * count..4 + 2 * count) else { return };
        if bits & 15 != 0 || first > last || last > 63 {
            return;
        }
        let coefficients = (u64::MAX >> (63 - last)) & (u64::MAX << first);
        let scanned = body[1..1 + 2 * count].chunks_exact(2).map(|component| component[0]);
        for identity in scanned {
            let component = self.sent.iter_mut().find(|(other, _)| *other == identity);
            component.into_iter().for_each(|(_, sent)| *sent |= coefficients);
        }
    }

    fn is_all_sent(&self) -> bool {
        !self.sent.is_empty() && self.sent.iter().all(|(_, sent)| *sent == u64::MAX)
    }
}

/// The next marker from `at` on, bytes that fill up passed over: where it begins, and which it is.
fn next_marker(bytes: &[u8], at: usize) -> Option<(usize, u8)> {
    let pairs = bytes.get(at..)?.windows(2);
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF);
    let start = at + pairs.into_iter().position(is_marker)?;
    Some((start, bytes[start + 1]))
}

/// What is in the segment that begins at `start`; `None` where it is none, or not all there.
fn segment(bytes: &[u8], start: usize, marker: u8) -> Option<&[u8]> {
    if matches!(marker, 0x01..=0xBF | 0xD0..=SOI) {
        return None;
    }
    let length: &[u8; 2] = bytes.get(start + 2..)?.first_chunk()?;
    bytes.get(start + 4..start + 2 + usize::from(u16::from_be_bytes(*length)))
}

/// Where samples that begin at `at` end: before a marker that may follow some, or with the file.
/// What else looks like a marker is damage, and up to the decoder.
fn end_of_samples(bytes: &[u8], mut at: usize) -> usize {
    while let Some((start, marker)) = next_marker(bytes, at) {
        if matches!(marker, 0xC4 | SOI..=0xDD | 0xE0..=0xEF | 0xFE) {
            return start;
        }
        at = start + 2;
    }
    bytes.len()
}

/// Whether all of a picture without an end is there.
fn can_be_decoded(bytes: &[u8]) -> bool {
    let decodes = |samples: &[u8]| {
        let ended = [samples, &NO_CODE, &[0xFF, EOI]].concat();
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(usize::from(u16::MAX))
            .set_max_height(usize::from(u16::MAX));
        JpegDecoder::new_with_options(ZCursor::new(&ended), options).decode().is_ok()
    };
    let samples = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let is_blank = bytes.len() - samples >= BLANK_BYTES;
    // With many noughts behind, the picture must be there without them.
    decodes(if is_blank { &bytes[..samples] } else { bytes })
}

//! JPEG pictures of cameras: the odd ones that are fine, and those that must be refused.

use deblurd::frame::{Extent, Layout, Picture, Range};
use deblurd::source::unpack::{JpegError, Memory, UnpackError, UnpackOptions, Unpacker};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;

use super::{check_property, unpack};
use crate::harness::{apply, trial};

/// How a picture is encoded.
#[derive(Clone, Copy)]
struct How {
    extent: Extent,
    colour: ColorType,
    sampling: SamplingFactor,
    restart: u16,
    progressive: bool,
}

impl How {
    fn new(width: usize, height: usize) -> Self {
        Self {
            extent: Extent::new(width, height),
            colour: ColorType::Ycbcr,
            sampling: SamplingFactor::F_2_1,
            restart: 0,
            progressive: false,
        }
    }
}

/// The value of a component of the scene; smooth, so that little is lost.
fn scene(component: usize, x: usize, y: usize) -> u8 {
    let value = [40 + 2 * x + y, 90 + x + y, 170 - x - y, 128][component];
    u8::try_from(value).expect("a byte")
}

fn encoded(how: How) -> Vec<u8> {
    let Extent { width, height } = how.extent;
    let components = match how.colour {
        ColorType::Luma => 1,
        ColorType::Cmyk => 4,
        _ => 3,
    };
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let samples: Vec<u8> =
        pixels.flat_map(|(x, y)| (0..components).map(move |c| scene(c, x, y))).collect();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 98);
    encoder.set_sampling_factor(how.sampling);
    encoder.set_progressive(how.progressive);
    if how.restart > 0 {
        encoder.set_restart_interval(how.restart);
    }
    let side = |side: usize| u16::try_from(side).expect("a side");
    encoder.encode(&samples, side(width), side(height), how.colour).expect("encodes");
    bytes
}

fn plan(extent: Extent) -> Unpacker {
    let memory = Memory { extent, strides: [0; 3] };
    Unpacker::plan("MJPG".parse().expect("a code"), memory, &UnpackOptions::default())
        .expect("a plan")
}

fn decode(bytes: &[u8], extent: Extent) -> Result<Picture, UnpackError> {
    unpack(&mut plan(extent), &[bytes.to_vec()])
}

/// The picture without its segments of a kind.
fn without(bytes: &[u8], marker: u8) -> Vec<u8> {
    let (mut kept, mut at) = (bytes[..2].to_vec(), 2);
    while bytes[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        if bytes[at + 1] != marker {
            kept.extend_from_slice(&bytes[at..end]);
        }
        at = end;
    }
    kept.extend_from_slice(&bytes[at..]);
    kept
}

#[track_caller]
fn check_close(how: How) {
    let picture = decode(&encoded(how), how.extent).expect("decodes");
    let format = picture.format();
    assert_eq!((format.layout, format.depth, format.range), (Layout::Yuv422, 8, Range::Full));
    let is_gray = matches!(how.colour, ColorType::Luma);
    for (index, plane) in picture.planes().iter().enumerate() {
        for (y, row) in plane.rows().enumerate() {
            for (x, &sample) in row.iter().enumerate() {
                let column = |x: usize| f64::from(scene(index, x.min(how.extent.width - 1), y));
                let wanted = match index {
                    0 => column(x),
                    _ if is_gray => 128.0,
                    _ => (column(2 * x) + column(2 * x + 1)) / 2.0,
                };
                let error = (f64::from(sample) - wanted).abs();
                assert!(error < 6.0, "plane {index} at {x}, {y}: {sample} for {wanted}");
            }
        }
    }
}

#[apply(trial)]
fn pictures_are_decoded() {
    use SamplingFactor::{F_1_1, F_1_2, F_2_1, F_2_2};
    for (width, height) in [(32, 16), (33, 17), (8, 8), (1, 1), (3, 19), (17, 2)] {
        for sampling in [F_1_1, F_1_2, F_2_1, F_2_2] {
            check_close(How { sampling, ..How::new(width, height) });
        }
        check_close(How { colour: ColorType::Luma, ..How::new(width, height) });
    }
}

#[apply(trial)]
fn tables_may_be_left_out() {
    for colour in [ColorType::Ycbcr, ColorType::Luma] {
        let how = How { colour, ..How::new(33, 17) };
        let whole = encoded(how);
        let bare = without(&whole, 0xC4);
        assert!(bare.len() + 100 < whole.len(), "there were tables to leave out");
        assert!(
            decode(&bare, how.extent).expect("decodes")
                == decode(&whole, how.extent).expect("decodes")
        );
    }
}

#[apply(trial)]
fn padding_may_follow() {
    let how = How::new(32, 16);
    let bytes = encoded(how);
    let picture = decode(&bytes, how.extent).expect("decodes");
    for padding in [vec![0; 700], vec![0xFF; 3], b"\xFF\xD8\xFF\xC0 rubbish".to_vec()] {
        let padded = [bytes.clone(), padding].concat();
        assert!(
            decode(&padded, how.extent).expect("decodes") == picture,
            "padding changed the picture"
        );
    }
}

#[apply(trial)]
fn restart_markers_change_nothing() {
    let how = How::new(64, 40);
    let plain = decode(&encoded(how), how.extent).expect("decodes");
    let bytes = encoded(How { restart: 3, ..how });
    assert!(decode(&bytes, how.extent).expect("decodes") == plain, "restarts changed the picture");
    let at = bytes.windows(2).rposition(|pair| pair[0] == 0xFF && (0xD0..=0xD7).contains(&pair[1]));
    let at = at.expect("a restart marker");
    let lost = [&bytes[..at], &bytes[bytes.len() - 2..]].concat();
    let error = decode(&lost, how.extent).expect_err("a part is missing");
    assert!(matches!(error, UnpackError::Jpeg(JpegError::Parts { .. })), "{error}");
}

#[apply(trial)]
fn cut_pictures_are_refused() {
    let how = How::new(33, 17);
    let bytes = encoded(how);
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length], how.extent).is_err(), "{length} of {}", bytes.len());
    }
    let error = decode(&bytes[..bytes.len() - 1], how.extent).expect_err("cut").to_string();
    assert_eq!(error, format!("JPEG: cut short after {} bytes", bytes.len() - 1));
}

/// Bytes that are lost on the way, and then the end of the picture: as from a bad cable.
#[apply(trial)]
fn cuts_with_an_end_are_refused() {
    let luma = How { colour: ColorType::Luma, ..How::new(64, 40) };
    for how in [How::new(64, 40), How { sampling: SamplingFactor::F_2_2, ..luma }, luma] {
        let bytes = encoded(how);
        let tables = bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]).expect("a scan");
        let samples = tables + 2 + usize::from(bytes[tables + 3]);
        let (end, picture) = (bytes.len() - 2, decode(&bytes, how.extent).expect("decodes"));
        for length in samples..end {
            // Half an escaped byte is another marker.
            let cut = if bytes[length - 1] == 0xFF { length - 1 } else { length };
            let glued = [&bytes[..cut], &bytes[end..]].concat();
            // What is cut off the last byte may be padding.
            let is_whole = decode(&glued, how.extent).is_ok_and(|found| found == picture);
            let is_refused = decode(&glued, how.extent).is_err();
            assert!(is_refused || (is_whole && cut + 2 >= end), "{length} of {end} bytes pass");
        }
    }
}

#[track_caller]
fn check_refused(bytes: &[u8], words: &str) {
    let error = decode(bytes, Extent::new(32, 16)).expect_err("a refusal").to_string();
    assert!(error.contains(words), "{error}");
}

/// The picture with another extent in its frame header.
fn resized(mut bytes: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    let at = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("a frame header");
    bytes[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    bytes[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

#[apply(trial)]
fn foreign_pictures_are_refused() {
    let how = How::new(32, 16);
    check_refused(&encoded(How::new(32, 17)), "is 32x17 (expected 32x16)");
    check_refused(&resized(encoded(how), 65_535, 65_535), "is 65535x65535 (expected 32x16)");
    check_refused(&resized(encoded(how), 0, 0), "is 0x0 (expected 32x16)");
    check_refused(
        &encoded(How { progressive: true, ..how }),
        "progressive coding is not supported",
    );
    check_refused(&encoded(How { colour: ColorType::Cmyk, ..how }), "a picture of 4 components");
    let mut adobe = encoded(how);
    drop(adobe.splice(2..2, *b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00"));
    check_refused(&adobe, "a picture in red, green and blue");
    check_refused(&encoded(How { sampling: SamplingFactor::F_4_1, ..how }), "a subsampling of");
    check_refused(&without(&encoded(how), 0xDB), "damaged");
    check_refused(b"", "does not begin");
    check_refused(b"\xFF\xD9\xFF\xD8", "does not begin");
    check_refused(b"\xFF\xD8", "cut short after 2 bytes");
    check_refused(b"\xFF\xD8\xFF\xD9", "damaged: FFD9 where a segment begins");
    let mut long = encoded(how);
    let end = long.split_off(long.len() - 2);
    long.extend([vec![0; 1 << 20], end].concat());
    check_refused(&long, "bytes are too many for its extent");
}

#[apply(trial)]
fn no_bytes_crash_the_decoder() {
    let how = How { restart: 2, ..How::new(40, 24) };
    let pictures = [
        encoded(how),
        encoded(How { sampling: SamplingFactor::F_2_2, ..how }),
        encoded(How { colour: ColorType::Luma, ..how }),
    ];
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let case = (0..pictures.len(), prop::collection::vec(change, 1..8));
    check_property(4000, case, |(which, changes)| {
        let mut bytes = pictures[which].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        // Whatever comes of it, it is a picture of the extent asked for or an error.
        if let Ok(picture) = decode(&bytes, how.extent) {
            assert_eq!(picture.extent(), how.extent);
        }
    });
}

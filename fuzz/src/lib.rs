//! What reads bytes of strangers, each as a function of bytes: whatever they are, it must answer, within
//! the memory that a good input of their declared size takes.
//!
//! `fuzz_targets/` has libFuzzer look for bytes at which one does not. The project's test `fuzzing` runs the
//! same functions on the corpus and on changes of it that are the same every time. Answers are not
//! looked at here: that they are right is what other tests say.

use std::io::Cursor;
use std::path::Path;

use deblurd::config::{Cameras, Config};
use deblurd::frame::{Extent, Frame, Picture, Range};
use deblurd::optics::{Calibration, Psf};
use deblurd::restore::model;
use deblurd::sink::wire;
use deblurd::source::unpack::{Memory, PixelFormat, UnpackOptions, Unpacker};
use deblurd::source::{Filled, Source, Y4mSource, decode_picture};
use sha2::{Digest, Sha256};

/// A target.
pub type Target = fn(&[u8]);

/// All of them, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("psf", psf),
    ("formula", formula),
    ("calibration", calibration),
    ("picture", picture),
    ("y4m", y4m),
    ("jpeg", jpeg),
    ("unpack", unpack),
    ("config", config),
    ("wire", wire_header),
    ("onnx", onnx),
    ("sealed", sealed),
];

/// Samples of a picture that a target still works on: larger ones are as good, and slow.
const AREA_MAX: usize = 1 << 16;

/// A PSF as text, picture or array.
pub fn psf(bytes: &[u8]) {
    let _ = Psf::read(bytes);
}

/// A PSF by formula.
pub fn formula(bytes: &[u8]) {
    let _ = Psf::from_formula(&String::from_utf8_lossy(bytes));
}

/// A calibration: an archive of arrays.
pub fn calibration(bytes: &[u8]) {
    let _ = Calibration::is_archive(bytes);
    let _ = Calibration::from_bytes(bytes);
}

/// A picture file, with what it says of itself.
pub fn picture(bytes: &[u8]) {
    let _ = decode_picture(bytes, Path::new("picture"));
}

/// A Y4M stream: its header, and some frames.
pub fn y4m(bytes: &[u8]) {
    let Ok(mut source) = Y4mSource::new(Cursor::new(bytes.to_vec()), "stream".into(), false) else {
        return;
    };
    if source.format().extent.area() > AREA_MAX {
        return;
    }
    let mut frame = Frame::new(source.format());
    for _ in 0..6 {
        if !matches!(source.fill(&mut frame), Ok(Filled::Frame | Filled::Unusable(_))) {
            return;
        }
    }
}

/// A frame of an MJPEG camera, whose extent is another's business.
pub fn jpeg(bytes: &[u8]) {
    let Some(format) = PixelFormat::from_fourcc(*b"MJPG") else { return };
    let memory = Memory { extent: Extent::new(32, 16), strides: [0; 3] };
    let Ok(mut unpacker) = Unpacker::plan(format, memory, &UnpackOptions::default()) else {
        return;
    };
    let mut picture = Picture::new(unpacker.format());
    let _ = unpacker.unpack(&[bytes], &mut picture);
}

/// Buffers of any pixel format: the first bytes say which, how large, and how they lie in memory.
pub fn unpack(bytes: &[u8]) {
    let (told, rest) = bytes.split_at(bytes.len().min(12));
    let byte = |at: usize| usize::from(told.get(at).copied().unwrap_or_default());
    let format = PixelFormat::ALL[byte(0) % PixelFormat::ALL.len()];
    let extent = Extent::new(byte(1) << (byte(2) % 9), byte(3));
    let stride = |at| byte(at) << (byte(at + 1) % 9);
    let options = UnpackOptions {
        range: if byte(10) % 2 == 0 { Range::Full } else { Range::Limited },
        shift: told.get(11).map_or(0, |byte| byte % 16),
        skip_rows: byte(10) / 2 % 8,
        ..UnpackOptions::default()
    };
    let memory = Memory { extent, strides: [stride(4), stride(6), stride(8)] };
    let Ok(mut unpacker) = Unpacker::plan(format, memory, &options) else { return };
    if unpacker.format().extent.area() > AREA_MAX {
        return;
    }
    let mut picture = Picture::new(unpacker.format());
    let part = rest.len() / format.buffers().max(1);
    let buffers: Vec<&[u8]> = rest.chunks(part.max(1)).take(format.buffers()).collect();
    let _ = unpacker.spread(&buffers);
    let _ = unpacker.unpack(&buffers, &mut picture);
}

/// A configuration, and behind a zero byte lines `NAME=VALUE` of variables that override it.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (text, variables) = text.split_once('\0').unwrap_or((&text, ""));
    let variables: Vec<(String, String)> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let _ = Cameras::read(text, &variables);
    let _ = Config::read(text, variables);
}

/// A frame in shared memory, as consumers read it.
pub fn wire_header(bytes: &[u8]) {
    let _ = wire::read(bytes);
}

/// A model as it is: what is changed has lost its seal, and is refused before it is parsed.
pub fn onnx(bytes: &[u8]) {
    let _ = model::load(bytes);
}

/// A model that is sealed anew, as whoever wants to may.
pub fn sealed(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    if seal(&mut bytes).is_some() {
        let _ = model::load(&bytes);
    }
}

/// Puts the seal that belongs to a model where it has one: behind its key, as a field of 64 bytes.
fn seal(bytes: &mut [u8]) -> Option<()> {
    const KEY: &[u8] = b"deblurd.seal\x12\x40";
    let at = bytes.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    bytes.get_mut(at..at + 64)?.fill(b'0');
    let digest = Sha256::digest(&*bytes);
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes[at..at + 64].copy_from_slice(digits.as_bytes());
    Some(())
}

//! NumPy arrays: any of numbers is read, within bounds; `f64` and `u8` are written.
//!
//! A `.npy` file is a mark, a version, the length of a header, the header, and the numbers
//! (`numpy.lib.format` describes it). The header is a Python dictionary of three keys. It is text of
//! whoever wrote the file, so it is read here by hand, in one pass and without recursion, before
//! anything is believed of it: parsers of Python's values take a time that is exponential in how
//! deep lists are nested. What it says of the size is held against the bytes that are there before
//! memory is taken.

use std::io::{self, Write};

use displaydoc::Display;
use npyz::WriterBuilder;

/// What a file begins with.
const MARK: &[u8] = b"\x93NUMPY";

/// The longest header: NumPy itself reads none beyond 10,000 bytes.
const HEADER_BYTES_MAX: usize = 10_000;

/// The most sides that NumPy gives an array.
const SIDES_MAX: usize = 64;

/// The most numbers that are read of an array: 64 MiB of `f64`.
const NUMBERS_MAX: usize = 8 << 20;

/// Characters of a header that an error shows.
const SHOWN: usize = 40;

/// Why bytes are no array of numbers.
#[derive(Debug, Clone, PartialEq, Display, thiserror::Error)]
pub(super) enum NpyError {
    /// the header of the array is not that of NumPy: {0}
    Header(String),
    /// the numbers of the array are of type '{0}' (expected bool, whole or real numbers)
    Type(String),
    /// the array is {shape:?} in {bytes} bytes (expected at most 8 Mi numbers, and all of them)
    Size {
        /// Its sides.
        shape: Vec<usize>,
        /// Bytes of numbers in the file.
        bytes: usize,
    },
}

/// An array whose numbers were not read yet.
#[derive(Debug)]
pub(super) struct Npy<'a> {
    /// Its sides.
    pub(super) shape: Vec<usize>,
    /// The type of its numbers as NumPy writes it: `<f8`.
    pub(super) kind: String,
    in_columns: bool,
    data: &'a [u8],
}

/// An array that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    /// Its sides.
    pub(super) shape: Vec<usize>,
    /// Its numbers, the last side varying first.
    pub(super) values: Vec<f64>,
}

/// How a number lies in its bytes.
#[derive(Debug, Clone, Copy)]
struct Kind {
    letter: u8,
    size: usize,
    is_big_endian: bool,
}

impl<'a> Npy<'a> {
    /// Whether the bytes are meant to be an array.
    pub(super) fn is_npy(bytes: &[u8]) -> bool {
        bytes.starts_with(MARK)
    }

    /// Reads what an array says of itself.
    ///
    /// # Errors
    /// Where that is not as NumPy writes it.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, NpyError> {
        let wrong = |what: &str| NpyError::Header(what.to_owned());
        let rest = bytes.strip_prefix(MARK).ok_or_else(|| wrong("its mark is missing"))?;
        let (length, rest) = match rest {
            [1, _, a, b, rest @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), rest),
            [2 | 3, _, a, b, c, d, rest @ ..] => {
                let length = u32::from_le_bytes([*a, *b, *c, *d]);
                (usize::try_from(length).unwrap_or(usize::MAX), rest)
            }
            [] | [1..=3, ..] => return Err(wrong("it is cut short")),
            [version, ..] => return Err(wrong(&format!("version {version} (expected 1 to 3)"))),
        };
        if length > HEADER_BYTES_MAX {
            return Err(wrong(&format!("{length} bytes (expected at most {HEADER_BYTES_MAX})")));
        }
        let header = rest.get(..length).ok_or_else(|| wrong("it is cut short"))?;
        Header { rest: header }.read(&rest[length..])
    }

    /// Number of numbers, where they are all there and not too many.
    fn count(&self, kind: Kind) -> Option<usize> {
        let count = self.shape.iter().try_fold(1_usize, |count, &side| count.checked_mul(side))?;
        let is_whole = count.checked_mul(kind.size)? <= self.data.len();
        (is_whole && count <= NUMBERS_MAX).then_some(count)
    }

    /// Reads the numbers.
    ///
    /// # Errors
    /// Where they are of no type of numbers, too many, or not all there.
    pub(super) fn read(self) -> Result<Array, NpyError> {
        let kind = Kind::of(&self.kind).ok_or_else(|| NpyError::Type(self.kind.clone()))?;
        let size = || NpyError::Size { shape: self.shape.clone(), bytes: self.data.len() };
        let count = self.count(kind).ok_or_else(size)?;
        let numbers = self.data.chunks_exact(kind.size).take(count);
        let values: Vec<f64> = numbers.map(|bytes| kind.number(bytes)).collect();
        let values = if self.in_columns { by_rows(&self.shape, &values) } else { values };
        Ok(Array { shape: self.shape, values })
    }
}

impl Array {
    /// The numbers as bytes, where each is one.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        let byte = |&value: &f64| {
            ((0.0..=255.0).contains(&value) && value.fract() == 0.0).then_some(value as u8)
        };
        self.values.iter().map(byte).collect()
    }
}

/// Puts numbers whose first side varies first in the order in which the last one does.
fn by_rows(shape: &[usize], values: &[f64]) -> Vec<f64> {
    let mut index = vec![0; shape.len()];
    let mut ordered = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let place = index.iter().zip(shape).rev().fold(0, |place, (at, side)| place * side + at);
        ordered.push(values[place]);
        for (at, &side) in index.iter_mut().zip(shape).rev() {
            *at += 1;
            if *at < side {
                break;
            }
            *at = 0;
        }
    }
    ordered
}

impl Kind {
    fn of(text: &str) -> Option<Self> {
        let (&order, rest) = text.as_bytes().split_first()?;
        let (&letter, size) = rest.split_first()?;
        let size = std::str::from_utf8(size).ok()?.parse().ok()?;
        let is_number = match letter {
            b'b' => size == 1,
            b'i' | b'u' => matches!(size, 1 | 2 | 4 | 8),
            b'f' => matches!(size, 2 | 4 | 8),
            _ => false,
        };
        let is_known = is_number && b"<>|=".contains(&order);
        is_known.then_some(Self { letter, size, is_big_endian: order == b'>' })
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits are enough for a sample")]
    fn number(self, bytes: &[u8]) -> f64 {
        let mut word = [0; 8];
        word[..self.size].copy_from_slice(bytes);
        if self.is_big_endian {
            word[..self.size].reverse();
        }
        let (bits, unused) = (u64::from_le_bytes(word), 64 - 8 * self.size);
        match (self.letter, self.size) {
            (b'b', _) => f64::from(u8::from(bits != 0)),
            (b'i', _) => ((bits << unused).cast_signed() >> unused) as f64,
            (b'f', 2) => half(u16::from_le_bytes([word[0], word[1]])),
            (b'f', 4) => f64::from(f32::from_le_bytes([word[0], word[1], word[2], word[3]])),
            (b'f', _) => f64::from_bits(bits),
            _ => bits as f64,
        }
    }
}

/// A number of half precision, IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}

/// A header while it is read.
struct Header<'a> {
    rest: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }`, the keys in any order.
    fn read(mut self, data: &'a [u8]) -> Result<Npy<'a>, NpyError> {
        let (mut kind, mut in_columns, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.take(b'}') {
            let key = self.string()?;
            self.expect(b':')?;
            match key {
                "descr" if self.peek() == Some(b'[') => {
                    return Err(NpyError::Type("records of several".to_owned()));
                }
                "descr" => kind = Some(self.string()?.to_owned()),
                "fortran_order" => in_columns = Some(self.truth()?),
                "shape" => shape = Some(self.sides()?),
                _ => return Err(NpyError::Header(format!("the unknown key '{}'", shown(key)))),
            }
            if !self.take(b',') && self.peek() != Some(b'}') {
                return Err(self.wrong());
            }
        }
        let missing = |key: &str| NpyError::Header(format!("'{key}' is missing"));
        Ok(Npy {
            kind: kind.map(|kind| shown(&kind)).ok_or_else(|| missing("descr"))?,
            in_columns: in_columns.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
            data,
        })
    }

    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied()
    }

    fn take(&mut self, sign: u8) -> bool {
        let is_next = self.peek() == Some(sign);
        if is_next {
            self.rest = &self.rest[1..];
        }
        is_next
    }

    fn expect(&mut self, sign: u8) -> Result<(), NpyError> {
        if self.take(sign) { Ok(()) } else { Err(self.wrong()) }
    }

    fn string(&mut self) -> Result<&'a str, NpyError> {
        let quote = self.peek().filter(|quote| b"'\"".contains(quote));
        let Some(quote) = quote else { return Err(self.wrong()) };
        let end = self.rest[1..].iter().position(|&byte| byte == quote);
        let text = end.and_then(|end| std::str::from_utf8(&self.rest[1..=end]).ok());
        let text = text.filter(|text| text.is_ascii()).ok_or_else(|| self.wrong())?;
        self.rest = &self.rest[text.len() + 2..];
        Ok(text)
    }

    fn truth(&mut self) -> Result<bool, NpyError> {
        self.peek();
        for (word, value) in [(b"True".as_slice(), true), (b"False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.wrong())
    }

    fn sides(&mut self) -> Result<Vec<usize>, NpyError> {
        let mut sides = Vec::new();
        self.expect(b'(')?;
        while !self.take(b')') {
            self.peek();
            let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let side = std::str::from_utf8(&self.rest[..digits]).ok();
            // A side beyond every size is told as such later.
            let side = side.filter(|text| !text.is_empty()).ok_or_else(|| self.wrong())?;
            sides.push(side.parse().unwrap_or(usize::MAX));
            self.rest = &self.rest[digits..];
            // Python 2 ends long numbers so.
            let _ = self.take(b'L');
            if (!self.take(b',') && self.peek() != Some(b')')) || sides.len() > SIDES_MAX {
                return Err(self.wrong());
            }
        }
        Ok(sides)
    }

    fn wrong(&self) -> NpyError {
        NpyError::Header(format!("at '{}'", shown(&String::from_utf8_lossy(self.rest))))
    }
}

/// The beginning of a text, without characters that would change what stands around it.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Writes an array, the last side of `shape` varying first.
///
/// # Errors
/// Where `out` does not take it.
pub(super) fn write_array<T: npyz::AutoSerialize>(
    out: &mut impl Write,
    shape: &[usize],
    values: impl IntoIterator<Item = T>,
) -> io::Result<()> {
    let shape: Vec<u64> = shape.iter().map(|&side| side as u64).collect();
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(out);
    let mut writer = options.begin_nd()?;
    writer.extend(values)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file whose header is that text.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).expect("a short header").to_le_bytes();
        [MARK, &[1, 0], &length, header.as_bytes(), data].concat()
    }

    fn of(kind: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        file(&format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n"), data)
    }

    #[track_caller]
    fn check_reads(kind: &str, data: &[u8], expected: &[f64]) {
        let bytes = of(kind, &format!("({},)", expected.len()), data);
        let array = Npy::open(&bytes).and_then(Npy::read).expect(kind);
        assert_eq!(array.values, expected, "{kind}");
    }

    /// The bytes are those of `numpy.array([...], kind).tobytes()`.
    #[test]
    fn every_type_of_numbers_is_read() {
        check_reads("|b1", &[0, 1, 1], &[0.0, 1.0, 1.0]);
        check_reads("|i1", &[0xFF, 0x80, 5], &[-1.0, -128.0, 5.0]);
        check_reads("|u1", &[0xFF, 0x80, 5], &[255.0, 128.0, 5.0]);
        check_reads("<i2", &[0xFE, 0xFF, 1, 2], &[-2.0, 513.0]);
        check_reads(">i2", &[0xFF, 0xFE, 2, 1], &[-2.0, 513.0]);
        check_reads("<u2", &[0xFE, 0xFF], &[65_534.0]);
        check_reads(">u4", &[0, 1, 0, 2], &[65_538.0]);
        check_reads("<i8", &[0xFD, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], &[-3.0]);
        check_reads("=u8", &[0, 0, 0, 0, 1, 0, 0, 0], &[4_294_967_296.0]);
        check_reads(
            "<f2",
            &[0, 0x3C, 0, 0xC0, 1, 0, 0xFF, 0x7B],
            &[1.0, -2.0, 2_f64.powi(-24), 65_504.0],
        );
        check_reads(">f4", &[0x3F, 0x80, 0, 0], &[1.0]);
        check_reads(">f8", &[0x3F, 0xE0, 0, 0, 0, 0, 0, 0], &[0.5]);
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], words: &str) {
        let error = Npy::open(bytes).and_then(Npy::read).expect_err("no array").to_string();
        assert!(error.contains(words), "{error}");
        assert!(error.len() < 300, "{} bytes: {error}", error.len());
    }

    #[test]
    fn what_is_no_array_of_numbers_is_refused_by_name() {
        for kind in ["<c16", "|O", "<U4", "<f16", "<f3", "<M8[ns]", "", "f8"] {
            check_refused(&of(kind, "(1,)", &[0; 16]), &format!("of type '{kind}'"));
        }
        check_refused(b"1 2 3", "its mark is missing");
        check_refused(MARK, "cut short");
        check_refused(b"\x93NUMPY\x01\x00\xFF\x00{", "cut short");
        check_refused(b"\x93NUMPY\x04\x00\x01\x00{", "version 4 (expected 1 to 3)");
        check_refused(b"\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{'descr'", "4294967295 bytes (expected");
        check_refused(&of("<f8", "(2,)", &[0; 15]), "[2] in 15 bytes");
        check_refused(&of("|u1", "(9000000,)", &[0; 9_000_000]), "at most 8 Mi numbers");
        let huge = "(99999999999999999999999999, 2)";
        check_refused(&of("<f8", huge, &[]), "in 0 bytes");
        check_refused(&of("<f8", "(1 2)", &[]), "at '2)");
        check_refused(&of("<f8", "(-1,)", &[]), "at '-1");
        check_refused(&of("<f8", &format!("({})", "1,".repeat(100)), &[]), "at '1,1,");
        let deep = format!("{{'descr': {}{}}}", "[".repeat(4000), "]".repeat(4000));
        check_refused(&file(&deep, &[]), "records of several");
        let deep = format!("{{'shape': {}{}}}", "(".repeat(4000), ")".repeat(4000));
        check_refused(&file(&deep, &[]), "at '((((");
        check_refused(&file("{'descr': '<f8', 'evil': 1}", &[]), "the unknown key 'evil'");
        check_refused(&file("{'descr': '<f8'}", &[]), "'fortran_order' is missing");
        check_refused(&file("{'fortran_order': None}", &[]), "at 'None");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn arrays_of_the_library_are_read(
            shape in prop::collection::vec(0_usize..4, 0..5), in_columns: bool,
        ) {
            let count: usize = shape.iter().product();
            let mut bytes = Vec::new();
            let sides: Vec<u64> = shape.iter().map(|&side| side as u64).collect();
            let order = if in_columns { npyz::Order::Fortran } else { npyz::Order::C };
            let options = npyz::WriteOptions::new().default_dtype().shape(&sides).order(order);
            let mut writer = options.writer(&mut bytes).begin_nd().expect("a header");
            writer.extend((0..count).map(|n| n as f64)).expect("numbers");
            writer.finish().expect("an array");
            let array = Npy::open(&bytes).and_then(Npy::read).expect("an array");
            prop_assert_eq!(&array.shape, &shape);
            // Element (i, j, ...) of an array whose first side varies first is i + n (j + m (...)).
            let value = |mut at: usize| {
                let mut index = Vec::new();
                for &side in shape.iter().rev() {
                    index.push(at % side);
                    at /= side;
                }
                index.iter().zip(shape.iter().rev()).fold(0, |place, (at, side)| place * side + at)
            };
            for (at, is) in array.values.iter().enumerate() {
                let expected = if in_columns { value(at) } else { at };
                prop_assert!((is - expected as f64).abs() < 1e-12, "{} is {}", at, is);
            }
        }

        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Npy::open(&bytes).and_then(Npy::read);
            bytes.splice(..0, of("<f8", "(1,)", &[]));
            let _ = Npy::open(&bytes).and_then(Npy::read);
        }
    }
}

//! PSFs from text: rows of numbers, whatever stands between them.
//!
//! Commas separate numbers or are decimal points; semicolons separate numbers or end rows. Which it
//! is, the text tells: points elsewhere, brackets, several lines, what else separates numbers. What
//! it may mean is read in each way; where two ways give two matrices, the text is refused rather
//! than guessed at.

use super::{PsfError, check_side};
use crate::frame::{Extent, Plane};

/// The longest word that can be a number.
const WORD_MAX: usize = 64;

/// Characters of a word that an error shows.
const SHOWN: usize = 40;

/// What a sign between digits means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Between two numbers of a row.
    Separator,
    /// Commas: between the digits of a number.
    Point,
    /// Semicolons: between two rows.
    RowEnd,
}

/// A way to read a text.
#[derive(Debug, Clone, Copy)]
struct Way {
    comma: Meaning,
    semicolon: Meaning,
}

/// What signs there are in a text.
#[derive(Debug, Default)]
struct Signs {
    points: bool,
    commas: bool,
    semicolons: bool,
    brackets: bool,
    several_lines: bool,
    /// A semicolon with numbers of the same line on both sides.
    inner_semicolons: bool,
    /// Two numbers with nothing but blanks between them.
    blanks: bool,
    /// Two digits with nothing but a comma between them.
    tight_commas: bool,
    /// Commas are within numbers such as 0,05: nobody writes the whole number 05, and of columns of
    /// zeros alone no PSF is made.
    fractions: bool,
}

/// A matrix of numbers, and what had to be guessed to read it.
pub(super) struct Matrix {
    pub(super) samples: Plane<f64>,
    pub(super) notes: Vec<String>,
}

/// The text of bytes: UTF-8, or UTF-16 with its mark.
pub(super) fn decode(bytes: &[u8]) -> Result<String, PsfError> {
    let words = |bytes: &[u8], word: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let words: Vec<u16> = pairs.iter().map(|&pair| word(pair)).collect();
        String::from_utf16(&words).ok().filter(|_| rest.is_empty())
    };
    let text = match bytes {
        [0xFF, 0xFE, rest @ ..] => words(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => words(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    };
    let text = text.filter(|text| !text.contains('\0'));
    text.ok_or_else(|| PsfError::Format("it is not text".to_owned()))
}

/// Reads rows of numbers.
pub(super) fn matrix(text: &str) -> Result<Matrix, PsfError> {
    let signs = Signs::of(text);
    if signs.points && signs.blanks && signs.tight_commas {
        return Err(PsfError::Ambiguous(COMMAS));
    }
    let mut failed = None;
    for ways in signs.ways() {
        let mut read: Vec<(Way, Plane<f64>)> = Vec::new();
        for way in ways {
            match way.read(text) {
                Ok(samples) if read.iter().all(|(_, other)| *other != samples) => {
                    read.push((way, samples));
                }
                Ok(_) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let mut read = read.into_iter();
        match (read.next(), read.next()) {
            (None, _) => {}
            (Some((way, samples)), None) => return Ok(Matrix { samples, notes: signs.notes(way) }),
            (Some((way, _)), Some((other, _))) => {
                let is_comma = way.comma != other.comma;
                return Err(PsfError::Ambiguous(if is_comma { COMMAS } else { SEMICOLONS }));
            }
        }
    }
    Err(failed.unwrap_or(PsfError::Empty))
}

const COMMAS: &str = "commas of the PSF may be decimal points or separate numbers (expected points \
                      in numbers, or a blank after each comma)";
const SEMICOLONS: &str = "semicolons of the PSF may separate numbers or end rows (expected blanks \
                          between numbers and each row on a line, or brackets around it all)";

impl Signs {
    fn of(text: &str) -> Self {
        let mut signs = Self::default();
        let (mut lines, mut pairs, mut zeros) = (0, 0, true);
        for line in lines_of(text) {
            signs.commas |= line.contains(',');
            signs.semicolons |= line.contains(';');
            signs.brackets |= line.contains(is_bracket);
            signs.note_gaps(line);
            for word in line.split(|c: char| is_sign(c) && c != ',') {
                let Some((whole, fraction)) = word.split_once(',') else { continue };
                pairs += 1;
                zeros &= whole.trim_start_matches(['+', '-']) == "0";
                let is_digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
                signs.fractions |= is_digits && fraction.len() > 1 && fraction.starts_with('0');
            }
            lines += 1;
        }
        signs.fractions |= pairs > 1 && zeros;
        signs.several_lines = lines > 1;
        signs
    }

    /// Notes what stands between the numbers of a line.
    fn note_gaps(&mut self, line: &str) {
        let (mut rest, mut before) = (line, None);
        while let Some(start) = rest.find(|c| !is_sign(c)) {
            let (gap, word) = rest.split_at(start);
            let (word, after) = word.split_at(word.find(is_sign).unwrap_or(word.len()));
            self.points |= word.contains('.');
            if let Some(before) = before {
                let is_digit = |c: char| c.is_ascii_digit();
                let is_tight = str::ends_with(before, is_digit) && word.starts_with(is_digit);
                self.tight_commas |= gap == "," && is_tight;
                self.blanks |= gap.chars().all(char::is_whitespace);
                self.inner_semicolons |= gap.contains(';');
            }
            (rest, before) = (after, Some(word));
        }
    }

    /// The ways in which the text may be meant, the likely ones first: those of the second group
    /// count only where none of the first gives a matrix.
    fn ways(&self) -> Vec<Vec<Way>> {
        use Meaning::{Point, Separator};
        let groups: &[&[Meaning]] = match self {
            _ if !self.tight_commas || self.points => &[&[Separator]],
            _ if self.fractions => &[&[Point], &[Separator]],
            _ if self.brackets => &[&[Separator]],
            _ if self.blanks => &[&[Point], &[Separator]],
            _ => &[&[Separator, Point]],
        };
        let ways = |&comma: &Meaning| {
            self.semicolons(comma).iter().map(move |&semicolon| Way { comma, semicolon })
        };
        groups.iter().map(|commas| commas.iter().flat_map(ways).collect()).collect()
    }

    /// What semicolons may mean, where commas mean `comma`.
    fn semicolons(&self, comma: Meaning) -> &'static [Meaning] {
        use Meaning::{RowEnd, Separator};
        let others = self.blanks || (self.commas && comma == Separator);
        match self {
            _ if !self.semicolons => &[Separator],
            _ if self.brackets || !self.inner_semicolons => &[RowEnd],
            _ if self.several_lines && !others => &[Separator],
            _ if !self.several_lines && others => &[RowEnd],
            _ => &[Separator, RowEnd],
        }
    }

    fn notes(&self, way: Way) -> Vec<String> {
        let mut notes = Vec::new();
        if way.comma == Meaning::Point {
            notes.push("commas were read as decimal points".to_owned());
        }
        if way.semicolon == Meaning::RowEnd && self.inner_semicolons && !self.brackets {
            notes.push("semicolons were read as ends of rows".to_owned());
        }
        notes
    }
}

/// Rows while they are read.
#[derive(Debug, Default)]
struct Rows {
    width: usize,
    height: usize,
    samples: Vec<f64>,
    /// Where the row that is read begins.
    start: usize,
    /// Separators since the last number of it.
    separators: usize,
    /// Whether a separator may stand before its first number: behind a bracket.
    may_lead: bool,
}

impl Way {
    fn read(self, text: &str) -> Result<Plane<f64>, PsfError> {
        let mut rows = Rows::default();
        for line in lines_of(text) {
            let mut rest = line;
            while let Some(sign) = rest.chars().next() {
                let length = if self.is_sign(sign) {
                    self.sign(sign, &mut rows)?;
                    sign.len_utf8()
                } else {
                    let end = rest.find(|c| self.is_sign(c)).unwrap_or(rest.len());
                    rows.number(&rest[..end])?;
                    end
                };
                rest = &rest[length..];
            }
            rows.end()?;
        }
        let samples = Plane::from_samples(Extent::new(rows.width, rows.height), rows.samples);
        samples.filter(|samples| !samples.extent().is_empty()).ok_or(PsfError::Empty)
    }

    fn is_sign(self, c: char) -> bool {
        is_sign(c) && !(c == ',' && self.comma == Meaning::Point)
    }

    fn sign(self, sign: char, rows: &mut Rows) -> Result<(), PsfError> {
        match sign {
            ';' if self.semicolon == Meaning::RowEnd => rows.end(),
            ',' | ';' => rows.separator(),
            ']' | '}' | ')' => {
                rows.end()?;
                rows.may_lead = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Rows {
    fn column(&self) -> usize {
        self.samples.len() - self.start + 1
    }

    fn number(&mut self, word: &str) -> Result<(), PsfError> {
        let (row, column) = (self.height + 1, self.column());
        let wrong = || {
            let shown = word.chars().take(SHOWN).map(|c| if c.is_control() { '?' } else { c });
            PsfError::NotANumber { row, column, word: shown.collect() }
        };
        if word.len() > WORD_MAX {
            return Err(wrong());
        }
        self.samples.push(word.replace(',', ".").parse().map_err(|_| wrong())?);
        self.separators = 0;
        check_side(column, row)
    }

    /// Between two separators, and before the first, a number is missing.
    fn separator(&mut self) -> Result<(), PsfError> {
        let leads = self.samples.len() == self.start;
        self.separators += 1;
        if (leads && !self.may_lead) || self.separators > 1 {
            let (row, column) = (self.height + 1, self.column());
            return Err(PsfError::NotANumber { row, column, word: String::new() });
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), PsfError> {
        let is = self.samples.len() - self.start;
        (self.separators, self.may_lead, self.start) = (0, false, self.samples.len());
        if is == 0 {
            return Ok(());
        }
        self.height += 1;
        if self.height == 1 {
            self.width = is;
        }
        let expected = self.width;
        let is_full = is == expected;
        is_full.then_some(()).ok_or(PsfError::Ragged { row: self.height, is, expected })
    }
}

/// The lines that hold something, without comments: from `#`, or from `%` at their beginning.
fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.split(['\n', '\r']).map(|line| match line.split('#').next() {
        Some(line) if !line.trim_start().starts_with('%') => line.trim(),
        _ => "",
    });
    lines.filter(|line| !line.is_empty())
}

fn is_bracket(c: char) -> bool {
    "[](){}".contains(c)
}

/// Whether a character can be no part of a number.
fn is_sign(c: char) -> bool {
    c.is_whitespace() || c == ',' || c == ';' || is_bracket(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_reads(text: &str, rows: &[&[f64]], notes: &[&str]) {
        let read = matrix(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let expected = Plane::from_samples(Extent::new(rows[0].len(), rows.len()), rows.concat());
        assert_eq!(read.samples, expected.expect("a matrix"), "{text:?}");
        assert_eq!(read.notes, notes, "{text:?}");
    }

    const ROWS: &[&[f64]] = &[&[0.5, 0.25, 1.0], &[0.0, 0.125, 2.0]];
    const POINTS: &str = "commas were read as decimal points";
    const ENDS: &str = "semicolons were read as ends of rows";

    #[test]
    fn what_stands_between_numbers_is_understood() {
        for text in [
            "0.5 0.25 1\n0 0.125 2",
            "0.5\t0.25\t1\r\n0\t0.125\t2\r\n",
            "0.5 0.25 1\r0 0.125 2\r",
            "0.5,0.25,1\n0,0.125,2\n",
            "0.5, 0.25, 1,\n0, 0.125, 2,\n",
            "0.5;0.25;1\n0;0.125;2\n",
            "0.5 0.25 1;\n0 0.125 2;\n",
            "% MATLAB\n[0.5 0.25 1; 0 0.125 2]",
            "[0.5, 0.25, 1;\n 0, .125, 2];",
            "[[0.5, 0.25, 1.], [0., 0.125, 2.]]",
            "[[0.5  0.25  1. ]\n [0. 0.125 2. ]]",
            "{{0.5, 0.25, 1}, {0, 125e-3, 2}};  # C",
            "((0.5, 0.25, 1),\n (0, 0.125, 2))",
            "+0.5 2.5E-1 1e0\n-0 0.125 2",
            "0.5 0.25 1\u{a0}\n\u{2003}0 0.125 2",
        ] {
            check_reads(text, ROWS, &[]);
        }
        check_reads("0.5,0.25,1;0,0.125,2", ROWS, &[ENDS]);
        check_reads("0.5 0.25 1; 0 0.125 2", ROWS, &[ENDS]);
        check_reads("0,5 0,25 1\n0 0,125 2", ROWS, &[POINTS]);
        check_reads("0,5;0,25;1\n0;0,125;2", ROWS, &[POINTS]);
        check_reads("0,5\t0,25\t1\n0\t0,125\t2", ROWS, &[POINTS]);
        check_reads("[0,5 0,25 1; 0 0,125 2]", ROWS, &[POINTS]);
        check_reads("0,5 0,25 1; 0 0,125 2", ROWS, &[POINTS, ENDS]);
        check_reads("1,2,3\n4,5,6", &[&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]], &[]);
        check_reads("[1,2;3,4]", &[&[1.0, 2.0], &[3.0, 4.0]], &[]);
        check_reads("1, 2\n3, 4", &[&[1.0, 2.0], &[3.0, 4.0]], &[]);
        check_reads("0,05\n0,9\n0,05", &[&[0.05], &[0.9], &[0.05]], &[POINTS]);
        check_reads("[1;2;1]", &[&[1.0], &[2.0], &[1.0]], &[]);
        check_reads("0.0, 1e0; 2\n\n3,4,6 # end\n", &[&[0.0, 1.0, 2.0], &[3.0, 4.0, 6.0]], &[]);
    }

    #[track_caller]
    fn check_refused(text: &str, words: &str) {
        let Err(error) = matrix(text) else { panic!("{text:?} was read") };
        assert!(error.to_string().contains(words), "{text:?}: {error}");
    }

    #[test]
    fn what_may_mean_two_things_is_refused() {
        for text in ["1,2;3,4", "1,2\n3,4", "0,1", "0.1,0.2 0.3,0.4", "1.234,5 2.345,6"] {
            check_refused(text, "commas of the PSF may be decimal points");
        }
        for text in ["0.5;0.25;0.5", "1 2; 3 4\n5 6; 7 8"] {
            check_refused(text, "semicolons of the PSF may separate numbers");
        }
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        check_refused("", "empty");
        check_refused("# nothing\n[]", "empty");
        check_refused("0.1,,0.2\n", "row 1, column 2 of the PSF is '' (expected a number)");
        check_refused("1;2;3\n1;;3\n", "row 2, column 2 of the PSF is ''");
        check_refused(",1.5,2\n", "row 1, column 1 of the PSF is ''");
        check_refused("1.5 2\n10% 20%\n", "row 2, column 1 of the PSF is '10%'");
        check_refused("Columns 1 through 3\n", "row 1, column 1 of the PSF is 'Columns'");
        check_refused("1.0e-03 *\n", "'*'");
        check_refused("1+2i 3", "'1+2i'");
        check_refused("0,5 0,x", "'0,x'");
        check_refused("\u{1b}[31m", "'?'");
        check_refused(&"9".repeat(100), "'9999999999999999999999999999999999999999' (expected");
        check_refused("1 2\n3\n", "row 2 of the PSF has 1 numbers (expected 2");
    }

    #[test]
    fn text_bears_its_mark() {
        let utf16 = |big: bool| -> Vec<u8> {
            let words = "\u{feff}1 2".encode_utf16();
            words.flat_map(|w| if big { w.to_be_bytes() } else { w.to_le_bytes() }).collect()
        };
        for bytes in [b"1 2".to_vec(), b"\xEF\xBB\xBF1 2".to_vec(), utf16(true), utf16(false)] {
            assert_eq!(decode(&bytes).expect("text"), "1 2", "{bytes:?}");
        }
        for bytes in [b"1\x00 \x002\x00".as_slice(), b"\xFF\xFE1", b"\xFF\xFE\x00\xD8", b"\xE9 1"] {
            let error = decode(bytes).expect_err("no text").to_string();
            assert!(error.contains("it is not text"), "{error}");
        }
    }
}

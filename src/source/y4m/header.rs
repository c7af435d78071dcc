//! The first line of a Y4M stream, looked at before the decoder sees it: the decoder takes sizes on
//! trust, does not say what it misses, and knows some of the words only.

use std::io::{BufRead, Read};

use crate::frame::StreamNotes;

/// Bytes of the line, at most.
const HEADER_BYTES_MAX: u64 = 1000;
/// Samples in a row or column, at most.
const SIDE_MAX: usize = 65_535;

/// Characters of a word that are told.
const SHOWN: usize = 40;
/// Pixels of a picture, at most: a little more than 8192x4320 has. A stream has several frames in
/// memory at a time, and its first line alone asks for them.
const PIXELS_MAX: usize = 36_000_000;
/// Values of the colour space that the decoder knows.
const KNOWN_COLOURS: [&str; 14] = [
    "mono", "mono12", "420", "420jpeg", "420paldv", "420mpeg2", "420p10", "420p12", "422",
    "422p10", "422p12", "444", "444p10", "444p12",
];

/// The first line with its end, or as much of it as may be.
pub(super) fn read_line(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.take(HEADER_BYTES_MAX).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// A first line that can be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The line for the decoder.
    pub(super) line: Vec<u8>,
    pub(super) notes: StreamNotes,
    /// Pixels of a picture.
    pub(super) pixels: u64,
}

/// Checks what the decoder takes on trust or reports without a name, and notes what it passes over.
pub(super) fn read_header(line: &[u8]) -> Result<Header, String> {
    if line.is_empty() {
        return Err("not a Y4M stream: it is empty".to_owned());
    }
    if !line.starts_with(b"YUV4MPEG2 ") {
        return Err("not a Y4M stream: it does not begin with YUV4MPEG2".to_owned());
    }
    if !line.ends_with(b"\n") {
        return Err("the stream's first line is cut short or too long".to_owned());
    }
    let line = String::from_utf8_lossy(&line[..line.len() - 1]);
    check_words(&line)?;
    let side = |letter| parameter(&line, letter).and_then(|value| value.parse::<usize>().ok());
    let (width, height) = (side('W').unwrap_or(0), side('H').unwrap_or(0));
    let sides = 1..=SIDE_MAX;
    if !sides.contains(&width) || !sides.contains(&height) || width * height > PIXELS_MAX {
        let megapixels = PIXELS_MAX / 1_000_000;
        return Err(format!(
            "its pictures are W{} H{} (expected 1 to {SIDE_MAX}, at most {megapixels} megapixels)",
            parameter(&line, 'W').unwrap_or("?"),
            parameter(&line, 'H').unwrap_or("?"),
        ));
    }
    check_ratio(&line, 'F')?;
    check_ratio(&line, 'A')?;
    let notes = notes(&line);
    let colours = notes.colours.as_deref().unwrap_or("420");
    if !KNOWN_COLOURS.contains(&colours) {
        return Err(format!("colour space {colours} is not one of {}", KNOWN_COLOURS.join(", ")));
    }
    let without = words(&line).filter(|word| !word.starts_with('C')).collect::<Vec<_>>().join(" ");
    let line = format!("YUV4MPEG2 {without} C{colours}\n").into_bytes();
    Ok(Header { line, notes, pixels: (width * height) as u64 })
}

/// What the line says beside sizes, rate and range. Where it has no colour space in its own place,
/// that of mjpegtools and FFmpeg counts, which goes by the name XYSCSS.
fn notes(line: &str) -> StreamNotes {
    let said = |letter| parameter(line, letter).map(str::to_owned);
    let others = words(line).filter_map(|word| word.strip_prefix('X'));
    let theirs = others.clone().find_map(|word| word.strip_prefix("YSCSS="));
    // Sinks say the range themselves.
    let others = others.filter(|word| !word.starts_with("COLORRANGE="));
    StreamNotes {
        is_rate_unknown: parameter(line, 'F') == Some("0:0"),
        interlacing: said('I'),
        aspect: said('A'),
        colours: said('C').or_else(|| theirs.map(str::to_lowercase)),
        others: others.map(str::to_owned).collect(),
    }
}

/// Refuses what the decoder may read otherwise than this file: it takes the last of two sizes, and
/// divides words at spaces alone.
fn check_words(line: &str) -> Result<(), String> {
    if let Some(control) = line.chars().find(char::is_ascii_control) {
        return Err(format!(
            "its first line holds {control:?} (expected words with spaces between)"
        ));
    }
    let letters =
        words(line).filter_map(|word| word.chars().next()).filter(|letter| *letter != 'X');
    let mut seen = Vec::new();
    for letter in letters {
        if seen.contains(&letter) {
            return Err(format!("its first line says {letter} twice (expected once)"));
        }
        seen.push(letter);
    }
    Ok(())
}

/// Refuses a rate or an aspect that the decoder would refuse without a name.
fn check_ratio(line: &str, letter: char) -> Result<(), String> {
    let Some(value) = parameter(line, letter) else { return Ok(()) };
    let parts = value.split_once(':').map(|(top, bottom)| [top, bottom].map(str::parse::<usize>));
    if matches!(parts, Some([Ok(_), Ok(_)])) {
        return Ok(());
    }
    let value: String = value.chars().take(SHOWN).collect();
    Err(format!(
        "its first line says {letter}{value} (expected two whole numbers, as {letter}30:1)"
    ))
}

fn words(line: &str) -> impl Iterator<Item = &str> + Clone {
    line.split(' ').skip(1)
}

fn parameter(line: &str, letter: char) -> Option<&str> {
    words(line).find_map(|word| word.strip_prefix(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &[u8], expected: Result<(), &str>) {
        let is = read_header(line);
        match (&is, expected) {
            (Ok(_), Ok(())) => {}
            (Err(problem), Err(words)) if problem.contains(words) => {}
            _ => panic!("{}: {is:?}", String::from_utf8_lossy(line)),
        }
    }

    #[test]
    fn what_may_be_read_in_two_ways_is_refused() {
        check(b"YUV4MPEG2 W16 H8 F25:1 C420 XA=1 XB=2\n", Ok(()));
        check(b"YUV4MPEG2 W16  H8\n", Ok(()));
        check(b"YUV4MPEG2 W16 H8 W18446744073709551615\n", Err("says W twice"));
        check(b"YUV4MPEG2 W16 H8 C420 Cmono\n", Err("says C twice"));
        check(b"YUV4MPEG2 W16\tW99999 H8\n", Err("holds '\\t'"));
        check(b"YUV4MPEG2 W16 H8\r\n", Err("holds '\\r'"));
    }

    #[test]
    fn ratios_are_two_numbers() {
        check(b"YUV4MPEG2 W16 H8 F0:0 A0:0\n", Ok(()));
        for wrong in ["F-25:1", "F25", "F", "A1", "F99999999999999999999:1", "F25:1:1"] {
            let line = format!("YUV4MPEG2 W16 H8 {wrong}\n");
            check(line.as_bytes(), Err(&format!("says {wrong} (expected two whole numbers")));
        }
    }

    #[track_caller]
    fn check_notes(words: &str, colours: &str, expected: &StreamNotes) {
        let Header { line, notes, .. } =
            read_header(format!("YUV4MPEG2 W16 H8 {words}\n").as_bytes()).expect("a header");
        assert_eq!(&notes, expected, "{words}");
        let line = String::from_utf8(line).expect("text");
        assert!(line.ends_with(&format!(" C{colours}\n")) && line.matches(" C").count() == 1);
    }

    #[test]
    fn what_a_line_says_is_noted() {
        let some = |text: &str| Some(text.to_owned());
        let all = StreamNotes {
            is_rate_unknown: true,
            interlacing: some("t"),
            aspect: some("16:15"),
            colours: some("420mpeg2"),
            others: ["YSCSS=420MPEG2", "NOTE=keep"].map(str::to_owned).into(),
        };
        let words = "F0:0 It A16:15 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=FULL XNOTE=keep";
        check_notes(words, "420mpeg2", &all);
        assert!(all.is_interlaced());
        check_notes("F25:1", "420", &StreamNotes::default());
        let others = vec!["YSCSS=422P10".to_owned()];
        let theirs = StreamNotes { colours: some("422p10"), others, ..StreamNotes::default() };
        check_notes("F25:1 XYSCSS=422P10", "422p10", &theirs);
        check(b"YUV4MPEG2 W16 H8 XYSCSS=411\n", Err("colour space 411"));
    }
}

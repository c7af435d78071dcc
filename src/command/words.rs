//! The last lines that a command writes for people: they say why it ended.

use std::collections::VecDeque;
use std::io::Read;

use super::outlet::Outlet;

/// Lines that are kept.
const LINES: usize = 5;
/// Characters of each that are kept.
const CHARACTERS: usize = 200;
/// Bytes of each that are looked at.
const BYTES: usize = 4 * CHARACTERS;

/// Reads to the end, tells every line to `hear`, and gives the last ones.
pub(super) fn listen(mut from: Outlet, hear: &dyn Fn(&str)) -> Vec<String> {
    let mut words = Words::default();
    let mut bytes = [0; 4096];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => words.take(&bytes[..count], hear),
            Err(error) => {
                log::debug!("what a command says is not heard any more: {error}");
                break;
            }
        }
    }
    words.end_line(hear);
    words.lines.into()
}

#[derive(Default)]
struct Words {
    lines: VecDeque<String>,
    line: Vec<u8>,
}

impl Words {
    fn take(&mut self, bytes: &[u8], hear: &dyn Fn(&str)) {
        for &byte in bytes {
            // Progress overwrites its line.
            if byte == b'\n' || byte == b'\r' {
                self.end_line(hear);
            } else if self.line.len() < BYTES {
                self.line.push(byte);
            }
        }
    }

    fn end_line(&mut self, hear: &dyn Fn(&str)) {
        let line = tidy(&self.line);
        self.line.clear();
        if line.is_empty() {
            return;
        }
        hear(&line);
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

/// A line without what moves cursors or changes colours (ESC, `[`, parameters, a letter), and with
/// nothing else that a terminal or a log would obey.
fn tidy(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut rest = text.chars().peekable();
    let mut tidied = String::new();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' && rest.next_if_eq(&'[').is_some() {
            while rest.next_if(|c| !('@'..='~').contains(c)).is_some() {}
            rest.next();
        } else {
            tidied.push(if c.is_control() { ' ' } else { c });
        }
    }
    tidied.trim().chars().take(CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[track_caller]
    fn check(bytes: &[u8], expected: &[&str]) {
        // However the bytes are cut.
        for piece in [1, 7, 4096] {
            let heard = RefCell::new(Vec::new());
            let hear = |line: &str| heard.borrow_mut().push(line.to_owned());
            let mut words = Words::default();
            bytes.chunks(piece).for_each(|bytes| words.take(bytes, &hear));
            words.end_line(&hear);
            assert_eq!(words.lines, expected, "{}", String::from_utf8_lossy(bytes));
            assert!(heard.borrow().ends_with(&words.lines.into_iter().collect::<Vec<_>>()));
        }
    }

    #[test]
    fn the_last_lines_are_kept_and_tidy() {
        check(b"", &[]);
        check(b"\n \n\r\n", &[]);
        check(b"one\ntwo", &["one", "two"]);
        check(b"1\n2\n3\n4\n5\n6\n7\n", &["3", "4", "5", "6", "7"]);
        check(b"frame=1\rframe=2\rend\n", &["frame=1", "frame=2", "end"]);
        check(b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x00x\n", &["red  ]0;title  x"]);
        check(b"\x1b[31", &[]);
        check(b"caf\xe9\n", &["caf\u{fffd}"]);
        check(&[b'x'; 100_000], &["x".repeat(200).as_str()]);
    }
}

//! Lines folded to the width of a screen: nothing is lost at its edge.
//!
//! A line goes on below what stands behind its head, between words where it can; what would write
//! elsewhere on the screen is left out.

use super::screen::{Line, Look};

/// The widest indent of what goes on, as a part of the width.
const INDENT_MAX: usize = 3;

/// The lines of `width` columns that a line becomes, at least one.
pub(super) fn folded(line: &Line, width: usize) -> Vec<Line> {
    let head = line.first().filter(|(look, _)| *look == Look::Head);
    let indent = head.map_or(0, |(_, text)| text.chars().count()).min(width / INDENT_MAX);
    let mut page = Page { lines: vec![Vec::new()], column: 0, indent, width };
    for (look, text) in line {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        for word in text.split_inclusive(' ') {
            page.put(*look, word);
        }
    }
    page.lines
}

/// Lines as far as they are written.
struct Page {
    lines: Vec<Line>,
    column: usize,
    indent: usize,
    width: usize,
}

impl Page {
    /// Writes a word and the blank behind it, which may stick out.
    fn put(&mut self, look: Look, word: &str) {
        if self.width == 0 {
            return;
        }
        let length = word.trim_end().chars().count();
        let is_long = length > self.width - self.indent;
        if self.column + length > self.width && !is_long {
            self.go_on();
        }
        for letter in word.chars() {
            if self.column == self.width {
                if letter == ' ' {
                    continue;
                }
                self.go_on();
            }
            self.push(look, letter);
        }
    }

    fn go_on(&mut self) {
        self.lines.push(vec![(Look::Plain, " ".repeat(self.indent))]);
        self.column = self.indent;
    }

    fn push(&mut self, look: Look, letter: char) {
        let Some(line) = self.lines.last_mut() else { return };
        match line.last_mut() {
            Some((last, text)) if *last == look => text.push(letter),
            _ => line.push((look, letter.to_string())),
        }
        self.column += 1;
    }
}

/// What of those lines is on a screen of so many columns and rows; where they are more than there is room
/// for, those behind the first `above`, and how many are above them.
pub(super) fn shown(
    told: &[Line],
    (width, height): (usize, usize),
    above: usize,
) -> (Vec<Line>, usize) {
    let all = told.iter().flat_map(|line| folded(line, width)).collect::<Vec<_>>();
    let room = height.saturating_sub(2);
    let above = above.min(all.len().saturating_sub(room));
    let below = all.len().saturating_sub(above + room);
    let mut lines: Vec<Line> = all.into_iter().skip(above).take(room).collect();
    lines.push(Vec::new());
    // The last row stays in sight whatever does not fit.
    let more = if above + below > 0 {
        format!("; ↑ ↓ for {above} lines above and {below} below")
    } else {
        String::new()
    };
    lines.extend(folded(&vec![(Look::Soft, format!("q quits{more}"))], width).into_iter().next());
    lines.truncate(height);
    (lines, above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &[(Look, &str)], width: usize, expected: &[&str]) {
        let line = line.iter().map(|(look, text)| (*look, (*text).to_owned())).collect();
        let text = |line: &Line| line.iter().map(|(_, text)| text.as_str()).collect::<String>();
        let shown: Vec<String> = folded(&line, width).iter().map(text).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn lines_go_on_below_their_text() {
        let line =
            [(Look::Head, "camera   "), (Look::Good, "live for 3 s, "), (Look::Bad, "2 lost")];
        check(&line, 80, &["camera   live for 3 s, 2 lost"]);
        check(&line, 27, &["camera   live for 3 s, 2 ", "         lost"]);
        check(&line, 20, &["camera   live for 3 ", "      s, 2 lost"]);
        check(&[(Look::Plain, "")], 10, &[""]);
        check(&[], 10, &[""]);
    }

    #[test]
    fn long_words_are_cut_where_they_must_be() {
        check(&[(Look::Plain, "abcdefgh ij")], 4, &["abcd", "efgh", "ij"]);
        check(&[(Look::Plain, "a\u{1b}[2J b")], 9, &["a[2J b"]);
        check(&[(Look::Head, "x"), (Look::Plain, "yz")], 0, &[""]);
        check(&[(Look::Head, "x"), (Look::Plain, "yz")], 1, &["x", "y", "z"]);
    }
}

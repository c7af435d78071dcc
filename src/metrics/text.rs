//! Texts of others: names of files, dates, reasons.

/// Characters of a text, at most.
const MOST: usize = 200;

/// The text as it is shown to people: short, and on one line.
pub fn short(text: &str) -> String {
    text.chars().take(MOST).map(harmless).collect()
}

/// The character, or a question mark where it does something to those around it: control characters, and those
/// that end a line or turn the direction of writing, by which a line may show what it does not say.
pub fn harmless(c: char) -> char {
    match c {
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            '?'
        }
        c if c.is_control() => '?',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_write_elsewhere_is_shown_as_such() {
        assert_eq!(
            short("a\u{1b}[31m\u{202e}b\u{2028}c\u{85}\u{2067}é\u{4e2d}"),
            "a?[31m?b?c??é\u{4e2d}"
        );
    }
}

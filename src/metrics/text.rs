//! Texts of others: names of files, dates, reasons.

/// Characters of a text, at most.
const MOST: usize = 200;

/// The text as it is shown to people: short, and on one line.
pub fn short(text: &str) -> String {
    text.chars().take(MOST).map(|c| if c.is_control() { '?' } else { c }).collect()
}

//! Folds messages that repeat: the first is printed at once, the others are counted.
//!
//! Messages are alike if they differ in numbers only, as "frame 7 is lost" and "frame 8 is lost".
//! Two lines about messages that are alike are at least a window apart, as long as no more than
//! [`PATTERNS_MAX`] kinds of messages come within a window. Every message is counted.
//!
//! The clock is the caller's.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use log::Level;

/// Kinds of messages that are followed at a time; beyond these, the oldest is let go.
pub(super) const PATTERNS_MAX: usize = 64;

/// Characters kept of a message that repeats.
const CHARACTERS_KEPT: usize = 300;

/// Follows messages and says which are told.
#[derive(Debug)]
pub(super) struct Fold {
    window: Duration,
    patterns: Vec<Pattern>,
}

/// Messages that were counted instead of told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repeats {
    pub(super) level: Level,
    pub(super) target: String,
    /// How many.
    pub(super) count: u64,
    /// The last of them, cut where it is long.
    pub(super) last: String,
}

#[derive(Debug)]
struct Pattern {
    key: u64,
    /// When a line about it was last told.
    told_at: Instant,
    repeats: Repeats,
}

impl Fold {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, patterns: Vec::with_capacity(PATTERNS_MAX) }
    }

    /// Takes a message. Gives what is to be told before it, and whether it is told itself.
    pub(super) fn take(
        &mut self,
        now: Instant,
        (level, target): (Level, &str),
        text: &str,
    ) -> (Vec<Repeats>, bool) {
        let mut due = self.due(now);
        let key = key(level, target, text);
        if let Some(pattern) = self.patterns.iter_mut().find(|pattern| pattern.key == key) {
            pattern.repeats.count += 1;
            pattern.repeats.last = text.chars().take(CHARACTERS_KEPT).collect();
            return (due, false);
        }
        due.extend(self.make_room());
        let repeats = Repeats { level, target: target.to_owned(), count: 0, last: String::new() };
        self.patterns.push(Pattern { key, told_at: now, repeats });
        (due, true)
    }

    /// The repeats whose window is over. Patterns that did not repeat in theirs are forgotten.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Repeats> {
        let window = self.window;
        let is_over = |pattern: &Pattern| now.saturating_duration_since(pattern.told_at) >= window;
        self.patterns.retain(|pattern| !is_over(pattern) || pattern.repeats.count > 0);
        let over = self.patterns.iter_mut().filter(|pattern| is_over(pattern));
        over.map(|pattern| {
            pattern.told_at = now;
            pattern.repeats.take()
        })
        .collect()
    }

    /// All repeats that were not told yet, for the end of the program.
    pub(super) fn all(&mut self) -> Vec<Repeats> {
        let counted = self.patterns.drain(..).map(|pattern| pattern.repeats);
        counted.filter(|repeats| repeats.count > 0).collect()
    }

    /// Lets go of the pattern of which was told longest ago, where there is no room for another.
    fn make_room(&mut self) -> Option<Repeats> {
        let oldest = (0..self.patterns.len()).min_by_key(|&index| self.patterns[index].told_at);
        let oldest = oldest.filter(|_| self.patterns.len() >= PATTERNS_MAX)?;
        let repeats = self.patterns.swap_remove(oldest).repeats;
        (repeats.count > 0).then_some(repeats)
    }
}

impl Repeats {
    fn take(&mut self) -> Self {
        let taken = self.clone();
        (self.count, self.last) = (0, String::new());
        taken
    }
}

impl std::fmt::Display for Repeats {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let times =
            if self.count == 1 { "once more".to_owned() } else { format!("{} times", self.count) };
        write!(out, "… repeated {times}, at last: {}", self.last)
    }
}

/// What messages that are alike have in common.
fn key(level: Level, target: &str, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (level, target).hash(&mut hasher);
    let mut was_digit = false;
    for character in text.chars() {
        let is_digit = character.is_ascii_digit();
        if !(is_digit && was_digit) {
            (if is_digit { '0' } else { character }).hash(&mut hasher);
        }
        was_digit = is_digit;
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WINDOW: Duration = Duration::from_secs(30);
    const ERROR: (Level, &str) = (Level::Error, "test");

    #[test]
    fn numbers_do_not_make_messages_different() {
        let mut fold = Fold::new(WINDOW);
        let now = Instant::now();
        assert_eq!(fold.take(now, ERROR, "frame 7 is lost"), (Vec::new(), true));
        assert_eq!(fold.take(now, ERROR, "frame 1234 is lost"), (Vec::new(), false));
        assert_eq!(fold.take(now, ERROR, "frame 7 is found"), (Vec::new(), true));
        assert_eq!(fold.take(now, (Level::Warn, "test"), "frame 7 is lost"), (Vec::new(), true));
        let told = fold.due(now + WINDOW);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].to_string(), "… repeated once more, at last: frame 1234 is lost");
    }

    #[test]
    fn what_stopped_repeating_is_forgotten() {
        let mut fold = Fold::new(WINDOW);
        let now = Instant::now();
        assert!(fold.take(now, ERROR, "a").1);
        assert!(!fold.take(now + WINDOW / 2, ERROR, "a").1);
        assert_eq!(fold.due(now + WINDOW).len(), 1);
        assert!(fold.due(now + 2 * WINDOW).is_empty());
        assert!(fold.take(now + 2 * WINDOW, ERROR, "a").1, "told at once again");
    }

    /// A message of one of so many kinds, with a number in it.
    fn text(kind: usize, number: u16) -> String {
        let kind = char::from_u32('a' as u32 + u32::try_from(kind).expect("a small number"));
        format!("{number} {}", kind.expect("a character"))
    }

    proptest! {
        /// For any sequence: the first is told at once, lines lie a window apart, none is lost.
        #[test]
        fn all_is_told_at_a_bounded_rate(
            messages in prop::collection::vec((0_u64..9_000, 0_usize..5, any::<u16>()), 1..200),
        ) {
            let mut fold = Fold::new(WINDOW);
            let mut now = Instant::now();
            let mut lines: Vec<(String, Instant)> = Vec::new();
            let mut told = 0;
            for &(pause_ms, kind, number) in &messages {
                now += Duration::from_millis(pause_ms);
                let text = text(kind, number);
                let alike = text.split(' ').next_back().expect("a kind").to_owned();
                let (due, is_told) = fold.take(now, ERROR, &text);
                for repeats in due {
                    told += repeats.count;
                    lines.push((repeats.last.split(' ').next_back().expect("a kind").to_owned(), now));
                }
                prop_assert!(is_told || lines.iter().any(|(kind, _)| *kind == alike), "the first is told");
                if is_told {
                    told += 1;
                    lines.push((alike, now));
                }
            }
            told += fold.all().iter().map(|repeats| repeats.count).sum::<u64>();
            prop_assert_eq!(told, messages.len() as u64);
            for (index, (kind, at)) in lines.iter().enumerate() {
                let next = lines[index + 1..].iter().find(|(other, _)| other == kind);
                prop_assert!(next.is_none_or(|(_, next)| *next - *at >= WINDOW), "too soon");
            }
        }

        /// However many kinds there are and however long they are, little is kept and none is lost.
        #[test]
        fn memory_is_bounded(kinds in prop::collection::vec(0_usize..500, 1..200)) {
            let mut fold = Fold::new(WINDOW);
            let now = Instant::now();
            let mut told = 0;
            for &kind in &kinds {
                let text = format!("{}{}", text(kind, 0), "x".repeat(2_000));
                let (due, is_told) = fold.take(now, ERROR, &text);
                told += due.iter().map(|repeats| repeats.count).sum::<u64>() + u64::from(is_told);
                prop_assert!(fold.patterns.len() <= PATTERNS_MAX);
                let kept = |pattern: &Pattern| pattern.repeats.last.len();
                prop_assert!(fold.patterns.iter().all(|pattern| kept(pattern) <= 4 * CHARACTERS_KEPT));
            }
            told += fold.all().iter().map(|repeats| repeats.count).sum::<u64>();
            prop_assert_eq!(told, kinds.len() as u64);
        }
    }
}

//! The log: levels from the environment, lines for people or for the journal, repeats folded.
//!
//! If standard error leads to the journal, as systemd says in `JOURNAL_STREAM`, lines begin with
//! the priority that the journal expects (`<3>` for an error, as in `sd-daemon(3)`) and have no
//! time, which the journal adds. Otherwise they have time and level; the time is written here, as the
//! library ends the program where the clock is beyond the year 9999.
//!
//! Warnings and errors that repeat are folded; info and debug messages are all printed. What stands in
//! files and names is part of messages: none holds characters that would do something to a terminal,
//! and warnings and errors are short.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::fold::{Fold, Repeats};
use crate::metrics::{self, short};
use crate::owner::name_of_owner;
use crate::sink::in_words;

/// Time between two lines about messages that repeat, at least.
const WINDOW: Duration = Duration::from_secs(30);

/// The one log of the process.
static LOG: OnceLock<FoldingLog> = OnceLock::new();

/// The variable that says what is logged.
const VARIABLE: &str = "DEBLURD_LOG";

/// Starts the log; `filter` is used where the variable DEBLURD_LOG is not set, or wrong, which is
/// told then: taken as it is it would silence everything.
pub fn start_log(filter: &str) {
    let asked = std::env::var_os(VARIABLE).map(|asked| asked.to_string_lossy().into_owned());
    let asked = asked.filter(|asked| !asked.trim().is_empty());
    let wrong = asked.as_deref().and_then(wrong_part);
    let filter = asked.as_deref().filter(|_| wrong.is_none()).unwrap_or(filter);
    start_with(filter);
    if let Some(wrong) = wrong {
        log::warn!("{VARIABLE} has '{wrong}' (expected {LEVELS}): it is passed over");
    }
}

/// What may be said of a level.
const LEVELS: &str = "error, warn, info, debug, trace or off";

/// The part of a filter that is neither a level nor that of a part of the program,
/// `deblurd::web=debug`. Behind a stroke is what lines must hold.
fn wrong_part(filter: &str) -> Option<&str> {
    let parts = filter.split('/').next()?.split(',').map(str::trim);
    let is_wrong = |part: &&str| {
        let level = part.rsplit('=').next().unwrap_or_default();
        !part.is_empty() && LevelFilter::from_str(level.trim()).is_err()
    };
    parts.into_iter().find(is_wrong)
}

fn start_with(filter: &str) {
    let mut builder = env_logger::Builder::new();
    builder.parse_filters(filter);
    if is_journal() {
        builder.format(|out, record| out.write_all(prefixed(record).as_bytes()));
    } else {
        builder.format(|out, record| out.write_all(timed(record, SystemTime::now()).as_bytes()));
    }
    let logger = builder.build();
    let level = logger.filter();
    let log = LOG.get_or_init(|| FoldingLog { logger, fold: Mutex::new(Fold::new(WINDOW)) });
    if log::set_logger(log).is_ok() {
        log::set_max_level(level);
    }
}

/// Prints the repeats that are due. For programs that run long: without it they are printed with
/// the next warning only, or when the log is flushed.
pub fn tell_repeats() {
    if let Some(log) = LOG.get() {
        let due = log.folding(|fold| fold.due(Instant::now()));
        log.tell(&due);
    }
}

/// Prints what a logger lets through, repeats folded.
struct FoldingLog {
    logger: env_logger::Logger,
    fold: Mutex<Fold>,
}

impl Log for FoldingLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.logger.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.logger.matches(record) {
            return;
        }
        let owner = name_of_owner();
        let who = owner.as_ref().map_or_else(String::new, |owner| format!("camera {owner}: "));
        let mut told = Record::builder();
        let told = told.level(record.level()).target(record.target());
        if record.level() > Level::Warn {
            let args = record.args();
            return self.logger.log(&told.args(format_args!("{who}{args}")).build());
        }
        let text = short(&format!("{who}{}", in_one_line(record)));
        // What is alike of two cameras is told of each, whatever numbers their names have.
        let source = owner.map_or_else(String::new, |owner| format!("@{owner}"));
        let (level, source) = (record.level(), format!("{}{source}", record.target()));
        let (due, is_told) =
            self.folding(|fold| fold.take(Instant::now(), (level, &source), &text));
        self.tell(&due);
        if is_told {
            self.logger.log(&told.args(format_args!("{text}")).build());
        }
    }

    /// Tells the repeats that were held back.
    fn flush(&self) {
        let held_back = self.folding(Fold::all);
        self.tell(&held_back);
        self.logger.flush();
    }
}

impl FoldingLog {
    /// The lock is held for a decision, never while something is written.
    fn folding<T>(&self, decide: impl FnOnce(&mut Fold) -> T) -> T {
        decide(&mut self.fold.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, due: &[Repeats]) {
        for repeats in due {
            let mut record = Record::builder();
            let record = record.level(repeats.level).target(&repeats.target);
            self.logger.log(&record.args(format_args!("{repeats}")).build());
        }
    }
}

/// Whether standard error is the stream to the journal that systemd has opened for us.
fn is_journal() -> bool {
    let Some(stream) = std::env::var_os("JOURNAL_STREAM") else { return false };
    let stderr = std::fs::metadata("/proc/self/fd/2");
    stderr.is_ok_and(|file| *stream == *format!("{}:{}", file.dev(), file.ino()))
}

/// A message as the journal reads it: each line with its priority.
fn prefixed(record: &Record<'_>) -> String {
    let priority = match record.level() {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    let text = record.args().to_string();
    text.lines().map(|line| format!("<{priority}>{}\n", harmless(line))).collect()
}

/// A message as people read it.
fn timed(record: &Record<'_>, now: SystemTime) -> String {
    let text: Vec<String> = record.args().to_string().lines().map(harmless).collect();
    format!("[{} {:<5}] {}\n", in_words(now), record.level(), text.join("\n"))
}

/// A line without characters that would do something to a terminal.
fn harmless(line: &str) -> String {
    line.chars().map(metrics::harmless).collect()
}

/// A message of several lines, as those about a configuration are, in one.
fn in_one_line(record: &Record<'_>) -> String {
    let text = record.args().to_string();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_level_is_found() {
        let check = |filter, expected| assert_eq!(wrong_part(filter), expected, "{filter}");
        for filter in ["warn", "OFF", " info , deblurd::web=debug", "tract=warn,", "info/frame", ""]
        {
            check(filter, None);
        }
        for wrong in ["verbose", "WARNING", "3", "deblurd", "deblurd=loud", "="] {
            check(wrong, Some(wrong));
            let listed = format!("info,{wrong}");
            assert_eq!(wrong_part(&listed), Some(wrong));
        }
    }

    #[test]
    fn no_clock_and_no_text_is_too_much_for_a_line() {
        let line = |seconds: u64, text: &str| {
            let mut record = Record::builder();
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            timed(&record.level(Level::Warn).args(format_args!("{text}")).build(), now)
        };
        assert_eq!(line(1_795_443_330, "a"), "[2026-11-23T14:15:30Z WARN ] a\n");
        assert_eq!(line(0, "\u{1b}[2Ja\nb\r\u{9b}"), "[1970-01-01T00:00:00Z WARN ] ?[2Ja\nb??\n");
        assert!(line(300_000_000_000, "far").ends_with("Z WARN ] far\n"), "the year 11476");
    }

    #[test]
    fn every_line_for_the_journal_bears_its_priority() {
        let check = |level, text: &str, expected: &str| {
            let mut record = Record::builder();
            let prefixed = prefixed(&record.level(level).args(format_args!("{text}")).build());
            assert_eq!(prefixed, expected);
        };
        check(Level::Error, "broken", "<3>broken\n");
        check(Level::Warn, "one\ntwo", "<4>one\n<4>two\n");
        check(Level::Info, "", "");
        check(Level::Debug, "small", "<7>small\n");
    }
}

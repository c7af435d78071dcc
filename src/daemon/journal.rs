//! The log: levels from the environment, lines for people or for the journal, repeats folded.
//!
//! If standard error leads to the journal, as systemd says in `JOURNAL_STREAM`, lines begin with
//! the priority that the journal expects (`<3>` for an error, as in `sd-daemon(3)`) and have no
//! time, which the journal adds. Otherwise they have time and level.
//!
//! Warnings and errors that repeat are folded; info and debug messages are all printed.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::fold::{Fold, Repeats};

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
        builder.format_target(false);
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
        if record.level() > Level::Warn {
            return self.logger.log(record);
        }
        let (text, source) = (record.args().to_string(), (record.level(), record.target()));
        let (due, is_told) = self.folding(|fold| fold.take(Instant::now(), source, &text));
        self.tell(&due);
        if is_told {
            self.logger.log(record);
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
    text.lines().map(|line| format!("<{priority}>{line}\n")).collect()
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

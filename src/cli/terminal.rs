//! What is shown to a person: results on standard output, progress on standard error.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

use crate::sink::SinkError;

/// Prints results. A reader that has had enough is not an error.
pub(super) fn print(text: &str) -> Result<(), SinkError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(cause) => Err(SinkError::Write { path: "standard output".into(), cause }),
        Ok(()) => Ok(()),
    }
}

/// Prints a line on standard error; where that is closed, there is nobody to tell.
pub(super) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A progress bar over `count` steps, shown on a terminal only.
pub(super) fn progress(count: usize, what: &'static str) -> ProgressBar {
    let template = "{msg} {wide_bar} {pos}/{len} {eta}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    // indicatif hides itself where standard error is no terminal.
    ProgressBar::new(count as u64).with_style(style).with_message(what)
}

/// A line that is written over itself on a terminal, shown on a terminal only.
pub(super) fn status_line() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner().with_style(style)
}

/// Whether a person looks at standard output.
pub(super) fn is_watched() -> bool {
    io::stdout().is_terminal()
}

//! Keys of a configuration as a viewer wants them for now.
//!
//! Viewers are further away than whoever writes configurations: a PSF is a formula and a model a
//! released one, so that nobody has the daemon open files; and a variable of the environment goes
//! before a wish, which is refused then instead of being without effect.

use super::load;
use crate::config::{Config, ConfigError};
use crate::optics::Psf;

/// Keys of `[restore]` that are wanted otherwise; none where all is as the configuration has it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tuning(Vec<(&'static str, String)>);

impl Tuning {
    /// Wants a key of `[restore]` to have a value, where one is given.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: Option<String>) -> Self {
        self.0.extend(value.map(|value| (key, value)));
        self
    }

    /// Whether nothing is wanted otherwise.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of a configuration as it is wanted.
    pub(super) fn apply(&self, text: &str) -> Result<String, ConfigError> {
        self.0.iter().try_for_each(|(key, value)| check(key, value))?;
        let variables: Vec<(String, String)> =
            self.0.iter().map(|(key, value)| (variable(key), value.clone())).collect();
        Config::overridden(text, &variables)
    }
}

/// The variable that overrides a key.
fn variable(key: &str) -> String {
    format!("DEBLURD_RESTORE__{}", key.to_uppercase())
}

fn check(key: &str, value: &str) -> Result<(), ConfigError> {
    let refused =
        |problem: String| Err(ConfigError::Key { key: format!("restore.{key}"), problem });
    let variable = variable(key);
    if std::env::var_os(&variable).is_some() {
        return refused(format!("the variable {variable} goes before (expected none)"));
    }
    match key {
        "psf" if Psf::from_formula(value).is_none() => {
            refused(format!("'{value}' (expected a formula: disk, gaussian or motion)"))
        }
        "model" if !load::is_released(value) => {
            refused(format!("'{value}' (expected a released model, or none)"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[restore]\npsf = 'camera.npz' # mine\nsigma = 2.5\n";

    #[track_caller]
    fn check_applied(key: &'static str, value: &str, expected: Result<&str, &str>) {
        let applied = Tuning::default().with(key, Some(value.to_owned())).apply(TEXT);
        let applied = applied.map_err(|error| error.to_string());
        match (&applied, expected) {
            (Ok(text), Ok(line)) => assert!(text.lines().any(|is| is == line), "{text}"),
            (Err(error), Err(words)) => assert!(error.contains(words), "{error}"),
            _ => panic!("{key} {value}: {applied:?}"),
        }
    }

    #[test]
    fn viewers_may_want_what_opens_no_file() {
        assert_eq!(Tuning::default().apply(TEXT).as_deref(), Ok(TEXT));
        check_applied("psf", "disk:3.5", Ok("psf = \"disk:3.5\""));
        check_applied("sigma", "3.5", Ok("sigma = 3.5"));
        check_applied("model", "small", Ok("model = \"small\""));
        check_applied("model", "none", Ok("model = \"none\""));
        check_applied("psf", "/etc/passwd", Err("restore.psf: '/etc/passwd' (expected a formula"));
        check_applied("model", "/dev/zero", Err("restore.model: '/dev/zero' (expected a released"));
    }
}

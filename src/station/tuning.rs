//! Keys of a configuration as a viewer wants them for now.
//!
//! Viewers are further away than whoever writes configurations: a PSF is a formula and a model a
//! released one, so that nobody has the daemon open files; and a variable of the environment goes
//! before a wish, which is refused then instead of being without effect.

use std::sync::Arc;

use super::load::{self, LoadError, Named};
use crate::config::{Change, Config, ConfigError, Single};
use crate::optics::Psf;

/// Keys of `[restore]` that are wanted otherwise; none where all is as the configuration has it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tuning {
    keys: Vec<(&'static str, String)>,
    /// A calibration in the place of the PSF.
    calibration: Option<Arc<[u8]>>,
}

/// The name of a PSF that is a calibration just made.
const CALIBRATION: &str = "the calibration just made";

impl Tuning {
    /// Wants a key of `[restore]` to have a value, where one is given.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: Option<String>) -> Self {
        self.keys.extend(value.map(|value| (key, value)));
        self
    }

    /// Wants frames to be restored by the calibration in those bytes.
    #[must_use]
    pub fn calibrated(self, bytes: Arc<[u8]>) -> Self {
        Self { calibration: Some(bytes), ..self }
    }

    /// Whether nothing is wanted otherwise.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.calibration.is_none()
    }

    /// The PSF of a configuration that was made [as it is wanted](Self::apply).
    pub(super) fn psf(&self, name: &str) -> Result<Named, LoadError> {
        match &self.calibration {
            Some(bytes) => Ok(Named { name: name.to_owned(), bytes: Some(bytes.to_vec()) }),
            None => Named::psf(name),
        }
    }

    /// What of `[restore]` is to be changed in the configuration, for this to hold without a wish.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.keys.iter().map(|(key, value)| (*key, Some(value.clone()))).collect()
    }

    /// A configuration as it is wanted.
    pub(super) fn apply(&self, single: &Single) -> Result<Single, ConfigError> {
        let checked = self.keys.iter().try_for_each(|(key, value)| check(single, key, value));
        checked.map_err(|error| single.told(error))?;
        let variables = self.keys.iter().map(|(key, value)| (variable(key), value.clone()));
        if self.calibration.is_none() {
            return single.overridden(&variables.collect::<Vec<_>>(), &[]);
        }
        let free = OF_CALIBRATION.iter().try_for_each(|key| check_free(single, key));
        free.map_err(|error| single.told(error))?;
        let psf = (variable("psf"), CALIBRATION.to_owned());
        let variables: Vec<_> = std::iter::once(psf).chain(variables).collect();
        // That the noise follows the frames is no number that a calibration brings another for.
        let follows = Config::read(&single.text, []).is_ok_and(|config| config.follows());
        let brought = OF_CALIBRATION.into_iter().filter(|key| !(follows && *key == "sigma"));
        let brought: Vec<_> = brought.map(|key| ("restore", key)).collect();
        single.overridden(&variables, &brought)
    }
}

/// The keys that a calibration brings.
const OF_CALIBRATION: [&str; 3] = ["psf", "sigma", "transfer"];

/// The variable that overrides a key.
fn variable(key: &str) -> String {
    format!("DEBLURD_RESTORE__{}", key.to_uppercase())
}

fn refused(key: &str, problem: String) -> Result<(), ConfigError> {
    Err(ConfigError::Key { key: format!("restore.{key}"), problem })
}

/// Refuses a wish that a variable makes vain.
fn check_free(single: &Single, key: &str) -> Result<(), ConfigError> {
    let variable = variable(key);
    if single.variables.iter().any(|(name, _)| *name == variable) {
        let variable = single.variable(&variable);
        return refused(key, format!("the variable {variable} goes before (expected none)"));
    }
    Ok(())
}

fn check(single: &Single, key: &str, value: &str) -> Result<(), ConfigError> {
    check_free(single, key)?;
    match key {
        "psf" if Psf::from_formula(value).is_none() => {
            refused(key, format!("'{value}' (expected a formula: disk, gaussian or motion)"))
        }
        "model" if !load::is_released(value) => {
            refused(key, format!("'{value}' (expected a released model, or none)"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[restore]\npsf = 'camera.npz' # mine\nsigma = 2.5\n";

    const FOLLOWING: &str = "[source]\nkind = 'scene'\n\
        [restore]\npsf = 'camera.npz'\nsigma = 'auto'\ntransfer = 'srgb'\n[[sink]]\nkind = 'http'\n";

    fn single(text: &str) -> Single {
        Single::of_file(text.to_owned(), Vec::new()).expect("one camera")
    }

    #[track_caller]
    fn check_applied(key: &'static str, value: &str, expected: Result<&str, &str>) {
        let applied = Tuning::default().with(key, Some(value.to_owned())).apply(&single(TEXT));
        let applied = applied.map(|it| it.text).map_err(|error| error.to_string());
        match (&applied, expected) {
            (Ok(text), Ok(line)) => assert!(text.lines().any(|is| is == line), "{text}"),
            (Err(error), Err(words)) => assert!(error.contains(words), "{error}"),
            _ => panic!("{key} {value}: {applied:?}"),
        }
    }

    #[test]
    fn viewers_may_want_what_opens_no_file() {
        assert_eq!(Tuning::default().apply(&single(TEXT)), Ok(single(TEXT)));
        check_applied("psf", "disk:3.5", Ok("psf = \"disk:3.5\""));
        check_applied("sigma", "3.5", Ok("sigma = 3.5"));
        check_applied("model", "small", Ok("model = \"small\""));
        check_applied("model", "none", Ok("model = \"none\""));
        let made =
            Tuning::default().calibrated(Arc::from([1])).apply(&single(TEXT)).expect("it").text;
        assert_eq!(made.trim(), format!("[restore]\npsf = \"{CALIBRATION}\""));
        let made = Tuning::default()
            .calibrated(Arc::from([1]))
            .apply(&single(FOLLOWING))
            .expect("it")
            .text;
        assert!(made.contains("sigma = \"auto\"") && !made.contains("transfer"), "{made}");
        check_applied("psf", "/etc/passwd", Err("restore.psf: '/etc/passwd' (expected a formula"));
        check_applied("model", "/dev/zero", Err("restore.model: '/dev/zero' (expected a released"));
    }
}

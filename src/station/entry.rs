//! Where the configuration of a station stands.

use std::path::{Path, PathBuf};

use super::apart;
use super::error::{Fault, StationError};
use super::load;
use crate::config::{Cameras, Config, ConfigError, Single};

/// A file, or the table of one camera in the file of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// The name of the camera, where the file has several.
    pub camera: Option<String>,
}

impl Entry {
    /// A file that has one camera.
    pub fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), camera: None }
    }

    /// A camera in a file of several.
    pub fn camera(path: &Path, name: &str) -> Self {
        Self { path: path.to_owned(), camera: Some(name.to_owned()) }
    }

    /// Its text, and the variables of the environment that override its keys.
    ///
    /// # Errors
    /// Where the file cannot be read, or is one of another kind.
    pub(super) fn read(&self) -> Result<Single, StationError> {
        let text = load::text(&self.path).map_err(Fault::from)?;
        let single = match &self.camera {
            None => Single::of_file(text, variables()),
            Some(name) => Single::of_camera(&text, &variables(), name),
        };
        single.map_err(|cause| self.wrong(cause))
    }

    /// What it asks for, read and checked.
    ///
    /// # Errors
    /// Where the file cannot be read, or is wrong.
    pub fn config(&self) -> Result<Config, StationError> {
        let single = self.read()?;
        let config = single.read().map_err(|cause| self.wrong(cause))?;
        let checked = apart::check(&self.path, &config);
        checked.map_err(|cause| self.wrong(single.told(cause)))?;
        Ok(config)
    }

    /// What is wrong with it.
    pub(super) fn wrong(&self, cause: ConfigError) -> StationError {
        StationError::Config { path: self.path.clone(), cause }
    }
}

/// The cameras of the configuration at `path`; `None` where it is that of a single one.
///
/// # Errors
/// Where the file cannot be read, or what the cameras share is wrong.
pub fn cameras(path: &Path) -> Result<Option<Cameras>, StationError> {
    let text = load::text(path).map_err(Fault::from)?;
    let cameras = Cameras::read(&text, &variables());
    cameras.map_err(|cause| Entry::file(path).wrong(cause))
}

/// Reads the configurations of these cameras at `path`, whatever else is or is not there yet.
///
/// # Errors
/// Where one is wrong, or they are in each other's way.
pub fn check_each(path: &Path, names: &[String]) -> Result<(), StationError> {
    let read = |name: &String| Entry::camera(path, name).config();
    let configs: Vec<Config> = names.iter().map(read).collect::<Result<_, _>>()?;
    let cameras: Vec<_> = names.iter().map(String::as_str).zip(&configs).collect();
    check_cameras(path, &cameras)
}

/// Checks that the cameras of one file leave each other alone.
///
/// # Errors
/// Where they do not.
pub fn check_cameras(path: &Path, cameras: &[(&str, &Config)]) -> Result<(), StationError> {
    apart::check_cameras(path, cameras).map_err(|cause| Entry::file(path).wrong(cause))
}

/// The variables of the environment that override keys.
fn variables() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        // The level of the log is no key.
        let name = name.into_string().ok().filter(|name| name != "DEBLURD_LOG")?;
        Some((name, value.to_string_lossy().into_owned()))
    };
    let ours = |(name, _): &(String, String)| name.starts_with("DEBLURD_");
    std::env::vars_os().filter_map(text).filter(ours).collect()
}

//! The daemon's configuration: TOML text, overridden by the environment, checked key by key.
//!
//! Every key can be overridden by a variable `DEBLURD_SECTION__KEY`, sinks by their place:
//! `DEBLURD_RESTORE__SIGMA=5`, `DEBLURD_SINK__0__LISTEN=127.0.0.1:9000`. Unknown keys are refused,
//! and every message names the key, its value and what was expected. A variable whose name divides
//! nowhere into section and key is somebody else's, as those that Kubernetes makes for a service of
//! that name, and left alone.
//!
//! One file may have several cameras ([`Cameras`]); whoever reads one of them reads it as if it had a file
//! of its own ([`Single`]).

mod edit;
mod cameras;
mod page;
mod read;
mod words;
mod single;

use std::path::PathBuf;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::command::Program;
use crate::fleet::{self, ZenohOptions};
use crate::optics::{CameraOptions, GrayLevels, Psf, Sigma};
use crate::pipeline::{LadderOptions, PipelineOptions};
use crate::plan::{RestoreOptions, TemporalOptions};
use crate::simulate::DegradeOptions;
use crate::sink::{
    CommandSinkOptions, Iceoryx2Options, PngOptions, RecordOptions, V4l2SinkOptions, Y4mSinkOptions,
};
use crate::source::{CommandOptions, FilesOptions, SceneOptions, V4l2Options, Y4mOptions};
use crate::web::HttpOptions;
pub use cameras::{Cameras, WorkerOptions};
pub use edit::Change;
pub use read::ConfigError;
use read::Section;
pub use single::Single;

/// The sections of a configuration.
const SECTIONS: [&str; 8] =
    ["source", "simulate", "restore", "temporal", "pipeline", "overload", "calibrate", "sink"];

/// Everything that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where frames come from.
    pub source: SourceConfig,
    /// How they are degraded before they are restored, for tests and demonstrations.
    pub simulate: Option<SimulateSection>,
    /// What is known of the camera: the first keys of section `[restore]`.
    pub camera: CameraOptions,
    /// How they are restored: all other keys of section `[restore]`, and section `[temporal]`.
    pub restore: RestoreOptions,
    /// How they move, and on how many threads they are restored.
    pub pipeline: PipelineOptions,
    /// When less is done to each of them.
    pub overload: LadderOptions,
    /// What calibrations that are made while they flow are for.
    pub calibrate: CalibrateOptions,
    /// Where they go, at least one place.
    pub sinks: Vec<SinkConfig>,
}

/// Section `[calibrate]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CalibrateOptions {
    /// Where the live page's calibration is written, an `.npz`; nowhere where absent.
    #[serde(deserialize_with = "archive")]
    pub file: Option<PathBuf>,
}

/// Section `[source]`.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceConfig {
    /// `kind = "v4l2"`.
    V4l2(V4l2Options),
    /// `kind = "files"`.
    Files(FilesOptions),
    /// `kind = "y4m"`.
    Y4m(Y4mOptions),
    /// `kind = "command"`.
    Command(Program, CommandOptions),
    /// `kind = "scene"`.
    Scene(SceneOptions),
}

impl SourceConfig {
    /// How its frames are averaged where nothing is said of it: those of a camera are. A command's may have
    /// come through a video codec, whose errors are the same from frame to frame.
    fn temporal(&self) -> TemporalOptions {
        match self {
            Self::V4l2(_) => TemporalOptions::USUAL,
            _ => TemporalOptions::default(),
        }
    }

    /// Whether frames come whether or not they are waited for.
    fn is_live(&self) -> bool {
        matches!(self, Self::V4l2(_) | Self::Command(..) | Self::Scene(_))
    }
}

/// Section `[simulate]`.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulateSection {
    /// PSF file or formula; that of `[restore]` where absent.
    pub psf: Option<String>,
    /// How pictures are degraded by it.
    pub options: DegradeOptions,
}

/// The key of `[simulate]` that is not for the simulation itself.
#[derive(Deserialize)]
struct OtherPsf {
    psf: Option<String>,
}

/// A section `[[sink]]`.
#[derive(Debug, Clone, PartialEq)]
pub enum SinkConfig {
    /// `kind = "png"`.
    Png(PngOptions),
    /// `kind = "y4m"`.
    Y4m(Y4mSinkOptions),
    /// `kind = "command"`.
    Command(Program, CommandSinkOptions),
    /// `kind = "v4l2"`.
    V4l2(V4l2SinkOptions),
    /// `kind = "record"`.
    Record(RecordOptions),
    /// `kind = "http"`.
    Http(HttpOptions),
    /// `kind = "iceoryx2"`.
    Iceoryx2(Iceoryx2Options),
    /// `kind = "zenoh"`.
    Zenoh(ZenohOptions),
}

impl SinkConfig {
    /// How it is served, where it is a page.
    pub fn http(&self) -> Option<&HttpOptions> {
        match self {
            Self::Http(http) => Some(http),
            _ => None,
        }
    }

    /// How a station takes part in a fleet, where it is that.
    pub fn zenoh(&self) -> Option<&ZenohOptions> {
        match self {
            Self::Zenoh(zenoh) => Some(zenoh),
            _ => None,
        }
    }
}

impl Config {
    /// Reads the text of a configuration file and lets variables override it.
    ///
    /// # Errors
    /// Where the text or a variable is not as expected.
    pub fn read(
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut sections = read::table(text, variables)?;
        sections.check_names(&SECTIONS)?;
        let source = read_source(sections.required("source")?)?;
        let simulate = sections.optional("simulate")?.map(read_simulate).transpose()?;
        let (camera, mut restore): (_, RestoreOptions) =
            sections.required("restore")?.read_both()?;
        let temporal = sections.optional("temporal")?.map(Section::read).transpose()?;
        restore.temporal = temporal.unwrap_or_else(|| source.temporal());
        restore.is_live = source.is_live();
        let config = Self {
            source,
            simulate,
            camera,
            restore,
            pipeline: read::or_default(sections.optional("pipeline")?)?,
            overload: read::or_default(sections.optional("overload")?)?,
            calibrate: read::or_default(sections.optional("calibrate")?)?,
            sinks: sections.list("sink")?.into_iter().map(read_sink).collect::<Result<_, _>>()?,
        };
        if Psf::from_formula(&config.camera.psf).is_some() {
            config.noise(None)?;
        }
        if config.sinks.is_empty() {
            return Err(ConfigError::missing("sink", "at least one section [[sink]]"));
        }
        Ok(config)
    }

    /// The text of a configuration file with keys as `variables` have them, named as those of the
    /// environment; of the file's keys those that are `without`, by section and name, are left out.
    ///
    /// # Errors
    /// Where the text is no TOML, or a variable names no key.
    pub fn overridden(
        text: &str,
        variables: &[(String, String)],
        without: &[(&str, &str)],
    ) -> Result<String, ConfigError> {
        if variables.is_empty() && without.is_empty() {
            return Ok(text.to_owned());
        }
        let (table, _) = read::merged(text, variables.iter().cloned(), without)?;
        Ok(table.to_string())
    }

    /// The text of a configuration file with keys of a section changed, and every other byte as it
    /// was; the section is that of `camera` where the file has several.
    ///
    /// # Errors
    /// Where the text is no TOML, or only a person can change it.
    pub fn edited(
        text: &str,
        camera: Option<&str>,
        section: &str,
        changes: &[Change],
    ) -> Result<String, ConfigError> {
        edit::edited(text, (camera, section), changes)
    }

    /// Whether the noise follows the frames.
    pub fn follows(&self) -> bool {
        self.camera.sigma == Some(Sigma::Auto)
    }

    /// The noise that was asked for, or that is known; where it follows the frames, what it begins with.
    ///
    /// # Errors
    /// Where there is neither.
    pub fn noise(&self, known: Option<GrayLevels>) -> Result<GrayLevels, ConfigError> {
        let expected = "gray levels of noise or \"auto\", as the PSF is no calibration";
        let asked = match self.camera.sigma {
            Some(Sigma::Of(levels)) => Some(levels),
            Some(Sigma::Auto) => known.or(Some(GrayLevels::USUAL)),
            None => known,
        };
        asked.ok_or_else(|| ConfigError::Key {
            key: "restore".to_owned(),
            problem: format!("missing field `sigma` (expected {expected})"),
        })
    }
}

/// The name of an archive.
fn archive<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(from)?;
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz")) {
        return Ok(Some(path));
    }
    Err(D::Error::custom(format!("'{}' (expected a name that ends with .npz)", path.display())))
}

fn read_source(mut section: Section) -> Result<SourceConfig, ConfigError> {
    match section.kind(&["v4l2", "command", "files", "y4m", "scene"])?.as_str() {
        "v4l2" => section.read().map(SourceConfig::V4l2),
        "files" => section.read().map(SourceConfig::Files),
        "y4m" => section.read().map(SourceConfig::Y4m),
        "command" => {
            section.read_both().map(|(program, options)| SourceConfig::Command(program, options))
        }
        _ => section.read().map(SourceConfig::Scene),
    }
}

fn read_simulate(section: Section) -> Result<SimulateSection, ConfigError> {
    let (OtherPsf { psf }, options) = section.read_both()?;
    Ok(SimulateSection { psf, options })
}

fn read_sink(mut section: Section) -> Result<SinkConfig, ConfigError> {
    let kinds = ["png", "y4m", "command", "record", "v4l2", "http", "iceoryx2", "zenoh"];
    let key = section.key("kind");
    match section.kind(&kinds)?.as_str() {
        "png" => section.read().map(SinkConfig::Png),
        "y4m" => section.read().map(SinkConfig::Y4m),
        "command" => {
            section.read_both().map(|(program, options)| SinkConfig::Command(program, options))
        }
        "record" => section.read().map(SinkConfig::Record),
        "v4l2" => section.read().map(SinkConfig::V4l2),
        "iceoryx2" => section.read().map(SinkConfig::Iceoryx2),
        "zenoh" if fleet::IS_BUILT => section.read().map(SinkConfig::Zenoh),
        "zenoh" => {
            let problem = format!("\"zenoh\" ({})", fleet::NOT_BUILT);
            Err(ConfigError::Key { key, problem })
        }
        _ => page::read(section).map(SinkConfig::Http),
    }
}

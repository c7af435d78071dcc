//! From what a command line or a configuration names to what the restorer takes.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use displaydoc::Display;
use thiserror::Error;

use super::known::Known;
use crate::exit::{ExitStatus, Status};
use crate::keys::closest;
use crate::optics::{Blur, Calibration, CalibrationError, Field, GrayLevels, Psf, PsfError};
use crate::plan::network::{Model, Network};
use crate::restore::cpu::residual::KernelChoice;
use crate::restore::model::{self, ModelError};
use crate::source::read_bounded;

/// The released models that are part of the program: their names and their files. Static, for a constant would be
/// in the program once for every part of it that is compiled by itself.
static BUILT_IN: [(&str, &[u8]); 10] = [
    ("nano", include_bytes!("../../models/nano.onnx")),
    ("small", include_bytes!("../../models/small.onnx")),
    ("base", include_bytes!("../../models/base.onnx")),
    ("large", include_bytes!("../../models/large.onnx")),
    ("xlarge", include_bytes!("../../models/xlarge.onnx")),
    ("nano-f32", include_bytes!("../../models/nano-f32.onnx")),
    ("small-f32", include_bytes!("../../models/small-f32.onnx")),
    ("base-f32", include_bytes!("../../models/base-f32.onnx")),
    ("large-f32", include_bytes!("../../models/large-f32.onnx")),
    ("xlarge-f32", include_bytes!("../../models/xlarge-f32.onnx")),
];

/// Configurations and tokens larger than this are none.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// PSF files larger than this are none.
const PSF_BYTES_MAX: u64 = 64 << 20;

/// Model files larger than this are none: forty times the largest released one.
const MODEL_BYTES_MAX: u64 = 64 << 20;

/// Why something cannot be loaded.
#[derive(Debug, Display, Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum LoadError {
    /// cannot read {path}: {cause}
    Read { path: PathBuf, cause: io::Error },
    /// model {name} (expected none, {known}, or an .onnx file): {cause}
    NoModel { name: String, known: String, cause: Box<LoadError> },
    /// {cause}; PSF {name} is no formula either (expected {formulas}{hint})
    NoPsf { name: String, formulas: &'static str, hint: String, cause: Box<LoadError> },
    /// PSF {name}: {cause}
    Psf { name: String, cause: PsfError },
    /// PSF {name}: {cause}
    Calibration { name: String, cause: CalibrationError },
    /// PSF {name}: the blur differs over the field, in {columns}x{rows} PSFs (expected one PSF)
    Field { name: String, columns: usize, rows: usize },
    /// {0}
    Formula(PsfError),
    /// model {name}: {cause}
    Model { name: String, cause: ModelError },
}

impl LoadError {
    /// A PSF is wanted where that of `name` is one of several.
    pub fn field(name: &str, field: &Field) -> Self {
        Self::Field { name: name.to_owned(), columns: field.columns(), rows: field.rows() }
    }
}

impl ExitStatus for LoadError {
    fn status(&self) -> Status {
        match self {
            Self::Read { .. } | Self::NoModel { .. } | Self::NoPsf { .. } => Status::NoInput,
            Self::Psf { cause, .. } | Self::Formula(cause) => cause.status(),
            Self::Calibration { cause, .. } => cause.status(),
            Self::Field { .. } => Status::Data,
            Self::Model { cause, .. } => cause.status(),
        }
    }

    fn errno(&self) -> Option<i32> {
        match self {
            Self::Read { cause, .. } => cause.raw_os_error(),
            Self::NoModel { cause, .. } | Self::NoPsf { cause, .. } => cause.errno(),
            _ => None,
        }
    }
}

/// What is wrong with a name that is neither a formula nor a file; with a file that is there but cannot
/// be read it is that.
fn no_psf(name: &str, cause: LoadError) -> LoadError {
    if !matches!(&cause, LoadError::Read { cause, .. } if cause.kind() == io::ErrorKind::NotFound) {
        return cause;
    }
    let (word, parameters) = name.split_once(':').unwrap_or((name, ""));
    let hint = closest(word, Psf::FORMULAS);
    let hint = hint.map_or_else(String::new, |it| format!("; did you mean {it}:{parameters}?"));
    LoadError::NoPsf {
        name: name.to_owned(),
        formulas: Psf::EXPECTED,
        hint,
        cause: Box::new(cause),
    }
}

/// A PSF or a model: its name and the bytes of the file, where the name is that of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// As it was asked for.
    pub name: String,
    /// What the file holds.
    pub bytes: Option<Vec<u8>>,
}

impl Named {
    /// Reads the file of a PSF, where its name is no formula.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn psf(name: &str) -> Result<Self, LoadError> {
        let is_file = Psf::from_formula(name).is_none();
        let bytes = is_file.then(|| read(Path::new(name), PSF_BYTES_MAX)).transpose();
        let bytes = bytes.map_err(|cause| no_psf(name, cause))?;
        Ok(Self { name: name.to_owned(), bytes })
    }

    /// Reads the file of a model, where its name is not that of a released model or `none`.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn model(name: &str) -> Result<Self, LoadError> {
        let bytes =
            (!is_released(name)).then(|| read(Path::new(name), MODEL_BYTES_MAX)).transpose();
        let known = || released().collect::<Vec<_>>().join(", ");
        let bytes = bytes.map_err(|cause| LoadError::NoModel {
            name: name.to_owned(),
            known: known(),
            cause: Box::new(cause),
        })?;
        Ok(Self { name: name.to_owned(), bytes })
    }

    /// What the name of a PSF brings. What was read in a file is told on the log.
    ///
    /// # Errors
    /// Where it holds no PSF.
    pub fn to_known(&self) -> Result<Known, LoadError> {
        let name = || self.name.clone();
        match (&self.bytes, Psf::from_formula(&self.name)) {
            (None, Some(psf)) => psf.map(Known::Formula).map_err(LoadError::Formula),
            (Some(bytes), _) if Calibration::is_archive(bytes) => Calibration::from_bytes(bytes)
                .map(|calibration| Known::Calibration(Box::new(calibration)))
                .map_err(|cause| LoadError::Calibration { name: name(), cause }),
            (bytes, _) => Psf::read(bytes.as_deref().unwrap_or_default())
                .map(|(psf, found)| Known::File(psf, found))
                .map_err(|cause| LoadError::Psf { name: name(), cause }),
        }
        .inspect(|known| known.tell(&self.name))
    }

    /// The model; `none` is none.
    ///
    /// # Errors
    /// Where it is damaged or not what a model should be.
    pub fn to_model(&self) -> Result<Option<Arc<Model>>, LoadError> {
        if self.name == "none" {
            return Ok(None);
        }
        let model = model::load(&self.model_bytes());
        let model = model.map_err(|cause| LoadError::Model { name: self.name.clone(), cause })?;
        warn_of_stock(&model);
        Ok(Some(Arc::new(model)))
    }

    /// The bytes of a model.
    pub fn model_bytes(&self) -> Cow<'_, [u8]> {
        let built_in = BUILT_IN.iter().find(|(name, _)| *name == self.name);
        match (&self.bytes, built_in) {
            (Some(bytes), _) => bytes.into(),
            (None, Some((_, bytes))) => (*bytes).into(),
            (None, None) => Cow::default(),
        }
    }
}

/// The names of the released models.
pub fn released() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// Whether a model is a released one, or none.
pub(super) fn is_released(name: &str) -> bool {
    name == "none" || released().any(|released| released == name)
}

/// Loads what is known of a camera, by formula or file.
///
/// # Errors
/// Where there is no PSF.
pub fn known(name: &str) -> Result<Known, LoadError> {
    Named::psf(name)?.to_known()
}

/// Loads a blur by formula or file.
///
/// # Errors
/// Where there is none.
pub fn blur(name: &str) -> Result<Blur, LoadError> {
    Ok(known(name)?.blur())
}

/// Loads a model by name or file; `none` is none.
///
/// # Errors
/// Where there is none.
pub fn model(name: &str) -> Result<Option<Arc<Model>>, LoadError> {
    Named::model(name)?.to_model()
}

/// Name of what computes the networks of a model by that choice.
pub fn kernel(model: Option<&Model>, choice: KernelChoice) -> String {
    model.map_or_else(|| "none".to_owned(), |model| choice.names_for(model))
}

/// Names the networks that run on stock operators, and why.
fn warn_of_stock(model: &Model) {
    let why = |(network, number): (&Network, u32)| {
        network.integers.as_ref().err().map(|why| format!("network {number}: {why}"))
    };
    let why: Vec<String> = model.networks.iter().zip(1..).filter_map(why).collect();
    if !why.is_empty() {
        log::warn!("the model runs on stock operators, much slower: {}", why.join("; "));
    }
}

/// Warns if the noise is not what the model was trained for.
pub fn warn_of_noise(model: Option<&Model>, noise: GrayLevels) {
    let Some(model) = model else { return };
    let trained = &model.contract.sigma;
    if !trained.contains(&noise.get()) {
        let (least, most) = (trained.start(), trained.end());
        log::warn!(
            "the model was trained for noise from {least} to {most} gray levels, not {noise:.2}; of more than twice \
             the most its networks are not used"
        );
    }
}

/// What a file with a token holds, without the end of its line.
///
/// # Errors
/// Where the file cannot be read.
pub fn token_text(path: &Path) -> Result<String, LoadError> {
    let bytes = read(path, TEXT_BYTES_MAX)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// The text of a configuration.
///
/// # Errors
/// Where the file cannot be read or is no text.
pub fn text(path: &Path) -> Result<String, LoadError> {
    let no_text = |error| LoadError::Read { path: path.to_owned(), cause: io::Error::other(error) };
    String::from_utf8(read(path, TEXT_BYTES_MAX)?).map_err(no_text)
}

/// The bytes of a file that is no larger than a PSF may be.
///
/// # Errors
/// Where it cannot be read.
pub fn bytes(path: &Path) -> Result<Vec<u8>, LoadError> {
    read(path, PSF_BYTES_MAX)
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, LoadError> {
    read_bounded(path, bytes_max).map_err(|cause| LoadError::Read { path: path.to_owned(), cause })
}

//! From what the command line or a configuration names to what the restorer takes.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::exit::NoInput;
use crate::config::HttpConfig;
use crate::optics::{GrayLevels, Psf};
use crate::plan::network::{Model, Network};
use crate::restore::cpu::residual::KernelChoice;
use crate::restore::model;
use crate::web::Token;

/// The released models that are part of the program: their names and their files.
const BUILT_IN: &[(&str, &[u8])] = &[
    ("nano", include_bytes!("../../models/nano.onnx")),
    ("small", include_bytes!("../../models/small.onnx")),
    ("base", include_bytes!("../../models/base.onnx")),
    ("large", include_bytes!("../../models/large.onnx")),
    ("nano-f32", include_bytes!("../../models/nano-f32.onnx")),
    ("small-f32", include_bytes!("../../models/small-f32.onnx")),
    ("base-f32", include_bytes!("../../models/base-f32.onnx")),
    ("large-f32", include_bytes!("../../models/large-f32.onnx")),
];

/// Configurations larger than this are none.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// PSF files larger than this are none.
const PSF_BYTES_MAX: u64 = 64 << 20;

/// Model files larger than this are none.
const MODEL_BYTES_MAX: u64 = 256 << 20;

/// Token files larger than this are none.
const TOKEN_BYTES_MAX: u64 = 1 << 20;

/// Loads the text of a configuration.
pub(super) fn config(path: &Path) -> Result<String, NoInput> {
    let bytes = read(path, CONFIG_BYTES_MAX)?;
    let failed = |error| NoInput { path: path.to_owned(), cause: std::io::Error::other(error) };
    String::from_utf8(bytes).map_err(failed)
}

/// Loads a PSF by formula or file.
pub(super) fn psf(name: &str) -> anyhow::Result<Psf> {
    if let Some(psf) = Psf::from_formula(name) {
        return Ok(psf?);
    }
    let bytes = read(Path::new(name), PSF_BYTES_MAX)?;
    Psf::from_bytes(&bytes).with_context(|| format!("PSF {name}"))
}

/// Loads a model by name or file; `none` is none.
pub(super) fn model(name: &str) -> anyhow::Result<Option<Arc<Model>>> {
    if name == "none" {
        return Ok(None);
    }
    let bytes = model_bytes(name)?;
    let model = model::load(&bytes).with_context(|| format!("model {name}"))?;
    warn_of_stock(&model);
    Ok(Some(Arc::new(model)))
}

/// The bytes of a model by name or file.
pub(super) fn model_bytes(name: &str) -> anyhow::Result<std::borrow::Cow<'static, [u8]>> {
    if let Some((_, bytes)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
        return Ok((*bytes).into());
    }
    let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    let bytes = read(Path::new(name), MODEL_BYTES_MAX);
    let hint = || format!("model {name} (expected none, {}, or an .onnx file)", names.join(", "));
    Ok(bytes.with_context(hint)?.into())
}

/// Name of what computes the networks of a model by that choice.
pub(super) fn kernel(model: Option<&Model>, choice: KernelChoice) -> String {
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

/// Tells where the noise is not what the model was trained for.
pub(super) fn warn_of_noise(model: Option<&Model>, noise: GrayLevels) {
    let Some(model) = model else { return };
    let trained = &model.contract.sigma;
    if !trained.contains(&noise.get()) {
        let (least, most) = (trained.start(), trained.end());
        log::warn!(
            "the model was trained for noise from {least} to {most} gray levels, not {noise:.2}"
        );
    }
}

/// The token of a live page, where its configuration has one.
pub(super) fn token(http: &HttpConfig) -> anyhow::Result<Option<Token>> {
    match &http.token_file {
        None => Ok(http.token.clone()),
        Some(path) => {
            let token = Token::new(&token_text(path)?);
            token.map(Some).with_context(|| format!("the token in {}", path.display()))
        }
    }
}

/// What a file with a token holds, without the end of its line.
pub(super) fn token_text(path: &Path) -> Result<String, NoInput> {
    let bytes = read(path, TOKEN_BYTES_MAX)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, NoInput> {
    let failed = |cause| NoInput { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        let cause = format!("it is larger than {} MiB", bytes_max >> 20);
        return Err(failed(std::io::Error::other(cause)));
    }
    Ok(bytes)
}

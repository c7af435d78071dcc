//! The model contract: what a file must promise to be run.
//!
//! A model is one ONNX file that holds one or more networks side by side, as sub-graphs that share
//! nothing. The first has input `z` and output `f`, the second `z2` and `f2`, and so on:
//!
//! | tensor | shape, f32 | content |
//! |---|---|---|
//! | `z` | [1, n, H, W] | the n planes that `deblurd.inputs` names, in its order |
//! | `z2`, `z3` … | [1, n + 1, H, W] | the same and the estimate `g` so far |
//! | `f`, `f2` … | [1, 1, H, W] | the residual to be projected |
//!
//! | plane | content |
//! |---|---|
//! | `estimate` | the Wiener estimate `x_w`; every model sees it |
//! | `blurred` | `y` |
//! | `weak` | the Wiener estimate with a tenth of the regulariser: more detail, and more noise |
//! | `sigma` | ten times the deviation of the noise that the Wiener filter reckons with, everywhere |
//! | `trust` | how well the PSF is known, from 0 to 1 (measured), everywhere |
//!
//! Planes are mean-free but for the constant ones, 1.0 between black and white, and frames fainter
//! than ordinary ones are brought to the amplitudes of those, noise and all. That is all the
//! normalisation there is: networks are trained on planes from -2 to 2 and take what lies beyond for
//! that, in the int8 form for the ends of what its input quantiser holds. So a plane that leaves the
//! range, as the weak estimate does where noise is told much too low, saturates as it did in training.
//!
//! H and W are free, up to multiples of the alignment. One file, because networks that were
//! trained together must not be mixed, and because a file can be replaced in one step.
//!
//! Metadata: `deblurd.contract` (3), `deblurd.name`, `deblurd.stages`, `deblurd.inputs` (names of
//! planes with spaces between), `deblurd.consistency` (a number for each network: how far it is
//! trusted against the data), `deblurd.alignment` (a multiple of 4 where there is a coarse branch),
//! `deblurd.halo`, `deblurd.sigma_min`, `deblurd.sigma_max`, `deblurd.regulariser`,
//! `deblurd.domain`; and, to find damage, `deblurd.seal`: the SHA-256 of the file in which the
//! seal's own 64 digits are replaced by zeros. Without its seal a file is not run: a flipped bit
//! can turn a network into another one, or into one that brings the engine down.

use std::str::FromStr;

use super::error::{ModelError, shown};
use crate::plan::network::{Contract, Input, Network};
use crate::restore::tract::pb::ModelProto;

const SIDE: std::ops::RangeInclusive<usize> = 1..=256;
const STRENGTH: std::ops::RangeInclusive<f64> = 1e-3..=1e6;

/// Reads the promises of a model.
///
/// # Errors
/// Where a promise is missing or broken.
pub(super) fn read(proto: &ModelProto) -> Result<Contract, ModelError> {
    let entries = proto.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone()));
    let metadata = Metadata(entries.collect());
    metadata.check_version()?;
    let stages = metadata.parse("deblurd.stages", "a number from 1 to 8")?;
    metadata.check("deblurd.stages", (1..=8).contains(&stages), "a number from 1 to 8")?;
    let alignment = metadata.parse("deblurd.alignment", "a number from 1 to 256")?;
    metadata.check("deblurd.alignment", SIDE.contains(&alignment), "a number from 1 to 256")?;
    let halo: usize = metadata.parse("deblurd.halo", "a multiple of the alignment")?;
    let is_multiple = halo <= 4096 && halo.is_multiple_of(alignment);
    metadata.check("deblurd.halo", is_multiple, "a multiple of the alignment, at most 4096")?;
    let least: f64 = metadata.parse("deblurd.sigma_min", "gray levels from 0")?;
    let most: f64 = metadata.parse("deblurd.sigma_max", "gray levels from deblurd.sigma_min")?;
    metadata.check("deblurd.sigma_min", least >= 0.0, "gray levels from 0")?;
    metadata.check("deblurd.sigma_max", most >= least, "gray levels from deblurd.sigma_min")?;
    Ok(Contract {
        name: metadata.get("deblurd.name", "a name")?.to_owned(),
        stages,
        inputs: metadata.inputs()?,
        consistency: metadata.strengths("deblurd.consistency", stages)?,
        alignment,
        halo,
        sigma: least..=most,
        regulariser: metadata.parse("deblurd.regulariser", "spectral or flat:EPS")?,
        domain: metadata.get("deblurd.domain", "the domain of the samples")?.to_owned(),
        metadata: metadata.0,
    })
}

/// Checks the promised alignment and halo against what the graphs need, where that can be told.
pub(super) fn check_sight(contract: &Contract, networks: &[Network]) -> Result<(), ModelError> {
    let Contract { alignment, halo, .. } = *contract;
    let steps = networks.iter().map(|network| network.summary.step);
    if let Some(step) = steps.filter(|&step| !alignment.is_multiple_of(step)).max() {
        return Err(ModelError::Alignment { is: alignment, step });
    }
    let reach = networks.iter().filter_map(|network| network.summary.reach).max().unwrap_or(0);
    if halo < reach { Err(ModelError::Halo { is: halo, reach }) } else { Ok(()) }
}

struct Metadata(Vec<(String, String)>);

impl Metadata {
    fn find(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn get(&self, key: &str, expected: &'static str) -> Result<&str, ModelError> {
        self.find(key).ok_or_else(|| ModelError::Missing { key: key.to_owned(), expected })
    }

    fn parse<T: FromStr>(&self, key: &str, expected: &'static str) -> Result<T, ModelError> {
        self.get(key, expected)?.parse().map_err(|_| self.invalid(key, expected))
    }

    /// Checks that the file is of this contract.
    fn check_version(&self) -> Result<(), ModelError> {
        match self.get("deblurd.contract", "3")? {
            "3" => Ok(()),
            "2" => Err(ModelError::Outdated),
            _ => Err(self.invalid("deblurd.contract", "3")),
        }
    }

    /// Reads the planes that networks see.
    fn inputs(&self) -> Result<Vec<Input>, ModelError> {
        let (key, expected) = (
            "deblurd.inputs",
            "estimate and others of blurred, weak, sigma and trust, each once, with spaces between",
        );
        let names = self.get(key, expected)?.split_whitespace();
        let inputs: Result<Vec<Input>, _> = names.map(str::parse).collect();
        let is_once = |inputs: &Vec<Input>| {
            (1..inputs.len()).all(|index| !inputs[..index].contains(&inputs[index]))
        };
        let fits = |inputs: &Vec<Input>| inputs.contains(&Input::Estimate) && is_once(inputs);
        inputs.ok().filter(fits).ok_or_else(|| self.invalid(key, expected))
    }

    /// Reads one strength for each of `count` networks.
    fn strengths(&self, key: &str, count: usize) -> Result<Vec<f64>, ModelError> {
        let expected = "a number from 0.001 to 1e6 for each stage, with spaces between";
        let strength = |word: &str| word.parse().ok().filter(|value| STRENGTH.contains(value));
        let strengths: Option<Vec<f64>> =
            self.get(key, expected)?.split_whitespace().map(strength).collect();
        strengths
            .filter(|strengths| strengths.len() == count)
            .ok_or_else(|| self.invalid(key, expected))
    }

    fn check(&self, key: &str, holds: bool, expected: &'static str) -> Result<(), ModelError> {
        if holds { Ok(()) } else { Err(self.invalid(key, expected)) }
    }

    fn invalid(&self, key: &str, expected: &'static str) -> ModelError {
        let value = shown(self.find(key).unwrap_or_default());
        ModelError::Invalid { key: key.to_owned(), value, expected }
    }
}

//! Why a file is no model that can be run.

use displaydoc::Display;

use crate::exit::{ExitStatus, Status};

/// Why a file is no model that can be run.
#[derive(Debug, Clone, PartialEq, Display, thiserror::Error)]
pub enum ModelError {
    /// the model is no ONNX file, or only a part of one: {0}
    NotOnnx(String),
    /// the model is damaged: its seal is {expected}, its content gives {is}
    Damaged {
        /// The seal in the file.
        expected: String,
        /// The seal that belongs to the content.
        is: String,
    },
    /// the model holds {is} bytes beside the numbers of its constants (expected at most {most})
    Structure {
        /// Bytes of operators, names and all else.
        is: usize,
        /// How many there may be.
        most: usize,
    },
    /// the model has no metadata '{key}' (expected {expected})
    Missing {
        /// The key.
        key: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// the model's metadata '{key}' is '{value}' (expected {expected})
    Invalid {
        /// The key.
        key: String,
        /// What it holds.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// the model is of contract 2 (expected contract 3: `python3 models/training/convert.py OLD.onnx NEW.onnx` converts it, `python3 models/training/retrain.py` makes it anew)
    Outdated,
    /// the model's {tensor} is {is} (expected {expected})
    Tensor {
        /// Name of the input, output or constant.
        tensor: String,
        /// What the file says of it.
        is: String,
        /// What it should say.
        expected: String,
    },
    /// the model's {output} has shape {is} (expected {expected:?})
    OutputShape {
        /// Name of the output.
        output: String,
        /// Its shape.
        is: String,
        /// The shape of the contract.
        expected: Vec<usize>,
    },
    /// the model's halo is {is}, but its networks see {reach} samples around (expected at least that, and a multiple of the alignment)
    Halo {
        /// The promised halo.
        is: usize,
        /// What the graph needs.
        reach: usize,
    },
    /// the model's alignment is {is}, but its networks work in blocks of {step} samples (expected a multiple of that)
    Alignment {
        /// The promised alignment.
        is: usize,
        /// What the graph needs.
        step: usize,
    },
    /// the model cannot be run: {0}
    Engine(String),
}

impl ExitStatus for ModelError {
    fn status(&self) -> Status {
        Status::Data
    }
}

/// Characters that an error shows of what stands in a file.
const SHOWN: usize = 100;

/// The beginning of a text, without characters that would change what stands around it.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN).map(|c| if c.is_control() { '?' } else { c }).collect()
}

//! Why a file is no model that can be run.

use crate::exit::{ExitStatus, Status};

/// Why a file is no model that can be run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The bytes are no ONNX file.
    #[error("the model is no ONNX file, or only a part of one: {0}")]
    NotOnnx(String),
    /// The bytes were changed after the file was written.
    #[error("the model is damaged: its seal is {expected}, its content gives {is}")]
    Damaged {
        /// The seal in the file.
        expected: String,
        /// The seal that belongs to the content.
        is: String,
    },
    /// A promise is missing.
    #[error("the model has no metadata '{key}' (expected {expected})")]
    Missing {
        /// The missing key.
        key: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A promise cannot be understood.
    #[error("the model's metadata '{key}' is '{value}' (expected {expected})")]
    Invalid {
        /// The key.
        key: String,
        /// What it holds.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// An input or output is missing or of another kind.
    #[error("the model's {tensor} is {is} (expected {expected})")]
    Tensor {
        /// Name of the input or output.
        tensor: String,
        /// What the file says of it.
        is: String,
        /// What the contract says of it.
        expected: String,
    },
    /// A network gives planes of another extent than it was given.
    #[error("the model's {output} has shape {is} (expected {expected:?})")]
    OutputShape {
        /// Name of the output.
        output: String,
        /// Its shape.
        is: String,
        /// The shape of the contract.
        expected: Vec<usize>,
    },
    /// The bands would show.
    #[error(
        "the model's halo is {is}, but its networks see {reach} samples around (expected at least that, and a multiple of the alignment)"
    )]
    Halo {
        /// The promised halo.
        is: usize,
        /// What the graph needs.
        reach: usize,
    },
    /// tract cannot run the network.
    #[error("the model cannot be run: {0}")]
    Engine(String),
}

impl ExitStatus for ModelError {
    fn status(&self) -> Status {
        Status::Data
    }
}

//! `deblurd model`: what a model is made of.

use std::fmt::Write;

use clap::Args;

use super::exit::{Context, Result};
use super::terminal;
use crate::plan::network::{self, Operation};
use crate::restore::model;
use crate::station::load::Named;

/// Describes a model: layers, shapes, parameters, multiply-accumulates per pixel, receptive field
/// and quantisation.
#[derive(Debug, Args)]
pub(super) struct Model {
    /// A released model by name, or an .onnx file.
    file: String,
}

impl Model {
    pub(super) fn run(&self) -> Result<()> {
        let file = Named::model(&self.file)?;
        let bytes = file.model_bytes();
        let model = model::load(&bytes).with_context(|| format!("model {}", self.file))?;
        Ok(terminal::print(&describe(&model, bytes.len()))?)
    }
}

fn describe(model: &network::Model, bytes: usize) -> String {
    let mut text = format!("file          {bytes} bytes\n");
    // Writing to a string cannot fail.
    for (key, value) in &model.contract.metadata {
        let _ = writeln!(text, "{:<13} {value}", key.trim_start_matches("deblurd."));
    }
    let (mut parameters, mut macs) = (0, 0.0);
    for network::Network { index, summary, .. } in &model.networks {
        let reach =
            summary.reach.map_or("unknown".to_owned(), |reach| format!("{0}x{0}", 2 * reach + 1));
        let _ = writeln!(text, "\nnetwork {}: receptive field {reach} samples", index + 1);
        let _ = writeln!(
            text,
            "  {:<22} {:<13} {:<15} {:>10} {:>12}",
            "layer", "operator", "weights", "parameters", "MAC/pixel"
        );
        summary.operations.iter().for_each(|operation| describe_operation(&mut text, operation));
        parameters += summary.parameters();
        macs += summary.macs_per_pixel();
    }
    let _ = writeln!(text, "\nin all: {parameters} parameters, {macs:.0} MAC/pixel");
    text
}

fn describe_operation(text: &mut String, operation: &Operation) {
    let Operation { name, operator, weights, parameters, macs_per_pixel, is_int8 } = operation;
    let sides: Vec<String> = weights.iter().map(usize::to_string).collect();
    let kind = match (weights.is_empty(), is_int8) {
        (true, _) => "",
        (false, true) => " int8",
        (false, false) => " f32",
    };
    let shape = format!("{}{kind}", sides.join("x"));
    let (parameters, macs) = if weights.is_empty() {
        (String::new(), String::new())
    } else {
        (parameters.to_string(), format!("{macs_per_pixel:.0}"))
    };
    let line = format!("  {name:<22} {operator:<13} {shape:<15} {parameters:>10} {macs:>12}");
    let _ = writeln!(text, "{}", line.trim_end());
}

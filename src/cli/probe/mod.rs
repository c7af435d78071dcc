//! `deblurd probe`: which cameras and outputs there are, what they can do, and the lines of the
//! configuration that use them.

mod gather;
pub(super) mod lines;
mod table;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Failure, Result};
use super::terminal;
use crate::exit::Status;
use crate::sink::{SinkError, write_whole};
use crate::v4l2::{Node, V4l2Error};
use gather::Report;

/// Shows cameras and video outputs: names that stay, formats, sizes, rates, controls, and the lines
/// of a configuration that use them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  deblurd probe                    # everything there is
  deblurd probe /dev/video0
  deblurd probe /dev/video0 --write camera.toml
  deblurd probe --json | jq '.[].stable'")]
pub(super) struct Probe {
    /// A device, by any of its names; all there are where none is given.
    device: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write a configuration for the camera, to begin with; a file that is there is left alone.
    #[arg(long, value_name = "FILE", requires = "device", conflicts_with = "json")]
    write: Option<PathBuf>,
}

impl Probe {
    pub(super) fn run(&self) -> Result<()> {
        if let (Some(device), Some(path)) = (&self.device, &self.write) {
            let restore = "# A file that `deblurd calibrate` or `deblurd estimate` wrote brings noise and curve, too.\n\
                           psf = \"camera.npz\"\n";
            write_new(path, &camera(device, restore, "127.0.0.1:8080")?)?;
            return Ok(terminal::print(&format!("written   {}\n", path.display()))?);
        }
        let reports = match &self.device {
            // What was asked for by name must be there.
            Some(device) => vec![report(&Node::of(device), device)?],
            None => all(),
        };
        if self.json {
            return Ok(terminal::print(&format!("{}\n", serde_json::to_string_pretty(&reports)?))?);
        }
        if reports.is_empty() {
            return Ok(terminal::print(NOTHING)?);
        }
        let texts: Vec<String> = reports.iter().map(table::describe).collect();
        Ok(terminal::print(&texts.join("\n"))?)
    }
}

/// A whole configuration for a camera, with these lines of the section `[restore]` and its live page
/// at an address.
pub(super) fn camera(device: &Path, restore: &str, listen: &str) -> Result<String> {
    let source = report(&Node::of(device), device)?.configuration;
    if !source.contains("[source]") {
        let shown = device.display();
        return Err(Failure::new(
            format!("{shown} gives no pictures (expected a camera)"),
            Status::NoInput,
        ));
    }
    let listen = lines::quoted(listen);
    Ok(format!("{source}\n[restore]\n{restore}\n[[sink]]\nkind = \"http\"\nlisten = {listen}\n"))
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        let cause = ErrorKind::AlreadyExists.into();
        return Err(SinkError::Write { path: path.to_owned(), cause }.into());
    }
    Ok(write_whole(path, |file| file.write_all(text.as_bytes()))?)
}

const NOTHING: &str = "\
no cameras and no video outputs (there is no /dev/video*)
an output can be made by `modprobe v4l2loopback video_nr=10 exclusive_caps=1 card_label=deblurd`
";

/// A device with the lines of a configuration that use it.
fn report(node: &Node, name: &Path) -> Result<Report, V4l2Error> {
    let (report, controls) = Report::of(node, name)?;
    Ok(Report { configuration: lines::configuration(&report, &controls), ..report })
}

/// Everything that moves pictures, and what cannot be opened to find out.
fn all() -> Vec<Report> {
    let report =
        |node: &Node| report(node, &node.path).unwrap_or_else(|error| Report::failed(node, &error));
    // Cameras have nodes beside their own, for what is not pictures.
    let is_of_use = |report: &Report| !report.sides.is_empty() || report.problem.is_some();
    Node::all().iter().map(report).filter(is_of_use).collect()
}

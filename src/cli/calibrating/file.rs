//! What the commands that calibrate write, and what they say of it.

use std::path::{Path, PathBuf};

use crate::cli::exit::{Failure, Result};
use crate::cli::inputs::{keeps, keeps_apart};
use crate::cli::{terminal, work};
use crate::optics::Calibration;
use crate::sink::{try_writing, write_whole};

/// Finds out before the work whether everything can be written, and that no input is replaced.
pub(super) fn try_outputs(output: &Path, report: Option<&Path>, inputs: &[PathBuf]) -> Result<()> {
    let shown = output.display();
    if output.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("npz")) {
        return Err(Failure::usage(format!("{shown} (expected .npz)")));
    }
    let outputs: Vec<&Path> = [Some(output), report].into_iter().flatten().collect();
    keeps_apart(&outputs)?;
    outputs.iter().try_for_each(|path| keeps(inputs, path))?;
    Ok(outputs.iter().try_for_each(|path| try_writing(path))?)
}

/// Tells of pictures that were passed over beside so many that were taken.
///
/// # Errors
/// Where there are any.
pub(super) fn conclude(failures: Vec<Failure>, taken: usize) -> Result<()> {
    let all = taken + failures.len();
    work::conclude(failures, all, "pictures were passed over")
}

/// Writes a calibration, whole or not at all.
pub(super) fn write(calibration: &Calibration, path: &Path) -> Result<()> {
    let bytes = calibration.to_bytes()?;
    Ok(write_whole(path, |file| file.write_all(&bytes))?)
}

/// Says what can be done with a calibration.
pub(super) fn tell_use(path: &Path) -> Result<()> {
    let path = path.display();
    Ok(terminal::print(&format!(
        "written   {path}\nuse       deblurd restore FRAMES --psf {path} -o sharp/, or psf = \"{path}\" in \
         the configuration\n"
    ))?)
}

//! Which pictures are read and where what becomes of them is written.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::exit::{Context, Failure, Result};
use crate::frame::Picture;
use crate::sink::{encode_jpeg, encode_png, try_writing, write_whole};
use crate::source::list_pictures;

/// Quality of JPEG pictures that are written.
const JPEG_QUALITY: u8 = 95;

/// A picture to read and the file to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) input: PathBuf,
    pub(super) output: PathBuf,
}

/// Pairs every picture with its output: the file `output` where there is one input file and
/// `output` has the ending of a picture, else a file of the same name in the folder `output`.
/// What cannot be written is told now, before any work is done.
pub(super) fn jobs(inputs: &[PathBuf], output: &Path) -> Result<Vec<Job>> {
    let pictures = list_pictures(inputs)?;
    if means_file(output) {
        let shown = output.display();
        if !is_picture(output) {
            return Err(Failure::usage(format!("{shown} (expected .png, .jpg or a folder)")));
        }
        let [input] = pictures.as_slice() else {
            let count = pictures.len();
            return Err(Failure::usage(format!(
                "{shown} for {count} pictures (expected a folder)"
            )));
        };
        let job = Job { input: input.clone(), output: output.to_owned() };
        let jobs = keeps_inputs(vec![job])?;
        try_writing(output)?;
        return Ok(jobs);
    }
    let mut taken: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut jobs = Vec::new();
    for input in pictures {
        let output = output.join(input.file_stem().unwrap_or_default()).with_added_extension("png");
        if let Some(other) = taken.insert(output.clone(), input.clone()) {
            let (other, input, output) = (other.display(), input.display(), output.display());
            let problem = format!("{other} and {input} would both be written to {output}");
            return Err(Failure::usage(problem));
        }
        jobs.push(Job { input, output });
    }
    let jobs = keeps_inputs(jobs)?;
    make_folder(output)?;
    try_writing(&output.join("probe"))?;
    Ok(jobs)
}

/// Refuses to replace pictures by what is made of them.
fn keeps_inputs(jobs: Vec<Job>) -> Result<Vec<Job>> {
    jobs.iter().try_for_each(|Job { input, output }| keeps(&[input], output))?;
    Ok(jobs)
}

/// Refuses to replace an input by an output.
pub(super) fn keeps(inputs: &[impl AsRef<Path>], output: &Path) -> Result<()> {
    let Ok(real) = output.canonicalize() else { return Ok(()) };
    let is_same = |input: &Path| input.canonicalize().is_ok_and(|input| input == real);
    if inputs.iter().any(|input| is_same(input.as_ref())) {
        let shown = output.display();
        let problem = format!("{shown} is an input, too (expected another output)");
        return Err(Failure::usage(problem));
    }
    Ok(())
}

/// Makes a folder whose parent exists.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let made = std::fs::create_dir(folder);
    Ok(made.map_err(|cause| crate::sink::SinkError::Write { path: folder.to_owned(), cause })?)
}

/// Writes a picture whole or not at all, in the format of its ending.
pub(super) fn write_picture(picture: &Picture, path: &Path) -> Result<()> {
    let bytes = if has_ending(path, &["jpg", "jpeg"]) {
        encode_jpeg(picture, JPEG_QUALITY)
    } else {
        encode_png(picture)
    };
    let bytes = bytes.with_context(|| path.display().to_string())?;
    Ok(write_whole(path, |file| file.write_all(&bytes))?)
}

/// Whether a path means a Y4M stream.
pub(super) fn is_stream(path: &Path) -> bool {
    path == Path::new("-") || has_ending(path, &["y4m"])
}

/// Whether an output is meant to be a file: a folder is there already, has no ending, or ends in a
/// slash.
fn means_file(output: &Path) -> bool {
    let text = output.as_os_str().as_encoded_bytes();
    !output.is_dir() && output.extension().is_some() && !text.ends_with(b"/")
}

fn is_picture(path: &Path) -> bool {
    has_ending(path, &["png", "jpg", "jpeg"])
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase();
    endings.contains(&ending.as_str())
}

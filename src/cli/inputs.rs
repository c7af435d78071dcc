//! Which pictures are read and where what becomes of them is written.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::frame::Picture;
use crate::sink::{encode_jpeg, encode_png, write_whole};
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
pub(super) fn jobs(inputs: &[PathBuf], output: &Path) -> anyhow::Result<Vec<Job>> {
    let pictures = list_pictures(inputs)?;
    if let ([input], true) = (pictures.as_slice(), is_picture(output) && !output.is_dir()) {
        return Ok(vec![Job { input: input.clone(), output: output.to_owned() }]);
    }
    make_folder(output)?;
    let mut taken: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut jobs = Vec::new();
    for input in pictures {
        let output = output.join(input.file_stem().unwrap_or_default()).with_added_extension("png");
        if let Some(other) = taken.insert(output.clone(), input.clone()) {
            let (other, input, output) = (other.display(), input.display(), output.display());
            bail!("{other} and {input} would both be written to {output}");
        }
        jobs.push(Job { input, output });
    }
    Ok(jobs)
}

/// Makes a folder whose parent exists.
pub(super) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let made = std::fs::create_dir(folder);
    Ok(made.map_err(|cause| crate::sink::SinkError::Write { path: folder.to_owned(), cause })?)
}

/// Writes a picture whole or not at all, in the format of its ending.
pub(super) fn write_picture(picture: &Picture, path: &Path) -> anyhow::Result<()> {
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

fn is_picture(path: &Path) -> bool {
    has_ending(path, &["png", "jpg", "jpeg"])
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase();
    endings.contains(&ending.as_str())
}

//! Which pictures are read and where what becomes of them is written: never where something is read.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::exit::{Context, Failure, Result};
use crate::frame::{Picture, Tags};
use crate::sink::{
    Place, encode_tagged_jpeg, encode_tagged_png, is_special, try_writing, write_whole,
};
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
/// `output` has the ending of a picture or is a device or a pipe, else a file of the same name in the
/// folder `output`. What cannot be written is told now, before any work is done; so is what would
/// replace a picture, or one of `others`, which are read, too.
pub(super) fn jobs(inputs: &[PathBuf], others: &[&Path], output: &Path) -> Result<Vec<Job>> {
    let pictures = list_pictures(inputs)?;
    let read: Vec<&Path> =
        pictures.iter().map(PathBuf::as_path).chain(others.iter().copied()).collect();
    let read = Kept::of(&read);
    if means_file(output) {
        let shown = output.display();
        if !is_picture(output) && !is_special(output) {
            return Err(Failure::usage(format!("{shown} (expected .png, .jpg or a folder)")));
        }
        let [input] = pictures.as_slice() else {
            let count = pictures.len();
            return Err(Failure::usage(format!(
                "{shown} for {count} pictures (expected a folder)"
            )));
        };
        read.check(output)?;
        try_writing(output)?;
        return Ok(vec![Job { input: input.clone(), output: output.to_owned() }]);
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
        read.check(&output)?;
        jobs.push(Job { input, output });
    }
    make_folder(output)?;
    try_writing(&output.join("probe"))?;
    Ok(jobs)
}

/// What is read and must be there afterwards, as it was.
struct Kept(HashSet<Place>);

impl Kept {
    /// The files among `paths`, of which `-` is standard input; names of no files are nothing.
    fn of(paths: &[impl AsRef<Path>]) -> Self {
        let place = |path: &Path| match path == Path::new("-") {
            true => Place::of_input(),
            false => Place::of(path),
        };
        let places = paths.iter().filter_map(|path| place(path.as_ref()));
        Self(places.filter(|place| matches!(place, Place::File(..))).collect())
    }

    /// Refuses an output, of which `-` is standard output, that is one of them by any name.
    fn check(&self, output: &Path) -> Result<()> {
        let is_standard = output == Path::new("-");
        let place = if is_standard { Place::of_output() } else { Place::of(output) };
        if place.is_some_and(|place| self.0.contains(&place)) {
            let shown = output.display();
            let problem = format!("{shown} is an input, too (expected another output)");
            return Err(Failure::usage(problem));
        }
        Ok(())
    }
}

/// Refuses to replace an input by an output, whatever either is called; `-` is standard input and
/// standard output.
pub(super) fn keeps(inputs: &[impl AsRef<Path>], output: &Path) -> Result<()> {
    Kept::of(inputs).check(output)
}

/// Refuses outputs of which two are one place.
pub(super) fn keeps_apart(outputs: &[&Path]) -> Result<()> {
    let mut places = HashSet::new();
    for output in outputs {
        let place = Place::of(output).filter(Place::is_kept);
        if place.is_some_and(|place| !places.insert(place)) {
            let problem = format!("{} for two outputs (expected one each)", output.display());
            return Err(Failure::usage(problem));
        }
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
    write_tagged(picture, &Tags::default(), path)
}

/// As [`write_picture`], with what is said of the picture. What such a file has no place for is told.
pub(super) fn write_tagged(picture: &Picture, tags: &Tags, path: &Path) -> Result<()> {
    let encoded = if has_ending(path, &["jpg", "jpeg"]) {
        encode_tagged_jpeg(picture, JPEG_QUALITY, tags)
    } else {
        encode_tagged_png(picture, tags)
    };
    let (bytes, left) = encoded.with_context(|| path.display().to_string())?;
    write_whole(path, |file| file.write_all(&bytes))?;
    let left = left.names().join(", ");
    if !left.is_empty() {
        log::warn!("{}: not kept of its input: {left}", path.display());
    }
    Ok(())
}

/// Whether a path means a Y4M stream.
pub(super) fn is_stream(path: &Path) -> bool {
    path == Path::new("-") || has_ending(path, &["y4m"])
}

/// Whether an output is meant to be a file: a folder is there already, has no ending, or ends in a
/// slash. A device or a pipe may be called anything.
fn means_file(output: &Path) -> bool {
    let text = output.as_os_str().as_encoded_bytes();
    let is_named = output.extension().is_some() && !text.ends_with(b"/");
    !output.is_dir() && (is_named || is_special(output))
}

fn is_picture(path: &Path) -> bool {
    has_ending(path, &["png", "jpg", "jpeg"])
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase();
    endings.contains(&ending.as_str())
}

//! Restored frames as a folder of PNG files.
//!
//! Numbers go on where the folder ends: a daemon that starts again replaces none of its pictures.
//!
//! Every frame is written, so that none waits for the disk: a power cut may leave names of empty
//! files. What must survive one is recorded ([`RecordSink`](super::RecordSink)).

use std::path::PathBuf;

use serde::Deserialize;

use super::contract::{Sink, SinkError};
use super::encode::encode_png;
use super::folder::Folder;
use super::whole::Survival;
use crate::frame::{Frame, FrameRate, PictureFormat};

/// Where pictures are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PngOptions {
    /// The folder; made where only it is missing.
    pub folder: PathBuf,
}

/// Writes every restored frame to `FOLDER/NUMBER.png`, in six digits: the frame's number, counted on
/// from the pictures that were there.
#[derive(Debug)]
pub struct PngSink {
    folder: Folder,
    /// Number of the first frame.
    first: u64,
}

impl PngSink {
    /// Makes the folder where only it is missing, tries whether it can be written to, and looks for
    /// the last number there.
    ///
    /// # Errors
    /// Where it cannot be read or written to.
    pub fn create(options: &PngOptions) -> Result<Self, SinkError> {
        let folder = Folder::open(&options.folder, |name| number_of(name).is_some())?;
        let failed = |cause| SinkError::Write { path: options.folder.clone(), cause };
        let mut first = 0;
        for entry in std::fs::read_dir(folder.path()).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let number = name.to_str().and_then(number_of);
            first = first.max(number.map_or(0, |number| number.saturating_add(1)));
        }
        if first > 0 {
            log::info!("{} goes on from {first:06}.png", options.folder.display());
        }
        Ok(Self { folder, first })
    }
}

/// The number of a picture of such a folder; of one that is too large to be one of ours there is
/// none.
fn number_of(name: &str) -> Option<u64> {
    let stem = name.strip_suffix(".png")?;
    let is_number = stem.len() >= 6 && stem.bytes().all(|byte| byte.is_ascii_digit());
    stem.parse().ok().filter(|number| is_number && *number <= NUMBER_MAX)
}

/// More frames than ever come.
const NUMBER_MAX: u64 = u64::MAX / 2;

impl Sink for PngSink {
    fn name(&self) -> &str {
        "png"
    }

    fn start(&mut self, _: PictureFormat, _: FrameRate) -> Result<(), SinkError> {
        Ok(())
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let png = encode_png(&frame.restored)?;
        let name = format!("{:06}.png", self.first.saturating_add(frame.meta.sequence));
        self.folder.write(&name, &png, Survival::Process)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Extent;

    #[test]
    fn frames_are_named_by_number_and_so_is_what_was_left() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("out");
        std::fs::create_dir(&folder).expect("a folder");
        let [left, other] = [".000041.png.AbC123.part", ".photo.png.AbC123.part"];
        for name in [left, other] {
            std::fs::write(folder.join(name), "").expect("a file");
        }
        let options = PngOptions { folder: folder.clone() };
        let mut sink = PngSink::create(&options).expect("a sink");
        assert!(!folder.join(left).exists(), "what a killed process left stays");
        assert!(folder.join(other).exists(), "a file of somebody else was removed");
        let mut frame = Frame::new(PictureFormat::gray(Extent::new(3, 2)));
        frame.meta.sequence = 42;
        sink.deliver(&frame).expect("a picture");
        sink.finish().expect("an end");
        let picture = image::open(folder.join("000042.png")).expect("the picture");
        assert_eq!((picture.width(), picture.height()), (3, 2));
    }

    /// Starts with those files, delivers a frame of number 1, and finds `expected`.
    #[track_caller]
    fn check_goes_on(there: &[&str], expected: &str) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in there {
            std::fs::write(folder.path().join(name), "old").expect("a file");
        }
        let options = PngOptions { folder: folder.path().to_owned() };
        let mut sink = PngSink::create(&options).expect("a sink");
        let mut frame = Frame::new(PictureFormat::gray(Extent::new(3, 2)));
        frame.meta.sequence = 1;
        sink.deliver(&frame).expect("a picture");
        assert!(folder.path().join(expected).exists(), "no {expected} after {there:?}");
        for name in there {
            let old = std::fs::read(folder.path().join(name)).expect("an old picture");
            assert_eq!(old, b"old", "{name} was replaced");
        }
    }

    #[test]
    fn old_pictures_stay() {
        check_goes_on(&[], "000001.png");
        check_goes_on(&["000000.png", "000007.png", "000003.png"], "000009.png");
        check_goes_on(&["999999.png", "1000000.png"], "1000002.png");
        let others = ["12.png", "photo.png", "000009.jpg", "99999999999999999999999.png"];
        check_goes_on(&others, "000001.png");
    }
}

//! Restored frames as a folder of PNG files.
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

/// Writes every restored frame to `FOLDER/NUMBER.png`, its number in six digits.
#[derive(Debug)]
pub struct PngSink {
    folder: Folder,
}

impl PngSink {
    /// Makes the folder where only it is missing, and tries whether it can be written to.
    ///
    /// # Errors
    /// Where it cannot.
    pub fn create(options: &PngOptions) -> Result<Self, SinkError> {
        let is_number = |stem: &str| stem.len() >= 6 && stem.bytes().all(|b| b.is_ascii_digit());
        let is_ours = |name: &str| name.strip_suffix(".png").is_some_and(is_number);
        Ok(Self { folder: Folder::open(&options.folder, is_ours)? })
    }
}

impl Sink for PngSink {
    fn name(&self) -> &str {
        "png"
    }

    fn start(&mut self, _: PictureFormat, _: FrameRate) -> Result<(), SinkError> {
        Ok(())
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let png = encode_png(&frame.restored)?;
        let name = format!("{:06}.png", frame.meta.sequence);
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
}

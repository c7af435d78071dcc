//! Restored frames as a folder of PNG files.

use std::path::Path;

use super::folder::{Folder, PictureKind};
use super::{Sink, SinkError};
use crate::frame::{Frame, FrameRate, PictureFormat};

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
    pub fn create(folder: &Path) -> Result<Self, SinkError> {
        Ok(Self { folder: Folder::open(folder)? })
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
        let png = PictureKind::Png.encode(&frame.restored)?;
        self.folder.write(&format!("{:06}.png", frame.meta.sequence), &png)
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
    fn frames_are_named_by_number() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("out");
        let mut sink = PngSink::create(&folder).expect("a sink");
        let mut frame = Frame::new(PictureFormat::gray(Extent::new(3, 2)));
        frame.meta.sequence = 42;
        sink.deliver(&frame).expect("a picture");
        sink.finish().expect("an end");
        let picture = image::open(folder.join("000042.png")).expect("the picture");
        assert_eq!((picture.width(), picture.height()), (3, 2));
    }
}

//! Restored frames as a folder of PNG files.

use std::io;
use std::path::{Path, PathBuf};

use super::whole::Aside;
use super::{Sink, SinkError, encode_png, write_whole};
use crate::frame::{Frame, FrameRate, PictureFormat};

/// Writes every restored frame to `FOLDER/NUMBER.png`, its number in six digits.
#[derive(Debug)]
pub struct PngSink {
    folder: PathBuf,
}

impl PngSink {
    /// Makes the folder where only it is missing, and tries whether it can be written to.
    ///
    /// # Errors
    /// Where it cannot.
    pub fn create(folder: &Path) -> Result<Self, SinkError> {
        make_folder(folder)
            .and_then(|()| Aside::create(&folder.join("probe")).map(drop))
            .map_err(|cause| SinkError::Write { path: folder.to_owned(), cause })?;
        Ok(Self { folder: folder.to_owned() })
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
        let path = self.folder.join(format!("{:06}.png", frame.meta.sequence));
        write_whole(&path, |out| out.write_all(&png))
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
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

    #[test]
    fn a_folder_that_cannot_be_is_an_error() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(parent.path().join("file"), "").expect("a file");
        for name in ["file", "no/such/folder"] {
            let error = PngSink::create(&parent.path().join(name)).expect_err("no folder");
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(PngSink::create(Path::new("/proc")).is_err(), "files were made in /proc");
    }
}

//! Picture files as a stream.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;

use super::cut::cut;
use super::{Filled, Source, SourceError, list_pictures, read_tagged, ticks, usual_rate};
use crate::frame::{Frame, FrameRate, PictureFormat, Tags};
use crate::keys;
use crate::pace::Ticks;

/// What a [`FilesSource`] plays and how.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesOptions {
    /// Files and folders of PNG and JPEG pictures.
    pub paths: Vec<PathBuf>,
    /// Pictures a second.
    #[serde(default = "usual_rate", deserialize_with = "keys::frame_rate")]
    pub rate: FrameRate,
    /// Whether pictures come at their rate, as from a camera; otherwise as fast as asked for.
    #[serde(default)]
    pub live: bool,
    /// Whether the first picture follows the last.
    #[serde(default)]
    pub repeat: bool,
}

impl Default for FilesOptions {
    fn default() -> Self {
        Self { paths: Vec::new(), rate: usual_rate(), live: false, repeat: false }
    }
}

/// Picture files, one frame each.
///
/// The first picture that can be read gives the stream its format. Of larger ones the middle is
/// shown; smaller and unreadable ones are lost frames. What the files say beside their samples is no
/// part of a stream, which is told once.
#[derive(Debug)]
pub struct FilesSource {
    pictures: Vec<PathBuf>,
    format: PictureFormat,
    rate: FrameRate,
    ticks: Option<Ticks>,
    repeat: bool,
    next: usize,
    used_in_pass: usize,
    tells_tags: bool,
}

impl FilesSource {
    /// Lists the pictures and reads the first one.
    ///
    /// # Errors
    /// Where a path cannot be read, nothing is found, or no picture can be read; then the error is
    /// that of the first.
    pub fn open(options: &FilesOptions) -> Result<Self, SourceError> {
        let pictures = list_pictures(&options.paths)?;
        let ticks = ticks(options.rate)?;
        Ok(Self {
            format: first_format(&pictures)?,
            pictures,
            rate: options.rate,
            ticks: options.live.then_some(ticks),
            repeat: options.repeat,
            next: 0,
            used_in_pass: 0,
            tells_tags: true,
        })
    }

    /// The pictures, in order.
    pub fn pictures(&self) -> &[PathBuf] {
        &self.pictures
    }

    fn tell(&mut self, tags: &Tags, path: &Path) {
        let names = tags.names().join(", ");
        if self.tells_tags && !names.is_empty() {
            self.tells_tags = false;
            log::warn!("{}: not kept in a stream: {names}; so of all that follow", path.display());
        }
    }

    /// The picture that is due; `None` after the last.
    fn next_picture(&mut self) -> Result<Option<PathBuf>, SourceError> {
        if self.next == self.pictures.len() && self.repeat {
            if self.used_in_pass == 0 {
                return Err(SourceError::AllUnusable(self.pictures.len()));
            }
            (self.next, self.used_in_pass) = (0, 0);
        }
        let picture = self.pictures.get(self.next).cloned();
        self.next += usize::from(picture.is_some());
        Ok(picture)
    }
}

impl Source for FilesSource {
    fn format(&self) -> PictureFormat {
        self.format
    }

    fn rate(&self) -> FrameRate {
        self.rate
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        let Some(path) = self.next_picture()? else { return Ok(Filled::End) };
        if let Some(ticks) = &mut self.ticks {
            ticks.wait();
        }
        frame.meta.captured_at = Instant::now();
        let picture = match read_tagged(&path) {
            Ok((picture, tags)) => {
                self.tell(&tags, &path);
                picture
            }
            Err(error) => return Ok(Filled::Unusable(error)),
        };
        if !cut(&picture, self.format, &mut frame.blurred) {
            let (is, wanted) = (picture.extent(), self.format.extent);
            return Ok(Filled::Unusable(SourceError::Small { path, is, wanted }));
        }
        self.used_in_pass += 1;
        Ok(Filled::Frame)
    }
}

fn first_format(pictures: &[PathBuf]) -> Result<PictureFormat, SourceError> {
    let mut first_error = None;
    for path in pictures {
        match read_tagged(path) {
            Ok((picture, _)) => return Ok(picture.format()),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or(SourceError::AllUnusable(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Extent, Layout};
    use image::{DynamicImage, ImageFormat};
    use std::fmt::Write;

    /// Plays `pictures` (name and extent; none for a broken file) and says what came out:
    /// `F` a frame, `u` a lost one, `.` the end, `!` an error.
    fn played(pictures: &[(&str, Option<(u32, u32)>)], repeat: bool, fills: usize) -> String {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, extent) in pictures {
            let path = folder.path().join(name);
            match extent {
                Some((w, h)) => DynamicImage::new_luma8(*w, *h)
                    .save_with_format(path, ImageFormat::Png)
                    .expect("a picture"),
                None => std::fs::write(path, b"no picture").expect("a file"),
            }
        }
        let paths = vec![folder.path().to_owned()];
        let options = FilesOptions { paths, repeat, ..FilesOptions::default() };
        let mut source = FilesSource::open(&options).expect("a source");
        assert_eq!(source.format(), PictureFormat::gray(Extent::new(6, 4)));
        let mut frame = Frame::new(source.format());
        let mut story = String::new();
        for fill in 0..fills {
            if fill == pictures.len() {
                drop(std::fs::remove_dir_all(folder.path()));
            }
            let letter = match source.fill(&mut frame) {
                Ok(Filled::Frame) => 'F',
                Ok(Filled::Unusable(_) | Filled::Waiting | Filled::Placeholder) => 'u',
                Ok(Filled::End) => '.',
                Err(_) => '!',
            };
            story.write_char(letter).expect("room");
            assert_eq!(frame.blurred.format().layout, Layout::Gray);
        }
        story
    }

    const MIXED: [(&str, Option<(u32, u32)>); 4] = [
        ("1.png", None),
        ("2.png", Some((6, 4))),
        ("3.png", Some((9, 9))),
        ("4.png", Some((5, 9))),
    ];

    #[test]
    fn unusable_pictures_are_lost_frames() {
        assert_eq!(played(&MIXED, false, 6), "uFFu..");
    }

    #[test]
    fn a_repeating_source_ends_when_nothing_is_usable_any_more() {
        assert_eq!(played(&MIXED, true, 10), "uFFuuuuu!!");
    }

    #[test]
    fn without_any_picture_there_is_no_source() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("a.png"), b"no").expect("a file");
        let paths = vec![folder.path().to_owned()];
        let source = FilesSource::open(&FilesOptions { paths, ..FilesOptions::default() });
        assert!(matches!(source, Err(SourceError::Decode { .. })), "{source:?}");
    }
}

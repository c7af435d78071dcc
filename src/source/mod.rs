//! Where frames come from.
//!
//! Cameras ([`V4l2Source`]), commands that stand for one ([`CommandSource`]), picture files and
//! folders ([`FilesSource`]), Y4M streams ([`Y4mSource`]) and a synthetic scene ([`SceneSource`]). All of
//! them give pictures as they are; whoever wants them blurred does so afterwards.

mod adapt; // pictures of another format than at first
mod bounded;
mod command;
mod cut;
mod decode;
mod files;
pub(crate) mod font;
mod list;
mod scene;
mod stand_in; // what is shown where there is no picture
mod tags;
pub mod unpack;
mod v4l2;
mod y4m;

pub use self::command::{CommandOptions, CommandSource};
pub use self::v4l2::{CameraError, SampleShift, Setting, Tone, V4l2Options, V4l2Source};
pub use self::y4m::{Y4mOptions, Y4mSource};
pub use bounded::read_bounded;
pub use decode::{decode_picture, read_picture, read_tagged};
pub use files::{FilesOptions, FilesSource};
pub use list::{is_hidden, list_pictures};
pub use scene::{SceneOptions, SceneSource};

use std::path::PathBuf;

use crate::exit::{ExitStatus, Status};
use crate::frame::{Frame, FrameRate, PictureFormat, StreamNotes};
use crate::optics::Clue;
use crate::pace::Ticks;

/// Something that produces pictures of one format.
pub trait Source: Send {
    /// Format of every picture this source gives.
    fn format(&self) -> PictureFormat;

    /// The rate its pictures are meant to be shown at.
    fn rate(&self) -> FrameRate;

    /// What the stream says of itself beside that.
    fn notes(&self) -> StreamNotes {
        StreamNotes::default()
    }

    /// Whether a device paces it: between two pictures it waits, and late it loses some.
    fn is_paced(&self) -> bool {
        false
    }

    /// What it tells of the transfer curve of its samples.
    fn clue(&self) -> Clue {
        Clue::Silent
    }

    /// The pixel format of its camera, where it is one, as calibrations have it.
    fn pixel_format(&self) -> Option<String> {
        None
    }

    /// Makes room in a new frame for what the source adds to it, so that no frame makes room later.
    fn prepare(&self, _frame: &mut Frame) {}

    /// Puts the next picture into `frame.blurred`, its time into `frame.meta.captured_at`, and into
    /// `frame.meta.gap` how many pictures were lost before it, where the source knows of any.
    ///
    /// Returns within a second where the source waits for its next picture by itself.
    ///
    /// # Errors
    /// Where no further picture can be had from this source.
    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError>;
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn format(&self) -> PictureFormat {
        (**self).format()
    }

    fn rate(&self) -> FrameRate {
        (**self).rate()
    }

    fn notes(&self) -> StreamNotes {
        (**self).notes()
    }

    fn is_paced(&self) -> bool {
        (**self).is_paced()
    }

    fn clue(&self) -> Clue {
        (**self).clue()
    }

    fn pixel_format(&self) -> Option<String> {
        (**self).pixel_format()
    }

    fn prepare(&self, frame: &mut Frame) {
        (**self).prepare(frame);
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        (**self).fill(frame)
    }
}

/// The rate of sources that are not told any.
fn usual_rate() -> FrameRate {
    FrameRate::per_second(30)
}

/// The rhythm of a source that plays the part of a camera.
fn ticks(rate: FrameRate) -> Result<Ticks, SourceError> {
    let FrameRate { numerator, denominator } = rate;
    Ticks::new(numerator, denominator).ok_or_else(|| SourceError::Setting {
        name: "rate",
        value: format!("{numerator}/{denominator}"),
        expected: Ticks::EXPECTED,
    })
}

/// What [`Source::fill`] did.
#[derive(Debug)]
pub enum Filled {
    /// The frame holds the next picture.
    Frame,
    /// One picture was lost; the source goes on with the next.
    Unusable(SourceError),
    /// The frame holds a stand-in, because there is no picture for a while.
    Placeholder,
    /// There is no picture yet; ask again.
    Waiting,
    /// There are no more pictures.
    End,
}

/// Why a source gives no picture.
#[derive(Debug, displaydoc::Display, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum SourceError {
    /// cannot read {path}: {cause}
    Read { path: PathBuf, cause: std::io::Error },
    /// {path}: {cause}
    Decode { path: PathBuf, cause: String },
    /// {0} holds no PNG or JPEG pictures
    Empty(PathBuf),
    /// paths is empty (expected files or folders of PNG or JPEG pictures)
    NoPaths,
    /// {path} is {is}, smaller than the stream's {wanted}
    Small { path: PathBuf, is: crate::frame::Extent, wanted: crate::frame::Extent },
    /// none of the {0} pictures can be used
    AllUnusable(usize),
    /// {0}
    Camera(#[from] CameraError),
    /// the command {command} gives no stream: {cause} (where `extent` is told, it is waited for)
    Command { command: String, cause: String },
    /// {name} is {value} (expected {expected})
    Setting { name: &'static str, value: String, expected: &'static str },
}

impl ExitStatus for SourceError {
    fn status(&self) -> Status {
        match self {
            Self::Read { .. } => Status::NoInput,
            Self::Setting { .. } => Status::Usage,
            Self::Camera(_) | Self::Command { .. } => Status::TryAgain,
            _ => Status::Data,
        }
    }

    fn errno(&self) -> Option<i32> {
        match self {
            Self::Read { cause, .. } => cause.raw_os_error(),
            _ => None,
        }
    }
}

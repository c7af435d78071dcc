//! A recording: restored frames as picture files in a folder that never grows beyond its limit.
//!
//! A file gets its name when it is whole and on the disk, so that a power cut leaves no name of an
//! empty one; names sort by time. The oldest files make room for new
//! ones, only files of that form, and those of earlier runs count. Where the folder cannot be
//! written to, as when the disk is full or gone, frames are lost and counted, it is said once, and
//! tried again after a while that grows: a recording that fails stops nothing.

mod shelf;
mod stamp;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use serde::Deserialize;

use super::encode::{encode_jpeg, encode_png};
use crate::frame::{Frame, FrameRate, Picture, PictureFormat};
use crate::keys;
use crate::pace::{Backoff, RateLimit};
use crate::sink::contract::{Sink, SinkError};
use shelf::Shelf;
pub use stamp::{from_words, in_words};

/// Pauses between attempts to record where that fails: the first, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What an [`RecordSink`] keeps.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordOptions {
    /// The folder; made where only it is missing.
    pub folder: PathBuf,
    /// Millions of bytes of all recorded files together, at most.
    #[serde(deserialize_with = "keys::within::<1, 100_000_000, _, _>")]
    pub size_max_mb: u64,
    /// How pictures are written.
    #[serde(default)]
    pub format: PictureKind,
    /// Quality of JPEG pictures, 1 to 100.
    #[serde(default = "usual_quality", deserialize_with = "keys::within::<1, 100, _, _>")]
    pub quality: u8,
    /// Frames a second, at most, in the mean; above 0.
    #[serde(default = "usual_rate", deserialize_with = "keys::rate")]
    pub rate_max: f64,
}

/// How recorded pictures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureKind {
    /// Small.
    #[default]
    Jpeg,
    /// Without loss.
    Png,
}

/// Records frames to a folder.
#[derive(Debug)]
pub struct RecordSink {
    options: RecordOptions,
    /// Bytes of all recorded files together, at most.
    bytes_max: u64,
    limit: RateLimit,
    /// What is in the folder; not known while it cannot be used.
    shelf: Option<Shelf>,
    backoff: Backoff,
}

impl RecordSink {
    /// Opens the folder and counts what is there.
    ///
    /// # Errors
    /// Where the folder cannot be made, read or written to now: later it may fail.
    pub fn create(options: RecordOptions) -> Result<Self, SinkError> {
        let shelf = Some(Shelf::open(&options.folder)?);
        let bytes_max = options.size_max_mb * 1_000_000;
        let limit = RateLimit::per_second(options.rate_max);
        let backoff = Backoff::new(PAUSE, PAUSE_MAX);
        Ok(Self { options, bytes_max, limit, shelf, backoff })
    }

    /// Records a frame of which `now` is the time; told once where that fails.
    fn record(&mut self, frame: &Frame, now: Instant) -> Result<(), SinkError> {
        if !self.backoff.is_due(now) {
            return Err(SinkError::Busy);
        }
        match self.keep(frame) {
            Ok(()) => {
                if self.backoff.succeed() {
                    log::info!("recording to {} again", self.options.folder.display());
                }
                Ok(())
            }
            Err(error) => {
                // What is there may change behind our back; it is counted anew.
                self.shelf = None;
                if self.backoff.fail(now) {
                    log::error!("recording pauses: {error}; it is tried again and again");
                }
                Err(SinkError::Busy)
            }
        }
    }

    fn keep(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let RecordOptions { format, quality, .. } = self.options;
        let bytes = format.encode(&frame.restored, quality)?;
        let shelf = match &mut self.shelf {
            Some(shelf) => shelf,
            closed => closed.insert(Shelf::open(&self.options.folder)?),
        };
        shelf.make_room(bytes.len() as u64, self.bytes_max)?;
        let age = frame.meta.captured_at.elapsed();
        let taken = SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        shelf.keep(taken, format.extension(), &bytes)
    }
}

fn usual_quality() -> u8 {
    90
}

fn usual_rate() -> f64 {
    1.0
}

impl PictureKind {
    /// The ending of such a file's name.
    fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
        }
    }

    /// The bytes of such a file; JPEG is of `quality`, 1 to 100.
    fn encode(self, picture: &Picture, quality: u8) -> Result<Vec<u8>, SinkError> {
        match self {
            Self::Png => encode_png(picture),
            Self::Jpeg => encode_jpeg(picture, quality),
        }
    }
}

impl Sink for RecordSink {
    fn name(&self) -> &str {
        "record"
    }

    fn start(&mut self, _: PictureFormat, _: FrameRate) -> Result<(), SinkError> {
        Ok(())
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        if frame.meta.placeholder || !self.limit.admits(frame.meta.captured_at) {
            return Ok(());
        }
        self.record(frame, Instant::now())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Extent;
    use std::fs;
    use std::path::Path;

    /// A frame of noise, so that its pictures are large.
    fn frame(number: u64, taken: Instant) -> Frame {
        let mut frame = Frame::new(PictureFormat::gray(Extent::new(64, 64)));
        frame.meta.sequence = number;
        frame.meta.captured_at = taken;
        let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for sample in frame.restored.planes_mut()[0].samples_mut() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *sample = u16::from(state.to_be_bytes()[0]);
        }
        frame
    }

    fn options(folder: &Path) -> RecordOptions {
        let (folder, format) = (folder.to_owned(), PictureKind::Png);
        RecordOptions { folder, size_max_mb: 1, format, quality: 90, rate_max: 1000.0 }
    }

    /// A recording of fewer bytes than can be asked for.
    fn create(folder: &Path, bytes_max: u64) -> RecordSink {
        let sink = RecordSink::create(options(folder)).expect("a recording");
        RecordSink { bytes_max, ..sink }
    }

    fn files(folder: &Path) -> Vec<(String, u64)> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut files: Vec<_> = entries
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, entry.metadata().expect("its size").len())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn the_folder_never_grows_beyond_its_limit_and_survives_restarts() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("recording");
        let bytes_max = 30_000;
        let mut newest = String::new();
        for run in 0..3 {
            let mut sink = create(&path, bytes_max);
            fs::write(path.join("other.png"), [0; 20_000]).expect("a file of somebody else");
            for number in 0..20 {
                sink.record(&frame(run * 20 + number, Instant::now()), Instant::now())
                    .expect("a frame");
                let ours: Vec<_> =
                    files(&path).into_iter().filter(|(name, _)| name != "other.png").collect();
                let bytes: u64 = ours.iter().map(|(_, bytes)| bytes).sum();
                assert!(bytes <= bytes_max, "{bytes} bytes are kept");
                let last = &ours.last().expect("a file").0;
                assert!(*last > newest, "{last} does not come after {newest}");
                newest.clone_from(last);
            }
            assert!(files(&path).len() > 4, "hardly anything is kept");
        }
        assert!(path.join("other.png").exists(), "a file of somebody else was removed");
    }

    #[test]
    fn a_folder_that_goes_and_comes_back_costs_frames_only() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let path = parent.path().join("disk/recording");
        fs::create_dir_all(&path).expect("a folder");
        let mut sink = create(&path, 1 << 20);
        let start = Instant::now();
        let mut kept_at = |seconds: u64| {
            sink.record(&frame(seconds, start), start + Duration::from_secs(seconds)).is_ok()
        };
        assert!(kept_at(0), "nothing was kept");
        fs::rename(parent.path().join("disk"), parent.path().join("gone")).expect("a move");
        assert!(!kept_at(1), "kept where there is no folder");
        fs::rename(parent.path().join("gone"), parent.path().join("disk")).expect("a move");
        assert!(!kept_at(1), "tried again at once");
        assert!(kept_at(3), "never tried again");
        assert!(kept_at(3), "still waiting after a success");
        assert_eq!(files(&path).len(), 3);
    }

    #[test]
    fn stand_ins_and_frames_too_many_are_not_recorded() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let one = RecordOptions { rate_max: 2.0, ..options(folder.path()) };
        let mut sink = RecordSink::create(one).expect("a recording");
        let start = Instant::now();
        for number in 0..50 {
            let mut frame = frame(number, start + Duration::from_millis(40 * number));
            frame.meta.placeholder = number % 2 == 1;
            sink.deliver(&frame).expect("a delivery");
        }
        // The first, and one every half a second, a little early.
        assert_eq!(files(folder.path()).len(), 5, "two seconds at two frames a second");
    }

    #[test]
    fn a_picture_beyond_the_limit_is_lost() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut sink = create(folder.path(), 1_000);
        let lost = sink.deliver(&frame(1, Instant::now()));
        assert!(matches!(lost, Err(SinkError::Busy)), "{lost:?}");
        assert!(files(folder.path()).is_empty(), "it was kept");
    }
}

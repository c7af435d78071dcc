//! Frames of one camera, for the commands that calibrate it: files, a camera, the camera of a
//! configuration, or a running daemon.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use crate::cli::client::{Client, Daemon};
use crate::cli::exit::{Failure, Result};
use crate::cli::inputs::is_stream;
use crate::cli::terminal;
use crate::config::SourceConfig;
use crate::daemon::Shutdown;
use crate::exit::Status;
use crate::frame::{Extent, Frame, Picture};
use crate::metrics::SourceMetrics;
use crate::source::{
    Filled, Source, V4l2Options, Y4mOptions, Y4mSource, decode_picture, list_pictures, read_picture,
};
use crate::station::{Entry, Settings, open_source, source_of};

/// How long a camera may give no picture before it is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the frames come from.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Frames {
    /// Pictures and folders of pictures, or one Y4M stream, of one camera at one setting.
    #[arg(value_name = "FRAMES", required_unless_present_any = ["device", "config", "url"])]
    files: Vec<PathBuf>,
    /// A camera, by any of its names.
    #[arg(long, value_name = "DEV", conflicts_with_all = ["files", "config", "url"])]
    device: Option<PathBuf>,
    /// A configuration: its camera, with its format and controls.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "url"])]
    config: Option<PathBuf>,
    /// The live page of a running daemon, which has the camera.
    #[arg(long, value_name = "URL", conflicts_with = "files")]
    url: Option<String>,
    /// File with the daemon's token.
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
}

/// Whoever is given the frames; breaks off when it has enough.
pub(in crate::cli) type Taker<'a> = dyn FnMut(Picture) -> Result<ControlFlow<()>> + 'a;

impl Frames {
    /// Whether frames come as time goes by.
    pub(in crate::cli) fn is_live(&self) -> bool {
        self.files.is_empty()
    }

    /// Names of the files, in the order in which they are read; none of a live camera.
    pub(in crate::cli) fn pictures(&self) -> Result<Vec<PathBuf>> {
        Ok(if self.is_live() || self.stream().is_some() {
            Vec::new()
        } else {
            list_pictures(&self.files)?
        })
    }

    /// Everything that is read, by name: pictures or a stream, a configuration, a token.
    pub(in crate::cli) fn inputs(&self) -> Result<Vec<PathBuf>> {
        let others = [self.stream(), self.config.as_deref(), self.token_file.as_deref()];
        let others = others.into_iter().flatten().map(Path::to_owned);
        Ok(self.pictures()?.into_iter().chain(others).collect())
    }

    /// Gives the frames to `take`, those of a live camera at least `pause` apart, until it has
    /// enough or there are no more. A file that cannot be read, or is of another size than the first,
    /// is told and passed over; gives why.
    ///
    /// # Errors
    /// Where no frame can be had, or the command is to end.
    pub(in crate::cli) fn each(
        &self,
        pause: Duration,
        shutdown: &Shutdown,
        take: &mut Taker<'_>,
    ) -> Result<Vec<Failure>> {
        if let Some(url) = &self.url {
            let client = Daemon::at(url, self.token_file.as_deref()).client()?;
            return from_daemon(&client, pause, shutdown, take).map(|()| Vec::new());
        }
        if let Some(mut source) = self.source()? {
            let pause = self.is_live().then_some(pause);
            return from_source(&mut *source, pause, shutdown, take).map(|()| Vec::new());
        }
        from_files(&self.pictures()?, shutdown, take)
    }

    /// How the camera is set, where the frames come from one on this machine. What is odd of it is
    /// told.
    ///
    /// # Errors
    /// Where the configuration cannot be read.
    pub(in crate::cli) fn settings(&self) -> Result<Settings> {
        let camera = match &self.config {
            Some(path) => Some(source_of(&Entry::file(path))?),
            None => self.device.clone().map(|device| SourceConfig::V4l2(V4l2Options::of(device))),
        };
        Ok(match camera {
            Some(SourceConfig::V4l2(options)) => {
                let settings = Settings::of(&options.device);
                settings.notes.iter().for_each(|note| terminal::note(note));
                settings
            }
            _ => Settings::default(),
        })
    }

    fn stream(&self) -> Option<&Path> {
        self.files.first().map(PathBuf::as_path).filter(|first| is_stream(first))
    }

    /// The source, where the frames come from one.
    fn source(&self) -> Result<Option<Box<dyn Source>>> {
        let metrics = Arc::new(SourceMetrics::default());
        if let Some(path) = &self.config {
            return Ok(Some(open_source(&source_of(&Entry::file(path))?, None, &metrics)?));
        }
        if let Some(device) = &self.device {
            let camera = SourceConfig::V4l2(V4l2Options::of(device.clone()));
            return Ok(Some(open_source(&camera, None, &metrics)?));
        }
        let Some(stream) = self.stream() else { return Ok(None) };
        if self.files.len() > 1 {
            return Err(Failure::usage("a Y4M stream is read by itself, without further inputs"));
        }
        let options = Y4mOptions { path: stream.to_owned(), live: false };
        Ok(Some(Box::new(Y4mSource::open(&options)?)))
    }
}

fn from_files(
    files: &[PathBuf],
    shutdown: &Shutdown,
    take: &mut Taker<'_>,
) -> Result<Vec<Failure>> {
    let (mut failures, mut extent) = (Vec::new(), None);
    for file in files {
        if let Some(signal) = shutdown.requested() {
            return Err(Failure::interrupted(signal));
        }
        match read_alike(file, extent) {
            Ok(picture) => {
                extent = Some(picture.extent());
                if take(picture)?.is_break() {
                    return Ok(failures);
                }
            }
            Err(failure) => {
                if files.len() > 1 {
                    terminal::note(&format!("{failure}: passed over"));
                }
                failures.push(failure);
            }
        }
    }
    match failures.pop() {
        Some(last) if extent.is_none() => Err(failures.into_iter().next().unwrap_or(last)),
        last => Ok(failures.into_iter().chain(last).collect()),
    }
}

/// A picture as large as `expected`, where there was one before.
fn read_alike(file: &Path, expected: Option<Extent>) -> Result<Picture> {
    let picture = read_picture(file)?;
    let is = picture.extent();
    match expected.filter(|expected| *expected != is) {
        None => Ok(picture),
        Some(expected) => {
            let problem = format!("{} is {is} (expected {expected}, as the first)", file.display());
            Err(Failure::new(problem, Status::Data))
        }
    }
}

fn from_source(
    source: &mut dyn Source,
    pause: Option<Duration>,
    shutdown: &Shutdown,
    take: &mut Taker<'_>,
) -> Result<()> {
    let mut frame = Frame::new(source.format());
    source.prepare(&mut frame);
    let (mut last, mut alive): (Option<Instant>, _) = (None, Instant::now());
    loop {
        if let Some(signal) = shutdown.requested() {
            return Err(Failure::interrupted(signal));
        }
        match source.fill(&mut frame)? {
            Filled::End => return Ok(()),
            Filled::Frame => {
                alive = Instant::now();
                let is_due = pause.is_none_or(|pause| last.is_none_or(|at| at.elapsed() >= pause));
                if is_due {
                    last = Some(alive);
                    if take(frame.blurred.clone())?.is_break() {
                        return Ok(());
                    }
                }
            }
            Filled::Unusable(error) => terminal::note(&format!("{error}: passed over")),
            Filled::Waiting | Filled::Placeholder => {}
        }
        if alive.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            let problem = format!("the camera gave no picture for {seconds} s");
            return Err(Failure::new(problem, Status::TryAgain));
        }
    }
}

fn from_daemon(
    client: &Client,
    pause: Duration,
    shutdown: &Shutdown,
    take: &mut Taker<'_>,
) -> Result<()> {
    loop {
        if let Some(signal) = shutdown.requested() {
            return Err(Failure::interrupted(signal));
        }
        let asked = Instant::now();
        let bytes = client.get("/snapshot.png?side=before")?;
        if take(decode_picture(&bytes, Path::new(client.url()))?)?.is_break() {
            return Ok(());
        }
        std::thread::sleep(pause.saturating_sub(asked.elapsed()));
    }
}

impl Frames {
    /// Each folder by itself, and all single files together: frames of one position of a target.
    pub(in crate::cli) fn parts(&self) -> Vec<Self> {
        let (folders, files): (Vec<_>, Vec<_>) =
            self.files.iter().cloned().partition(|path| path.is_dir());
        let of = |files: Vec<PathBuf>| Self { files, ..self.clone() };
        let folders = folders.into_iter().map(|folder| of(vec![folder]));
        folders.chain((!files.is_empty()).then(|| of(files.clone()))).collect()
    }
}

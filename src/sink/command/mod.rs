//! Restored frames into a command that reads Y4M.
//!
//! Whatever the command does, nobody waits for it longer than for the reader of a FIFO: frames that
//! it does not take are offered in vain, which is counted. One that ends, or takes no frame for a
//! while, is started again, after longer and longer pauses; it is given a first line and whole frames.
//!
//! At the end its input is closed, so that it can write what it holds. It has a while for that where
//! the frames are over, and a moment where the program is told to stop.

mod options;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use options::CommandSinkOptions;

use super::contract::{Sink, SinkError};
use super::y4m::Y4mSink;
use crate::command::{Pauses, Program, Running};
use crate::frame::{Frame, FrameRate, PictureFormat, StreamNotes};

/// How long one call waits for the end of a command.
const LOOK: Duration = Duration::from_millis(200);

/// How long a command has, after its last frame, to end by itself.
const FINISH: Duration = Duration::from_secs(30);

/// How long the end of a command is waited for that has closed its input.
const SETTLING: Duration = Duration::from_millis(50);

/// A command that reads restored frames.
#[derive(Debug)]
pub struct CommandSink {
    program: Program,
    /// For messages.
    name: String,
    options: CommandSinkOptions,
    notes: StreamNotes,
    stream: Option<(PictureFormat, FrameRate)>,
    session: Option<Session>,
    pauses: Pauses,
    /// Since when its end is waited for.
    finishing: Option<Instant>,
}

/// A command that was started.
#[derive(Debug)]
struct Session {
    /// Its input; closed before the command is ended, so that it may end by itself.
    stream: Y4mSink,
    running: Running,
    /// Since when it takes no frame.
    stalled: Option<Instant>,
}

impl CommandSink {
    /// Name in logs and statistics.
    pub const NAME: &str = "command";

    /// Looks for the program; it is started with the first frame.
    ///
    /// # Errors
    /// Where there is no such program.
    pub fn open(program: Program, options: CommandSinkOptions) -> Result<Self, SinkError> {
        let name = format!("command '{program}'");
        program.find().map_err(|cause| SinkError::Command {
            command: program.to_string(),
            cause: cause.to_string(),
        })?;
        Ok(Self {
            program,
            name,
            options,
            notes: StreamNotes::default(),
            stream: None,
            session: None,
            pauses: Pauses::default(),
            finishing: None,
        })
    }

    /// The command that runs, started where it is time to.
    fn session(&mut self) -> Result<&mut Session, SinkError> {
        if self.session.is_none() {
            let now = Instant::now();
            if !self.pauses.left(now).is_zero() {
                return Err(SinkError::Later);
            }
            match self.run() {
                Ok(session) => {
                    log::info!("{} is started", self.name);
                    self.pauses.begin(now);
                    self.session = Some(session);
                }
                Err(error) => {
                    log::warn!("{} cannot be started: {error}", self.name);
                    self.pauses.over(now);
                }
            }
        }
        self.session.as_mut().ok_or(SinkError::Later)
    }

    fn run(&self) -> Result<Session, SinkError> {
        let name = PathBuf::from(&self.name);
        let failed = |cause| SinkError::Write { path: name.clone(), cause };
        let (running, inlet) = Running::reader(&self.program).map_err(failed)?;
        let mut stream = Y4mSink::to_pipe(inlet.into(), name.clone()).map_err(failed)?;
        stream.heed(&self.notes);
        if let Some((format, rate)) = self.stream {
            stream.start(format, rate)?;
        }
        Ok(Session { stream, running, stalled: None })
    }

    /// Ends the command, or what is left of it; it is started again after a pause.
    fn lose(&mut self, problem: &str) {
        let Some(Session { mut running, stream, .. }) = self.session.take() else { return };
        drop(stream);
        running.is_over(SETTLING);
        let ended = running.end();
        self.pauses.over(Instant::now());
        let name = &self.name;
        let words = ended.last_words();
        if ended.by_itself {
            log::warn!("{name} {ended}; it is started again; its last words: {words}");
        } else {
            log::warn!("{name} {problem}; it is started again; its last words: {words}");
        }
    }
}

impl Sink for CommandSink {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn heed(&mut self, notes: &StreamNotes) {
        self.notes = notes.clone();
    }

    fn start(&mut self, format: PictureFormat, rate: FrameRate) -> Result<(), SinkError> {
        self.stream = Some((format, rate));
        Ok(())
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let stall = self.options.stall;
        let session = self.session()?;
        let problem = match session.stream.deliver(frame) {
            Ok(()) => {
                session.stalled = None;
                return Ok(());
            }
            Err(SinkError::Later) => {
                let waited = session.stalled.get_or_insert_with(Instant::now).elapsed();
                if waited < stall {
                    return Err(SinkError::Later);
                }
                format!("took no frame for {waited:.0?}")
            }
            Err(SinkError::Closed(_)) => "closed its input".to_owned(),
            Err(error) => error.to_string(),
        };
        self.lose(&problem);
        Err(SinkError::Later)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let Some(session) = &mut self.session else { return Ok(()) };
        if self.finishing.is_none() && session.running.is_over(Duration::ZERO) {
            // What it was given is lost with it, as whenever it ends while frames come.
            let ended = session.running.end();
            log::warn!("{} {ended}; its last words: {}", self.name, ended.last_words());
            self.session = None;
            return Ok(());
        }
        session.stream.finish()?;
        let waited = self.finishing.get_or_insert_with(Instant::now).elapsed();
        let is_over = session.running.is_over(LOOK);
        if !is_over && waited < FINISH {
            return Err(SinkError::Later);
        }
        let ended = session.running.end();
        self.session = None;
        let cause = match ended.by_itself {
            true if ended.is_success() => return Ok(()),
            true => format!("it {ended} after its last frame: {}", ended.last_words()),
            false => format!("it did not end within {FINISH:.0?} of its last frame"),
        };
        Err(SinkError::Command { command: self.program.to_string(), cause })
    }
}

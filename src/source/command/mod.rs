//! A command that writes Y4M, as a camera.
//!
//! What holds for cameras holds for it: that it cannot be started, ends, writes something else or
//! nothing is a state, not an error. It is started again after longer and longer pauses, for as long
//! as it takes, and stand-ins are given meanwhile.
//!
//! ```text
//! Starting ──▶ Live ◀────── a picture, from every state
//!                │ no picture for `silence`          ▶ Silent  ─ ended, unless it has just begun ─┐
//!                │ it ends, or writes no Y4M         ▶ Failing ───────────────────────────────────┤
//!                │ there is no such program          ▶ Absent  ───────────────────────────────────┤
//!                ▼                                                                                ▼
//!                                                                      a pause, and it is started again
//! ```
//!
//! The format is that of the first stream, for the life of the process. The pictures of a later one
//! are adapted, as those of a camera that comes back otherwise. Y4M tells no times: a picture is of
//! the moment at which its last byte had come.

mod options;
mod session;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use options::CommandOptions;

use super::adapt;
use super::stand_in::StandIn;
use super::y4m::{Arrival, Next, Opening, tell};
use super::{Filled, Source, SourceError};
use crate::command::{Pauses, Program};
use crate::frame::{Extent, Frame, FrameRate, Layout, Picture, PictureFormat, Range, StreamNotes};
use crate::metrics::{SourceMetrics, SourceState};
use crate::optics::Clue;
use session::Session;

/// How long a call waits.
const LOOK: Duration = Duration::from_millis(100);

/// A command that writes frames.
#[derive(Debug)]
pub struct CommandSource {
    program: Program,
    /// For messages.
    name: String,
    options: CommandOptions,
    metrics: Arc<SourceMetrics>,
    /// What the first stream said of itself; what is assumed while there was none.
    opening: Opening,
    /// Whether that is settled, for the life of the process.
    is_settled: bool,
    stand_in: StandIn,
    session: Option<Session>,
    pauses: Pauses,
    /// The format for which it was said that pictures are adapted.
    adapted: Option<PictureFormat>,
    /// Time of the last picture that was given.
    last: Instant,
}

impl CommandSource {
    /// Starts a command, and waits for what its stream says of itself.
    ///
    /// # Errors
    /// Where no stream comes in the time that the options give it, and they do not tell the extent.
    pub fn open(
        program: Program,
        options: CommandOptions,
        metrics: Arc<SourceMetrics>,
    ) -> Result<Self, SourceError> {
        let (opening, now) = (assumed(&options), Instant::now());
        let mut source = Self {
            name: format!("command '{program}'"),
            stand_in: StandIn::new(opening.format),
            opening,
            is_settled: false,
            session: None,
            pauses: Pauses::default(),
            adapted: None,
            last: now,
            program,
            options,
            metrics,
        };
        source.await_stream(now);
        if !source.is_settled && source.options.extent.is_none() {
            let (command, seen) = (source.program.to_string(), source.metrics.snapshot());
            return Err(SourceError::Command { command, cause: seen.problem });
        }
        source.is_settled = true;
        Ok(source)
    }

    /// Waits for the first stream; where the extent is told, for no second attempt, and no longer than
    /// until the command counts as silent.
    fn await_stream(&mut self, begun: Instant) {
        let can_do_without = self.options.extent.is_some();
        let CommandOptions { silence, start, .. } = self.options;
        let patience = if can_do_without { silence.min(start) } else { start };
        while !self.is_settled && begun.elapsed() < patience {
            self.step();
            if can_do_without && self.session.is_none() {
                return;
            }
        }
        if !self.is_settled {
            let problem = format!("{}: no stream for {:.0?}", self.name, begun.elapsed());
            if self.session.is_some() {
                self.enter(SourceState::Silent, &problem);
            }
        }
    }

    /// Does what is due next; gives the picture that has come, if one has.
    fn step(&mut self) -> Option<(Picture, Instant)> {
        let Some(session) = &self.session else {
            self.start();
            return None;
        };
        match session.next(LOOK) {
            Next::Arrived(Arrival::Picture(picture, came)) => return Some((picture, came)),
            Next::Arrived(Arrival::Begins(opening)) => self.begin(opening),
            Next::Nothing => self.note_silence(),
            Next::Broken(error) => self.lose(SourceState::Failing, Some(&error.to_string())),
            Next::End => self.lose(SourceState::Failing, None),
        }
        None
    }

    /// Starts the command when it is time to.
    fn start(&mut self) {
        let now = Instant::now();
        let wait = self.pauses.left(now);
        if !wait.is_zero() {
            std::thread::sleep(wait.min(LOOK));
            return;
        }
        match Session::start(&self.program, &self.name, now) {
            Ok(session) => {
                self.metrics.opened.add(1);
                self.pauses.begin(now);
                self.session = Some(session);
                log::info!("{} is started", self.name);
            }
            Err(error) => {
                self.pauses.over(now);
                let is_absent = error.kind() == io::ErrorKind::NotFound;
                let state = if is_absent { SourceState::Absent } else { SourceState::Failing };
                self.enter(state, &format!("{} cannot be started: {error}", self.name));
            }
        }
    }

    /// Takes a stream into use.
    fn begin(&mut self, opening: Opening) {
        let Some(session) = &mut self.session else { return };
        let is = opening.format;
        let is_told = !opening.notes.is_rate_unknown;
        let rate = if is_told { opening.rate } else { self.options.rate };
        if !self.is_settled {
            tell(&opening.notes, self.name.as_ref(), None);
            self.stand_in = StandIn::new(is);
            self.opening = Opening { rate, ..opening };
            self.is_settled = true;
        }
        let ours = self.opening.format;
        session.begin(is, ours);
        log::info!("{} gives {}", self.name, adapt::describe(is));
        if is != ours && self.adapted != Some(is) {
            self.adapted = Some(is);
            let (name, is, ours) = (&self.name, adapt::describe(is), adapt::describe(ours));
            log::warn!("{name} now gives {is}; its pictures are cut to the stream's {ours}");
        }
    }

    /// No picture has come. A command that has given some is ended after a time of that; one that has
    /// just begun has longer.
    fn note_silence(&mut self) {
        let Some(session) = &self.session else { return };
        let CommandOptions { silence, start, .. } = self.options;
        let patience = if session.is_live { silence } else { start };
        let waited = session.last.elapsed();
        if waited < silence.min(patience) {
            return;
        }
        let problem = format!("{}: no picture for {waited:.0?}", self.name);
        if waited < patience {
            // Told once, not for each second that it takes.
            if self.metrics.state() != SourceState::Silent {
                self.enter(SourceState::Silent, &problem);
            }
            return;
        }
        self.metrics.timeouts.add(1);
        self.lose(SourceState::Silent, Some(&problem));
    }

    /// Ends the command, or what is left of it, because of a problem or the end of its stream, and says
    /// when to start it again.
    fn lose(&mut self, state: SourceState, problem: Option<&str>) {
        let Some(session) = self.session.take() else { return };
        let ended = session.end(state == SourceState::Failing);
        self.pauses.over(Instant::now());
        self.metrics.restarted.add(1);
        let problem = match (problem, ended.by_itself) {
            (Some(problem), true) => format!("{problem}; it {ended}"),
            (Some(problem), false) => problem.to_owned(),
            (None, true) => format!("{} {ended}", self.name),
            (None, false) => format!("{} closed its output", self.name),
        };
        log::warn!("{problem}; its last words: {}", ended.last_words());
        match ended.last_word() {
            None => self.enter(state, &problem),
            Some(word) => self.enter(state, &format!("{problem} ({word})")),
        }
    }

    /// Notes a state, and logs it where it is a new one.
    fn enter(&self, state: SourceState, problem: &str) {
        if !self.metrics.enter(state, problem) {
            return;
        }
        match state {
            SourceState::Live => log::info!("camera live: {}", self.name),
            _ => log::warn!("camera {}: {problem}", state.name()),
        }
    }
}

impl Source for CommandSource {
    fn format(&self) -> PictureFormat {
        self.opening.format
    }

    fn rate(&self) -> FrameRate {
        self.opening.rate
    }

    fn notes(&self) -> StreamNotes {
        self.opening.notes.clone()
    }

    /// Colours come from where pictures are made for eyes; gray may be what a sensor gave.
    fn clue(&self) -> Clue {
        match self.opening.format.layout {
            Layout::Gray => Clue::Silent,
            _ => Clue::Viewed,
        }
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        let now = Instant::now();
        if self.stand_in.give(self.metrics.state(), now, &mut frame.blurred) {
            (self.last, frame.meta.captured_at) = (now, now);
            return Ok(Filled::Placeholder);
        }
        let Some((picture, came)) = self.step() else { return Ok(Filled::Waiting) };
        let Some(session) = &mut self.session else { return Ok(Filled::Waiting) };
        session.give(picture, came, &mut frame.blurred);
        // A stand-in may have been given since it came.
        self.last = came.max(self.last);
        frame.meta.captured_at = self.last;
        self.enter(SourceState::Live, "");
        Ok(Filled::Frame)
    }
}

/// What is expected of a stream that is not there: most programs write video for television.
fn assumed(options: &CommandOptions) -> Opening {
    let extent = options.extent.unwrap_or(Extent::new(640, 480));
    let format = PictureFormat { extent, layout: Layout::Yuv420, depth: 8, range: Range::Limited };
    Opening { format, rate: options.rate, notes: StreamNotes::default() }
}

//! Keeps a camera going: its states, and what is done about each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::camera::{Agreed, Camera, RawFrame};
use super::error::CameraError;
use super::host::Host;
use super::options::V4l2Options;
use super::rates::Measured;
use super::session::{Fresh, Frozen, Numbering, Read, Session};
use crate::frame::{Frame, FrameRate, PictureFormat};
use crate::metrics::{SourceMetrics, SourceState};
use crate::optics::Clue;
use crate::pace::Backoff;
use crate::source::stand_in::StandIn;
use crate::source::unpack::{Memory, PixelFormat};
use crate::source::{Filled, SourceError, adapt};
use crate::v4l2::ColourCodes;
use crate::v4l2::{Clock, Distrust, ErrorKind, Field, V4l2Error};

/// How long a call waits, and how often an absent camera is looked for.
const LOOK: Duration = Duration::from_millis(200);
/// Pauses between two openings: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));
/// The same of a driver that sticks: it needs a while.
const PAUSES_WHEN_STUCK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(1));
/// How long a restarted stream of such a driver is waited for.
const PATIENCE_WHEN_STUCK: Duration = Duration::from_millis(500);

/// A camera with its state.
#[derive(Debug)]
pub(super) struct Recovery<H: Host> {
    camera: Camera<H>,
    options: V4l2Options,
    metrics: Arc<SourceMetrics>,
    /// Of the stream, for the life of the process.
    format: PictureFormat,
    clue: Clue,
    pixel_format: Option<PixelFormat>,
    rate: FrameRate,
    /// Where the camera does not tell its rate.
    measured: Option<Measured>,
    /// While the camera is open.
    session: Option<Session>,
    frozen: Frozen,
    numbering: Numbering,
    /// Frames of the driver before the next one that are in no number of ours yet.
    unnumbered: u64,
    stand_in: StandIn,
    remedy: Remedy,
    /// When the last new picture came, or something was last done to get one.
    last_effort: Instant,
    /// Openings since the last new picture.
    tries: u32,
    /// Whether restarts of the stream are likely to do harm.
    sticks_at_restarts: bool,
    /// When to open again.
    backoff: Backoff,
    /// Where samples lie in their words, where that was found out of a format.
    shift: Option<(PixelFormat, u8)>,
    /// Time of the last picture that was given, and its clock.
    last_capture: Option<(Instant, Clock)>,
    said: Said,
}

/// What helps next against a camera that is open and gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    Restart,
    Reopen,
}

/// What is said once.
#[derive(Debug, Default)]
struct Said {
    /// That pictures of this format are adapted.
    adapted: Option<PictureFormat>,
    /// That times went back.
    went_back: bool,
    /// That the driver's times are not believed.
    distrusted: bool,
}

impl<H: Host> Recovery<H> {
    /// Opens the camera for the first time; what it gives then is the format of the stream.
    pub(super) fn start(
        host: H,
        options: V4l2Options,
        metrics: Arc<SourceMetrics>,
    ) -> Result<Self, CameraError> {
        let mut camera = Camera::new(host, options.clone());
        let opened = camera.open();
        let now = camera.now();
        let agreed = match &opened {
            Ok(agreed) => *agreed,
            Err(_) => assumed(&options),
        };
        let format = Session::new(agreed, &options, None)?.camera_format();
        let mut recovery = Self {
            camera,
            metrics,
            format,
            clue: agreed.clue,
            pixel_format: opened.as_ref().ok().map(|agreed| agreed.pixel_format),
            rate: agreed.rate.unwrap_or(options.rate),
            measured: None,
            session: None,
            frozen: Frozen::new(options.frozen_frames),
            numbering: Numbering::default(),
            unnumbered: 0,
            stand_in: StandIn::new(format),
            remedy: Remedy::Restart,
            last_effort: now,
            tries: 0,
            sticks_at_restarts: false,
            backoff: Backoff::new(PAUSES.0, PAUSES.1),
            shift: None,
            last_capture: None,
            said: Said::default(),
            options,
        };
        match opened {
            Ok(agreed) => recovery.begin(&agreed)?,
            Err(error) if error.kind() == ErrorKind::Unsupported => return Err(error),
            Err(error) => recovery.fail(&error)?,
        }
        Ok(recovery)
    }

    pub(super) fn format(&self) -> PictureFormat {
        self.format
    }

    /// The pixel format that was agreed on when the camera was first asked, if it was there.
    pub(super) fn pixel_format(&self) -> Option<PixelFormat> {
        self.pixel_format
    }

    /// What was told of the curve of the samples when the camera was first asked.
    pub(super) fn clue(&self) -> Clue {
        self.clue
    }

    pub(super) fn rate(&self) -> FrameRate {
        self.rate
    }

    /// As [`crate::source::Source::fill`].
    pub(super) fn fill(&mut self, frame: &mut Frame) -> Result<Filled, CameraError> {
        let (state, now) = (self.metrics.state(), self.camera.now());
        if self.stand_in.give(state, now, &mut frame.blurred) {
            frame.meta.captured_at = now;
            return Ok(Filled::Placeholder);
        }
        match self.session.take() {
            None => self.wait_for_camera(),
            Some(session) => self.wait_for_picture(session, frame),
        }
    }

    /// Opens the camera when it is time to.
    fn wait_for_camera(&mut self) -> Result<Filled, CameraError> {
        let wait = self.backoff.left(self.camera.now());
        if !wait.is_zero() {
            self.camera.rest(wait.min(LOOK));
            return Ok(Filled::Waiting);
        }
        if !self.camera.is_there() {
            self.enter(SourceState::Absent, &self.named("the device is not there"));
            // It is opened at once when it appears.
            self.backoff.succeed();
            self.camera.rest(LOOK);
            return Ok(Filled::Waiting);
        }
        match self.camera.open() {
            Ok(agreed) => self.begin(&agreed)?,
            Err(error) => self.fail(&error)?,
        }
        Ok(Filled::Waiting)
    }

    /// Takes an opened camera into use.
    fn begin(&mut self, agreed: &Agreed) -> Result<(), CameraError> {
        self.metrics.opened.add(1);
        let of_format = |&(format, _): &(PixelFormat, u8)| format == agreed.pixel_format;
        let shift = self.shift.filter(of_format).map(|(_, shift)| shift);
        let mut session = match Session::new(*agreed, &self.options, shift) {
            Ok(session) => session,
            Err(error) => return self.fail(&error.into()),
        };
        session.give(self.format);
        log::info!("{}: {agreed}", self.options.device.display());
        if session.adapts() && self.said.adapted != Some(session.camera_format()) {
            self.said.adapted = Some(session.camera_format());
            let (is, stream) =
                (adapt::describe(session.camera_format()), adapt::describe(self.format));
            log::warn!("the camera now gives {is}; its pictures are cut to the stream's {stream}");
        }
        if agreed.sticks_at_restarts != self.sticks_at_restarts {
            self.sticks_at_restarts = agreed.sticks_at_restarts;
            let (first, longest) = if self.sticks_at_restarts { PAUSES_WHEN_STUCK } else { PAUSES };
            self.backoff = Backoff::new(first, longest);
        }
        self.measured = agreed.rate.is_none().then(Measured::default);
        self.session = Some(session);
        self.numbering.restart();
        (self.remedy, self.last_effort) = (Remedy::Restart, self.camera.now());
        Ok(())
    }

    /// Takes the next picture.
    fn wait_for_picture(
        &mut self,
        mut session: Session,
        frame: &mut Frame,
    ) -> Result<Filled, CameraError> {
        let mut read: Option<Read> = None;
        let (numbering, frozen) = (&mut self.numbering, &mut self.frozen);
        let reader = &mut |raw: &RawFrame<'_>| {
            read = Some(session.read(raw, (numbering, frozen), &mut frame.blurred));
        };
        let taken = self.camera.take(LOOK, reader);
        self.shift = session.shift();
        self.session = Some(session);
        match (taken, read) {
            (Err(error), _) => self.broken(error),
            (Ok(_), None) => {
                self.nothing(SourceState::Silent, &self.named("no picture comes"))?;
                Ok(Filled::Waiting)
            }
            (Ok(_), Some(read)) => self.judge(read, frame),
        }
    }

    /// Decides on a frame that came.
    fn judge(&mut self, read: Read, frame: &mut Frame) -> Result<Filled, CameraError> {
        self.metrics.gaps.add(read.step.lost.into());
        self.unnumbered += u64::from(read.step.numbers - 1);
        self.metrics.errored.add(read.is_marked.into());
        match read.outcome {
            Ok(Fresh::New(captured_at, clock)) => {
                frame.meta.captured_at = self.capture_time(captured_at, clock);
                self.measure(captured_at, read.step.numbers);
                frame.meta.gap = std::mem::take(&mut self.unnumbered);
                self.enter(SourceState::Live, "");
                (self.remedy, self.tries) = (Remedy::Restart, 0);
                self.backoff.succeed();
                self.last_effort = self.camera.now();
                Ok(Filled::Frame)
            }
            Ok(Fresh::Withheld) => {
                self.unnumbered += 1;
                self.last_effort = self.camera.now();
                Ok(Filled::Waiting)
            }
            Ok(Fresh::Frozen) => {
                self.unnumbered += 1;
                let problem = self.named("the same picture comes again and again");
                self.enter(SourceState::Frozen, &problem);
                self.nothing(SourceState::Frozen, &problem)?;
                Ok(Filled::Waiting)
            }
            Err(error) => {
                self.nothing(SourceState::Failing, &self.named(&error.to_string()))?;
                Ok(Filled::Unusable(SourceError::Camera(error)))
            }
        }
    }

    /// A picture's time, or now where that lies before the last one's.
    fn capture_time(&mut self, captured_at: Instant, clock: Clock) -> Instant {
        self.tell_of_clock(clock);
        let goes_back = self.last_capture.is_some_and(|(last, _)| captured_at < last);
        let is_same_clock = self.last_capture.is_some_and(|(_, last)| last == clock);
        if goes_back && is_same_clock && !self.said.went_back {
            self.said.went_back = true;
            log::warn!("{}: the times of pictures go back", self.options.device.display());
        }
        let time = if goes_back { self.camera.now() } else { captured_at };
        self.last_capture = Some((time, clock));
        time
    }

    /// Says once that the driver's times are not believed, where it is sure that they are wrong.
    fn tell_of_clock(&mut self, clock: Clock) {
        let Clock::Arrival(why @ (Distrust::Foreign(_) | Distrust::Lagging(_))) = clock else {
            return;
        };
        if !self.said.distrusted {
            self.said.distrusted = true;
            let device = self.options.device.display();
            log::warn!(
                "{device}: the driver's times are not believed: {why}; frames count from their arrival"
            );
        }
    }

    /// Measures the rate of a camera that does not tell it, and says it once.
    fn measure(&mut self, captured_at: Instant, numbers: u32) {
        let rate = self.measured.as_mut().and_then(|measured| measured.see(captured_at, numbers));
        if let Some(rate) = rate {
            let device = self.options.device.display();
            log::info!(
                "{device}: {rate:.2} frames/s were measured, which the camera does not tell"
            );
        }
    }

    /// No new picture came. After a time of that, something is done about it.
    fn nothing(&mut self, state: SourceState, problem: &str) -> Result<(), CameraError> {
        let is_stuck = self.sticks_at_restarts && self.remedy == Remedy::Reopen;
        let patience = self.options.silence;
        let patience = if is_stuck { patience.min(PATIENCE_WHEN_STUCK) } else { patience };
        if self.camera.now().saturating_duration_since(self.last_effort) < patience {
            return Ok(());
        }
        self.metrics.timeouts.add(1);
        let reason = (state == SourceState::Silent).then(|| self.camera.reason_for_silence());
        let problem = match reason.flatten() {
            None => problem.to_owned(),
            Some(reason) => format!("{problem} ({reason})"),
        };
        self.enter(state, &problem);
        self.help(&problem)
    }

    /// A call on the open camera failed.
    fn broken(&mut self, error: V4l2Error) -> Result<Filled, CameraError> {
        let problem = error.to_string();
        match (error.kind(), error) {
            (ErrorKind::Gone, _) => {
                self.close();
                self.enter(SourceState::Absent, &problem);
            }
            // What was agreed on does not hold any more.
            (_, V4l2Error::Changed(_)) => {
                self.remedy = Remedy::Reopen;
                self.enter(SourceState::Failing, &problem);
                self.help(&problem)?;
            }
            _ => {
                self.enter(SourceState::Failing, &problem);
                self.help(&problem)?;
            }
        }
        Ok(Filled::Waiting)
    }

    /// Does what helps next.
    fn help(&mut self, problem: &str) -> Result<(), CameraError> {
        if self.remedy == Remedy::Restart {
            self.remedy = Remedy::Reopen;
            self.metrics.restarted.add(1);
            self.numbering.restart();
            match self.camera.restart() {
                Ok(()) => {
                    self.last_effort = self.camera.now();
                    return Ok(());
                }
                Err(error) => log::debug!("the stream does not restart: {error}"),
            }
        }
        self.close();
        self.give_up_after(problem)
    }

    /// The camera could not be opened.
    fn fail(&mut self, error: &CameraError) -> Result<(), CameraError> {
        self.close();
        let mut problem = error.to_string();
        match error.kind() {
            ErrorKind::Gone => self.enter(SourceState::Absent, &problem),
            // Ending this process would not end the other.
            ErrorKind::Busy => {
                problem.push_str(" (is another program using the camera?)");
                self.enter(SourceState::Failing, &problem);
            }
            kind => {
                if kind == ErrorKind::Denied {
                    problem.push_str(" (is this user in the group of the device?)");
                }
                self.enter(SourceState::Failing, &problem);
                return self.give_up_after(&problem);
            }
        }
        Ok(())
    }

    /// Closes everything and says when to open again: later each time.
    fn close(&mut self) {
        self.session = None;
        self.camera.close();
        self.backoff.fail(self.camera.now());
    }

    /// Counts a fruitless opening; the last one that is allowed is an error.
    fn give_up_after(&mut self, problem: &str) -> Result<(), CameraError> {
        self.tries = self.tries.saturating_add(1);
        if self.options.reopens == 0 || self.tries < self.options.reopens {
            return Ok(());
        }
        Err(CameraError::GivenUp { tries: self.tries, cause: problem.to_owned() })
    }

    /// Notes a state, and logs it where it is a new one.
    fn enter(&self, state: SourceState, problem: &str) {
        if !self.metrics.enter(state, problem) {
            return;
        }
        match state {
            SourceState::Live => log::info!("camera live: {}", self.options.device.display()),
            _ => log::warn!("camera {}: {problem}", state.name()),
        }
    }

    /// A problem with the name of the device, as errors of the device have it.
    fn named(&self, problem: &str) -> String {
        format!("{}: {problem}", self.options.device.display())
    }
}

/// What an absent camera is expected to give: the best wish, at the extent asked for.
fn assumed(options: &V4l2Options) -> Agreed {
    let pixel_format = options.formats.first().copied();
    let pixel_format = pixel_format.unwrap_or(PixelFormat::ALL[0]);
    Agreed {
        pixel_format,
        memory: Memory { extent: options.extent, strides: [0; 3] },
        range: pixel_format.range(0, 0),
        clue: options.clue(pixel_format, ColourCodes::default()),
        field: Field::Whole,
        rate: None,
        sticks_at_restarts: false,
    }
}

//! A video device: what it is, what it can do, what it is set to.

use std::path::{Path, PathBuf};

use rustix::io::Errno;
use v4l::v4l_sys as raw;

use super::capture::Capture;
use super::driver::Driver;
use super::error::{Fault, V4l2Error, uninterrupted};
use super::format::{
    Format, FormatDescription, FormatWish, FourCc, FrameIntervals, FrameSizes, Interval,
};
use super::ioctls::Ioctls;
use super::kind::{BufferKind, Direction};
use super::output::Output;
use super::sys::text;
use crate::frame::Extent;

/// An open video device. It stays open until this and every stream of it are dropped.
#[derive(Debug)]
pub struct Device<D: Driver = Ioctls> {
    driver: D,
    /// As it was asked for.
    path: PathBuf,
    /// Where that leads, links followed.
    node: PathBuf,
    capabilities: Capabilities,
}

/// What a device says it is and can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Its driver.
    pub driver: String,
    /// Its name.
    pub card: String,
    /// Where it is connected.
    pub bus: String,
    /// Whether it gives pictures, and whether in buffers of several planes.
    pub capture: Option<BufferKind>,
    /// Whether it takes pictures, and whether in buffers of several planes.
    pub output: Option<BufferKind>,
    /// Whether buffers can be shared with it.
    pub streaming: bool,
    /// Whether pictures can be written to it or read from it as from a file.
    pub read_write: bool,
}

impl Capabilities {
    fn of(answer: &raw::v4l2_capability) -> Self {
        let has_own = answer.capabilities & raw::V4L2_CAP_DEVICE_CAPS != 0;
        let flags = if has_own { answer.device_caps } else { answer.capabilities };
        let kind = |direction, single, multiple| {
            let multiplanar = flags & multiple != 0;
            (flags & (single | multiple) != 0).then_some(BufferKind { direction, multiplanar })
        };
        use raw::{V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE};
        use raw::{V4L2_CAP_VIDEO_OUTPUT, V4L2_CAP_VIDEO_OUTPUT_MPLANE};
        Self {
            driver: text(&answer.driver),
            card: text(&answer.card),
            bus: text(&answer.bus_info),
            capture: kind(
                Direction::Capture,
                V4L2_CAP_VIDEO_CAPTURE,
                V4L2_CAP_VIDEO_CAPTURE_MPLANE,
            ),
            output: kind(Direction::Output, V4L2_CAP_VIDEO_OUTPUT, V4L2_CAP_VIDEO_OUTPUT_MPLANE),
            streaming: flags & raw::V4L2_CAP_STREAMING != 0,
            read_write: flags & raw::V4L2_CAP_READWRITE != 0,
        }
    }
}

/// Answers to a question asked with rising numbers, at most; drivers that answer for ever exist.
const ANSWERS_MAX: u32 = 512;

impl Device {
    /// Opens a device by any of its names, without waiting for anything.
    ///
    /// # Errors
    /// Where it cannot be opened or is no video device.
    pub fn open(path: &Path) -> Result<Self, V4l2Error> {
        let opened = uninterrupted(|| Ioctls::open(path));
        Self::over(opened.map_err(|fault| V4l2Error::call(path, fault))?, path)
    }
}

impl<D: Driver> Device<D> {
    /// Takes an open device into use; `path` is how it was asked for.
    ///
    /// # Errors
    /// Where it is no video device.
    pub fn over(driver: D, path: &Path) -> Result<Self, V4l2Error> {
        let answer = match uninterrupted(|| driver.capability()) {
            Err(fault) if fault.is(Errno::NOTTY) || fault.is(Errno::INVAL) => {
                let problem = "it is not a video device".to_owned();
                return Err(V4l2Error::Unsuited { device: path.to_owned(), problem });
            }
            result => result.map_err(|fault| V4l2Error::call(path, fault))?,
        };
        let node = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let capabilities = Capabilities::of(&answer);
        Ok(Self { driver, path: path.to_owned(), node, capabilities })
    }

    /// The device as it was asked for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The device that the name led to, as `/dev/video0`.
    pub fn node(&self) -> &Path {
        &self.node
    }

    /// What it says it is and can do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The formats it has.
    ///
    /// # Errors
    /// Where it does not go that way, or fails.
    pub fn formats(&self, direction: Direction) -> Result<Vec<FormatDescription>, V4l2Error> {
        let kind = self.kind(direction)?;
        self.enumerate(|index| self.driver.format_at(kind, index))
    }

    /// The sizes it has in a format; none where it does not tell.
    ///
    /// # Errors
    /// Where it fails.
    pub fn frame_sizes(&self, fourcc: FourCc) -> Result<Vec<FrameSizes>, V4l2Error> {
        let mut sizes = self.enumerate(|index| self.driver.frame_size_at(fourcc, index))?;
        if let Some(FrameSizes::Stepwise { .. }) = sizes.first() {
            sizes.truncate(1); // the kernel has one such answer; some drivers repeat it
        }
        Ok(sizes)
    }

    /// The intervals it has for a format and a size; none where it does not tell.
    ///
    /// # Errors
    /// Where it fails.
    pub fn frame_intervals(
        &self,
        fourcc: FourCc,
        extent: Extent,
    ) -> Result<Vec<FrameIntervals>, V4l2Error> {
        let ask = |index| self.driver.frame_interval_at(fourcc, extent, index);
        let mut intervals = self.enumerate(ask)?;
        if let Some(FrameIntervals::Stepwise { .. }) = intervals.first() {
            intervals.truncate(1);
        }
        Ok(intervals)
    }

    /// The format it is set to.
    ///
    /// # Errors
    /// Where it does not go that way, or fails.
    pub fn format(&self, direction: Direction) -> Result<Format, V4l2Error> {
        let kind = self.kind(direction)?;
        self.call(|| self.driver.format(kind, None))
    }

    /// Asks for a format and gives the one that it is set to, which may be quite another.
    ///
    /// # Errors
    /// Where it does not go that way, or fails; busy where it is streaming.
    pub fn set_format(&self, direction: Direction, wish: &FormatWish) -> Result<Format, V4l2Error> {
        let kind = self.kind(direction)?;
        self.call(|| self.driver.format(kind, Some(wish)))
    }

    /// The time between two frames; `None` where it has none.
    ///
    /// # Errors
    /// Where it does not go that way, or fails.
    pub fn interval(&self, direction: Direction) -> Result<Option<Interval>, V4l2Error> {
        self.ask_interval(direction, None)
    }

    /// Asks for a time between two frames and gives the one that it is set to; `None` where it has
    /// none.
    ///
    /// # Errors
    /// Where it does not go that way, or fails.
    pub fn set_interval(
        &self,
        direction: Direction,
        wish: Interval,
    ) -> Result<Option<Interval>, V4l2Error> {
        self.ask_interval(direction, Some(wish))
    }

    fn ask_interval(
        &self,
        direction: Direction,
        wish: Option<Interval>,
    ) -> Result<Option<Interval>, V4l2Error> {
        let kind = self.kind(direction)?;
        match uninterrupted(|| self.driver.interval(kind, wish)) {
            Err(fault) if fault.is(Errno::NOTTY) || fault.is(Errno::INVAL) => Ok(None),
            result => result.map_err(|fault| self.failed(fault)),
        }
    }

    /// Starts to capture in the format it is set to, with `buffers` buffers if it can have as many.
    ///
    /// # Errors
    /// Where it cannot, or not with shared buffers.
    pub fn capture(&self, buffers: u32) -> Result<Capture<D>, V4l2Error> {
        let kind = self.streaming(Direction::Capture)?;
        Capture::start(self.driver.clone(), (&self.path, kind), buffers)
    }

    /// Starts to put frames out in the format it is set to, with `buffers` buffers if it can have
    /// as many.
    ///
    /// # Errors
    /// Where it cannot, or not with shared buffers.
    pub fn output(&self, buffers: u32) -> Result<Output<D>, V4l2Error> {
        let kind = self.streaming(Direction::Output)?;
        Output::start(self.driver.clone(), (&self.path, kind), buffers)
    }

    /// The buffers of one direction, which can be shared.
    fn streaming(&self, direction: Direction) -> Result<BufferKind, V4l2Error> {
        let kind = self.kind(direction)?;
        if self.capabilities.streaming {
            return Ok(kind);
        }
        Err(self.unsuited("it cannot share buffers (no streaming)"))
    }

    /// Writes a whole picture to an output as to a file, without waiting; whether it was taken.
    ///
    /// # Errors
    /// Where it fails, or takes a part only.
    pub fn write(&self, picture: &[u8]) -> Result<bool, V4l2Error> {
        match uninterrupted(|| self.driver.write(picture)) {
            Err(fault) if fault.is(Errno::AGAIN) => Ok(false),
            Ok(taken) if taken == picture.len() => Ok(true),
            Ok(taken) => Err(V4l2Error::Answer {
                device: self.path().to_owned(),
                call: "write",
                answer: format!("{taken} bytes"),
                expected: format!("{} bytes", picture.len()),
            }),
            Err(fault) => Err(self.failed(fault)),
        }
    }

    /// The buffers of one direction.
    fn kind(&self, direction: Direction) -> Result<BufferKind, V4l2Error> {
        let Capabilities { capture, output, .. } = &self.capabilities;
        match direction {
            Direction::Capture => capture.ok_or_else(|| self.unsuited("it is no capture device")),
            Direction::Output => output.ok_or_else(|| self.unsuited("it is no output device")),
        }
    }

    /// Asks with rising numbers until there is no more answer.
    fn enumerate<T>(&self, ask: impl Fn(u32) -> Result<T, Fault>) -> Result<Vec<T>, V4l2Error> {
        let mut answers = Vec::new();
        for index in 0..ANSWERS_MAX {
            match uninterrupted(|| ask(index)) {
                Err(fault) if fault.is(Errno::INVAL) || fault.is(Errno::NOTTY) => break,
                result => answers.push(result.map_err(|fault| self.failed(fault))?),
            }
        }
        Ok(answers)
    }

    pub(super) fn driver(&self) -> &D {
        &self.driver
    }

    pub(super) fn call<T>(&self, call: impl FnMut() -> Result<T, Fault>) -> Result<T, V4l2Error> {
        uninterrupted(call).map_err(|fault| self.failed(fault))
    }

    fn failed(&self, fault: Fault) -> V4l2Error {
        V4l2Error::call(self.path(), fault)
    }

    fn unsuited(&self, problem: &str) -> V4l2Error {
        V4l2Error::Unsuited { device: self.path().to_owned(), problem: problem.to_owned() }
    }
}

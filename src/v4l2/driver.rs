//! What a device and its streams ask of a driver: a trait, so that a model of a driver can take
//! the place of the real ones in tests.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use v4l::v4l_sys as raw;

use super::error::Fault;
use super::format::{
    Format, FormatDescription, FormatWish, FourCc, FrameIntervals, FrameSizes, Interval,
};
use super::kind::BufferKind;
use crate::frame::Extent;

/// Planes of a buffer, at most.
pub const PLANES_MAX: usize = raw::VIDEO_MAX_PLANES as usize;

/// An open device, seen from its driver; clones are the same one. Every call may fail with any
/// number, EINTR included.
pub trait Driver: Debug + Clone {
    /// Memory of one plane of one buffer.
    type Memory: Memory;

    /// What the device says it is and can do.
    ///
    /// # Errors
    /// As the system says; so for all that follow.
    fn capability(&self) -> Result<raw::v4l2_capability, Fault>;

    /// The format of that index.
    ///
    /// # Errors
    /// As the system says; EINVAL after the last.
    fn format_at(&self, kind: BufferKind, index: u32) -> Result<FormatDescription, Fault>;

    /// The size, or sizes, of that index in a format.
    ///
    /// # Errors
    /// As the system says; EINVAL after the last.
    fn frame_size_at(&self, fourcc: FourCc, index: u32) -> Result<FrameSizes, Fault>;

    /// The interval, or intervals, of that index in a format and a size.
    ///
    /// # Errors
    /// As the system says; EINVAL after the last.
    fn frame_interval_at(
        &self,
        fourcc: FourCc,
        extent: Extent,
        index: u32,
    ) -> Result<FrameIntervals, Fault>;

    /// The format that is set, after one was wished for if it was.
    ///
    /// # Errors
    /// As the system says.
    fn format(&self, kind: BufferKind, wish: Option<&FormatWish>) -> Result<Format, Fault>;

    /// The time between two frames, after one was wished for if it was; `None` where there is none.
    ///
    /// # Errors
    /// As the system says.
    fn interval(&self, kind: BufferKind, wish: Option<Interval>)
    -> Result<Option<Interval>, Fault>;

    /// The first control whose number is above `last`.
    ///
    /// # Errors
    /// As the system says; EINVAL after the last.
    fn control_after(&self, last: u32) -> Result<raw::v4l2_query_ext_ctrl, Fault>;

    /// An item of a menu: its name, or the number that it stands for in a menu `of_integers`.
    ///
    /// # Errors
    /// As the system says; EINVAL where there is none of that index.
    fn menu_item(&self, control: u32, index: u32, of_integers: bool) -> Result<String, Fault>;

    /// The value of a control that is an integer of 32 bits, or of 64 where it is `wide`.
    ///
    /// # Errors
    /// As the system says.
    fn control(&self, control: u32, wide: bool) -> Result<i64, Fault>;

    /// Sets a control that is an integer of 32 bits, or of 64 where it is `wide`.
    ///
    /// # Errors
    /// As the system says.
    fn set_control(&self, control: u32, wide: bool, value: i64) -> Result<(), Fault>;

    /// The value of a control that is a text of at most `size` bytes, its end included.
    ///
    /// # Errors
    /// As the system says.
    fn control_text(&self, control: u32, size: usize) -> Result<String, Fault>;

    /// Sets a control that is a text of at most `size` bytes, its end included.
    ///
    /// # Errors
    /// As the system says.
    fn set_control_text(&self, control: u32, size: usize, text: &str) -> Result<(), Fault>;

    /// Writes a picture as to a file; how many bytes were taken.
    ///
    /// # Errors
    /// As the system says; EAGAIN where the device takes none now.
    fn write(&self, picture: &[u8]) -> Result<usize, Fault>;

    /// Asks for `count` buffers, 0 to give all back; how many there are.
    ///
    /// # Errors
    /// As the system says.
    fn request_buffers(&self, kind: BufferKind, count: u32) -> Result<u32, Fault>;

    /// Maps the planes of a buffer.
    ///
    /// # Errors
    /// As the system says.
    fn map_buffer(&self, kind: BufferKind, index: u32) -> Result<Vec<Self::Memory>, Fault>;

    /// Gives a buffer to the driver; for outputs `used` are the bytes filled in each plane and
    /// `stamp` the time of the picture on the monotonic clock.
    ///
    /// # Errors
    /// As the system says.
    fn queue(
        &self,
        kind: BufferKind,
        index: u32,
        used: &[usize],
        stamp: Duration,
    ) -> Result<(), Fault>;

    /// Takes a buffer from the driver without waiting.
    ///
    /// # Errors
    /// As the system says; EAGAIN where there is none.
    fn dequeue(&self, kind: BufferKind) -> Result<Dequeued, Fault>;

    /// Starts the stream.
    ///
    /// # Errors
    /// As the system says.
    fn stream_on(&self, kind: BufferKind) -> Result<(), Fault>;

    /// Stops the stream; all buffers are ours then.
    ///
    /// # Errors
    /// As the system says.
    fn stream_off(&self, kind: BufferKind) -> Result<(), Fault>;

    /// Asks to be told of changes of the picture that the device receives.
    ///
    /// # Errors
    /// As the system says, as where the driver knows of none.
    fn subscribe(&self) -> Result<(), Fault>;

    /// Takes the next event; whether the picture that the device receives changed.
    ///
    /// # Errors
    /// As the system says.
    fn take_event(&self) -> Result<bool, Fault>;

    /// Waits until a buffer can be taken, or something else happened, for `patience` at most;
    /// `events` says whether they were asked for.
    ///
    /// # Errors
    /// As the system says.
    fn poll(&self, kind: BufferKind, events: bool, patience: Duration) -> Result<Events, Fault>;

    /// The monotonic clock, which is the one that drivers stamp frames with.
    fn now(&self) -> Duration {
        // It starts at 0 and never goes back.
        Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
    }

    /// The same time as the standard library has it.
    fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Lets time pass.
    fn rest(&self, length: Duration) {
        std::thread::sleep(length);
    }
}

/// Memory of one plane.
pub trait Memory: Debug {
    /// Number of its bytes.
    fn length(&self) -> usize;

    /// Puts those of its bytes that are in `used` and there into `copy`, in the place of what it
    /// holds. What a device writes meanwhile may be in it or not; in the copy nothing changes.
    fn copy(&self, used: PlaneUse, copy: &mut Vec<u8>);

    /// All its bytes, to be written.
    fn bytes_mut(&mut self) -> &mut [u8];
}

/// What the driver says about a buffer that it gives.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dequeued {
    /// Which buffer.
    pub index: u32,
    /// `V4L2_BUF_FLAG_…`.
    pub flags: u32,
    /// `V4L2_FIELD_…`.
    pub field: u32,
    /// Number of the frame, as the driver counts them.
    pub sequence: u32,
    /// Time of the frame.
    pub stamp: Duration,
    /// What is in its planes.
    pub planes: [PlaneUse; PLANES_MAX],
}

/// Which bytes of a plane hold something.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlaneUse {
    /// The first of them.
    pub offset: usize,
    /// The one after the last.
    pub end: usize,
}

/// What happened on a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Events {
    /// A buffer can be taken.
    pub ready: bool,
    /// An event can be taken.
    pub event: bool,
    /// The stream is in error.
    pub error: bool,
    /// The device is gone.
    pub hangup: bool,
}

impl Events {
    /// Whether nothing happened.
    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

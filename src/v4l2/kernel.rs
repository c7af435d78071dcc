//! What a queue of buffers asks of the kernel: a trait, so that a model of the kernel can take its
//! place in tests, and the real thing.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use v4l::v4l_sys as raw;

use super::device::Handle;
use super::error::Fault;
use super::map::Mapping;
use super::{BufferKind, sys};

/// Planes of a buffer, at most.
pub const PLANES_MAX: usize = raw::VIDEO_MAX_PLANES as usize;

/// The kernel's side of a queue. Every call may fail with any number, EINTR included.
pub trait Kernel: std::fmt::Debug {
    /// Memory of one plane of one buffer.
    type Memory: Memory;

    /// Asks for `count` buffers, 0 to give all back; how many there are.
    ///
    /// # Errors
    /// As the system says; so for all that follow.
    fn request_buffers(&mut self, count: u32) -> Result<u32, Fault>;

    /// Maps the planes of a buffer.
    ///
    /// # Errors
    /// As the system says.
    fn map_buffer(&mut self, index: u32) -> Result<Vec<Self::Memory>, Fault>;

    /// Gives a buffer to the driver; for outputs `used` are the bytes filled in each plane and
    /// `stamp` the time of the picture on the monotonic clock.
    ///
    /// # Errors
    /// As the system says.
    fn queue(&mut self, index: u32, used: &[usize], stamp: Duration) -> Result<(), Fault>;

    /// Takes a buffer from the driver without waiting.
    ///
    /// # Errors
    /// As the system says; EAGAIN where there is none.
    fn dequeue(&mut self) -> Result<Dequeued, Fault>;

    /// Starts the stream.
    ///
    /// # Errors
    /// As the system says.
    fn stream_on(&mut self) -> Result<(), Fault>;

    /// Stops the stream; all buffers are ours then.
    ///
    /// # Errors
    /// As the system says.
    fn stream_off(&mut self) -> Result<(), Fault>;

    /// Waits until a buffer can be taken or something happened, for `patience` at most.
    ///
    /// # Errors
    /// As the system says.
    fn poll(&mut self, patience: Duration) -> Result<Events, Fault>;

    /// Takes the next event; whether the picture that the device receives changed.
    ///
    /// # Errors
    /// As the system says.
    fn take_event(&mut self) -> Result<bool, Fault>;

    /// The monotonic clock.
    fn now(&self) -> Duration;

    /// Lets time pass.
    fn rest(&mut self, length: Duration);
}

/// Memory of one plane.
pub trait Memory: std::fmt::Debug {
    /// All its bytes.
    fn bytes(&self) -> &[u8];

    /// All its bytes.
    fn bytes_mut(&mut self) -> &mut [u8];
}

/// What the kernel says about a buffer that it gives.
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

/// The running kernel.
#[derive(Debug)]
pub struct Driver {
    handle: Arc<Handle>,
    kind: BufferKind,
    /// Whether events were subscribed to.
    events: bool,
}

impl Driver {
    /// The queue of an open device. Tells of changes of its input where the driver can.
    pub(super) fn new(handle: Arc<Handle>, kind: BufferKind) -> Self {
        let mut subscription = raw::v4l2_event_subscription {
            type_: raw::V4L2_EVENT_SOURCE_CHANGE,
            ..Default::default()
        };
        let events = sys::call(handle.as_fd(), &sys::SUBSCRIBE_EVENT, &mut subscription).is_ok();
        Self { handle, kind, events }
    }

    fn device(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    fn stream(&self, request: &sys::Request<std::ffi::c_int>) -> Result<(), Fault> {
        let mut kind = self.kind.code().cast_signed();
        sys::call(self.device(), request, &mut kind)
    }
}

impl Kernel for Driver {
    type Memory = Mapping;

    fn request_buffers(&mut self, count: u32) -> Result<u32, Fault> {
        let mut request = raw::v4l2_requestbuffers {
            count,
            type_: self.kind.code(),
            memory: raw::v4l2_memory_V4L2_MEMORY_MMAP,
            ..Default::default()
        };
        sys::call(self.device(), &sys::REQBUFS, &mut request)?;
        Ok(request.count)
    }

    fn map_buffer(&mut self, index: u32) -> Result<Vec<Mapping>, Fault> {
        let places = sys::query_buffer(self.device(), self.kind, index)?;
        let map = |(offset, length)| Mapping::new(self.device(), offset, length);
        places.into_iter().map(map).collect()
    }

    fn queue(&mut self, index: u32, used: &[usize], stamp: Duration) -> Result<(), Fault> {
        sys::queue_buffer(self.device(), self.kind, index, used, stamp)
    }

    fn dequeue(&mut self) -> Result<Dequeued, Fault> {
        sys::dequeue_buffer(self.device(), self.kind)
    }

    fn stream_on(&mut self) -> Result<(), Fault> {
        self.stream(&sys::STREAMON)
    }

    fn stream_off(&mut self) -> Result<(), Fault> {
        self.stream(&sys::STREAMOFF)
    }

    fn poll(&mut self, patience: Duration) -> Result<Events, Fault> {
        let mut wanted = if self.kind.is_output() { PollFlags::OUT } else { PollFlags::IN };
        wanted.set(PollFlags::PRI, self.events);
        // A time that the kernel cannot count is for ever, which nobody asks for.
        let patience = Timespec::try_from(patience).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let mut watched = [PollFd::from_borrowed_fd(self.handle.as_fd(), wanted)];
        let waited = poll(&mut watched, Some(&patience));
        waited.map_err(|errno| Fault { call: "poll", cause: errno.into() })?;
        let seen = watched[0].revents();
        Ok(Events {
            ready: seen.intersects(PollFlags::IN | PollFlags::OUT),
            event: seen.contains(PollFlags::PRI),
            error: seen.contains(PollFlags::ERR),
            hangup: seen.intersects(PollFlags::HUP | PollFlags::NVAL | PollFlags::RDHUP),
        })
    }

    fn take_event(&mut self) -> Result<bool, Fault> {
        sys::take_event(self.device())
    }

    fn now(&self) -> Duration {
        monotonic_now()
    }

    fn rest(&mut self, length: Duration) {
        std::thread::sleep(length);
    }
}

/// The monotonic clock, which is the one that drivers stamp frames with.
pub(super) fn monotonic_now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    // It starts at 0 and never goes back.
    Duration::try_from(now).unwrap_or_default()
}

//! What a model of a driver remembers, and what each call does to it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use v4l::v4l_sys as raw;

use super::device::ModelDevice;
use crate::frame::Extent;
use crate::v4l2::driver::{Dequeued, PlaneUse};
use crate::v4l2::error::Fault;
use crate::v4l2::format::FourCc;

/// What goes wrong in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The call fails.
    Fails(Errno),
    /// The device is gone from now on.
    Gone,
    /// The buffer taken is marked as damaged.
    Marked,
    /// The buffer taken holds nothing.
    Empty,
    /// The buffer taken would hold more than it can.
    Beyond,
    /// A buffer is given that does not exist; the one taken is lost.
    NoSuchBuffer,
    /// A buffer is given that the driver does not have.
    NotItsBuffer,
    /// No frame comes while somebody waits.
    Silence,
    /// The stream is said to be in error.
    Error,
    /// The device is said to be ready.
    Ready,
    /// The picture that the device receives changes.
    Changed,
}

/// What goes wrong until something helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing.
    Well,
    /// There is no device.
    Unplugged,
    /// The device is there and says that it is not, until everything is closed.
    Disconnected,
    /// It cannot be opened.
    Closed(Errno),
    /// It has no format that will do.
    Refusing,
    /// Frames cannot be taken.
    Broken(Errno),
    /// No frame comes.
    Silent,
    /// The same frame comes for ever.
    Frozen,
    /// Frames are marked as damaged.
    Damaged,
    /// Frames are too short.
    Short,
}

/// What ends a condition by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cure {
    /// A restart of the stream.
    Restart,
    /// A closing and an opening.
    Reopen,
    /// Only whoever brought it about.
    Script,
}

/// Where a buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    User,
    Driver,
}

/// Everything about the model.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) device: ModelDevice,
    pub(crate) condition: Condition,
    pub(crate) cure: Cure,
    is_open: bool,
    /// Openings that led to a stream.
    pub(crate) streamed: u32,
    /// Streams started since the device was opened.
    starts: u32,
    /// When the device was closed with a stream that gave nothing.
    stuck_at: Option<Duration>,
    /// The stream gives nothing until the device is closed.
    is_stuck: bool,
    /// Frames to come that are marked as damaged.
    flagged: u32,
    /// Buffers it has at most.
    limit: u32,
    /// Bytes of each plane of a buffer.
    pub(super) planes: Vec<usize>,
    pub(crate) buffers: Vec<Place>,
    /// Those that the driver fills or shows, in order.
    pub(super) waiting: VecDeque<u32>,
    /// Those that can be taken, in order, with number and time.
    pub(super) done: VecDeque<(u32, u32, Duration)>,
    pub(crate) is_streaming: bool,
    has_gone: bool,
    pub(super) has_changed: bool,
    start: Instant,
    pub(crate) now: Duration,
    sequence: u32,
    /// Frames that are lost before the next one.
    pub(crate) lost: u32,
    /// Different pictures given.
    pictures: usize,
    /// What goes wrong, call by call.
    pub(crate) troubles: VecDeque<Option<Trouble>>,
    /// What must not be done to a driver and was done.
    pub(crate) breaches: Vec<String>,
    /// Mappings there are.
    pub(crate) mapped: usize,
    /// The time that the driver gives frames; where there is none, that of the frame.
    pub(crate) stamp: Option<Duration>,
    /// How far the driver's clock lags behind.
    pub(crate) age: Duration,
    /// `V4L2_FIELD_…` of frames.
    pub(crate) field: u32,
    /// What was queued: index, bytes of the first plane.
    pub(crate) queued: Vec<(u32, usize)>,
}

impl State {
    pub(super) fn new(is_output: bool, limit: u32, planes: &[usize]) -> Self {
        Self {
            device: ModelDevice::bare(is_output),
            condition: Condition::Well,
            cure: Cure::Script,
            is_open: false,
            streamed: 0,
            starts: 0,
            stuck_at: None,
            is_stuck: false,
            flagged: 0,
            limit,
            planes: planes.to_vec(),
            buffers: Vec::new(),
            waiting: VecDeque::new(),
            done: VecDeque::new(),
            is_streaming: false,
            has_gone: false,
            has_changed: false,
            start: Instant::now(),
            now: Duration::from_secs(1000),
            sequence: 0,
            lost: 0,
            pictures: 0,
            troubles: VecDeque::new(),
            breaches: Vec::new(),
            mapped: 0,
            stamp: None,
            age: Duration::ZERO,
            field: 1,
            queued: Vec::new(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    pub(crate) fn instant(&self) -> Instant {
        self.start + self.now
    }

    pub(crate) fn is_unplugged(&self) -> bool {
        self.condition == Condition::Unplugged
    }

    pub(super) fn is_gone(&self) -> bool {
        self.has_gone || matches!(self.condition, Condition::Unplugged | Condition::Disconnected)
    }

    /// Begins a call: what goes wrong in it.
    pub(super) fn enter(&mut self, call: &'static str) -> Result<Option<Trouble>, Fault> {
        let trouble = self.troubles.pop_front().flatten();
        self.has_gone |= trouble == Some(Trouble::Gone);
        if self.is_gone() {
            return Err(Fault { call, cause: Errno::NODEV.into() });
        }
        match trouble {
            Some(Trouble::Fails(errno)) => Err(Fault { call, cause: errno.into() }),
            trouble => Ok(trouble),
        }
    }

    pub(super) fn breach<T>(&mut self, call: &'static str, what: &str) -> Result<T, Fault> {
        self.breaches.push(format!("{call}: {what}"));
        Err(Fault { call, cause: Errno::INVAL.into() })
    }

    pub(super) fn open(&mut self) -> Result<(), Errno> {
        assert!(!self.is_open, "it was opened without having been closed");
        match self.condition {
            Condition::Unplugged => return Err(Errno::NOENT),
            Condition::Disconnected => return Err(Errno::NODEV),
            Condition::Closed(errno) => return Err(errno),
            _ if self.cure == Cure::Reopen => self.condition = Condition::Well,
            _ => {}
        }
        self.is_open = true;
        self.starts = 0;
        let rest = self.device.personality.rest_when_stuck();
        self.is_stuck = self.stuck_at.take().is_some_and(|at| self.now - at < rest);
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.is_open = false;
        self.is_streaming = false;
        self.buffers.clear();
        self.waiting.clear();
        self.done.clear();
        self.stuck_at = self.is_stuck.then_some(self.now);
        if self.condition == Condition::Disconnected {
            self.condition = Condition::Well;
        }
    }

    pub(super) fn format_at(&self, index: u32) -> Result<(FourCc, Extent), Fault> {
        let refused = (FourCc::new(*b"H264"), Extent::new(16, 12));
        let has: &[_] =
            if self.condition == Condition::Refusing { &[refused] } else { &self.device.formats };
        let end = Fault { call: "VIDIOC_ENUM_FMT", cause: Errno::INVAL.into() };
        has.get(index as usize).copied().ok_or(end)
    }

    pub(super) fn make_buffers(&mut self, count: u32) -> u32 {
        let count = count.min(self.limit);
        self.buffers = vec![Place::User; count as usize];
        self.waiting.clear();
        self.done.clear();
        count
    }

    pub(super) fn take_in(&mut self, index: u32, used: usize) {
        self.buffers[index as usize] = Place::Driver;
        self.waiting.push_back(index);
        self.queued.push((index, used));
    }

    pub(super) fn start(&mut self) {
        self.starts += 1;
        self.streamed += u32::from(self.starts == 1);
        if self.starts > 1 && self.cure == Cure::Restart {
            self.condition = Condition::Well;
        }
        self.is_stuck |= self.starts > 1 && self.device.personality.sticks_at_restarts();
        self.flagged = self.device.personality.flagged_first();
        self.sequence = 0;
        self.is_streaming = true;
    }

    pub(super) fn stop(&mut self) {
        self.is_streaming = false;
        self.waiting.clear();
        self.done.clear();
        self.buffers.fill(Place::User);
    }

    /// Lets time pass until a frame comes, or until patience ends.
    pub(super) fn wait(&mut self, patience: Duration) {
        let interval = self.device.frame_interval;
        let is_idle = self.waiting.is_empty() || self.gives_nothing() || patience < interval;
        match (self.done.is_empty(), is_idle) {
            (false, _) => {}
            (true, true) => self.now += patience,
            (true, false) => self.tick(),
        }
    }

    fn gives_nothing(&self) -> bool {
        self.condition == Condition::Silent || self.is_stuck || self.device.is_bypassed()
    }

    /// Lets the time of one frame pass.
    pub(super) fn tick(&mut self) {
        self.now += self.device.frame_interval;
        self.sequence += 1 + std::mem::take(&mut self.lost);
        if self.is_streaming
            && !self.gives_nothing()
            && let Some(index) = self.waiting.pop_front()
        {
            self.done.push_back((index, self.sequence, self.now));
        }
    }

    /// Gives the next frame to whoever asks.
    pub(super) fn give_out(&mut self) -> Option<Dequeued> {
        let (index, sequence, time) = self.done.pop_front()?;
        self.buffers[index as usize] = Place::User;
        self.pictures += usize::from(self.condition != Condition::Frozen);
        let stamp = self.stamp.unwrap_or(time - self.age);
        let mut taken =
            Dequeued { index, sequence, stamp, field: self.field, ..Dequeued::default() };
        let offset = self.device.offset(self.pictures);
        for (used, &length) in taken.planes.iter_mut().zip(&self.planes) {
            let length = if self.condition == Condition::Short { 7 } else { length };
            *used = PlaneUse { offset, end: offset + length };
        }
        if self.flagged > 0 || self.condition == Condition::Damaged {
            self.flagged = self.flagged.saturating_sub(1);
            taken.flags |= raw::V4L2_BUF_FLAG_ERROR;
        }
        Some(taken)
    }
}

//! The drivers of the running kernel, asked by ioctls.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use v4l::v4l_sys as raw;

use super::driver::{Dequeued, Driver, Events};
use super::error::Fault;
use super::format::{
    Format, FormatDescription, FormatWish, FourCc, FrameIntervals, FrameSizes, Interval,
};
use super::kind::BufferKind;
use super::map::Mapping;
use super::sys::{self, buffer, control, describe, format};
use crate::frame::Extent;

/// An open device. It stays open until all clones are dropped.
#[derive(Debug, Clone)]
pub struct Ioctls(Arc<OwnedFd>);

impl Ioctls {
    /// Opens a device by any of its names, without waiting for anything.
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = rustix::fs::open(path, flags, Mode::empty());
        let file = file.map_err(|errno| Fault { call: "open", cause: errno.into() })?;
        Ok(Self(Arc::new(file)))
    }

    fn file(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn stream(
        &self,
        request: &sys::Request<std::ffi::c_int>,
        kind: BufferKind,
    ) -> Result<(), Fault> {
        sys::call(self.file(), request, &mut kind.code().cast_signed())
    }
}

impl Driver for Ioctls {
    type Memory = Mapping;

    fn capability(&self) -> Result<raw::v4l2_capability, Fault> {
        let mut answer = raw::v4l2_capability::default();
        sys::call(self.file(), &sys::QUERYCAP, &mut answer)?;
        Ok(answer)
    }

    fn format_at(&self, kind: BufferKind, index: u32) -> Result<FormatDescription, Fault> {
        describe::format_at(self.file(), kind, index)
    }

    fn frame_size_at(&self, fourcc: FourCc, index: u32) -> Result<FrameSizes, Fault> {
        describe::frame_size_at(self.file(), fourcc, index)
    }

    fn frame_interval_at(
        &self,
        fourcc: FourCc,
        extent: Extent,
        index: u32,
    ) -> Result<FrameIntervals, Fault> {
        describe::frame_interval_at(self.file(), (fourcc, extent), index)
    }

    fn format(&self, kind: BufferKind, wish: Option<&FormatWish>) -> Result<Format, Fault> {
        format::format(self.file(), kind, wish)
    }

    fn interval(
        &self,
        kind: BufferKind,
        wish: Option<Interval>,
    ) -> Result<Option<Interval>, Fault> {
        format::interval(self.file(), kind, wish)
    }

    fn control_after(&self, last: u32) -> Result<raw::v4l2_query_ext_ctrl, Fault> {
        let id = last | raw::V4L2_CTRL_FLAG_NEXT_CTRL | raw::V4L2_CTRL_FLAG_NEXT_COMPOUND;
        let mut answer = raw::v4l2_query_ext_ctrl { id, ..Default::default() };
        sys::call(self.file(), &sys::QUERY_EXT_CTRL, &mut answer)?;
        Ok(answer)
    }

    fn menu_item(&self, id: u32, index: u32, of_integers: bool) -> Result<String, Fault> {
        let mut answer = raw::v4l2_querymenu { id, index, ..Default::default() };
        sys::call(self.file(), &sys::QUERYMENU, &mut answer)?;
        Ok(control::menu_item(&answer, of_integers))
    }

    fn control(&self, id: u32, wide: bool) -> Result<i64, Fault> {
        control::value(self.file(), id, wide)
    }

    fn set_control(&self, id: u32, wide: bool, value: i64) -> Result<(), Fault> {
        control::set_value(self.file(), id, wide, value)
    }

    fn control_text(&self, id: u32, size: usize) -> Result<String, Fault> {
        control::text_value(self.file(), id, size)
    }

    fn set_control_text(&self, id: u32, size: usize, text: &str) -> Result<(), Fault> {
        control::set_text_value(self.file(), id, size, text)
    }

    fn write(&self, picture: &[u8]) -> Result<usize, Fault> {
        let written = rustix::io::write(self.file(), picture);
        written.map_err(|errno| Fault { call: "write", cause: errno.into() })
    }

    fn request_buffers(&self, kind: BufferKind, count: u32) -> Result<u32, Fault> {
        let mut request = raw::v4l2_requestbuffers {
            count,
            type_: kind.code(),
            memory: raw::v4l2_memory_V4L2_MEMORY_MMAP,
            ..Default::default()
        };
        sys::call(self.file(), &sys::REQBUFS, &mut request)?;
        Ok(request.count)
    }

    fn map_buffer(&self, kind: BufferKind, index: u32) -> Result<Vec<Mapping>, Fault> {
        let places = buffer::query(self.file(), kind, index)?;
        let map = |(offset, length)| Mapping::new(self.file(), offset, length);
        places.into_iter().map(map).collect()
    }

    fn queue(
        &self,
        kind: BufferKind,
        index: u32,
        used: &[usize],
        stamp: Duration,
    ) -> Result<(), Fault> {
        buffer::queue(self.file(), kind, index, used, stamp)
    }

    fn dequeue(&self, kind: BufferKind) -> Result<Dequeued, Fault> {
        buffer::dequeue(self.file(), kind)
    }

    fn stream_on(&self, kind: BufferKind) -> Result<(), Fault> {
        self.stream(&sys::STREAMON, kind)
    }

    fn stream_off(&self, kind: BufferKind) -> Result<(), Fault> {
        self.stream(&sys::STREAMOFF, kind)
    }

    fn subscribe(&self) -> Result<(), Fault> {
        let mut subscription = raw::v4l2_event_subscription {
            type_: raw::V4L2_EVENT_SOURCE_CHANGE,
            ..Default::default()
        };
        sys::call(self.file(), &sys::SUBSCRIBE_EVENT, &mut subscription)
    }

    fn take_event(&self) -> Result<bool, Fault> {
        let event = buffer::take_event(self.file())?;
        Ok(event == raw::V4L2_EVENT_SOURCE_CHANGE)
    }

    fn poll(&self, kind: BufferKind, events: bool, patience: Duration) -> Result<Events, Fault> {
        let mut wanted = if kind.is_output() { PollFlags::OUT } else { PollFlags::IN };
        wanted.set(PollFlags::PRI, events);
        // A time that the kernel cannot count is for ever, which nobody asks for.
        let patience = Timespec::try_from(patience).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let mut watched = [PollFd::new(&self.0, wanted)];
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
}

//! A model of a driver, in memory and strict: what real drivers let pass or punish much later is
//! noted as a breach at once. It can be told to fail in any call, and to be in trouble until
//! something helps; and it plays cameras with the manners of real drivers ([`Personality`]).
//!
//! Time is the model's own and passes only while somebody waits for it.

mod device;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use v4l::v4l_sys as raw;

pub(crate) use device::Personality;
pub(crate) use state::{Condition, Cure, Place, State, Trouble};

use super::driver::{Dequeued, Driver, Events, Memory, PlaneUse};
use super::error::Fault;
use super::format::{
    Format, FormatDescription, FormatWish, FourCc, FrameIntervals, FrameSizes, Interval,
};
use super::kind::{BufferKind, Direction};
use crate::frame::Extent;

/// A model of a driver; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct DriverModel {
    state: Arc<Mutex<State>>,
    /// Of one that was opened: closes the device when the last clone goes.
    _opening: Option<Arc<Opening>>,
}

/// A device is open as long as this lives.
#[derive(Debug)]
struct Opening(Arc<Mutex<State>>);

impl Drop for Opening {
    fn drop(&mut self) {
        lock(&self.0).close();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Memory of a plane of the model.
#[derive(Debug)]
pub(crate) struct Bytes(Vec<u8>, Arc<Mutex<State>>);

impl Memory for Bytes {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn copy(&self, used: PlaneUse, copy: &mut Vec<u8>) {
        let end = used.end.min(self.0.len());
        copy.clear();
        copy.extend_from_slice(&self.0[used.offset.min(end)..end]);
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        lock(&self.1).mapped -= 1;
    }
}

impl DriverModel {
    /// An open camera or output that has up to `limit` buffers with planes of so many bytes.
    pub(crate) fn new(is_output: bool, limit: u32, planes: &[usize]) -> Self {
        let state = State::new(is_output, limit, planes);
        Self { state: Arc::new(Mutex::new(state)), _opening: None }
    }

    /// A camera that is not open yet.
    pub(crate) fn camera(personality: Personality) -> Self {
        let mut state = State::new(false, 4, &[]);
        state.device = personality.device();
        Self { state: Arc::new(Mutex::new(state)), _opening: None }
    }

    /// Opens the device.
    pub(crate) fn open(&self) -> Result<Self, Fault> {
        self.state().open().map_err(|errno| Fault { call: "open", cause: errno.into() })?;
        let opening = Arc::new(Opening(Arc::clone(&self.state)));
        Ok(Self { state: Arc::clone(&self.state), _opening: Some(opening) })
    }

    /// The state, to look at and to change. One at a time.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// What goes wrong in the next calls, one each.
    pub(crate) fn trouble(&self, troubles: impl IntoIterator<Item = Option<Trouble>>) {
        self.state().troubles = troubles.into_iter().collect();
    }

    /// Lets the driver be done with `frames` buffers.
    pub(crate) fn work(&self, frames: usize) {
        (0..frames).for_each(|_| self.state().tick());
    }
}

impl Driver for DriverModel {
    type Memory = Bytes;

    fn capability(&self) -> Result<raw::v4l2_capability, Fault> {
        let mut state = self.state();
        state.enter("VIDIOC_QUERYCAP")?;
        Ok(state.device.capability())
    }

    fn format_at(&self, _: BufferKind, index: u32) -> Result<FormatDescription, Fault> {
        let mut state = self.state();
        state.enter("VIDIOC_ENUM_FMT")?;
        let (fourcc, _) = state.format_at(index)?;
        Ok(FormatDescription {
            fourcc,
            description: String::new(),
            compressed: false,
            emulated: false,
        })
    }

    fn frame_size_at(&self, fourcc: FourCc, index: u32) -> Result<FrameSizes, Fault> {
        let mut state = self.state();
        state.enter("VIDIOC_ENUM_FRAMESIZES")?;
        state.device.extent_at(fourcc, index).map(FrameSizes::Discrete)
    }

    fn frame_interval_at(&self, _: FourCc, _: Extent, _: u32) -> Result<FrameIntervals, Fault> {
        self.state().enter("VIDIOC_ENUM_FRAMEINTERVALS")?;
        Err(Fault { call: "VIDIOC_ENUM_FRAMEINTERVALS", cause: Errno::NOTTY.into() })
    }

    fn format(&self, _: BufferKind, wish: Option<&FormatWish>) -> Result<Format, Fault> {
        let mut state = self.state();
        state.enter("VIDIOC_S_FMT")?;
        if !state.buffers.is_empty() {
            return state.breach("VIDIOC_S_FMT", "there are buffers");
        }
        let format = state.device.format(wish);
        state.planes = vec![state.device.length()];
        Ok(format)
    }

    fn interval(&self, _: BufferKind, _: Option<Interval>) -> Result<Option<Interval>, Fault> {
        let mut state = self.state();
        state.enter("VIDIOC_S_PARM")?;
        state.device.interval()
    }

    fn control_after(&self, last: u32) -> Result<raw::v4l2_query_ext_ctrl, Fault> {
        let mut state = self.state();
        state.enter("VIDIOC_QUERY_EXT_CTRL")?;
        state.device.control_after(last)
    }

    fn menu_item(&self, _: u32, index: u32, _: bool) -> Result<String, Fault> {
        self.state().enter("VIDIOC_QUERYMENU")?;
        Ok(index.to_string())
    }

    fn control(&self, id: u32, wide: bool) -> Result<i64, Fault> {
        let mut state = self.state();
        state.enter("VIDIOC_G_EXT_CTRLS")?;
        state.device.control(id, wide)
    }

    fn set_control(&self, id: u32, wide: bool, value: i64) -> Result<(), Fault> {
        let mut state = self.state();
        state.enter("VIDIOC_S_EXT_CTRLS")?;
        state.device.set_control(id, wide, value)
    }

    fn control_text(&self, _: u32, _: usize) -> Result<String, Fault> {
        Err(Fault { call: "VIDIOC_G_EXT_CTRLS", cause: Errno::INVAL.into() })
    }

    fn set_control_text(&self, _: u32, _: usize, _: &str) -> Result<(), Fault> {
        Err(Fault { call: "VIDIOC_S_EXT_CTRLS", cause: Errno::INVAL.into() })
    }

    fn write(&self, _: &[u8]) -> Result<usize, Fault> {
        Err(Fault { call: "write", cause: Errno::INVAL.into() })
    }

    fn request_buffers(&self, _: BufferKind, count: u32) -> Result<u32, Fault> {
        let (mut state, call) = (self.state(), "VIDIOC_REQBUFS");
        state.enter(call)?;
        if state.mapped > 0 {
            return state.breach(call, "buffers are mapped");
        }
        if state.is_streaming {
            return state.breach(call, "the stream runs");
        }
        Ok(state.make_buffers(count))
    }

    fn map_buffer(&self, _: BufferKind, index: u32) -> Result<Vec<Bytes>, Fault> {
        let (mut state, call) = (self.state(), "VIDIOC_QUERYBUF");
        state.enter(call)?;
        if index as usize >= state.buffers.len() {
            return state.breach(call, "no such buffer");
        }
        let planes = state.device.memory(&state.planes, index);
        state.mapped += planes.len();
        Ok(planes.into_iter().map(|bytes| Bytes(bytes, Arc::clone(&self.state))).collect())
    }

    fn queue(
        &self,
        kind: BufferKind,
        index: u32,
        used: &[usize],
        _: Duration,
    ) -> Result<(), Fault> {
        let (mut state, call) = (self.state(), "VIDIOC_QBUF");
        state.enter(call)?;
        match state.buffers.get(index as usize) {
            None => return state.breach(call, "no such buffer"),
            Some(Place::Driver) => return state.breach(call, "the driver has the buffer"),
            Some(Place::User) => {}
        }
        let fits = used.iter().zip(&state.planes).all(|(used, length)| used <= length);
        if kind.direction == Direction::Output && (!fits || used.len() != state.planes.len()) {
            return state.breach(call, "more bytes than the buffer has");
        }
        state.take_in(index, used.first().copied().unwrap_or(0));
        Ok(())
    }

    fn dequeue(&self, _: BufferKind) -> Result<Dequeued, Fault> {
        let (mut state, call) = (self.state(), "VIDIOC_DQBUF");
        let trouble = state.enter(call)?;
        if !state.is_streaming {
            return state.breach(call, "the stream does not run");
        }
        if let Condition::Broken(errno) = state.condition {
            return Err(Fault { call, cause: errno.into() });
        }
        let users = state.buffers.iter().position(|&place| place == Place::User);
        if let (Some(Trouble::NotItsBuffer), Some(index)) = (trouble, users) {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            return Ok(Dequeued { index, ..Dequeued::default() });
        }
        let taken = state.give_out();
        let mut taken = taken.ok_or(Fault { call, cause: Errno::AGAIN.into() })?;
        match trouble {
            Some(Trouble::Marked) => taken.flags |= raw::V4L2_BUF_FLAG_ERROR,
            Some(Trouble::Empty) => taken.planes[0].end = taken.planes[0].offset,
            Some(Trouble::Beyond) => taken.planes[0].end = usize::MAX,
            Some(Trouble::NoSuchBuffer) => taken.index = u32::MAX,
            _ => {}
        }
        Ok(taken)
    }

    fn stream_on(&self, _: BufferKind) -> Result<(), Fault> {
        let (mut state, call) = (self.state(), "VIDIOC_STREAMON");
        state.enter(call)?;
        if state.waiting.is_empty() {
            return state.breach(call, "no buffer is queued");
        }
        state.start();
        Ok(())
    }

    fn stream_off(&self, _: BufferKind) -> Result<(), Fault> {
        let mut state = self.state();
        state.enter("VIDIOC_STREAMOFF")?;
        state.stop();
        Ok(())
    }

    fn subscribe(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn take_event(&self) -> Result<bool, Fault> {
        let mut state = self.state();
        state.enter("VIDIOC_DQEVENT")?;
        Ok(std::mem::take(&mut state.has_changed))
    }

    fn poll(&self, _: BufferKind, _: bool, patience: Duration) -> Result<Events, Fault> {
        let mut state = self.state();
        let trouble = state.enter("poll");
        // A device that is gone hangs up; `poll` itself does not fail.
        if state.is_gone() {
            return Ok(Events { error: true, hangup: true, ..Events::default() });
        }
        match trouble? {
            Some(Trouble::Error) => return Ok(Events { error: true, ..Events::default() }),
            Some(Trouble::Ready) => return Ok(Events { ready: true, ..Events::default() }),
            Some(Trouble::Changed) => {
                state.has_changed = true;
                return Ok(Events { event: true, ..Events::default() });
            }
            Some(Trouble::Silence) => state.now += patience,
            _ => state.wait(patience),
        }
        Ok(Events { ready: !state.done.is_empty(), ..Events::default() })
    }

    fn now(&self) -> Duration {
        self.state().now
    }

    fn instant(&self) -> Instant {
        self.state().instant()
    }

    fn rest(&self, length: Duration) {
        self.state().now += length;
    }
}

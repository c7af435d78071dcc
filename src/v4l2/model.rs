//! A model of the kernel's side of a queue, in memory and strict: what real drivers let pass or
//! punish much later is noted as a breach at once. It can be told to fail in any call.
//!
//! Time is the model's own and passes only while somebody waits for it.

use std::cell::{Ref, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;
use v4l::v4l_sys as raw;

use super::error::Fault;
use super::kernel::{Dequeued, Events, Kernel, Memory, PlaneUse};

/// Time from one frame to the next.
const INTERVAL: Duration = Duration::from_millis(10);

/// A model of a kernel; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Model(Rc<RefCell<State>>);

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
    /// A buffer is given that the kernel does not have.
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

/// Everything about the model.
#[derive(Debug)]
pub(crate) struct State {
    is_output: bool,
    /// Buffers it has at most.
    limit: u32,
    /// Bytes of each plane of a buffer.
    planes: Vec<usize>,
    pub(crate) buffers: Vec<Place>,
    /// Those that the driver fills or shows, in order.
    waiting: VecDeque<u32>,
    /// Those that can be taken, in order.
    done: VecDeque<(u32, u32)>,
    pub(crate) is_streaming: bool,
    is_gone: bool,
    has_changed: bool,
    pub(crate) now: Duration,
    sequence: u32,
    /// What goes wrong, call by call.
    pub(crate) troubles: VecDeque<Option<Trouble>>,
    /// What must not be done to a kernel and was done.
    pub(crate) breaches: Vec<String>,
    /// Mappings there are.
    pub(crate) mapped: usize,
    /// The time that the driver gives frames.
    stamp: Duration,
    /// What was queued: index, bytes of the first plane.
    pub(crate) queued: Vec<(u32, usize)>,
}

/// Where a buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    User,
    Kernel,
}

/// Memory of a plane of the model.
#[derive(Debug)]
pub(crate) struct Bytes(Vec<u8>, Model);

impl Memory for Bytes {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.1.0.borrow_mut().mapped -= 1;
    }
}

impl Model {
    /// A camera or an output that has up to `limit` buffers with planes of so many bytes.
    pub(crate) fn new(is_output: bool, limit: u32, planes: &[usize]) -> Self {
        Self(Rc::new(RefCell::new(State {
            is_output,
            limit,
            planes: planes.to_vec(),
            buffers: Vec::new(),
            waiting: VecDeque::new(),
            done: VecDeque::new(),
            is_streaming: false,
            is_gone: false,
            has_changed: false,
            now: Duration::from_secs(1000),
            sequence: 0,
            troubles: VecDeque::new(),
            breaches: Vec::new(),
            mapped: 0,
            stamp: Duration::ZERO,
            queued: Vec::new(),
        })))
    }

    /// The state, to look at.
    pub(crate) fn state(&self) -> Ref<'_, State> {
        self.0.borrow()
    }

    /// What goes wrong in the next calls, one each.
    pub(crate) fn trouble(&self, troubles: impl IntoIterator<Item = Option<Trouble>>) {
        self.0.borrow_mut().troubles = troubles.into_iter().collect();
    }

    /// Lets the driver be done with `frames` buffers.
    pub(crate) fn work(&self, frames: usize) {
        (0..frames).for_each(|_| self.0.borrow_mut().tick());
    }

    /// Gives the frames to come this time.
    pub(crate) fn stamp(&self, stamp: Duration) {
        self.0.borrow_mut().stamp = stamp;
    }

    /// Begins a call: what goes wrong in it.
    fn enter(&self, call: &'static str) -> Result<Option<Trouble>, Fault> {
        let mut state = self.0.borrow_mut();
        let trouble = state.troubles.pop_front().flatten();
        state.is_gone |= trouble == Some(Trouble::Gone);
        if state.is_gone {
            return Err(Fault { call, cause: Errno::NODEV.into() });
        }
        match trouble {
            Some(Trouble::Fails(errno)) => Err(Fault { call, cause: errno.into() }),
            trouble => Ok(trouble),
        }
    }

    fn breach<T>(&self, call: &'static str, what: &str) -> Result<T, Fault> {
        self.0.borrow_mut().breaches.push(format!("{call}: {what}"));
        Err(Fault { call, cause: Errno::INVAL.into() })
    }
}

impl State {
    /// Lets the time of one frame pass.
    fn tick(&mut self) {
        self.now += INTERVAL;
        self.sequence += 1;
        if self.is_streaming
            && let Some(index) = self.waiting.pop_front()
        {
            self.done.push_back((index, self.sequence));
        }
    }

    fn take(&mut self) -> Option<Dequeued> {
        let (index, sequence) = self.done.pop_front()?;
        self.buffers[index as usize] = Place::User;
        let mut taken = Dequeued { index, sequence, stamp: self.stamp, ..Dequeued::default() };
        for (used, &length) in taken.planes.iter_mut().zip(&self.planes) {
            *used = PlaneUse { offset: 0, end: length };
        }
        Some(taken)
    }
}

impl Kernel for Model {
    type Memory = Bytes;

    fn request_buffers(&mut self, count: u32) -> Result<u32, Fault> {
        let call = "VIDIOC_REQBUFS";
        self.enter(call)?;
        if self.state().mapped > 0 {
            return self.breach(call, "buffers are mapped");
        }
        if self.state().is_streaming {
            return self.breach(call, "the stream runs");
        }
        let mut state = self.0.borrow_mut();
        let count = count.min(state.limit);
        state.buffers = vec![Place::User; count as usize];
        state.waiting.clear();
        state.done.clear();
        Ok(count)
    }

    fn map_buffer(&mut self, index: u32) -> Result<Vec<Bytes>, Fault> {
        let call = "VIDIOC_QUERYBUF";
        self.enter(call)?;
        if index as usize >= self.state().buffers.len() {
            return self.breach(call, "no such buffer");
        }
        let planes = self.state().planes.clone();
        self.0.borrow_mut().mapped += planes.len();
        let pattern = u8::try_from(index).unwrap_or(u8::MAX);
        Ok(planes.into_iter().map(|length| Bytes(vec![pattern; length], self.clone())).collect())
    }

    fn queue(&mut self, index: u32, used: &[usize], _: Duration) -> Result<(), Fault> {
        let call = "VIDIOC_QBUF";
        self.enter(call)?;
        let place = self.state().buffers.get(index as usize).copied();
        match place {
            None => return self.breach(call, "no such buffer"),
            Some(Place::Kernel) => return self.breach(call, "the kernel has the buffer"),
            Some(Place::User) => {}
        }
        let mut state = self.0.borrow_mut();
        let fits = used.iter().zip(&state.planes).all(|(used, length)| used <= length);
        if state.is_output && (!fits || used.len() != state.planes.len()) {
            drop(state);
            return self.breach(call, "more bytes than the buffer has");
        }
        state.buffers[index as usize] = Place::Kernel;
        state.waiting.push_back(index);
        state.queued.push((index, used.first().copied().unwrap_or(0)));
        Ok(())
    }

    fn dequeue(&mut self) -> Result<Dequeued, Fault> {
        let call = "VIDIOC_DQBUF";
        let trouble = self.enter(call)?;
        if !self.state().is_streaming {
            return self.breach(call, "the stream does not run");
        }
        let users = self.state().buffers.iter().position(|&place| place == Place::User);
        if let (Some(Trouble::NotItsBuffer), Some(index)) = (trouble, users) {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            return Ok(Dequeued { index, ..Dequeued::default() });
        }
        let taken = self.0.borrow_mut().take();
        let mut taken = taken.ok_or(Fault { call, cause: Errno::AGAIN.into() })?;
        match trouble {
            Some(Trouble::Marked) => taken.flags |= raw::V4L2_BUF_FLAG_ERROR,
            Some(Trouble::Empty) => taken.planes[0].end = 0,
            Some(Trouble::Beyond) => taken.planes[0].end = usize::MAX,
            Some(Trouble::NoSuchBuffer) => taken.index = u32::MAX,
            _ => {}
        }
        Ok(taken)
    }

    fn stream_on(&mut self) -> Result<(), Fault> {
        let call = "VIDIOC_STREAMON";
        self.enter(call)?;
        if self.state().waiting.is_empty() {
            return self.breach(call, "no buffer is queued");
        }
        self.0.borrow_mut().is_streaming = true;
        Ok(())
    }

    fn stream_off(&mut self) -> Result<(), Fault> {
        self.enter("VIDIOC_STREAMOFF")?;
        let mut state = self.0.borrow_mut();
        state.is_streaming = false;
        state.waiting.clear();
        state.done.clear();
        state.buffers.fill(Place::User);
        Ok(())
    }

    fn poll(&mut self, patience: Duration) -> Result<Events, Fault> {
        let trouble = self.enter("poll");
        let mut state = self.0.borrow_mut();
        // A device that is gone hangs up; `poll` itself does not fail.
        if state.is_gone {
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
            _ if state.done.is_empty() && (state.waiting.is_empty() || patience < INTERVAL) => {
                state.now += patience;
            }
            _ if state.done.is_empty() => state.tick(),
            _ => {}
        }
        Ok(Events { ready: !state.done.is_empty(), ..Events::default() })
    }

    fn take_event(&mut self) -> Result<bool, Fault> {
        self.enter("VIDIOC_DQEVENT")?;
        Ok(std::mem::take(&mut self.0.borrow_mut().has_changed))
    }

    fn now(&self) -> Duration {
        self.state().now
    }

    fn rest(&mut self, length: Duration) {
        self.0.borrow_mut().now += length;
    }
}

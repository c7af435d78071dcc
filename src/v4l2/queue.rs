//! The buffers that a device and this process hand each other, whichever way pictures go.
//!
//! A buffer is either the driver's or ours, and [`Buffers`] knows which: none is given twice, and
//! what the driver answers is checked before it is believed. Nothing here allocates once the
//! stream has started, and nothing waits longer than it is told to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;

use super::driver::{Dequeued, Driver, Events};
use super::error::{Fault, V4l2Error, uninterrupted};
use super::kind::BufferKind;

/// Buffers asked for, at most; the kernel has no more.
pub const BUFFERS_MAX: u32 = 32;

/// The pause after a device said that it is ready and was not.
const PAUSE: Duration = Duration::from_millis(2);

/// The buffers of one stream.
#[derive(Debug)]
pub(super) struct Buffers<D: Driver> {
    pub(super) driver: D,
    kind: BufferKind,
    /// Whether the driver tells of events.
    events: bool,
    /// The device as it was asked for, for messages.
    device: PathBuf,
    /// The planes of each buffer.
    memory: Vec<Vec<D::Memory>>,
    owners: Vec<Owner>,
    /// Whether the kernel may have buffers for us.
    is_requested: bool,
    is_streaming: bool,
}

/// Whose a buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Driver,
    Ours,
}

impl<D: Driver> Buffers<D> {
    /// Asks for `count` buffers and maps those that there are, which may be fewer or more.
    ///
    /// # Errors
    /// Where there are none or they cannot be mapped.
    pub(super) fn request(
        driver: D,
        (device, kind): (&Path, BufferKind),
        count: u32,
    ) -> Result<Self, V4l2Error> {
        let mut buffers = Self {
            // Many drivers know of no events.
            events: driver.subscribe().is_ok(),
            driver,
            kind,
            device: device.to_owned(),
            memory: Vec::new(),
            owners: Vec::new(),
            is_requested: false,
            is_streaming: false,
        };
        let count = count.clamp(1, BUFFERS_MAX);
        let given = buffers.call(|driver| driver.request_buffers(kind, count))?;
        buffers.is_requested = true;
        for index in 0..given.min(BUFFERS_MAX) {
            let planes = buffers.call(|driver| driver.map_buffer(kind, index))?;
            buffers.memory.push(planes);
            buffers.owners.push(Owner::Ours);
        }
        if buffers.owners.is_empty() {
            return Err(buffers.odd("VIDIOC_REQBUFS", "no buffers".to_owned(), "at least one"));
        }
        Ok(buffers)
    }

    /// Number of buffers.
    pub(super) fn count(&self) -> usize {
        self.owners.len()
    }

    /// The device as it was asked for.
    pub(super) fn device(&self) -> &Path {
        &self.device
    }

    /// Whether the stream runs.
    pub(super) fn is_streaming(&self) -> bool {
        self.is_streaming
    }

    /// Whether a buffer is ours.
    pub(super) fn is_ours(&self, index: u32) -> bool {
        self.owners.get(index as usize) == Some(&Owner::Ours)
    }

    /// The planes of a buffer that is ours.
    pub(super) fn planes(&self, index: u32) -> &[D::Memory] {
        debug_assert!(self.is_ours(index), "the driver's buffer was lent");
        &self.memory[index as usize]
    }

    /// The planes of a buffer that is ours.
    pub(super) fn planes_mut(&mut self, index: u32) -> &mut [D::Memory] {
        debug_assert!(self.is_ours(index), "the driver's buffer was lent");
        &mut self.memory[index as usize]
    }

    /// Gives one of our buffers to the driver. It stays ours where that fails.
    pub(super) fn queue(
        &mut self,
        index: u32,
        used: &[usize],
        stamp: Duration,
    ) -> Result<(), Fault> {
        let queued = uninterrupted(|| self.driver.queue(self.kind, index, used, stamp));
        if queued.is_ok() {
            self.owners[index as usize] = Owner::Driver;
        }
        queued
    }

    /// Starts the stream.
    pub(super) fn stream_on(&mut self) -> Result<(), V4l2Error> {
        self.call(|driver| driver.stream_on(self.kind))?;
        self.is_streaming = true;
        Ok(())
    }

    /// Stops the stream; then all buffers are ours, those included that wait for a stream that could
    /// not be started.
    ///
    /// # Errors
    /// Where the driver does not say that it stopped. It keeps what it has.
    pub(super) fn stream_off(&mut self) -> Result<(), V4l2Error> {
        self.call(|driver| driver.stream_off(self.kind))?;
        self.is_streaming = false;
        self.owners.fill(Owner::Ours);
        Ok(())
    }

    /// Takes a buffer that the driver is done with; `None` where there is none, or where the driver
    /// gives one that it does not have, as outputs of v4l2loopback do.
    ///
    /// # Errors
    /// Where the driver fails, or gives a buffer that does not exist.
    pub(super) fn dequeue(&mut self) -> Result<Option<Dequeued>, V4l2Error> {
        let taken = match uninterrupted(|| self.driver.dequeue(self.kind)) {
            Err(fault) if fault.is(Errno::AGAIN) => return Ok(None),
            result => result.map_err(|fault| V4l2Error::call(&self.device, fault))?,
        };
        let Some(owner) = self.owners.get_mut(taken.index as usize) else {
            let (answer, expected) =
                (format!("buffer {}", taken.index), format!("one of {}", self.owners.len()));
            return Err(self.odd("VIDIOC_DQBUF", answer, &expected));
        };
        let before = std::mem::replace(owner, Owner::Ours);
        Ok((before == Owner::Driver).then_some(taken))
    }

    /// As [`Buffers::dequeue`], waiting for `patience` at most; and whether it came while waited
    /// for.
    pub(super) fn wait(
        &mut self,
        patience: Duration,
    ) -> Result<Option<(Dequeued, bool)>, V4l2Error> {
        if !self.is_streaming {
            return Err(self.broken("it was stopped"));
        }
        let deadline = self.driver.now() + patience;
        let mut has_waited = false;
        loop {
            if let Some(taken) = self.dequeue()? {
                return Ok(Some((taken, has_waited)));
            }
            has_waited = true;
            let left = deadline.saturating_sub(self.driver.now());
            if left.is_zero() {
                return Ok(None);
            }
            let events = self.poll(left)?;
            if events.event && self.call(Driver::take_event)? {
                return Err(V4l2Error::Changed(self.device.clone()));
            }
            if events.is_empty() || events.event {
                continue;
            }
            // Where something is wrong, asking for a buffer tells what.
            if let Some(taken) = self.dequeue()? {
                return Ok(Some((taken, true)));
            }
            if !events.ready {
                let hangup = "poll reports a hang-up";
                return Err(self.broken(if events.hangup {
                    hangup
                } else {
                    "poll reports an error"
                }));
            }
            // Some drivers are ready for ever and have nothing: do not ask them all the time.
            self.driver.rest(left.min(PAUSE));
        }
    }

    /// Waits for events; none where a signal came first.
    fn poll(&mut self, patience: Duration) -> Result<Events, V4l2Error> {
        match self.driver.poll(self.kind, self.events, patience) {
            Err(fault) if fault.is(Errno::INTR) => Ok(Events::default()),
            result => result.map_err(|fault| V4l2Error::call(&self.device, fault)),
        }
    }

    fn call<T>(&self, call: impl Fn(&D) -> Result<T, Fault>) -> Result<T, V4l2Error> {
        let result = uninterrupted(|| call(&self.driver));
        result.map_err(|fault| V4l2Error::call(&self.device, fault))
    }

    fn broken(&self, reason: &'static str) -> V4l2Error {
        V4l2Error::Broken { device: self.device.clone(), reason }
    }

    fn odd(&self, call: &'static str, answer: String, expected: &str) -> V4l2Error {
        let (device, expected) = (self.device.clone(), expected.to_owned());
        V4l2Error::Answer { device, call, answer, expected }
    }
}

impl<D: Driver> Drop for Buffers<D> {
    /// Stops the stream, unmaps and frees the buffers. Where the driver does not stop, it frees
    /// them when the device is closed.
    fn drop(&mut self) {
        let stopped = if self.is_streaming { self.stream_off() } else { Ok(()) };
        self.memory.clear();
        let free = |driver: &D| driver.request_buffers(self.kind, 0).map(drop);
        let freed = stopped.and_then(|()| if self.is_requested { self.call(free) } else { Ok(()) });
        if let Err(error) = freed {
            log::debug!("{error}");
        }
    }
}

//! Frames to an output device: buffers that we fill, one at a time.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use super::driver::{Driver, Memory, PLANES_MAX};
use super::error::V4l2Error;
use super::ioctls::Ioctls;
use super::kind::BufferKind;
use super::queue::Buffers;

/// A stream of frames to a device. Dropping it stops the stream and frees its buffers.
///
/// The stream is started when the first buffer has been given: drivers of the kernel's own buffer
/// framework cannot start, and never say that they are ready, before they have one.
#[derive(Debug)]
pub struct Output<D: Driver = Ioctls> {
    buffers: Buffers<D>,
    /// Buffers that are ours, the one longest so first.
    vacant: VecDeque<u32>,
}

impl<D: Driver> Output<D> {
    /// Asks for `count` buffers. `device` is for messages.
    ///
    /// # Errors
    /// Where there are none or they cannot be mapped.
    pub fn start(
        driver: D,
        (device, kind): (&Path, BufferKind),
        count: u32,
    ) -> Result<Self, V4l2Error> {
        let buffers = Buffers::request(driver, (device, kind), count)?;
        let vacant = (0..).take(buffers.count()).collect();
        Ok(Self { buffers, vacant })
    }

    /// Number of buffers, which may differ from what was asked for.
    pub fn buffers(&self) -> usize {
        self.buffers.count()
    }

    /// A buffer to fill, waiting for one for `patience` at most; `None` where the driver has them
    /// all by then.
    ///
    /// # Errors
    /// Where the stream cannot go on.
    pub fn vacant(&mut self, patience: Duration) -> Result<Option<Vacant<'_, D>>, V4l2Error> {
        // The one longest ours is the one that a reader of a loopback device is least likely to
        // be reading, so all that can be had come before one is chosen.
        for _ in 0..self.buffers.count() {
            let patience = if self.vacant.is_empty() { patience } else { Duration::ZERO };
            if !self.take_back(patience)? {
                break;
            }
        }
        let Some(&index) = self.vacant.front() else { return Ok(None) };
        Ok(Some(Vacant { output: self, index }))
    }

    /// Takes a buffer back from the driver; whether there was one.
    fn take_back(&mut self, patience: Duration) -> Result<bool, V4l2Error> {
        if !self.buffers.is_streaming() {
            return Ok(false);
        }
        let taken = self.buffers.wait(patience)?;
        self.vacant.extend(taken.map(|(taken, _)| taken.index));
        Ok(taken.is_some())
    }
}

/// A buffer to fill. It stays vacant where it is dropped without being sent.
#[derive(Debug)]
pub struct Vacant<'a, D: Driver = Ioctls> {
    output: &'a mut Output<D>,
    index: u32,
}

impl<D: Driver> Vacant<'_, D> {
    /// Number of planes.
    pub fn planes(&self) -> usize {
        self.output.buffers.planes(self.index).len()
    }

    /// All bytes of plane `index`, counted from 0; none where there is no such plane. They hold
    /// what was sent in them before.
    pub fn plane_mut(&mut self, index: usize) -> &mut [u8] {
        let planes = self.output.buffers.planes_mut(self.index);
        planes.get_mut(index).map_or(&mut [], Memory::bytes_mut)
    }

    /// Gives the buffer to the driver, `used` bytes of each plane being filled. `captured_at` is
    /// when the picture was taken.
    ///
    /// # Errors
    /// Where the driver does not take it, or the stream cannot be started.
    pub fn send(self, used: &[usize], captured_at: Instant) -> Result<(), V4l2Error> {
        let Output { buffers, vacant } = self.output;
        let mut clamped = [0; PLANES_MAX];
        for ((clamped, memory), &used) in
            clamped.iter_mut().zip(buffers.planes(self.index)).zip(used)
        {
            *clamped = used.min(memory.length());
        }
        let planes = buffers.planes(self.index).len().min(PLANES_MAX);
        let age = buffers.driver.instant().saturating_duration_since(captured_at);
        let stamp = buffers.driver.now().saturating_sub(age);
        let queued = buffers.queue(self.index, &clamped[..planes], stamp);
        queued.map_err(|fault| V4l2Error::call(buffers.device(), fault))?;
        vacant.pop_front();
        if buffers.is_streaming() { Ok(()) } else { buffers.stream_on() }
    }
}

//! Frames from a camera: buffers that the driver fills, lent one at a time.

use std::path::Path;
use std::time::{Duration, Instant};

use v4l::v4l_sys as raw;

use super::error::{Fault, V4l2Error};
use super::kernel::{Dequeued, Driver, Kernel, Memory};
use super::queue::Buffers;

/// A running stream of frames. Dropping it stops the stream and frees its buffers.
#[derive(Debug)]
pub struct Capture<K: Kernel = Driver> {
    buffers: Buffers<K>,
    /// Why a buffer could not be given back, until it is told.
    fault: Option<Fault>,
}

impl<K: Kernel> Capture<K> {
    /// Asks for `count` buffers, gives them all to the driver and starts the stream. `device` is
    /// for messages.
    ///
    /// # Errors
    /// Where any step fails; whatever was done is undone.
    pub fn start(kernel: K, device: &Path, count: u32) -> Result<Self, V4l2Error> {
        let mut capture = Self { buffers: Buffers::request(kernel, device, count)?, fault: None };
        capture.give_all()?;
        capture.buffers.stream_on()?;
        Ok(capture)
    }

    /// Stops the stream and starts it again with the same buffers: what helps against most
    /// hiccups, and the quickest that does.
    ///
    /// # Errors
    /// Where any step fails. It may be tried again.
    pub fn restart(&mut self) -> Result<(), V4l2Error> {
        self.buffers.stream_off()?;
        self.fault = None;
        self.give_all()?;
        self.buffers.stream_on()
    }

    /// Number of buffers, which may differ from what was asked for.
    pub fn buffers(&self) -> usize {
        self.buffers.count()
    }

    /// Waits for the next frame, for `patience` at most; `None` where there is none by then.
    ///
    /// # Errors
    /// Where the stream cannot go on, or a buffer lent before could not be given back. In the
    /// latter case it may: the buffer is tried again at the next call.
    pub fn next(&mut self, patience: Duration) -> Result<Option<Captured<'_, K>>, V4l2Error> {
        self.take_back()?;
        let taken = self.buffers.wait(patience)?;
        Ok(taken.map(|taken| Captured::new(self, &taken, 0)))
    }

    /// As [`Capture::next`], but gives the newest frame that there is. The ones before it go back
    /// unseen and are counted in [`Captured::skipped`].
    ///
    /// # Errors
    /// As [`Capture::next`].
    pub fn newest(&mut self, patience: Duration) -> Result<Option<Captured<'_, K>>, V4l2Error> {
        self.take_back()?;
        let Some(mut newest) = self.buffers.wait(patience)? else { return Ok(None) };
        let mut skipped = 0;
        // A driver that is faster than this loop must not keep it for ever.
        while skipped < self.buffers.count() {
            // What is wrong now will be wrong at the next call, and this frame is good.
            let Ok(Some(newer)) = self.buffers.dequeue() else { break };
            self.give(newest.index);
            newest = newer;
            skipped += 1;
        }
        Ok(Some(Captured::new(self, &newest, skipped)))
    }

    /// Tells why a buffer was not given back, once, and gives back what was not.
    fn take_back(&mut self) -> Result<(), V4l2Error> {
        if let Some(fault) = self.fault.take() {
            return Err(V4l2Error::call(self.buffers.device(), fault));
        }
        self.give_all()
    }

    /// Gives all buffers that are ours to the driver.
    fn give_all(&mut self) -> Result<(), V4l2Error> {
        for index in (0..).take(self.buffers.count()) {
            if self.buffers.is_ours(index) {
                let given = self.buffers.queue(index, &[], Duration::ZERO);
                given.map_err(|fault| V4l2Error::call(self.buffers.device(), fault))?;
            }
        }
        Ok(())
    }

    /// Gives one buffer to the driver, and remembers where that fails.
    fn give(&mut self, index: u32) {
        if let Err(fault) = self.buffers.queue(index, &[], Duration::ZERO) {
            self.fault = Some(fault);
        }
    }
}

/// A frame, lent until this is dropped; then its buffer goes back to the driver.
#[derive(Debug)]
pub struct Captured<'a, K: Kernel = Driver> {
    capture: &'a mut Capture<K>,
    taken: Dequeued,
    captured_at: Instant,
    clock: Clock,
    damage: Option<Damage>,
    skipped: usize,
}

/// Which clock a frame's time is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The driver's time on the monotonic clock.
    Driver,
    /// The time at which the frame was taken from the driver, whose own is of no use.
    Arrival,
}

/// Why a frame is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The driver says that data may be corrupt or missing.
    #[error("the driver marked the frame as damaged")]
    Marked,
    /// A plane holds nothing.
    #[error("plane {plane} is empty")]
    Empty {
        /// The plane, from 0.
        plane: usize,
    },
    /// The driver says that a plane holds more than it can.
    #[error("plane {plane} would hold bytes {offset} to {end} of {length}")]
    Beyond {
        /// The plane, from 0.
        plane: usize,
        /// Its first byte in use.
        offset: usize,
        /// The byte after its last in use.
        end: usize,
        /// Bytes there are.
        length: usize,
    },
}

impl<'a, K: Kernel> Captured<'a, K> {
    fn new(capture: &'a mut Capture<K>, taken: &Dequeued, skipped: usize) -> Self {
        let now = capture.buffers.kernel.now();
        let age = age_of(taken, now);
        let clock = age.map_or(Clock::Arrival, |_| Clock::Driver);
        let arrival = Instant::now();
        let captured_at = arrival.checked_sub(age.unwrap_or_default()).unwrap_or(arrival);
        let damage = damage_of(taken, capture.buffers.planes(taken.index));
        Self { capture, taken: *taken, captured_at, clock, damage, skipped }
    }

    /// The bytes in use of plane `index`, counted from 0; none where there is no such plane.
    pub fn plane(&self, index: usize) -> &[u8] {
        let memory = self.capture.buffers.planes(self.taken.index).get(index);
        let (Some(memory), Some(used)) = (memory, self.taken.planes.get(index)) else {
            return &[];
        };
        let bytes = memory.bytes();
        let end = used.end.min(bytes.len());
        &bytes[used.offset.min(end)..end]
    }

    /// The bytes in use of each plane.
    pub fn planes(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.capture.buffers.planes(self.taken.index).len()).map(|index| self.plane(index))
    }

    /// Why the frame is not what it should be, where it is not.
    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }

    /// Number of the frame as the driver counts them, lost ones included where it knows of them.
    pub fn sequence(&self) -> u32 {
        self.taken.sequence
    }

    /// `V4L2_FIELD_…`: whether the frame is whole or one of two fields.
    pub fn field(&self) -> u32 {
        self.taken.field
    }

    /// When the frame was taken, by [`Captured::clock`].
    pub fn captured_at(&self) -> Instant {
        self.captured_at
    }

    /// Which clock the frame's time is from.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Frames that went back unseen because this one is newer.
    pub fn skipped(&self) -> usize {
        self.skipped
    }
}

impl<K: Kernel> Drop for Captured<'_, K> {
    fn drop(&mut self) {
        self.capture.give(self.taken.index);
    }
}

/// The age above which a time is taken for one of another clock.
const AGE_MAX: Duration = Duration::from_secs(60);
/// How far ahead a time may be: some drivers stamp a frame with the end of its exposure and give it
/// at the beginning.
const AHEAD_MAX: Duration = Duration::from_secs(2);

/// How long ago the driver says the frame was taken; `None` where its time is of no use. Flags name
/// the clock, but loopback devices name none and some drivers the wrong one. The time itself tells:
/// that of day is decades ahead of the monotonic one.
fn age_of(taken: &Dequeued, now: Duration) -> Option<Duration> {
    if taken.stamp.is_zero() || taken.stamp > now + AHEAD_MAX {
        return None;
    }
    Some(now.saturating_sub(taken.stamp)).filter(|&age| age <= AGE_MAX)
}

fn damage_of(taken: &Dequeued, planes: &[impl Memory]) -> Option<Damage> {
    for (plane, (memory, used)) in planes.iter().zip(&taken.planes).enumerate() {
        let (offset, end, length) = (used.offset, used.end, memory.bytes().len());
        if end > length || offset > end {
            return Some(Damage::Beyond { plane, offset, end, length });
        }
        if offset == end {
            return Some(Damage::Empty { plane });
        }
    }
    (taken.flags & raw::V4L2_BUF_FLAG_ERROR != 0).then_some(Damage::Marked)
}

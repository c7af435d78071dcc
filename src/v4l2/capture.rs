//! Frames from a camera: buffers that the driver fills, lent one at a time.

use std::path::Path;
use std::time::{Duration, Instant};

use v4l::v4l_sys as raw;

use super::driver::{Dequeued, Driver, Memory};
use super::error::{Fault, V4l2Error};
use super::format::{Field, Interval};
use super::ioctls::Ioctls;
use super::kind::BufferKind;
use super::queue::Buffers;
use super::stamps::{Clock, Stamps};

/// A running stream of frames. Dropping it stops the stream and frees its buffers.
#[derive(Debug)]
pub struct Capture<D: Driver = Ioctls> {
    buffers: Buffers<D>,
    stamps: Stamps,
    /// The bytes in use of each plane of the frame that is lent.
    copies: Vec<Vec<u8>>,
    /// Why a buffer could not be given back, until it is told.
    fault: Option<Fault>,
}

impl<D: Driver> Capture<D> {
    /// Asks for `count` buffers, gives them all to the driver and starts the stream. `device` is
    /// for messages.
    ///
    /// # Errors
    /// Where any step fails; whatever was done is undone.
    pub fn start(
        driver: D,
        (device, kind): (&Path, BufferKind),
        count: u32,
    ) -> Result<Self, V4l2Error> {
        let buffers = Buffers::request(driver, (device, kind), count)?;
        // Room for the largest frame: none is made while frames flow.
        let room = buffers.planes(0).iter().map(|plane| Vec::with_capacity(plane.length()));
        let copies = room.collect();
        let mut capture = Self { buffers, stamps: Stamps::default(), copies, fault: None };
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
        self.stamps.restart();
        self.give_all()?;
        self.buffers.stream_on()
    }

    /// Says how far apart frames are to be expected, until they tell.
    pub fn expect(&mut self, interval: Interval) {
        self.stamps.expect(interval.rate().interval());
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
    pub fn next(&mut self, patience: Duration) -> Result<Option<Captured<'_, D>>, V4l2Error> {
        self.take_back()?;
        let taken = self.buffers.wait(patience)?;
        Ok(taken.map(|(taken, has_waited)| Captured::new(self, &taken, 0, has_waited)))
    }

    /// As [`Capture::next`], but gives the newest frame that there is. The ones before it go back
    /// unseen and are counted in [`Captured::skipped`].
    ///
    /// # Errors
    /// As [`Capture::next`].
    pub fn newest(&mut self, patience: Duration) -> Result<Option<Captured<'_, D>>, V4l2Error> {
        self.take_back()?;
        let Some((mut newest, has_waited)) = self.buffers.wait(patience)? else { return Ok(None) };
        let mut skipped = 0;
        // A driver that is faster than this loop must not keep it for ever.
        while skipped < self.buffers.count() {
            // What is wrong now will be wrong at the next call, and this frame is good.
            let Ok(Some(newer)) = self.buffers.dequeue() else { break };
            self.give(newest.index);
            newest = newer;
            skipped += 1;
        }
        Ok(Some(Captured::new(self, &newest, skipped, has_waited)))
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
pub struct Captured<'a, D: Driver = Ioctls> {
    capture: &'a mut Capture<D>,
    taken: Dequeued,
    captured_at: Instant,
    clock: Clock,
    damage: Option<Damage>,
    skipped: usize,
}

/// Why a frame is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, displaydoc::Display, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum Damage {
    /// the driver marked the frame as damaged
    Marked,
    /// plane {plane} is empty
    Empty { plane: usize },
    /// plane {plane} would hold bytes {offset} to {end} of {length}
    Beyond { plane: usize, offset: usize, end: usize, length: usize },
}

impl<'a, D: Driver> Captured<'a, D> {
    fn new(
        capture: &'a mut Capture<D>,
        taken: &Dequeued,
        skipped: usize,
        has_waited: bool,
    ) -> Self {
        let (now, arrival) = (capture.buffers.driver.now(), capture.buffers.driver.instant());
        let (age, clock) = capture.stamps.judge(taken, now, has_waited);
        let captured_at = arrival.checked_sub(age).unwrap_or(arrival);
        let planes = capture.buffers.planes(taken.index);
        let damage = damage_of(taken, planes);
        capture.copies.resize_with(planes.len(), Vec::new);
        for ((memory, used), copy) in planes.iter().zip(&taken.planes).zip(&mut capture.copies) {
            memory.copy(*used, copy);
        }
        Self { capture, taken: *taken, captured_at, clock, damage, skipped }
    }

    /// A copy of the bytes in use of plane `index`, counted from 0; none where there is no such plane.
    pub fn plane(&self, index: usize) -> &[u8] {
        self.capture.copies.get(index).map_or(&[], Vec::as_slice)
    }

    /// The bytes in use of each plane.
    pub fn planes(&self) -> impl Iterator<Item = &[u8]> {
        self.capture.copies.iter().map(Vec::as_slice)
    }

    /// Why the frame is not what it should be, where it is not.
    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }

    /// Number of the frame as the driver counts them, lost ones included where it knows of them.
    pub fn sequence(&self) -> u32 {
        self.taken.sequence
    }

    /// Whether the frame is whole.
    pub fn field(&self) -> Field {
        Field::of(self.taken.field)
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

impl<D: Driver> Drop for Captured<'_, D> {
    fn drop(&mut self) {
        self.capture.give(self.taken.index);
    }
}

fn damage_of(taken: &Dequeued, planes: &[impl Memory]) -> Option<Damage> {
    for (plane, (memory, used)) in planes.iter().zip(&taken.planes).enumerate() {
        let (offset, end, length) = (used.offset, used.end, memory.length());
        if end > length || offset > end {
            return Some(Damage::Beyond { plane, offset, end, length });
        }
        if offset == end {
            return Some(Damage::Empty { plane });
        }
    }
    (taken.flags & raw::V4L2_BUF_FLAG_ERROR != 0).then_some(Damage::Marked)
}

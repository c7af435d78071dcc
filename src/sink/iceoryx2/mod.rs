//! Restored frames for other processes of the device, in shared memory and without locks, by
//! iceoryx2's publish and subscribe.
//!
//! A frame is written once, into memory that subscribers read in place; [`wire`] says how. Each
//! subscriber has a queue of its own, in which the newest frames displace the oldest, and one that
//! comes late gets the last frame with the next. Nothing here waits for a subscriber: the segment is as
//! large as all of them can hold on to, alive, stopped or dead.
//!
//! What a publisher leaves that did not end by itself is removed by the next one.

mod options;
mod reason;
mod room;
mod service;

use std::io;

use iceoryx2::identifiers::UniqueSubscriberId;
use iceoryx2::port::backpressure_strategy::BackpressureStrategy;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::update_connections::UpdateConnections;
use iceoryx2::prelude::CallbackProgression;
use iceoryx2::service::ipc_threadsafe;
use iceoryx2::service::port_factory::PortFactory as _;
use rustix::time::{ClockId, clock_gettime};

use crate::frame::{Frame, FrameRate, PictureFormat};
use crate::sink::contract::{Sink, SinkError};
use crate::sink::wire;
pub use options::Iceoryx2Options;
use service::Service;

type Outlet = Publisher<ipc_threadsafe::Service, [u8], ()>;

/// Publishes frames in shared memory.
pub struct Iceoryx2Sink {
    options: Iceoryx2Options,
    service: Service,
    /// There once the extent of the frames is known, and until the end.
    publisher: Option<Outlet>,
    /// Subscribers whose connections have their memory, and those that there are now.
    connected: Vec<UniqueSubscriberId>,
    present: Vec<UniqueSubscriberId>,
    /// Whether the last frame was kept back.
    is_held: bool,
}

impl Iceoryx2Sink {
    /// Makes the service known, after whatever a dead publisher has left was removed.
    ///
    /// # Errors
    /// Where the name cannot be one, another publisher has it, or shared memory cannot be used.
    pub fn open(options: Iceoryx2Options) -> Result<Self, SinkError> {
        let service = service::open(&options).map_err(|cause| failed(&options.service, cause))?;
        let most = service.static_config().max_subscribers();
        let [connected, present] = [most; 2].map(Vec::with_capacity);
        let publisher = None;
        let sink = Self { options, service, publisher, connected, present, is_held: false };
        sink.is_alone().map_err(|cause| sink.failed(cause))?;
        Ok(sink)
    }

    /// Whether no other publisher has the name.
    fn is_alone(&self) -> Result<(), String> {
        match self.service.dynamic_config().number_of_publishers() {
            0 => Ok(()),
            _ => Err(reason::TAKEN.to_owned()),
        }
    }

    fn publish(&self, bytes: usize) -> Result<Outlet, String> {
        let frames = service::frames(&self.service);
        // iceoryx2 has a header of its own for each frame.
        let each = bytes as u64 + 256;
        room::check(each * frames as u64 + room::MARGIN).map_err(|cause| cause.to_string())?;
        self.is_alone()?;
        let builder = self.service.publisher_builder();
        let publisher = builder
            .initial_max_slice_len(bytes)
            .max_loaned_samples(1)
            .backpressure_strategy(BackpressureStrategy::DiscardData)
            .create()
            .map_err(reason::of_publisher)?;
        room::reserve().map_err(|cause| cause.to_string())?;
        Ok(publisher)
    }

    /// Connects with subscribers that have come, where their connections find room.
    fn connect(&mut self) -> io::Result<()> {
        self.present.clear();
        // One may have gone and another come: their number says nothing.
        self.service.dynamic_config().list_subscribers(|subscriber| {
            self.present.push(subscriber.subscriber_id);
            CallbackProgression::Continue
        });
        if self.present == self.connected {
            return Ok(());
        }
        room::check(room::MARGIN)?;
        let connected = self.publisher.as_ref().map(UpdateConnections::update_connections);
        if let Some(Err(cause)) = connected {
            // One subscriber cannot be reached; that is no matter of the others.
            log::warn!("{}: a subscriber cannot be reached: {cause:?}", self.options.service);
        }
        room::reserve()?;
        std::mem::swap(&mut self.connected, &mut self.present);
        Ok(())
    }

    /// Whether the frame may go out; tells when that changes.
    fn may_send(&mut self) -> bool {
        let outcome = self.connect();
        let was_held = std::mem::replace(&mut self.is_held, outcome.is_err());
        match outcome {
            Err(cause) if !was_held => {
                log::warn!("{}: frames are kept back: {cause}", self.options.service);
            }
            Ok(()) if was_held => log::warn!("{}: frames go out again", self.options.service),
            _ => {}
        }
        !self.is_held
    }

    fn failed(&self, cause: String) -> SinkError {
        failed(&self.options.service, cause)
    }
}

impl Sink for Iceoryx2Sink {
    fn name(&self) -> &str {
        "iceoryx2"
    }

    fn start(&mut self, format: PictureFormat, _: FrameRate) -> Result<(), SinkError> {
        let publisher = self.publish(wire::frame_bytes(format));
        self.publisher = Some(publisher.map_err(|cause| self.failed(cause))?);
        Ok(())
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        if !self.may_send() {
            return Err(SinkError::Busy);
        }
        let Some(publisher) = &self.publisher else {
            return Err(self.failed("it was not started".to_owned()));
        };
        let loan = publisher.loan_slice(wire::frame_bytes(frame.restored.format()));
        let mut sample = loan.map_err(|cause| self.failed(format!("{cause:?}")))?;
        wire::write(frame, captured_ns(frame), sample.payload_mut());
        match sample.send() {
            Ok(_) => Ok(()),
            Err(cause) => {
                // One subscriber may be broken; the others have the frame.
                log::debug!("{}: {cause:?}", self.options.service);
                Ok(())
            }
        }
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.publisher = None;
        Ok(())
    }
}

impl std::fmt::Debug for Iceoryx2Sink {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Iceoryx2Sink").field("options", &self.options).finish_non_exhaustive()
    }
}

fn failed(service: &str, cause: String) -> SinkError {
    SinkError::Publish { service: service.to_owned(), cause }
}

/// When the frame was captured, in nanoseconds of the clock that all processes share.
fn captured_ns(frame: &Frame) -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    let now = part(now.tv_sec) * 1_000_000_000 + part(now.tv_nsec);
    let age = u64::try_from(frame.meta.captured_at.elapsed().as_nanos()).unwrap_or(u64::MAX);
    now.saturating_sub(age)
}

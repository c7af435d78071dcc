//! Restored frames for other hosts, by Zenoh's publish and subscribe.
//!
//! A frame is encoded and published only while somebody wants it. Beside its payload goes the header of
//! [`wire`] as an attachment, in which publications are numbered without gaps: what a receiver lacks was
//! lost on its way, and how much that is both ends can tell. The queue of the pipeline stands before all
//! this; what the network does not take at once is dropped there or here, and delays nothing. Always:
//!
//! ```text
//! delivered to this sink = published + passed over
//! published = received + lost on the way, by each receiver from its first frame to its last
//! ```

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::fleet::{Demand, FrameForm, Link, Name, NameError, Outlet, ZenohOptions, host};
use crate::frame::{Frame, FrameRate, PictureFormat};
use crate::metrics::FleetMetrics;
use crate::pace::RateLimit;
use crate::sink::contract::{Sink, SinkError};
use crate::sink::encode::encode_jpeg;
use crate::sink::showcase::{Showcase, ShowcaseSink};
use crate::sink::wire::{self, HEADER_BYTES, Publication};

/// Name of the camera in keys, where the configuration has only one.
const ONLY: &str = "camera";

/// Publishes frames for other hosts.
#[derive(Debug)]
pub struct ZenohSink {
    options: ZenohOptions,
    outlet: Outlet,
    limit: RateLimit,
    metrics: Arc<FleetMetrics>,
    /// Shows to nobody; it knows what the frames are, and when the last one came.
    shown: ShowcaseSink,
}

impl ZenohSink {
    /// Name of such a sink in the statistics.
    pub const NAME: &str = "zenoh";

    /// Publishes by a link, which may open later, under the name that [`Self::name_of`] gives.
    pub fn new(options: ZenohOptions, link: Arc<Link>, name: &Name) -> Self {
        let encoding = match options.format {
            FrameForm::Jpeg => "image/jpeg",
            FrameForm::Raw => "application/octet-stream;deblurd",
        };
        Self {
            outlet: Outlet::new(link, name, encoding),
            limit: RateLimit::per_second(options.rate_max),
            metrics: Arc::new(FleetMetrics::new(options.every)),
            shown: ShowcaseSink::new(options.quality, ShowcaseSink::RATE_MAX),
            options,
        }
    }

    /// Under which name a station publishes that is configured so.
    ///
    /// # Errors
    /// Where the names of host and camera can be no parts of a key.
    pub fn name_of(options: &ZenohOptions) -> Result<Name, NameError> {
        let host = options.host.clone().map_or_else(host, Ok)?;
        Name::new(&host, options.camera.as_deref().unwrap_or(ONLY))
    }

    /// What is counted.
    pub fn metrics(&self) -> Arc<FleetMetrics> {
        Arc::clone(&self.metrics)
    }

    /// What the frames are, and when the last one came.
    pub fn showcase(&self) -> Arc<Showcase> {
        self.shown.showcase()
    }

    fn publish(&self, frame: &Frame) -> Result<(), SinkError> {
        let number = self.metrics.published.get() + 1;
        let publication = Publication { run: self.metrics.run(), number };
        let header = wire::header(frame, captured_ns(frame), publication);
        let payload = self.payload(frame, &header)?;
        match self.outlet.put(payload, &header) {
            Ok(()) => {
                self.metrics.published.add(1);
                Ok(())
            }
            Err(error) => {
                // It is counted; a connection that is lost would tell it of every frame.
                log::debug!("a frame cannot be published: {error}");
                Err(SinkError::Busy)
            }
        }
    }

    fn payload(&self, frame: &Frame, header: &[u8]) -> Result<Vec<u8>, SinkError> {
        match self.options.format {
            FrameForm::Jpeg => encode_jpeg(&frame.restored, self.options.quality),
            FrameForm::Raw => {
                let mut bytes = vec![0; wire::frame_bytes(frame.restored.format())];
                wire::write(frame, 0, &mut bytes);
                bytes[..HEADER_BYTES].copy_from_slice(header);
                Ok(bytes)
            }
        }
    }
}

impl Sink for ZenohSink {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn start(&mut self, format: PictureFormat, rate: FrameRate) -> Result<(), SinkError> {
        self.shown.start(format, rate)
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        self.shown.deliver(frame)?;
        if self.limit.admits(Instant::now()) {
            match self.outlet.demand() {
                Demand::Some => return self.publish(frame),
                Demand::Unknown => return Err(SinkError::Busy),
                Demand::None => {}
            }
        }
        self.metrics.passed.add(1);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let (published, passed) = (self.metrics.published.get(), self.metrics.passed.get());
        log::info!("the fleet: {published} frames published, {passed} passed over");
        Ok(())
    }
}

/// When the frame was captured, in nanoseconds since 1970: clocks of other hosts know no other time.
fn captured_ns(frame: &Frame) -> u64 {
    let captured = SystemTime::now().checked_sub(frame.meta.captured_at.elapsed());
    let since_1970 = captured.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since_1970.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

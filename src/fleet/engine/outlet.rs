//! Frames on their way out.

use std::sync::Arc;
use std::time::Instant;

use zenoh::Wait;
use zenoh::pubsub::Publisher;
use zenoh::qos::{CongestionControl, Priority};

use super::farewell::farewell;
use super::link::{Link, backoff, reason};
use crate::fleet::{Demand, FleetError, Name, Subject};
use crate::pace::Backoff;

/// Publishes the frames of one camera. What the network cannot take at once is dropped: a frame that
/// waits is worth less than the next one.
pub struct Outlet {
    link: Arc<Link>,
    key: String,
    encoding: &'static str,
    publisher: Option<Publisher<'static>>,
    /// When the engine is asked again for a publisher that it refused.
    backoff: Backoff,
}

impl Outlet {
    /// An outlet of payloads of that encoding, a MIME type.
    pub fn new(link: Arc<Link>, name: &Name, encoding: &'static str) -> Self {
        Self { link, key: name.key(Subject::Frame), encoding, publisher: None, backoff: backoff() }
    }

    /// Who wants frames now.
    pub fn demand(&mut self) -> Demand {
        if self.publisher.is_none() && self.backoff.is_due(Instant::now()) {
            self.declare();
        }
        let status = self.publisher.as_ref().map(|it| it.matching_status().wait());
        match status {
            Some(Ok(status)) if status.matching() => Demand::Some,
            Some(Ok(_)) => Demand::None,
            _ => Demand::Unknown,
        }
    }

    fn declare(&mut self) {
        let Some(session) = self.link.session() else { return };
        let publisher = session
            .declare_publisher(self.key.clone())
            .encoding(self.encoding)
            .congestion_control(CongestionControl::Drop)
            .priority(Priority::Data)
            .wait();
        match publisher {
            Ok(publisher) => self.publisher = Some(publisher),
            Err(error) => {
                log::error!("{}: {}", self.key, reason(&error));
                self.backoff.fail(Instant::now());
            }
        }
    }

    /// Publishes a payload with a header beside it.
    ///
    /// # Errors
    /// Where nobody asked for the [demand](Self::demand) before, or the engine refuses it.
    pub fn put(&self, payload: Vec<u8>, header: &[u8]) -> Result<(), FleetError> {
        let publisher = self.publisher.as_ref().ok_or(FleetError::Away)?;
        let put = publisher.put(payload).attachment(header).wait();
        put.map_err(|error| FleetError::Engine(reason(&error)))
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        if let Some(publisher) = self.publisher.take() {
            farewell(move || drop(publisher.undeclare().wait()));
        }
    }
}

impl std::fmt::Debug for Outlet {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Outlet").field("key", &self.key).finish_non_exhaustive()
    }
}

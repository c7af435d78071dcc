//! What the sink and the viewers share: the newest frame, and whether anybody wants it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use serde::Serialize;
use tokio::sync::watch;

use crate::frame::{Extent, FrameMeta, FrameRate, PictureFormat};
use crate::metrics::{Metrics, PsnrSnapshot, Snapshot};

/// How long after a viewer's last request frames are still encoded.
const INTEREST: Duration = Duration::from_secs(2);

/// A frame, encoded for viewers.
#[derive(Debug)]
pub(super) struct Shot {
    /// Counts the frames shown, from 1.
    pub(super) number: u64,
    pub(super) meta: FrameMeta,
    /// Extent of one of the two pictures.
    pub(super) extent: Extent,
    /// Row at which the restored picture begins; the blurred one begins at 0.
    pub(super) step: usize,
    pub(super) jpeg: Bytes,
}

impl Shot {
    /// Time since the picture was taken, in milliseconds.
    pub(super) fn age_ms(&self) -> f64 {
        self.meta.captured_at.elapsed().as_secs_f64() * 1e3
    }

    /// Ratios of the blurred and the restored picture in dB, where the truth is known.
    pub(super) fn psnr_db(&self) -> Option<PsnrSnapshot> {
        let psnr = self.meta.psnr?;
        let (blurred, restored) = (psnr.blurred_db.into(), psnr.restored_db.into());
        Some(PsnrSnapshot { blurred, restored })
    }
}

/// The newest frame and the interest in it.
#[derive(Debug)]
pub(super) struct Live {
    newest: watch::Sender<Option<Arc<Shot>>>,
    stream: OnceLock<(PictureFormat, FrameRate)>,
    metrics: Arc<Metrics>,
    started: Instant,
    /// Viewers that are waiting for a frame.
    waiting: AtomicUsize,
    /// Milliseconds from the start until interest ends.
    wanted_until: AtomicU64,
}

impl Live {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            newest: watch::Sender::new(None),
            stream: OnceLock::new(),
            metrics,
            started: Instant::now(),
            waiting: AtomicUsize::new(0),
            wanted_until: AtomicU64::new(0),
        }
    }

    /// Notes what the frames are; only the first call counts.
    pub(super) fn set_stream(&self, format: PictureFormat, rate: FrameRate) {
        self.stream.get_or_init(|| (format, rate));
    }

    /// Whether a viewer waits for a frame or took one lately.
    pub(super) fn is_watched(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
            || self.now_ms() < self.wanted_until.load(Ordering::Relaxed)
    }

    /// Hands a frame to all viewers.
    pub(super) fn show(&self, shot: Shot) {
        self.newest.send_replace(Some(Arc::new(shot)));
    }

    /// The newest frame once it is another than number `after`; `None` where there is none within
    /// `patience`.
    pub(super) async fn next(&self, after: u64, patience: Duration) -> Option<Arc<Shot>> {
        let _interest = Interest::in_frames_of(self);
        let mut newest = self.newest.subscribe();
        let is_new = |shot: &Option<Arc<Shot>>| shot.as_ref().is_some_and(|s| s.number != after);
        let shot = tokio::time::timeout(patience, newest.wait_for(is_new)).await.ok()?.ok()?;
        shot.clone()
    }

    /// Everything that the page reports, at one moment.
    pub(super) fn state(&self) -> State {
        let newest = self.newest.borrow().clone();
        State {
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: self.started.elapsed().as_secs_f64(),
            sink: super::HttpSink::NAME,
            stream: self.stream.get().map(|&(format, rate)| StreamState::new(format, rate)),
            frame: newest.map(|shot| FrameState::new(&shot)),
            metrics: self.metrics.snapshot(),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The interest of one viewer, and for a while after it is dropped.
struct Interest<'a>(&'a Live);

impl<'a> Interest<'a> {
    fn in_frames_of(live: &'a Live) -> Self {
        live.waiting.fetch_add(1, Ordering::Relaxed);
        Self(live)
    }
}

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        let until = self.0.now_ms() + u64::try_from(INTEREST.as_millis()).unwrap_or(u64::MAX);
        self.0.wanted_until.store(until, Ordering::Relaxed);
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the page reports.
#[derive(Debug, Serialize)]
pub(super) struct State {
    program: &'static str,
    version: &'static str,
    uptime_s: f64,
    /// Name of the page's own sink in `metrics`.
    sink: &'static str,
    stream: Option<StreamState>,
    frame: Option<FrameState>,
    metrics: Snapshot,
}

#[derive(Debug, Serialize)]
struct StreamState {
    extent: Extent,
    frames_per_second: f64,
}

impl StreamState {
    fn new(format: PictureFormat, rate: FrameRate) -> Self {
        let frames_per_second = f64::from(rate.numerator) / f64::from(rate.denominator.max(1));
        Self { extent: format.extent, frames_per_second }
    }
}

#[derive(Debug, Serialize)]
struct FrameState {
    number: u64,
    sequence: u64,
    degraded: bool,
    age_ms: f64,
    psnr_db: Option<PsnrSnapshot>,
}

impl FrameState {
    fn new(shot: &Shot) -> Self {
        Self {
            number: shot.number,
            sequence: shot.meta.sequence,
            degraded: shot.meta.degraded,
            age_ms: shot.age_ms(),
            psnr_db: shot.psnr_db(),
        }
    }
}

//! What the sink and the viewers share: the newest frame in every kind, who wants which, and
//! whether frames advance.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::view::{Shot, View};
use crate::frame::{FrameRate, PictureFormat};
use crate::metrics::Metrics;

/// How long after a viewer's last request frames are still encoded.
const INTEREST: Duration = Duration::from_secs(2);

/// The time of what has not happened yet.
const NEVER: u64 = u64::MAX;

/// The newest frame and the interest in it.
#[derive(Debug)]
pub(super) struct Live {
    walls: [Wall; View::ALL.len()],
    stream: OnceLock<(PictureFormat, FrameRate)>,
    pub(super) metrics: Arc<Metrics>,
    started: Instant,
    /// How long no frame may come while the program counts as ready.
    stall_patience: Duration,
    /// Milliseconds from the start to the last frame that is no placeholder; [`NEVER`] before it.
    advanced_at: AtomicU64,
    connections: AtomicUsize,
}

/// Where the frames of one kind are shown.
#[derive(Debug)]
struct Wall {
    newest: watch::Sender<Option<Arc<Shot>>>,
    /// Viewers that are waiting for a frame.
    waiting: AtomicUsize,
    /// Milliseconds from the start until interest ends.
    wanted_until: AtomicU64,
}

impl Live {
    pub(super) fn new(metrics: Arc<Metrics>, stall_patience: Duration) -> Self {
        let wall = |_| Wall {
            newest: watch::Sender::new(None),
            waiting: AtomicUsize::new(0),
            wanted_until: AtomicU64::new(0),
        };
        Self {
            walls: View::ALL.map(wall),
            stream: OnceLock::new(),
            metrics,
            started: Instant::now(),
            stall_patience,
            advanced_at: AtomicU64::new(NEVER),
            connections: AtomicUsize::new(0),
        }
    }

    /// Notes that a frame came from the camera, whether anybody sees it or not.
    pub(super) fn advance(&self) {
        self.advanced_at.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Why the program cannot be relied on now; `None` while frames advance.
    pub(super) fn unreadiness(&self) -> Option<String> {
        let silence = match self.advanced_at.load(Ordering::Relaxed) {
            NEVER => "no frame yet".to_owned(),
            at => {
                let interval = self.stream().map_or(Duration::ZERO, |(_, rate)| rate.interval());
                let silence = Duration::from_millis(self.now_ms().saturating_sub(at));
                let is_long = silence > self.stall_patience + 2 * interval;
                is_long.then(|| format!("no frame for {:.1} s", silence.as_secs_f64()))?
            }
        };
        let source = self.metrics.source.snapshot();
        let problem = if source.problem.is_empty() { "" } else { ": " };
        Some(format!("{silence}; the camera is {}{problem}{}", source.state.name(), source.problem))
    }

    /// Counts a connection for as long as it is held.
    pub(super) fn connect(&self) -> Connection<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connection(self)
    }

    /// Connections that are open.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Notes what the frames are; only the first call counts.
    pub(super) fn set_stream(&self, format: PictureFormat, rate: FrameRate) {
        self.stream.get_or_init(|| (format, rate));
    }

    /// What the frames are, once the first could come.
    pub(super) fn stream(&self) -> Option<(PictureFormat, FrameRate)> {
        self.stream.get().copied()
    }

    /// Time since the start.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether a viewer waits for a frame or took one lately.
    pub(super) fn is_wanted(&self, view: View) -> bool {
        let wall = self.wall(view);
        wall.waiting.load(Ordering::Relaxed) > 0
            || self.now_ms() < wall.wanted_until.load(Ordering::Relaxed)
    }

    /// Hands a frame to all its viewers.
    pub(super) fn show(&self, view: View, shot: Shot) {
        self.wall(view).newest.send_replace(Some(Arc::new(shot)));
    }

    /// The newest frame of any kind.
    pub(super) fn newest(&self) -> Option<Arc<Shot>> {
        let shots = self.walls.iter().filter_map(|wall| wall.newest.borrow().clone());
        shots.max_by_key(|shot| shot.number)
    }

    /// Number of the newest frame of a kind; 0 before the first.
    pub(super) fn last(&self, view: View) -> u64 {
        self.wall(view).newest.borrow().as_ref().map_or(0, |shot| shot.number)
    }

    /// The newest frame once it is another than number `after`; `None` where there is none within
    /// `patience`.
    pub(super) async fn next(
        &self,
        view: View,
        after: u64,
        patience: Duration,
    ) -> Option<Arc<Shot>> {
        let _interest = Interest::in_frames_of(self, view);
        let mut newest = self.wall(view).newest.subscribe();
        let is_new = |shot: &Option<Arc<Shot>>| shot.as_ref().is_some_and(|s| s.number != after);
        let shot = tokio::time::timeout(patience, newest.wait_for(is_new)).await.ok()?.ok()?;
        shot.clone()
    }

    fn wall(&self, view: View) -> &Wall {
        let index = View::ALL.iter().position(|other| *other == view);
        &self.walls[index.unwrap_or_default()]
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A connection that is open.
pub(super) struct Connection<'a>(&'a Live);

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The interest of one viewer, and for a while after it is dropped where the viewer goes on.
struct Interest<'a> {
    live: &'a Live,
    view: View,
}

impl<'a> Interest<'a> {
    fn in_frames_of(live: &'a Live, view: View) -> Self {
        live.wall(view).waiting.fetch_add(1, Ordering::Relaxed);
        Self { live, view }
    }
}

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        let wall = self.live.wall(self.view);
        if self.view.goes_on() {
            let grace = u64::try_from(INTEREST.as_millis()).unwrap_or(u64::MAX);
            wall.wanted_until.store(self.live.now_ms() + grace, Ordering::Relaxed);
        }
        wall.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

//! The newest frame for whoever looks, as the HTTP server does.
//!
//! A frame is encoded at most once in each kind, for all viewers of that kind, and only while
//! somebody waits for it. Viewers ask for the next frame when they have taken the last, so that a
//! slow one skips frames and nothing queues up.

mod mark;
mod view;
mod wall;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

pub use view::{Exhibit, Side, View};
pub use wall::Next;

use crate::frame::{Frame, FrameRate, PictureFormat};
use crate::pace::RateLimit;
use crate::sink::contract::{Sink, SinkError};
use wall::Wall;

/// The time of what has not happened yet.
const NEVER: u64 = u64::MAX;

/// The newest frame in every kind, and who wants which.
#[derive(Debug)]
pub struct Showcase {
    walls: [Arc<Wall>; View::ALL.len()],
    stream: OnceLock<(PictureFormat, FrameRate)>,
    started: Instant,
    /// Milliseconds from the start to the last frame that is no placeholder; [`NEVER`] before it.
    advanced_at: AtomicU64,
}

impl Showcase {
    fn new() -> Self {
        let started = Instant::now();
        Self {
            walls: View::ALL.map(|view| Arc::new(Wall::new(view, started))),
            stream: OnceLock::new(),
            started,
            advanced_at: AtomicU64::new(NEVER),
        }
    }

    /// What the frames are, once the first could come.
    pub fn stream(&self) -> Option<(PictureFormat, FrameRate)> {
        self.stream.get().copied()
    }

    /// Time since the last frame that came from the camera, seen by anybody or not; `None` before
    /// the first.
    pub fn silence(&self) -> Option<Duration> {
        let at = Some(self.advanced_at.load(Ordering::Relaxed)).filter(|&at| at != NEVER)?;
        Some(self.started.elapsed().saturating_sub(Duration::from_millis(at)))
    }

    /// The newest frame of any kind.
    pub fn newest(&self) -> Option<Arc<Exhibit>> {
        self.walls.iter().filter_map(|wall| wall.newest()).max_by_key(|exhibit| exhibit.number)
    }

    /// Number of the newest frame of a kind; 0 before the first.
    pub fn last(&self, view: View) -> u64 {
        self.wall(view).newest().map_or(0, |exhibit| exhibit.number)
    }

    /// Waits for a frame of a kind other than number `after`. While this waits, the kind is wanted.
    pub fn next(&self, view: View, after: u64) -> Next {
        Next::new(self.wall(view), after)
    }

    fn wall(&self, view: View) -> &Arc<Wall> {
        let index = View::ALL.iter().position(|other| *other == view);
        &self.walls[index.unwrap_or_default()]
    }
}

/// Shows frames to those who want them.
#[derive(Debug)]
pub struct ShowcaseSink {
    showcase: Arc<Showcase>,
    /// Quality of the pictures that are shown, 1 to 100.
    quality: u8,
    limit: RateLimit,
    shown: u64,
}

impl ShowcaseSink {
    /// Name of every such sink in the statistics: that of who looks.
    pub const NAME: &str = "http";

    /// Frames a second that viewers are shown, at most, where nobody asks for another number.
    pub const RATE_MAX: u32 = 30;

    /// A showcase of pictures of a quality from 1 to 100, and of so many frames a second, at most,
    /// in the mean.
    pub fn new(quality: u8, rate_max: u32) -> Self {
        let limit = RateLimit::per_second(rate_max.into());
        Self { showcase: Arc::new(Showcase::new()), quality, limit, shown: 0 }
    }

    /// What viewers look at.
    pub fn showcase(&self) -> Arc<Showcase> {
        Arc::clone(&self.showcase)
    }

    /// Shows a frame to those who want it.
    fn show(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let is_stand_in = frame.meta.placeholder;
        let wanted = |view: &View| {
            self.showcase.wall(*view).is_wanted() && (!is_stand_in || view.takes_placeholders())
        };
        let views: Vec<View> = View::ALL.into_iter().filter(wanted).collect();
        if views.is_empty() || !self.limit.admits(Instant::now()) {
            return Ok(());
        }
        self.shown += 1;
        for view in views {
            let bytes = view.encode(frame, self.quality)?;
            let (number, meta, extent) = (self.shown, frame.meta, frame.restored.extent());
            self.showcase.wall(view).show(Exhibit { number, meta, extent, bytes });
        }
        Ok(())
    }
}

impl Sink for ShowcaseSink {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn shows_captured(&self) -> bool {
        true
    }

    fn gives_way(&self) -> bool {
        true
    }

    fn start(&mut self, format: PictureFormat, rate: FrameRate) -> Result<(), SinkError> {
        self.showcase.stream.get_or_init(|| (format, rate));
        Ok(())
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        if !frame.meta.placeholder {
            let now = wall::millis(self.showcase.started.elapsed());
            self.showcase.advanced_at.store(now, Ordering::Relaxed);
        }
        self.show(frame)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;
    use std::task::{Context, Poll, Wake, Waker};

    use super::*;
    use crate::frame::Extent;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn number_of(poll: Poll<Arc<Exhibit>>) -> Option<u64> {
        match poll {
            Poll::Ready(exhibit) => Some(exhibit.number),
            Poll::Pending => None,
        }
    }

    #[test]
    fn who_waits_is_woken_by_the_next_frame_and_by_no_other() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut sink = ShowcaseSink::new(85, 1_000_000);
        let showcase = sink.showcase();
        let frame = Frame::new(PictureFormat::gray(Extent::new(16, 8)));
        sink.deliver(&frame).expect("a delivery");
        assert_eq!(showcase.last(View::Jpeg(Side::After)), 0, "a frame was encoded for nobody");
        let mut next = pin!(showcase.next(View::Jpeg(Side::After), 0));
        let mut gone = Box::pin(showcase.next(View::Jpeg(Side::After), 0));
        assert_eq!(number_of(next.as_mut().poll(&mut context)), None);
        assert_eq!(number_of(gone.as_mut().poll(&mut context)), None);
        drop(gone);
        sink.deliver(&frame).expect("a delivery");
        assert_eq!(woken.0.load(Ordering::Relaxed), 1, "one waits, one is gone");
        assert_eq!(number_of(next.as_mut().poll(&mut context)), Some(1));
        assert_eq!(showcase.last(View::Png(Side::After)), 0, "a kind that nobody wants");
        assert!(showcase.silence().is_some(), "a frame is no progress");
    }
}

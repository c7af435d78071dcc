//! Cameras side by side, as a daemon of several has them: each with a restorer and a thread of its own, on seats
//! or a card that all share.
//!
//! Each goes on until all have timed their frames, so that none is timed while another has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::laps::Laps;
use crate::cli::exit::{Failure, Result};
use crate::daemon::Shutdown;
use crate::frame::{Effort, Picture, PictureFormat};
use crate::owner;
use crate::restore::Restorer;
use crate::station::pattern;

/// Frames before those that are timed.
const WARM: u32 = 2;
/// Pause between two looks at whether somebody wants this to end.
const GLANCE: Duration = Duration::from_millis(20);

/// What one camera was timed to take.
#[derive(Debug, Default)]
pub(super) struct Timed {
    /// Of each step, of the whole frame, and of a card where there is one, one time a frame.
    pub(super) times: Vec<Vec<Duration>>,
    /// From the first timed frame to the end of the last.
    pub(super) lasted: Duration,
}

/// What the threads share.
#[derive(Debug)]
struct Common {
    /// Cameras whose frames are not all timed.
    left: AtomicUsize,
    stop: AtomicBool,
}

/// A camera: what restores its frames, and the frame.
struct Camera {
    restorer: Box<dyn Restorer>,
    blurred: Picture,
    restored: Picture,
}

/// Times so many frames of each of the `restorers`, all at once.
///
/// # Errors
/// Where a frame cannot be restored, the system gives no thread, or somebody wants this to end.
pub(super) fn time(
    restorers: Vec<Box<dyn Restorer>>,
    format: PictureFormat,
    frames: u32,
    shutdown: &Shutdown,
) -> Result<Vec<Timed>> {
    let mut cameras: Vec<Camera> =
        restorers.into_iter().map(|restorer| Camera::new(restorer, format)).collect();
    for camera in &mut cameras {
        for _ in 0..WARM {
            check(shutdown)?;
            camera.restore()?;
        }
    }
    let common = Common { left: AtomicUsize::new(cameras.len()), stop: AtomicBool::new(false) };
    let common = Arc::new(common);
    let mut running = Vec::new();
    for (index, camera) in cameras.into_iter().enumerate() {
        let shared = Arc::clone(&common);
        let started = owner::spawn(format!("camera {index}"), move || camera.time(frames, &shared));
        running.push(started.inspect_err(|_| common.stop.store(true, Ordering::Relaxed))?);
    }
    wait(&running, &common, shutdown)?;
    let panicked = |_| Failure::from(std::io::Error::other("a camera's thread panicked"));
    running.into_iter().map(|camera| camera.join().map_err(panicked)?).collect()
}

/// Waits until all threads have ended.
fn wait<T>(running: &[JoinHandle<T>], common: &Common, shutdown: &Shutdown) -> Result<()> {
    while !running.iter().all(JoinHandle::is_finished) {
        check(shutdown).inspect_err(|_| common.stop.store(true, Ordering::Relaxed))?;
        std::thread::sleep(GLANCE);
    }
    Ok(())
}

fn check(shutdown: &Shutdown) -> Result<()> {
    shutdown.requested().map_or(Ok(()), |signal| Err(Failure::interrupted(signal)))
}

impl Camera {
    fn new(restorer: Box<dyn Restorer>, format: PictureFormat) -> Self {
        Self { restorer, blurred: pattern(format), restored: Picture::new(format) }
    }

    fn restore(&mut self) -> Result<Vec<Duration>> {
        let mut laps = Laps::start();
        let Self { restorer, blurred, restored } = self;
        restorer.restore(blurred, restored, Effort::Full, &mut laps)?;
        Ok(laps.end())
    }

    /// Times so many frames, then goes on while others are not done.
    fn time(mut self, frames: u32, common: &Common) -> Result<Timed> {
        let timed = self.time_frames(frames, common);
        common.left.fetch_sub(1, Ordering::Relaxed);
        let timed = timed.inspect_err(|_| common.stop.store(true, Ordering::Relaxed))?;
        while common.left.load(Ordering::Relaxed) > 0 && !common.stop.load(Ordering::Relaxed) {
            self.restore()?;
        }
        Ok(timed)
    }

    fn time_frames(&mut self, frames: u32, common: &Common) -> Result<Timed> {
        // Two more: the whole frame, and the card.
        let mut times = vec![Vec::new(); self.restorer.steps().len() + 2];
        let start = Instant::now();
        for _ in 0..frames {
            if common.stop.load(Ordering::Relaxed) {
                break;
            }
            let laps = self.restore()?;
            times.iter_mut().zip(laps).for_each(|(times, lap)| times.push(lap));
        }
        Ok(Timed { times, lasted: start.elapsed() })
    }
}

//! Who is asked for a calibration of a running station.

use std::sync::Arc;
use std::time::Instant;

use super::bench::Bench;
use super::post::Post;
use super::work::Work;
use crate::metrics::Metrics;
use crate::owner;

/// Calibrates one station, whenever somebody wants it. Its thread ends some time after it is dropped.
#[derive(Debug)]
pub struct Calibrator {
    post: Arc<Post>,
    metrics: Arc<Metrics>,
}

impl Calibrator {
    /// Starts the thread, which waits until somebody looks.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(bench: Bench) -> std::io::Result<Self> {
        let (post, metrics) = (Arc::<Post>::default(), Arc::clone(&bench.metrics));
        let file = bench.file.as_ref().map(|file| file.display().to_string());
        metrics.calibrating.update(|told| told.file = file);
        let work = Work::new(bench, Arc::clone(&post));
        owner::spawn("calibrate", move || work.run())?;
        Ok(Self { post, metrics })
    }

    /// Somebody looks.
    pub fn look(&self) {
        self.post.want(|wanted| wanted.looked_at = Some(Instant::now()));
    }

    /// Gathers frames for a grid of so many columns and rows of PSFs, and finds them.
    pub fn begin(&self, grid: (usize, usize)) {
        self.post.want(|wanted| {
            wanted.looked_at = Some(Instant::now());
            wanted.begin = Some(grid);
        });
    }

    /// Gathers no more frames than there are.
    pub fn be_content(&self) {
        self.post.want(|wanted| wanted.is_enough = true);
    }

    /// Breaks off whatever is being done.
    pub fn cancel(&self) {
        self.post.want(|wanted| wanted.is_cancelled = true);
    }

    /// Writes what was found where the configuration says.
    pub fn save(&self) {
        self.post.want(|wanted| wanted.save = true);
    }

    /// The file of what was found; nothing where nothing was.
    pub fn found(&self) -> Option<Arc<[u8]>> {
        Some(self.metrics.calibrating.artefacts().calibration).filter(|bytes| !bytes.is_empty())
    }
}

impl Drop for Calibrator {
    fn drop(&mut self) {
        self.post.want(|wanted| wanted.is_over = true);
    }
}

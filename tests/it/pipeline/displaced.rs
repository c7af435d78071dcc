//! Frames that are displaced between real stages.

use std::sync::{Arc, mpsc};

use deblurd::frame::{Extent, Frame, FrameRate, Picture, PictureFormat};
use deblurd::pipeline::Overflow;
use deblurd::restore::executor::{Executor, Sequential};
use deblurd::restore::{RestoreError, RestoreOptions, Restorer, Stage};
use deblurd::source::{Filled, Source, SourceError};

use super::{Assembly, Pictures, Recorder, check_books, divided};
use crate::properties::{model, random_picture, random_psf};

/// Each frame passes the first group before the next is given; all but the first few are then
/// displaced, for the second group waits until the source has ended. Were the workspaces of displaced frames not free at once, the first stage would find none.
pub(super) fn frames_free_their_work() {
    let model = model(2, 4, 8, true);
    let format = PictureFormat::gray(Extent::new(64, 48));
    let pictures: Vec<Picture> = (0..50).map(|seed| random_picture(format, seed % 5)).collect();
    let options = RestoreOptions::for_noise(2.55);
    let executor: Arc<dyn Executor> = Arc::new(Sequential);
    // Three groups, two queues of one between them, and one frame that is being displaced.
    let restorer = Restorer::plan(&options, &random_psf(3, 5), Some(&model), format, &executor, 6);
    let mut groups = divided(restorer.expect("a plan").into_stages(), 3);
    let (open, gate) = mpsc::channel::<()>();
    groups[1].insert(0, Box::new(Gate(gate)));
    let (done, permits) = mpsc::channel();
    groups[0].push(Box::new(Signal(done)));
    let (sink, taken) = Recorder::new(None, None);
    let count = pictures.len();
    let source = Permitted(Pictures { pictures, next: 0, unusable: |_| false }, permits);
    let assembly = Assembly { capacity: 1, overflow: Overflow::DropOldest };
    let running = assembly.pipeline(source, groups, vec![sink]).start().expect("starts");
    while running.metrics().trunk.books().entered < count as u64 {
        std::thread::yield_now();
    }
    drop(open);
    let report = running.finish().expect("ends");
    check_books(&report, count, &[&taken]);
    for stage in report.metrics.stages() {
        assert_eq!(stage.failed.get(), 0, "{} failed", stage.name);
    }
}

/// A stage that waits until the other end of its channel is gone.
struct Gate(mpsc::Receiver<()>);

impl Stage for Gate {
    fn name(&self) -> &str {
        "gate"
    }

    fn apply(&mut self, _frame: &mut Frame) -> Result<(), RestoreError> {
        // Nothing is ever sent: this returns when the sender is dropped.
        let _ = self.0.recv();
        Ok(())
    }
}

/// A stage that says when it was reached.
struct Signal(mpsc::Sender<()>);

impl Stage for Signal {
    fn name(&self) -> &str {
        "signal"
    }

    fn apply(&mut self, _frame: &mut Frame) -> Result<(), RestoreError> {
        // The source may have ended.
        let _ = self.0.send(());
        Ok(())
    }
}

/// A source that gives its next picture when the last one has reached the signal.
struct Permitted(Pictures<fn(usize) -> bool>, mpsc::Receiver<()>);

impl Source for Permitted {
    fn format(&self) -> PictureFormat {
        self.0.format()
    }

    fn rate(&self) -> FrameRate {
        self.0.rate()
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        if self.0.next > 0 {
            // Without its first group the pipeline is over.
            let _ = self.1.recv();
        }
        self.0.fill(frame)
    }
}

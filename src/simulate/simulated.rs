//! A source that blurs what another one gives, and keeps the truth.

use super::degrade::{Degrade, DegradeError, DegradeOptions};
use crate::frame::{Frame, FrameRate, Picture, PictureFormat, StreamNotes};
use crate::optics::Blur;
use crate::source::{Filled, Source, SourceError};

/// A source of sharp pictures, seen through a simulated camera.
#[derive(Debug)]
pub struct Simulated<S> {
    source: S,
    degrade: Degrade,
    sharp: Frame,
    /// Pictures so far.
    number: u64,
}

impl<S: Source> Simulated<S> {
    /// The pictures of `source`, degraded by `blur`.
    ///
    /// # Errors
    /// Where the PSF is larger than the pictures, or leaves nothing of them.
    pub fn new(source: S, blur: &Blur, options: DegradeOptions) -> Result<Self, DegradeError> {
        let degrade = Degrade::plan(blur, options, source.format())?;
        let sharp = Frame::new(source.format());
        Ok(Self { source, degrade, sharp, number: 0 })
    }
}

impl<S: Source> Source for Simulated<S> {
    fn format(&self) -> PictureFormat {
        self.degrade.degraded_format()
    }

    fn rate(&self) -> FrameRate {
        self.source.rate()
    }

    fn notes(&self) -> StreamNotes {
        self.source.notes()
    }

    fn prepare(&self, frame: &mut Frame) {
        frame.truth = Some(Picture::new(self.format()));
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        let filled = self.source.fill(&mut self.sharp)?;
        if matches!(filled, Filled::Frame | Filled::Placeholder) {
            let format = self.format();
            let Frame { meta, blurred, truth, .. } = frame;
            let truth = truth.get_or_insert_with(|| Picture::new(format));
            *meta = self.sharp.meta;
            self.degrade.run(&self.sharp.blurred, self.number, blurred, truth);
        }
        self.number += u64::from(!matches!(filled, Filled::Waiting));
        Ok(filled)
    }
}

//! Numbers of frames: what a source knows to have lost is left out of them.

use deblurd::frame::{Extent, Frame, FrameRate, Picture, PictureFormat};
use deblurd::pipeline::Overflow;
use deblurd::source::{Filled, Source, SourceError};

use super::{Assembly, Idle, Pictures, Recorder};
use crate::harness::{apply, trial};

#[apply(trial)]
fn gaps_of_the_source_are_left_out() {
    let format = PictureFormat::gray(Extent::new(2, 2));
    let pictures = vec![Picture::new(format); 6];
    // The fourth picture cannot be used; it has a number all the same.
    let source = Pictures { pictures, next: 0, unusable: |index| index == 3 };
    let source = Gappy { source, gaps: vec![0, 0, 5, 0, 1, 0].into_iter() };
    let (sink, taken) = Recorder::new(None, None);
    let assembly = Assembly { capacity: 1, overflow: Overflow::Wait };
    let pipeline = assembly.pipeline(source, Box::new(Idle), vec![sink]);
    pipeline.start().expect("starts").finish().expect("ends");
    assert_eq!(taken.sequences(), [0, 1, 7, 10, 11]);
}

/// Tells of gaps before the pictures of another source.
struct Gappy<S> {
    source: S,
    gaps: std::vec::IntoIter<u64>,
}

impl<S: Source> Source for Gappy<S> {
    fn format(&self) -> PictureFormat {
        self.source.format()
    }

    fn rate(&self) -> FrameRate {
        self.source.rate()
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        let filled = self.source.fill(frame);
        if let Some(gap @ 1..) = self.gaps.next() {
            frame.meta.gap = gap;
        }
        filled
    }
}

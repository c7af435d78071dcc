//! What a calibration from a target found, and how sure it is.

use super::curve::Curve;
use super::find::{FindError, Found};
use super::geometry::Geometry;
use super::noise::Noise;
use super::refine::MOST_SIDE;
use crate::exit::{ExitStatus, Status};
use crate::frame::Extent;
use crate::optics::{Blur, GrayLevels, PsfError};

/// The least samples on a side of a cell of a target that is large enough.
pub(super) const LEAST_CELL: f64 = 1.2;

/// All that pictures of a target tell of a camera.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The blur: one PSF, or a grid of them.
    pub blur: Blur,
    /// The curve that was given or found.
    pub curve: Curve,
    /// Variance of light, 1.0 being white.
    pub noise: Noise,
    /// Deviation of encoded samples of one frame, over all of the target's brightness.
    pub sigma: GrayLevels,
    /// Root mean square of what is left unexplained where the PSF was not learned, over that of the
    /// noise: 1 where nothing but noise is left.
    pub residual_over_sigma: f64,
    /// Relative distance of the PSFs from two halves of the frames; of one frame, from two halves
    /// of the target.
    pub repeatability: f64,
    /// The largest negative lobe of the solution without bound, over its greatest sample.
    pub negative_lobe: f64,
    /// The positions of the target, one for each group of frames.
    pub positions: Vec<Position>,
    /// How well each cell of the grid was seen, row by row: samples over those that are wanted,
    /// at most 1.
    pub coverage: Vec<f64>,
    /// What a person should know.
    pub verdicts: Vec<Verdict>,
}

/// One position of the target.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// The target as it was found at first.
    pub found: Found,
    /// Its geometry after refinement with the blur.
    pub geometry: Geometry,
    /// Light of black and of white in the middle of the target.
    pub light: (f64, f64),
    /// Frames that were pooled.
    pub used: usize,
    /// Frames left out because the target moved.
    pub moved: usize,
    /// Frames left out because they are clipped.
    pub clipped: usize,
}

/// What a person should know of a calibration that succeeded.
#[derive(Debug, Clone, PartialEq, displaydoc::Display)]
pub enum Verdict {
    /// the target moved in {moved} of {frames} frames: they were left out
    Moved {
        /// Frames left out.
        moved: usize,
        /// All frames.
        frames: usize,
    },
    /// {clipped} of {frames} frames are clipped: they were left out
    Clipped {
        /// Frames left out.
        clipped: usize,
        /// All frames.
        frames: usize,
    },
    /// the target is small: its cells are {samples_per_cell:.1} samples wide (best about 2): go nearer
    Small {
        /// Samples on a side of a cell.
        samples_per_cell: f64,
    },
    /// the camera sharpens: the blur has a negative lobe of {lobe:.2}: turn sharpening off
    Sharpened {
        /// Over the greatest sample.
        lobe: f64,
    },
    /// two halves of the pictures give blurs that differ by {difference:.2}: take more frames, or more light
    Unsure {
        /// Relative distance.
        difference: f64,
    },
    /// more than noise is left unexplained ({ratio:.1} times as much): is the target flat, the camera still, its focus fixed?
    Unexplained {
        /// Residual over sigma.
        ratio: f64,
    },
    /// the blur reaches beyond {0} samples: go farther away or take smaller pictures
    Wide(usize),
    /// {unseen} of {cells} parts of the frame were not seen well enough: show the target there
    Unseen {
        /// Parts that were not.
        unseen: usize,
        /// All parts.
        cells: usize,
    },
}

/// Why there is no calibration.
#[derive(Debug, Clone, PartialEq, displaydoc::Display, thiserror::Error)]
pub enum TargetError {
    /// there are no frames (expected at least one)
    NoFrames,
    /// frame {frame} has {is} samples (expected {expected}, as in the first)
    Extents {
        /// Number of the frame, from 1, over all groups.
        frame: usize,
        /// Its extent.
        is: Extent,
        /// That of the first.
        expected: Extent,
    },
    /// frame {frame}: {error}
    Find {
        /// Number of the frame, from 1, over all groups.
        frame: usize,
        /// Why the target was not found in it.
        error: FindError,
    },
    /// all frames from {frame} are clipped: {share:.1} % of the target is {colour} (expected at most 0.1 %): change exposure or light
    Clipped {
        /// Number of the first frame of the group, from 1.
        frame: usize,
        /// Samples in hundredths of all.
        share: f64,
        /// White or black.
        colour: &'static str,
    },
    /// the pictures from frame {frame} do not determine the blur: {samples} samples show the target (expected {expected} or more): go nearer
    TooFew {
        /// Number of the first frame of the group, from 1.
        frame: usize,
        /// Samples that show it.
        samples: usize,
        /// Samples that are wanted.
        expected: usize,
    },
    /// the pictures do not determine the blur
    Undetermined,
    /// the calibration was broken off
    BrokenOff,
    /// {0}
    Psf(#[from] PsfError),
}

impl ExitStatus for TargetError {
    fn status(&self) -> Status {
        match self {
            Self::NoFrames => Status::NoInput,
            _ => Status::Data,
        }
    }
}

impl Outcome {
    /// Frames that were pooled, of all positions.
    pub fn frames(&self) -> u32 {
        let used = self.positions.iter().map(|position| position.used).sum::<usize>();
        u32::try_from(used).unwrap_or(u32::MAX)
    }

    /// What a person should know of these numbers.
    /// A target of ours should have cells of `least_cell` samples or more.
    pub(super) fn verdicts(
        &self,
        least_cell: f64,
        side: usize,
        lobe_of_noise: f64,
        border: f64,
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for position in &self.positions {
            let Position { used, moved, clipped, found, .. } = position;
            let frames = used + moved + clipped;
            let samples_per_cell = found.samples_per_cell;
            verdicts.extend((*moved > 0).then_some(Verdict::Moved { moved: *moved, frames }));
            verdicts
                .extend((*clipped > 0).then_some(Verdict::Clipped { clipped: *clipped, frames }));
            let is_small = samples_per_cell < least_cell;
            verdicts.extend(is_small.then_some(Verdict::Small { samples_per_cell }));
        }
        let (lobe, difference, ratio) =
            (self.negative_lobe, self.repeatability, self.residual_over_sigma);
        let unseen = self.coverage.iter().filter(|&&coverage| coverage < 1.0).count();
        let cells = self.coverage.len();
        verdicts.extend(
            (lobe > 0.08 && lobe > 3.0 * lobe_of_noise).then_some(Verdict::Sharpened { lobe }),
        );
        verdicts.extend((difference > 0.1).then_some(Verdict::Unsure { difference }));
        verdicts.extend((ratio > 2.0).then_some(Verdict::Unexplained { ratio }));
        verdicts.extend((side >= MOST_SIDE && border > 0.01).then_some(Verdict::Wide(side)));
        verdicts.extend((unseen > 0).then_some(Verdict::Unseen { unseen, cells }));
        verdicts
    }
}

//! Why no blur can be found in pictures.

use displaydoc::Display;
use thiserror::Error;

use crate::exit::{ExitStatus, Status};
use crate::frame::Extent;
use crate::optics::PsfError;

/// Why no blur can be found in pictures.
#[derive(Debug, Clone, PartialEq, Display, Error)]
pub enum BlindError {
    /// there is no frame to find a blur in (expected at least one)
    NoFrames,
    /// a frame is {is} (expected {expected}, as the first: the frames of one camera)
    Extents {
        /// Its extent.
        is: Extent,
        /// The extent of the first.
        expected: Extent,
    },
    /// the frames are {0} (expected at least 64x64: a blur does not show in less)
    TooSmall(Extent),
    /// a grid of {columns}x{rows} has cells of {cell} in frames of {frame} (expected cells of at least 64x64)
    SmallCells {
        /// Extent of a cell.
        cell: Extent,
        /// Cells in a row.
        columns: usize,
        /// Cells in a column.
        rows: usize,
        /// Extent of the frames.
        frame: Extent,
    },
    /// the frames are black (expected a lit scene)
    Black,
    /// {0:.0} % of the frames is clipped (expected a shorter exposure: no place is left to look at)
    Clipped(f64),
    /// the frames show next to nothing above their noise (expected a scene with edges and detail)
    Empty,
    /// too much moves in the frames (expected a place of 64x64 at least that rests)
    Moving,
    /// the search was stopped before it found a blur
    Stopped,
    /// the blur that was found is no PSF: {0}
    Psf(PsfError),
    /// the reference spectra are not of this program: {0}
    Reference(&'static str),
}

impl From<PsfError> for BlindError {
    fn from(error: PsfError) -> Self {
        Self::Psf(error)
    }
}

impl ExitStatus for BlindError {
    fn status(&self) -> Status {
        match self {
            Self::NoFrames => Status::NoInput,
            Self::Stopped => Status::Failed,
            _ => Status::Data,
        }
    }
}

//! What a search for the target found, or why it found none.

use super::super::geometry::{Geometry, Point};

/// A target in a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// From samples to cells.
    pub geometry: Geometry,
    /// Vertices of the ring as they were seen, in samples: what a picture of it shows.
    pub corners: Vec<Point>,
    /// Correlation of the noise that was seen with that of the pattern, from 0 to 1. Blur lessens
    /// it; another pattern has less than 0.1.
    pub correlation: f64,
    /// Samples on a side of a cell in the middle of the target.
    pub samples_per_cell: f64,
}

/// Why no target was found.
#[derive(Debug, Clone, PartialEq, displaydoc::Display, thiserror::Error)]
pub enum FindError {
    /// no target is in the picture: there are no checker corners
    NoCorners,
    /// no target is in the picture: {0} checker corners are there, but they make no ring of a target
    NoRing(usize),
    /// the ring of a target is there, but the noise within is another (correlation {correlation:.2}): is it the target's seed?
    OtherNoise {
        /// The best of the eight ways in which it may lie.
        correlation: f64,
    },
    /// a patch of noise is there, but no pattern that is alike (correlation {correlation:.2}): is it this one, and seen whole?
    OtherPattern {
        /// Of the block in the middle, or the mean of all that are alike.
        correlation: f64,
    },
    /// no patch of noise is in the picture
    NoPatch,
    /// there are two targets (expected one)
    Two,
    /// the target is cut off: {seen} of 40 of its checker corners are in the picture
    CutOff {
        /// Corners that are there.
        seen: usize,
    },
    /// the target is seen as in a mirror: turn mirroring off
    Mirrored,
    /// the target is too small: its cells are {samples_per_cell:.1} samples wide (expected 1 to 4): go nearer
    TooSmall {
        /// Samples on a side of a cell.
        samples_per_cell: f64,
    },
    /// the target has too little contrast: white is {contrast:.2} brighter than black, of 1 (expected 0.1 or more): more light
    LowContrast {
        /// Light of white less light of black.
        contrast: f64,
    },
}

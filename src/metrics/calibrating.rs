//! How far a calibration from the target is, for whoever looks: numbers, pictures and the file.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::text::short;
use crate::frame::Extent;

/// What a station says of its calibration.
#[derive(Debug, Default)]
pub struct CalibratingMetrics(RwLock<Board>);

#[derive(Debug, Default)]
struct Board {
    told: CalibratingSnapshot,
    artefacts: Artefacts,
}

/// What a calibration leaves, as files; empty where there is none.
#[derive(Debug, Clone, Default)]
pub struct Artefacts {
    /// The calibration, `.npz`.
    pub calibration: Arc<[u8]>,
    /// Its PSFs, as a PNG.
    pub psf: Arc<[u8]>,
    /// The target as it was captured, as a PNG.
    pub before: Arc<[u8]>,
    /// The same, restored by what was found.
    pub after: Arc<[u8]>,
}

/// How far a calibration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalibratingPhase {
    /// Nobody looks.
    #[default]
    Idle,
    /// Somebody looks, and is told where the target is and what would help.
    Looking,
    /// Frames are gathered.
    Gathering,
    /// The blur is being found.
    Estimating,
}

/// [`CalibratingMetrics`] at one moment. Lengths are in samples.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CalibratingSnapshot {
    /// What is being done.
    pub phase: CalibratingPhase,
    /// Extent of the frames, once one was looked at.
    pub extent: Option<Extent>,
    /// Corners of the target's ring in the last frame.
    pub corners: Vec<[f64; 2]>,
    /// The outline of the target there.
    pub outline: Vec<[f64; 2]>,
    /// What would help; nothing where the frame is good.
    pub hints: Vec<String>,
    /// Columns and rows of the parts of the frame of which is told how well they are covered.
    pub lights: [usize; 2],
    /// How much of what is wanted the gathered frames tell of each part, from 0 to 1.
    pub covered: Vec<f64>,
    /// The same of the target as it is seen now.
    pub seen: Vec<f64>,
    /// Frames that were gathered.
    pub frames: usize,
    /// Frames that are gathered at most.
    pub frames_max: usize,
    /// Why the last calibration came to nothing; empty where it did not.
    pub problem: String,
    /// Where the calibration is written, if the configuration says so.
    pub file: Option<String>,
    /// What became of writing it.
    pub saved: String,
    /// What was found, if anything.
    pub found: Option<FoundCalibration>,
}

/// What a calibration found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FoundCalibration {
    /// Counts what was found since the start, from 1.
    pub number: u64,
    /// PSFs side by side and one below the other.
    pub grid: [usize; 2],
    /// Extent of each.
    pub extent: Extent,
    /// Root mean square width of the one in the middle.
    pub width: f64,
    /// Radius of a disk that is as wide.
    pub disk_radius: f64,
    /// Deviation of the noise in 8-bit gray levels.
    pub sigma: f64,
    /// The transfer curve.
    pub transfer: String,
    /// What is left unexplained where the PSF was not learned, over the noise.
    pub residual: f64,
    /// Relative distance of the PSFs of two halves of the frames.
    pub repeatability: f64,
    /// What the Wiener filter is expected to gain, in decibels.
    pub gain_db: Option<f64>,
    /// Frames that were used.
    pub frames: u32,
    /// Positions of the target.
    pub positions: usize,
    /// What a person should know, in words.
    pub notes: Vec<String>,
}

impl CalibratingMetrics {
    /// Changes what is told. Long texts are cut.
    pub fn update(&self, change: impl FnOnce(&mut CalibratingSnapshot)) {
        let mut board = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let told = &mut board.told;
        change(told);
        for text in [&mut told.problem, &mut told.saved] {
            *text = short(text);
        }
    }

    /// Puts what was found in the place of what was found before.
    pub fn find(&self, found: FoundCalibration, artefacts: Artefacts) {
        let mut board = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let number = board.told.found.as_ref().map_or(0, |found| found.number) + 1;
        board.told.found = Some(FoundCalibration { number, ..found });
        board.told.saved.clear();
        board.artefacts = artefacts;
    }

    /// What is told now.
    pub fn snapshot(&self) -> CalibratingSnapshot {
        self.0.read().unwrap_or_else(PoisonError::into_inner).told.clone()
    }

    /// What the last calibration left.
    pub fn artefacts(&self) -> Artefacts {
        self.0.read().unwrap_or_else(PoisonError::into_inner).artefacts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_counted_and_replaces_what_was() {
        let metrics = CalibratingMetrics::default();
        metrics.update(|told| told.saved = "a\nb".to_owned());
        assert_eq!(metrics.snapshot().saved, "a?b");
        for number in 1..=2 {
            let artefacts = Artefacts { psf: Arc::from([7]), ..Artefacts::default() };
            metrics.find(FoundCalibration::default(), artefacts);
            let told = metrics.snapshot();
            assert_eq!(
                (told.found.map(|found| found.number), told.saved),
                (Some(number), String::new())
            );
        }
        assert_eq!(*metrics.artefacts().psf, [7]);
        assert!(metrics.artefacts().before.is_empty());
    }
}

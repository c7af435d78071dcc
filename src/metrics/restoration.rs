//! What restores frames now, for whoever looks: the numbers, and a picture of the PSF.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::text::short;
use crate::frame::Extent;

/// Doubts that are kept.
const DOUBTS_MAX: usize = 9;

/// What restores frames now.
#[derive(Debug, Default)]
pub struct RestorationMetrics {
    shown: RwLock<Option<Shown>>,
    /// What runs the plan.
    backend: RwLock<&'static str>,
}

#[derive(Debug)]
struct Shown {
    restoration: Restoration,
    /// The PSF as a PNG.
    picture: Arc<[u8]>,
}

/// What frames are restored by. Lengths are in samples.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Restoration {
    /// Counts what served since the start, from 1.
    pub number: u64,
    /// The PSF as it was asked for: a formula or a file.
    pub psf: String,
    /// PSFs side by side and one below the other: 1 and 1 where the blur is the same everywhere.
    pub grid: [usize; 2],
    /// Extent of each PSF.
    pub extent: Extent,
    /// How far the centre of mass of the PSF in the middle is to the right of its centre.
    pub right: f64,
    /// How far it is below.
    pub down: f64,
    /// Its root mean square width along all directions.
    pub width: f64,
    /// The same along the direction in which it is widest.
    pub along: f64,
    /// The same across that.
    pub across: f64,
    /// That direction, in degrees counter-clockwise from the right.
    pub angle: f64,
    /// Deviation of the noise in 8-bit gray levels.
    pub sigma: f64,
    /// Whether that follows the frames.
    #[serde(default)]
    pub is_followed: bool,
    /// What told it, once frames have.
    #[serde(default)]
    pub basis: Option<String>,
    /// How much fainter than ordinary ones the frames are taken to be.
    #[serde(default)]
    pub contrast: f64,
    /// Frames of a scene at rest that are averaged; 1 where each is restored for itself.
    #[serde(default)]
    pub frames: u8,
    /// The transfer curve that is undone.
    pub transfer: String,
    /// The model; `none` for the Wiener filter alone.
    pub model: String,
    /// Which planes are restored.
    pub channels: String,
    /// What runs the plan.
    pub backend: String,
    /// From what the calibration was made, where it is one.
    pub method: Option<String>,
    /// How far the PSF may be trusted, where somebody said so.
    pub trust: Option<String>,
    /// What speaks against the PSF.
    #[serde(default)]
    pub doubts: Vec<String>,
    /// Whether some of it is as a viewer wants it, for now, and not as the configuration has it.
    #[serde(default)]
    pub is_tuned: bool,
    /// When the calibration was made, as whoever made it writes dates.
    pub calibrated: Option<String>,
    /// The same in seconds since 1970, where that can be read.
    pub calibrated_at_s: Option<f64>,
}

impl RestorationMetrics {
    /// Notes what serves from now on, with its PSF as a PNG. Long texts are cut.
    pub fn set(&self, restoration: Restoration, picture: Vec<u8>) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let number = shown.as_ref().map_or(0, |before| before.restoration.number) + 1;
        let restoration = Restoration { number, ..restoration.tidied() };
        *shown = Some(Shown { restoration, picture: picture.into() });
    }

    /// Notes what runs the plan from now on.
    pub fn serve_by(&self, backend: &'static str) {
        *self.backend.write().unwrap_or_else(PoisonError::into_inner) = backend;
    }

    /// Whether that runs the plan.
    pub(super) fn is_served_by(&self, backend: &str) -> bool {
        *self.backend.read().unwrap_or_else(PoisonError::into_inner) == backend
    }

    /// Adds a doubt about what serves now; whether it is a new one.
    pub fn doubt(&self, doubt: &str) -> bool {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let doubt = short(doubt);
        match shown.as_mut().map(|shown| &mut shown.restoration.doubts) {
            Some(doubts) if !doubts.contains(&doubt) && doubts.len() < DOUBTS_MAX => {
                doubts.push(doubt);
                true
            }
            _ => false,
        }
    }

    /// What serves now; nothing before the first does.
    pub fn snapshot(&self) -> Option<Restoration> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        let backend = *self.backend.read().unwrap_or_else(PoisonError::into_inner);
        let restoration = shown.as_ref().map(|shown| shown.restoration.clone());
        restoration.map(|restoration| match backend {
            "" => restoration,
            backend => Restoration { backend: backend.to_owned(), ..restoration },
        })
    }

    /// Its PSF as a PNG.
    pub fn picture(&self) -> Option<Arc<[u8]>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.as_ref().map(|shown| Arc::clone(&shown.picture))
    }
}

impl Restoration {
    /// What can be said in words, each with its name.
    pub fn words(&self) -> [(&'static str, &str); 7] {
        [
            ("psf", &self.psf),
            ("transfer", &self.transfer),
            ("model", &self.model),
            ("channels", &self.channels),
            ("backend", &self.backend),
            ("method", self.method.as_deref().unwrap_or("unknown")),
            ("trust", self.trust.as_deref().unwrap_or("unknown")),
        ]
    }

    /// Names of files and what others wrote in them are shown to people.
    fn tidied(self) -> Self {
        let tidy = |text: Option<String>| text.as_deref().map(short);
        Self {
            psf: short(&self.psf),
            model: short(&self.model),
            calibrated: tidy(self.calibrated),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serves_is_counted_and_its_texts_are_tidy() {
        let metrics = RestorationMetrics::default();
        assert_eq!((metrics.snapshot(), metrics.picture()), (None, None));
        let long = Restoration { psf: "a\u{1b}[2J\n".repeat(99), ..Restoration::default() };
        metrics.set(long, vec![1]);
        let shown = metrics.snapshot().expect("it");
        assert_eq!((shown.number, shown.psf.chars().count()), (1, 200));
        assert!(!shown.psf.contains(char::is_control), "{}", shown.psf);
        metrics.serve_by("gpu");
        metrics.set(Restoration::default(), vec![2]);
        assert_eq!(metrics.snapshot().map(|it| it.backend).as_deref(), Some("gpu"));
        assert_eq!(metrics.snapshot().map(|it| it.number), Some(2));
        assert_eq!(metrics.picture().as_deref(), Some([2].as_slice()));
    }
}

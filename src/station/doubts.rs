//! What speaks against a PSF: that it is another camera's, another setting's, or does not fit what frames
//! show. It is told, and nothing is changed: whoever looks knows better.

use crate::calibrate::level::Level;
use crate::metrics::Metrics;
use crate::optics::Calibration;

/// How many times as strong as the finest noise what is left at coarse scales may be: a coder that is fine
/// enough for anybody makes 4 of it.
const DISAGREEMENT_MOST: f64 = 6.0;

/// What the source speaks against, which gives pictures in `pixel_format`.
pub fn of_source(camera: &Calibration, pixel_format: Option<&str>) -> Vec<String> {
    let format = camera.pixel_format.as_deref().zip(pixel_format);
    let format = format.filter(|(calibrated, is)| calibrated != is).map(|(calibrated, is)| {
        format!(
            "the camera was calibrated in {calibrated} and gives {is}: another coder, curve or scaler \
             changes the blur (expected the same pixel format)"
        )
    });
    format.into_iter().collect()
}

/// What a frame speaks against.
pub(super) fn of_level(level: &Level) -> Option<String> {
    (level.disagreement > DISAGREEMENT_MOST).then(|| {
        format!(
            "frames have {:.0} times as much as their finest noise where the PSF leaves nothing: it is too \
             wide or another one, the curve is another one, or the frames were coded or scaled",
            level.disagreement
        )
    })
}

/// Tells doubts, each once.
pub(super) fn tell(doubts: impl IntoIterator<Item = String>, metrics: &Metrics) {
    for doubt in doubts {
        if metrics.restoration.doubt(&doubt) {
            log::warn!("the PSF is in doubt: {doubt}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::level::Basis;
    use crate::metrics::Restoration;
    use crate::optics::{Contrast, GrayLevels, Psf};

    fn camera(pixel_format: Option<&str>) -> Calibration {
        let pixel_format = pixel_format.map(str::to_owned);
        Calibration { pixel_format, ..Calibration::new(Psf::delta(), GrayLevels::NONE) }
    }

    #[test]
    fn another_pixel_format_is_a_doubt() {
        let doubts = of_source(&camera(Some("YUYV")), Some("MJPG"));
        assert!(doubts.len() == 1 && doubts[0].contains("in YUYV and gives MJPG"), "{doubts:?}");
        for (calibrated, is) in
            [(Some("YUYV"), Some("YUYV")), (None, Some("YUYV")), (Some("YUYV"), None)]
        {
            assert!(of_source(&camera(calibrated), is).is_empty(), "{calibrated:?} {is:?}");
        }
    }

    #[test]
    fn doubts_are_told_once_until_something_else_serves() {
        let metrics = Metrics::new(&[]);
        let level = |disagreement| Level {
            sigma: GrayLevels::USUAL,
            contrast: Contrast::USUAL,
            basis: Basis::Scales,
            disagreement,
        };
        assert_eq!(of_level(&level(2.0)), None);
        metrics.restoration.set(Restoration::default(), Vec::new());
        for _ in 0..3 {
            tell(of_level(&level(9.0)), &metrics);
        }
        let doubts = || metrics.restoration.snapshot().map(|it| it.doubts.len());
        assert_eq!(doubts(), Some(1));
        metrics.restoration.set(Restoration::default(), Vec::new());
        assert_eq!(doubts(), Some(0));
    }
}

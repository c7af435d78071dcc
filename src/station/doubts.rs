//! What speaks against a PSF: that it is another camera's, another setting's, or does not fit what frames
//! show. It is told, and nothing is changed: whoever looks knows better.

use crate::calibrate::Flaw;
use crate::calibrate::level::{Basis, Level, Verdict};
use crate::frame::Figures;
use crate::metrics::Metrics;
use crate::optics::{Calibration, GrayLevels};

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

/// The most ringing of a right PSF: of eleven scenes the worst had 0.05, and all of them 0.08 to 0.4 by a
/// disk or a Gaussian 1.4 times too wide.
const RINGING_MOST: f64 = 0.07;

/// What a frame speaks against, whose level and figures are these, where it tells them. A PSF that no rival
/// explains better is not the reason why some frame rings.
pub fn of_frame(level: Option<Level>, figures: Option<Figures>) -> Vec<String> {
    let verdict = level.map_or(Verdict::Untold, |level| level.verdict);
    let ringing = figures.and_then(|figures| figures.ringing);
    let ringing = ringing.filter(|_| verdict != Verdict::Holds).and_then(of_ringing);
    [of_verdict(verdict), level.as_ref().and_then(of_level), ringing]
        .into_iter()
        .flatten()
        .collect()
}

/// What a frame speaks against that shows more noise than is told. What a sharp one shows by a blur that it has not is
/// no noise.
pub(super) fn of_noise(level: Level, given: Option<GrayLevels>) -> Option<String> {
    let is_shown = |given| level.by(given).basis == Basis::Shown && !level.verdict.is_sharp();
    let given = given.filter(|given| is_shown(Some(*given)))?;
    Some(format!(
        "frames show a noise of {:.2} gray levels where {given:.2} are told: they are restored by what they \
         show (guard = false where what is told is sure)",
        level.shown
    ))
}

fn of_verdict(verdict: Verdict) -> Option<String> {
    if verdict.is_sharp() {
        let told = "frames are sharp already: they go on as they came until another blur is told (trust = \"measured\" \
                    where the PSF is sure)";
        return Some(told.to_owned());
    }
    verdict.rival().map(|rival| {
        format!(
        "frames speak for another blur, {rival}: they are restored with more care until it is told \
         (trust = \"measured\" where the PSF is sure; `deblurd estimate` finds what frames tell)"
        )
    })
}

fn of_ringing(ringing: f64) -> Option<String> {
    (ringing > RINGING_MOST).then(|| {
        format!(
            "restored frames go {:.0} % beyond their edges: the PSF is too wide or another one, the curve is \
             another one, or the frames were sharpened by the camera (expected at most {:.0} %)",
            100.0 * ringing,
            100.0 * RINGING_MOST
        )
    })
}

fn of_level(level: &Level) -> Option<String> {
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

/// Tells flaws of frames, each once.
pub(super) fn tell_flaws(flaws: &[Flaw], metrics: &Metrics) {
    for flaw in flaws.iter().map(Flaw::to_string) {
        if metrics.restoration.doubt(&flaw) {
            log::warn!("{flaw}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::level::Rival;
    use crate::metrics::Restoration;
    use crate::optics::{Contrast, Psf};

    fn level(disagreement: f64, verdict: Verdict) -> Level {
        let (sigma, contrast) = (GrayLevels::USUAL, Contrast::USUAL);
        Level { sigma, shown: sigma, contrast, basis: Basis::Scales, disagreement, verdict }
    }

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
    fn frames_that_ring_are_a_doubt() {
        let of = |ringing| of_frame(None, Some(Figures { sharpness: Some(2.0), ringing }));
        assert!(of(Some(0.05)).is_empty() && of(None).is_empty());
        let doubts = of(Some(0.2));
        assert!(doubts.len() == 1 && doubts[0].contains("go 20 % beyond"), "{doubts:?}");
        let figures = Figures { sharpness: Some(2.0), ringing: Some(0.2) };
        assert!(of_frame(Some(level(1.0, Verdict::Holds)), Some(figures)).is_empty());
        let doubts = of_frame(Some(level(1.0, Verdict::Rival(Rival::Disk(2.0)))), None);
        assert!(doubts.len() == 1 && doubts[0].contains("disk:2.0"), "{doubts:?}");
    }

    #[test]
    fn more_noise_than_is_told_is_a_doubt() {
        let level = level(1.0, Verdict::Holds);
        assert_eq!(of_noise(level, None), None);
        assert_eq!(of_noise(level, GrayLevels::new(2.0)), None);
        let doubt = of_noise(level, GrayLevels::new(0.64)).expect("a doubt");
        assert!(doubt.contains("2.55 gray levels where 0.64"), "{doubt}");
    }

    #[test]
    fn a_sharp_frame_shows_no_noise() {
        let sharp = level(1.0, Verdict::Wrong(Rival::Sharp));
        assert_eq!(of_noise(sharp, GrayLevels::new(0.64)), None);
        let doubts = of_frame(Some(sharp), None);
        assert!(doubts.len() == 1 && doubts[0].contains("go on as they came"), "{doubts:?}");
    }

    #[test]
    fn doubts_are_told_once_until_something_else_serves() {
        let metrics = Metrics::new(&[]);
        assert_eq!(of_level(&level(2.0, Verdict::Holds)), None);
        metrics.restoration.set(Restoration::default(), Vec::new());
        for _ in 0..3 {
            tell(of_frame(Some(level(9.0, Verdict::Holds)), None), &metrics);
        }
        let doubts = || metrics.restoration.snapshot().map(|it| it.doubts.len());
        assert_eq!(doubts(), Some(1));
        metrics.restoration.set(Restoration::default(), Vec::new());
        assert_eq!(doubts(), Some(0));
    }
}

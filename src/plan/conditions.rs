//! What networks are told of a camera beside its pictures: numbers, which they see as planes that are
//! the same all over.

use super::network::Input;
use crate::optics::{Calibration, Light, Trust};

/// What networks are told of a camera beside its pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// Ten times the deviation of the noise that the Wiener filter reckons with, white being 1: about as
    /// large as the samples of pictures are.
    pub sigma: f32,
    /// How well the PSF is known, from 0 (not at all) to 1 (measured).
    pub trust: f32,
}

impl Conditions {
    /// Steps of the plane for one of the noise.
    const SIGMA: f64 = 10.0;

    /// Of a PSF that was estimated from frames of something unknown.
    const ESTIMATED: f32 = 0.75;
    /// Of one that is said to be guessed.
    const GUESSED: f32 = 0.5;

    /// For `noise` in the planes that are filtered, and the trust that is told; where none is, that of the
    /// calibration. What comes without one is believed: who tells a PSF means it, and may say otherwise.
    pub fn new(told: Option<Trust>, camera: &Calibration, Light(noise): Light) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let sigma = (Self::SIGMA * noise) as f32;
        let calibrated = camera.certainty.map(|certainty| certainty.trust);
        let trust = match (told, calibrated) {
            (Some(Trust::Guessed), _) => Self::GUESSED,
            (Some(Trust::Estimated), _) | (None, Some(Trust::Estimated)) => Self::ESTIMATED,
            _ => 1.0,
        };
        Self { sigma, trust }
    }

    /// What is the same all over of the planes that networks see, plane by plane, where frames are averaged
    /// or are not.
    pub fn told(&self, inputs: &[Input], is_averaged: bool) -> Vec<Option<f32>> {
        if is_averaged { self.constants_of_average(inputs) } else { self.constants(inputs) }
    }

    /// What is the same all over where frames are not averaged.
    fn constants(&self, inputs: &[Input]) -> Vec<Option<f32>> {
        let constant = |input: &Input| match input {
            Input::Sigma => Some(self.sigma),
            Input::Trust => Some(self.trust),
            Input::Estimate | Input::Blurred | Input::Weak => None,
        };
        inputs.iter().map(constant).collect()
    }

    /// The same where frames are averaged: the noise that is left differs from place to place.
    fn constants_of_average(&self, inputs: &[Input]) -> Vec<Option<f32>> {
        let constants = inputs.iter().zip(self.constants(inputs));
        constants.map(|(input, value)| value.filter(|_| *input != Input::Sigma)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::{Certainty, GrayLevels, Psf};

    #[track_caller]
    fn check_trust(told: Option<Trust>, calibrated: Option<Trust>, expected: f32) {
        let certainty =
            calibrated.map(|trust| Certainty { trust, relative_error: None, residual: None });
        let camera = Calibration { certainty, ..Calibration::new(Psf::delta(), GrayLevels::NONE) };
        let conditions = Conditions::new(told, &camera, Light(0.03));
        assert_eq!(
            conditions,
            Conditions { sigma: 0.3, trust: expected },
            "{told:?}, {calibrated:?}"
        );
    }

    #[test]
    fn what_was_estimated_is_trusted_less() {
        for (calibrated, expected) in [
            (None, 1.0),
            (Some(Trust::Measured), 1.0),
            (Some(Trust::Estimated), 0.75),
            (Some(Trust::Guessed), 1.0),
        ] {
            check_trust(None, calibrated, expected);
            check_trust(Some(Trust::Measured), calibrated, 1.0);
            check_trust(Some(Trust::Estimated), calibrated, 0.75);
            check_trust(Some(Trust::Guessed), calibrated, 0.5);
        }
    }

    #[test]
    fn numbers_alone_are_the_same_all_over() {
        let told = Conditions { sigma: 0.25, trust: 1.0 };
        let inputs = [Input::Estimate, Input::Sigma, Input::Weak, Input::Trust, Input::Blurred];
        assert_eq!(told.constants(&inputs), [None, Some(0.25), None, Some(1.0), None]);
        assert_eq!(told.constants_of_average(&inputs), [None, None, None, Some(1.0), None]);
    }
}

//! All that frames of a target tell of a camera, as a calibration.

use super::blind::Gather;
use super::target::{Curve, Noise, Outcome};
use super::watch::Reference;
use crate::executor::Executor;
use crate::frame::{Picture, Plane};
use crate::optics::{Calibration, Certainty, SensorNoise, Transfer, Trust};

/// What `outcome` says of the camera that gave the frames; when and by whom is left open.
pub fn measured(outcome: &Outcome, groups: &[&[Picture]], executor: &dyn Executor) -> Calibration {
    let transfer = match outcome.curve {
        Curve::Known(transfer) => transfer,
        Curve::Gamma(power) => Transfer::Gamma(power),
    };
    Calibration {
        sensor: Some(sensor(outcome.noise)),
        transfer,
        extent: groups.iter().find_map(|group| group.first()).map(Picture::extent),
        reference: reference(groups, transfer, executor),
        certainty: Some(Certainty {
            trust: Trust::Measured,
            relative_error: Some(outcome.repeatability),
            residual: Some(outcome.residual_over_sigma),
        }),
        ..Calibration::new(outcome.blur.clone(), outcome.sigma)
    }
}

/// Variances of light in 8-bit steps of it.
fn sensor(Noise { read, shot }: Noise) -> SensorNoise {
    SensorNoise { read: 255.0 * read.max(0.0).sqrt(), shot: 255.0 * shot.max(0.0) }
}

/// Spectra of the frames, where they tell anything beside the target.
fn reference(
    groups: &[&[Picture]],
    transfer: Transfer,
    executor: &dyn Executor,
) -> Option<Plane<f64>> {
    let mut gather = Gather::new(transfer);
    for picture in groups.iter().copied().flatten() {
        gather.add(picture).ok()?;
    }
    Reference::new(&gather.finish().ok()?, executor).ok()?.to_plane()
}

//! From frames of the target to a calibration and all that is shown of it.

use std::sync::Arc;

use super::bench::Bench;
use super::origin::origin;
use super::settings::Settings;
use crate::calibrate::measured;
use crate::calibrate::target::{GoesOn, Options, Outcome, Pattern, Verdict, calibrate_while};
use crate::executor::Executor;
use crate::frame::{Extent, Picture, Range};
use crate::metrics::{Artefacts, FoundCalibration};
use crate::optics::{Blur, Calibration, Curve, Method};
use crate::plan::{Forecast, RestoreOptions};
use crate::sink::encode_png;
use crate::station::material::Material;
use crate::station::portrait::portrait;
use crate::station::recipe::Recipe;
use crate::station::spare::Spare;

/// Side of the picture of a PSF, and of each of a grid, in pixels.
const SIDES: (usize, usize) = (192, 96);
/// Samples around the target that are shown with it.
const MARGIN: f64 = 16.0;

/// Finds the camera's blur, noise and curve. Why not, where it cannot.
pub(super) fn find(
    bench: &Bench,
    groups: &[&[Picture]],
    pattern: &Pattern,
    options: &Options,
    settings: Settings,
    goes_on: &GoesOn<'_>,
) -> Result<(FoundCalibration, Artefacts), String> {
    let executor: Arc<dyn Executor> = Arc::new(Spare::new(&bench.metrics));
    let outcome = calibrate_while(groups, pattern, options, &*executor, goes_on)
        .map_err(|error| error.to_string())?;
    let camera = Calibration {
        controls: settings.controls,
        pixel_format: settings.pixel_format,
        temperature: settings.temperature,
        origin: Some(origin(Method::Target, outcome.frames())),
        ..measured(&outcome, groups, &*executor)
    };
    let bytes = camera.to_bytes().map_err(|error| error.to_string())?;
    let mut found = described(&outcome, &camera);
    found.notes.extend(settings.notes);
    let side = if camera.blur.grid() == (1, 1) { SIDES.0 } else { SIDES.1 };
    let mut artefacts = Artefacts {
        calibration: bytes.into(),
        psf: portrait(&camera.blur, side).into(),
        ..Artefacts::default()
    };
    match compared(bench, groups[0], pattern, &outcome, &camera, executor) {
        Ok([before, after]) => (artefacts.before, artefacts.after) = (before, after),
        Err(problem) => found.notes.push(format!("the target cannot be shown restored: {problem}")),
    }
    Ok((found, artefacts))
}

fn described(outcome: &Outcome, camera: &Calibration) -> FoundCalibration {
    let ((columns, rows), shape) = (camera.blur.grid(), camera.blur.central().shape());
    let noise = camera.noise.in_light(camera.transfer, Range::Full);
    let forecast = Forecast::new(camera.blur.central(), noise);
    FoundCalibration {
        number: 0,
        grid: [columns, rows],
        extent: camera.blur.extent(),
        width: shape.width(),
        disk_radius: shape.disk_radius(),
        sigma: camera.noise.get(),
        transfer: camera.transfer.to_string(),
        residual: outcome.residual_over_sigma,
        repeatability: outcome.repeatability,
        gain_db: forecast.ok().map(|forecast| forecast.gain_db()),
        frames: outcome.frames(),
        positions: outcome.positions.len(),
        notes: outcome.verdicts.iter().map(Verdict::to_string).collect(),
    }
}

/// The target of the first frame before and after, as PNG.
fn compared(
    bench: &Bench,
    group: &[Picture],
    pattern: &Pattern,
    outcome: &Outcome,
    camera: &Calibration,
    executor: Arc<dyn Executor>,
) -> Result<[Arc<[u8]>; 2], String> {
    let frame = group.first().ok_or("there is no frame")?;
    let loaded = Material::read(&bench.configuration).map_err(|error| error.to_string())?;
    let loaded = loaded.load().map_err(|error| error.to_string())?;
    let (part, middle) = target(frame, pattern, outcome).ok_or("it is not in the frame")?;
    let blur = match &camera.blur {
        Blur::Uniform(psf) => psf.clone().into(),
        Blur::Field(field) => field.at(middle[0], middle[1]).into(),
    };
    let camera = Calibration { blur, extent: None, ..camera.clone() };
    let options = RestoreOptions { transfer: Curve::Auto, ..loaded.config.restore };
    let recipe = Recipe { camera, model: loaded.model, options, executor };
    let restored = recipe.restored(&part).map_err(|error| error.to_string())?;
    let png = |picture: &Picture| encode_png(picture).map(Arc::from).map_err(|e| e.to_string());
    Ok([png(&part)?, png(&restored)?])
}

/// The part of a frame that shows the target, and where its middle is, from 0 to 1.
fn target(frame: &Picture, pattern: &Pattern, outcome: &Outcome) -> Option<(Picture, [f64; 2])> {
    let Extent { width, height } = frame.extent();
    let geometry = &outcome.positions.first()?.geometry;
    let cells = pattern.extent();
    let (right, low) = (cells.width as f64, cells.height as f64);
    let corners = [[0.0, 0.0], [right, 0.0], [0.0, low], [right, low]];
    let points: Vec<_> = corners.iter().filter_map(|&cell| geometry.point(cell)).collect();
    let range = |axis: usize, length: usize| {
        let places = points.iter().map(|point| point[axis]);
        let (least, most) = places
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), place| (a.min(place), b.max(place)));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let within = |place: f64| place.clamp(0.0, length as f64) as usize;
        within(least - MARGIN)..within(most + MARGIN)
    };
    let (columns, rows) = (range(0, width), range(1, height));
    if columns.is_empty() || rows.is_empty() {
        return None;
    }
    let mut part = Picture::new(frame.format());
    part.copy_window(frame, columns.start, rows.start, Extent::new(columns.len(), rows.len()));
    let middle = |range: &std::ops::Range<usize>, length: usize| {
        (range.start + range.end) as f64 / (2 * length) as f64
    };
    Some((part, [middle(&columns, width), middle(&rows, height)]))
}

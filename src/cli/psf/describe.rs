//! What is told of a PSF, in lines.

use std::fmt::Write;

use super::numbers::{Compared, Facts, Lost, Numbers};
use crate::optics::{Certainty, Origin};

/// So many times as wide in one direction as across, a PSF has a direction.
const LONG: f64 = 1.05;

/// From this share of its distance on a turned PSF is told to be nearer.
const NEARER: f64 = 0.8;

/// The lines of one PSF.
pub(super) fn text(numbers: &Numbers) -> String {
    let mut text = format!("{}\n", numbers.name);
    lines(numbers, &mut |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<11} {value}");
    });
    text
}

fn lines(numbers: &Numbers, line: &mut dyn FnMut(&str, &str)) {
    let Numbers { shape, grid: [columns, rows], .. } = numbers;
    let sum = numbers.sum.map_or(String::new(), |sum| format!(", sum {}", rounded(sum, 1e6)));
    line("read", &format!("{}{sum}", numbers.format));
    numbers.notes.iter().for_each(|note| line("assumed", note));
    if (*columns, *rows) == (1, 1) {
        line("extent", &format!("{}, as in convolution", numbers.extent));
    } else {
        let extent = numbers.extent;
        line("extent", &format!("{columns}x{rows} PSFs of {extent}, as in convolution"));
        for row in numbers.widths.chunks(*columns) {
            let widths: Vec<String> = row.iter().map(|width| format!("{width:5.2}")).collect();
            line("widths", &widths.join(" "));
        }
        line("", "of the one in the middle:");
    }
    let (right, down) = (shape.right, shape.down);
    let (right, down) = (rounded(right, 100.0), rounded(down, 100.0));
    line("centroid", &format!("{right:+} right, {down:+} down of the centre"));
    let width = format!(
        "{:.2} samples rms, as disk:{:.2} or gaussian:{:.2}",
        shape.width(),
        numbers.disk_radius,
        numbers.gaussian_sigma
    );
    line("width", &width);
    let (along, across, angle) = (shape.along, shape.across, rounded(shape.angle, 1.0));
    if along > LONG * across {
        line("direction", &format!("{along:.2} along {angle} degrees, {across:.2} across"));
    }
    line("support", &format!("{} (samples above 0.001 of the greatest)", shape.support));
    lost(&numbers.lost, line);
    if let Some(facts) = &numbers.calibration {
        calibration(facts, line);
    }
    if let Some(other) = &numbers.compared {
        compared(other, line);
    }
}

fn lost(lost: &Lost, line: &mut dyn FnMut(&str, &str)) {
    let Lost { sigma, share, from, gain_db } = lost;
    let from = from.map_or_else(String::new, |from| {
        format!(
            ", from {from:.3} cycles a sample on (details below {:.1} samples)",
            1.0 / from.max(1e-3)
        )
    });
    line("lost", &format!("{:.0} % of the frequencies at sigma {sigma:.2}{from}", 100.0 * share));
    line("expected", &format!("{gain_db:+.1} dB by the Wiener filter alone"));
}

fn calibration(facts: &Facts, line: &mut dyn FnMut(&str, &str)) {
    let sensor = facts.read_noise.zip(facts.shot_noise);
    let sensor = sensor.map_or_else(String::new, |(read, shot)| {
        format!(" (variance {read:.2}^2 + {shot:.4} of the value)")
    });
    line("noise", &format!("{:.2} gray levels{sensor}", facts.noise));
    line("transfer", &facts.transfer);
    if let Some(extent) = facts.extent {
        let format = facts.pixel_format.as_deref().unwrap_or("any format");
        line("frames", &format!("{extent}, {format}"));
    }
    let controls = facts.controls.iter().map(|(name, value)| format!("{name}={value}"));
    let controls: Vec<String> = controls.collect();
    if !controls.is_empty() {
        line("controls", &controls.join(" "));
    }
    if let Some(temperature) = facts.temperature {
        line("temperature", &format!("{temperature:.1} degrees Celsius"));
    }
    if let Some(Origin { method, frames, program, date }) = &facts.origin {
        let made = [&format!("by {method} from {frames} frames"), program, date];
        let made: Vec<&str> =
            made.into_iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
        line("made", &made.join(", "));
    }
    if let Some(Certainty { trust, relative_error, residual }) = facts.certainty {
        let error =
            relative_error.map(|error| format!(", error of the PSF {:.1} %", 100.0 * error));
        let residual = residual.map(|residual| format!(", residual {residual:.2} of the noise"));
        let told = [error, residual].map(Option::unwrap_or_default).concat();
        line("trust", &format!("{trust}{told}"));
    }
}

fn compared(other: &Compared, line: &mut dyn FnMut(&str, &str)) {
    let Compared { with, right, down, distance, width, .. } = other;
    let percent = 100.0 * distance;
    let (right, down) = (rounded(*right, 100.0), rounded(*down, 100.0));
    line("compared", &format!("with {with}, moved {right:+} right, {down:+} down"));
    line("distance", &format!("{percent:.1} % of the norm; {width:.3} times as wide"));
    if other.distance_turned < NEARER * distance {
        let turned = 100.0 * other.distance_turned;
        line("turned", &format!("by 180 degrees the other is nearer: {turned:.1} % (--turn 180)"));
    }
    let (gain, loss) = (other.gain_db, other.loss_db);
    let wrong = gain - loss;
    line(
        "loss",
        &format!("{loss:.2} dB by restoring with {with}: {wrong:+.1} instead of {gain:+.1} dB"),
    );
    line("", &format!("{:.2} dB the other way round", other.loss_back_db));
}

/// A number in steps of `1 / steps`; no zero is negative.
fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps + 0.0
}

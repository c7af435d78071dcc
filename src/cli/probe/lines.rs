//! The lines of a configuration that use a device.

use super::gather::{FormatReport, Report, Side};
use crate::frame::Extent;
use crate::v4l2::{Automatic, Control};

/// Frames a second below which another size or format is better.
const RATE_LEAST: f64 = 24.0;
/// Samples of a frame above which another size is better.
const AREA_MOST: usize = 1280 * 720;

/// Sections for what the device gives and for what it takes; empty where this program can do
/// neither.
pub(super) fn configuration(report: &Report, controls: &[Control]) -> String {
    let device = quoted(&report.stable.to_string_lossy());
    let sections = report.sides.iter().filter_map(|side| match side.direction {
        "capture" => source(side, &device, controls),
        _ => sink(side, &device),
    });
    sections.collect::<Vec<_>>().join("\n")
}

fn source(side: &Side, device: &str, controls: &[Control]) -> Option<String> {
    let (format, extent, rate) = best(side)?;
    let (format, extent) = (quoted(&format.format), quoted(&extent.to_string()));
    let mut lines = format!(
        "[source]\nkind = \"v4l2\"\ndevice = {device}\nformats = [{format}]\nextent = {extent}\n"
    );
    if let Some(rate) = rate {
        lines += &format!("rate = {}\n", rate.round().clamp(1.0, 240.0));
    }
    let fixed: Vec<String> = controls.iter().filter_map(fixed).collect();
    if !fixed.is_empty() {
        lines += "\n# A PSF holds for one focus and one exposure: set them by hand.\n";
        lines += &format!("[source.controls]\n{}\n", fixed.join("\n"));
    }
    Some(lines)
}

fn sink(side: &Side, device: &str) -> Option<String> {
    let usable: Vec<&str> = side.formats.iter().filter(|format| format.usable).map(name).collect();
    let format = ["YUYV", "YU12", "GREY"].into_iter().find(|format| usable.contains(format))?;
    let format = quoted(format);
    Some(format!("[[sink]]\nkind = \"v4l2\"\ndevice = {device}\nformat = {format}\n"))
}

fn name(format: &FormatReport) -> &str {
    &format.format
}

/// The format, extent and rate that suit best: fast enough, not compressed, as large as can be
/// restored in time, and early in the driver's own order.
fn best(side: &Side) -> Option<(&FormatReport, Extent, Option<f64>)> {
    let usable = side.formats.iter().filter(|format| format.usable);
    let sizes = usable.flat_map(|format| format.sizes.iter().map(move |size| (format, size)));
    let offers = sizes.map(|(format, size)| {
        let extent = if size.range.is_some() { Extent::new(640, 480) } else { size.extent };
        // Ranges of rates hold whatever is usual.
        let rate = if size.rates_range { Some(30.0) } else { size.rates.first().copied() };
        (format, extent, rate)
    });
    let current = side.current.as_ref().and_then(|current| {
        let is_it = |format: &&FormatReport| format.usable && format.format == current.format;
        Some((side.formats.iter().find(is_it)?, current.extent, current.rate))
    });
    let worth = |(format, extent, rate): &(&FormatReport, Extent, Option<f64>)| {
        let is_fast = rate.is_none_or(|rate| rate >= RATE_LEAST);
        let area = extent.area();
        let fits = area <= AREA_MOST;
        (is_fast, !format.compressed, fits, if fits { area } else { usize::MAX - area })
    };
    // A driver that names no sizes is left as it is.
    offers.reduce(|best, offer| if worth(&offer) > worth(&best) { offer } else { best }).or(current)
}

/// The line that keeps a control from changing what the camera sees; `None` where it does not.
fn fixed(control: &Control) -> Option<String> {
    let value = match control.automatic()? {
        Automatic::Exposure => {
            let manual = control.menu.iter().find(|item| item.index == 1)?;
            quoted(&manual.name)
        }
        Automatic::Focus | Automatic::Gain | Automatic::WhiteBalance => "false".to_owned(),
    };
    Some(format!("{} = {value}", control.name))
}

/// Text as TOML has it.
pub(in crate::cli) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::gather::SizeReport;
    use super::*;

    fn format(name: &str, compressed: bool, sizes: &[(usize, usize, f64)]) -> FormatReport {
        let size = |&(width, height, rate): &(usize, usize, f64)| SizeReport {
            extent: Extent::new(width, height),
            range: None,
            rates: vec![rate, 5.0],
            rates_range: false,
        };
        FormatReport {
            format: name.to_owned(),
            description: String::new(),
            compressed,
            usable: name != "XR24",
            sizes: sizes.iter().map(size).collect(),
        }
    }

    #[track_caller]
    fn check_lines(direction: &'static str, formats: Vec<FormatReport>, expected: &str) {
        let side = Side { direction, multiplanar: false, current: None, formats };
        let stable = "/dev/v4l/by-id/cam\"1".into();
        let report = Report { stable, sides: vec![side], ..Report::default() };
        assert_eq!(configuration(&report, &[]), expected);
    }

    #[test]
    fn cameras_are_asked_for_what_suits_best() {
        let camera = vec![
            format("XR24", false, &[(640, 480, 60.0)]),
            format("YUYV", false, &[(640, 480, 30.0), (1280, 720, 10.0), (320, 240, 30.0)]),
            format("MJPG", true, &[(1920, 1080, 30.0), (1280, 720, 30.0)]),
        ];
        check_lines(
            "capture",
            camera,
            "[source]\nkind = \"v4l2\"\ndevice = '/dev/v4l/by-id/cam\"1'\nformats = [\"YUYV\"]\n\
             extent = \"640x480\"\nrate = 30\n",
        );
        let compressed = vec![
            format("YUYV", false, &[(1280, 720, 10.0)]),
            format("MJPG", true, &[(1920, 1080, 30.0), (1280, 720, 29.97)]),
        ];
        check_lines(
            "capture",
            compressed,
            "[source]\nkind = \"v4l2\"\ndevice = '/dev/v4l/by-id/cam\"1'\nformats = [\"MJPG\"]\n\
             extent = \"1280x720\"\nrate = 30\n",
        );
        check_lines("capture", vec![format("XR24", false, &[(640, 480, 60.0)])], "");
    }

    #[test]
    fn outputs_get_what_programs_read() {
        let formats = vec![format("GREY", false, &[]), format("YUYV", false, &[])];
        check_lines(
            "output",
            formats,
            "[[sink]]\nkind = \"v4l2\"\ndevice = '/dev/v4l/by-id/cam\"1'\nformat = \"YUYV\"\n",
        );
    }
}

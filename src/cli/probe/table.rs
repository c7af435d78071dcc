//! A report for people.

use comfy_table::{ContentArrangement, Table, presets};

use super::gather::{ControlReport, FormatReport, Report, Side, SizeReport};

/// Columns of a page.
const WIDTH: u16 = 100;

/// Items of a menu that are shown, at most.
const ITEMS_MAX: usize = 24;

/// A device with all it can do.
pub(super) fn describe(report: &Report) -> String {
    let mut text = format!("{}", report.device.display());
    if let Some(problem) = &report.problem {
        return format!("{text}: {problem}\n");
    }
    let sides: Vec<String> = report.sides.iter().map(title).collect();
    text += &format!(
        ": {} ({}, {}), {}\n",
        report.card,
        report.driver,
        report.bus,
        sides.join(" and ")
    );
    for name in report.by_id.iter().chain(&report.by_path) {
        text += &format!("  {}\n", name.display());
    }
    report.sides.iter().for_each(|side| text += &formats(side));
    text += &controls(&report.controls);
    if !report.configuration.is_empty() {
        text += &format!("\nconfiguration\n{}", indented(&report.configuration));
    }
    text
}

fn title(side: &Side) -> String {
    let name = if side.direction == "capture" { "a camera" } else { "an output" };
    let planes = if side.multiplanar { ", multi-planar" } else { "" };
    let current = side.current.as_ref().map_or(String::new(), |current| {
        let rate = current.rate.map_or(String::new(), |rate| format!(" at {}", number(rate)));
        format!(", now {} {}{rate}", current.format, current.extent)
    });
    format!("{name}{planes}{current}")
}

/// Formats with the same sizes and rates stand together.
fn formats(side: &Side) -> String {
    if side.formats.is_empty() {
        // So are loopback devices before somebody writes.
        return "\n  no formats now\n".to_owned();
    }
    let mut groups: Vec<(Vec<&str>, &[SizeReport])> = Vec::new();
    for format in side.formats.iter().filter(|format| format.usable) {
        match groups.iter_mut().find(|(_, sizes)| *sizes == format.sizes) {
            Some((names, _)) => names.push(&format.format),
            None => groups.push((vec![&format.format], &format.sizes)),
        }
    }
    let mut table = table(["format", "size", "frames/s"]);
    for (names, sizes) in &groups {
        let mut names = names.join(" ");
        for size in *sizes {
            table.add_row([std::mem::take(&mut names), extent(size), rates(size)]);
        }
        if sizes.is_empty() {
            table.add_row([names, "any, or not told".to_owned(), String::new()]);
        }
    }
    let is_idle = |format: &&FormatReport| !format.usable;
    let idle: Vec<&str> =
        side.formats.iter().filter(is_idle).map(|format| format.format.as_str()).collect();
    let verb = if side.direction == "capture" { "read" } else { "written" };
    let rest = match idle.len() {
        0 => String::new(),
        count => format!("  and {count} that are not {verb} here\n"),
    };
    format!("\n{}{rest}", shown(&table))
}

fn extent(size: &SizeReport) -> String {
    match size.range {
        None => size.extent.to_string(),
        Some((least, step)) => format!("{least} to {} in steps of {step}", size.extent),
    }
}

fn rates(size: &SizeReport) -> String {
    let rates: Vec<String> = size.rates.iter().copied().map(number).collect();
    rates.join(if size.rates_range { " to " } else { " " })
}

/// A rate without needless digits.
fn number(rate: f64) -> String {
    let text = format!("{rate:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn controls(controls: &[ControlReport]) -> String {
    if controls.is_empty() {
        return String::new();
    }
    let mut table = table(["control", "value", "takes"]);
    for control in controls {
        let value = control.value.as_ref().map_or("-".to_owned(), ToString::to_string);
        let note = if control.inactive { " (inactive)" } else { "" };
        table.add_row([&control.name, &format!("{value}{note}"), &takes(control)]);
    }
    format!("\n{}", shown(&table))
}

/// What a control takes; of long menus, the ends.
fn takes(control: &ControlReport) -> String {
    match control.menu.as_slice() {
        [first, .., last] if control.menu.len() > ITEMS_MAX => {
            format!("{} ({}) to {} ({})", first.0, first.1, last.0, last.1)
        }
        _ => control.expected.clone(),
    }
}

fn table(header: [&str; 3]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table
}

fn shown(table: &Table) -> String {
    indented(&table.to_string())
}

fn indented(text: &str) -> String {
    let line = |line: &str| format!("  {line}").trim_end().to_owned() + "\n";
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Extent;

    #[test]
    fn a_report_is_read_at_a_glance() {
        let size = |rates: &[f64]| SizeReport {
            extent: Extent::new(640, 480),
            range: None,
            rates: rates.to_vec(),
            rates_range: false,
        };
        let format = |name: &str, usable, rates: &[f64]| FormatReport {
            format: name.to_owned(),
            description: String::new(),
            compressed: false,
            usable,
            sizes: vec![size(rates)],
        };
        let report = Report {
            device: "/dev/video3".into(),
            card: "Cam".to_owned(),
            driver: "uvc".to_owned(),
            bus: "usb-1".to_owned(),
            by_id: vec!["/dev/v4l/by-id/cam".into()],
            sides: vec![Side {
                direction: "capture",
                multiplanar: true,
                current: None,
                formats: vec![
                    format("YUYV", true, &[30.0, 29.97, 7.5]),
                    format("UYVY", true, &[30.0, 29.97, 7.5]),
                    format("XR24", false, &[30.0]),
                ],
            }],
            configuration: "[source]\n".to_owned(),
            ..Report::default()
        };
        let text = describe(&report);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "/dev/video3: Cam (uvc, usb-1), a camera, multi-planar");
        assert_eq!(lines[1], "  /dev/v4l/by-id/cam");
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(lines[3]), "format size frames/s");
        assert_eq!(words(lines[4]), "YUYV UYVY 640x480 30 29.97 7.5");
        assert_eq!(words(lines[5]), "and 1 that are not read here");
        assert_eq!(lines.last(), Some(&"  [source]"));
        let failed = Report { problem: Some("no".to_owned()), ..report };
        assert_eq!(describe(&failed), "/dev/video3: no\n");
    }
}

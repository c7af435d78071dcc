//! What a device says about itself, as plain data.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::frame::Extent;
use crate::sink::OutputFormat;
use crate::source::unpack::PixelFormat;
use crate::v4l2::{
    BufferKind, Control, ControlValue, Device, Direction, FormatDescription, FourCc,
    FrameIntervals, FrameSizes, Interval, Node, V4l2Error,
};

/// A device.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) device: PathBuf,
    /// The name that stays longest.
    pub(super) stable: PathBuf,
    pub(super) by_id: Vec<PathBuf>,
    pub(super) by_path: Vec<PathBuf>,
    pub(super) driver: String,
    pub(super) card: String,
    pub(super) bus: String,
    pub(super) streaming: bool,
    /// What it gives and what it takes.
    pub(super) sides: Vec<Side>,
    pub(super) controls: Vec<ControlReport>,
    /// Lines of the configuration.
    pub(super) configuration: String,
    /// Why nothing is known about it.
    pub(super) problem: Option<String>,
}

/// One direction of a device.
#[derive(Debug, Serialize)]
pub(super) struct Side {
    /// `capture` or `output`.
    pub(super) direction: &'static str,
    pub(super) multiplanar: bool,
    /// What it is set to.
    pub(super) current: Option<Current>,
    pub(super) formats: Vec<FormatReport>,
}

/// A format that is set.
#[derive(Debug, Serialize)]
pub(super) struct Current {
    pub(super) format: String,
    pub(super) extent: Extent,
    pub(super) rate: Option<f64>,
}

/// A format that there is.
#[derive(Debug, Serialize)]
pub(super) struct FormatReport {
    pub(super) format: String,
    pub(super) description: String,
    pub(super) compressed: bool,
    /// Whether this program reads or writes it.
    pub(super) usable: bool,
    pub(super) sizes: Vec<SizeReport>,
}

/// A size, or a range of them, with its rates.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct SizeReport {
    /// The size, or the greatest.
    pub(super) extent: Extent,
    /// The least, and from one to the next, where it is a range.
    pub(super) range: Option<(Extent, Extent)>,
    /// Frames a second, the most first.
    pub(super) rates: Vec<f64>,
    /// Whether the rates are the ends of a range.
    pub(super) rates_range: bool,
}

/// A control.
#[derive(Debug, Serialize)]
pub(super) struct ControlReport {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) kind: String,
    pub(super) minimum: i64,
    pub(super) maximum: i64,
    pub(super) step: u64,
    pub(super) default: i64,
    pub(super) value: Option<serde_json::Value>,
    pub(super) menu: Vec<(i64, String)>,
    pub(super) read_only: bool,
    pub(super) inactive: bool,
    /// What can be set, in words.
    pub(super) expected: String,
}

impl Report {
    /// Asks a device, also for its controls; `name` is how it was asked for.
    pub(super) fn of(node: &Node, name: &Path) -> Result<(Self, Vec<Control>), V4l2Error> {
        let device = Device::open(name)?;
        let capabilities = device.capabilities();
        let controls = device.controls()?;
        let kinds = [capabilities.capture, capabilities.output];
        let sides = kinds.into_iter().flatten().map(|kind| Side::of(&device, kind));
        let report = Self {
            driver: capabilities.driver.clone(),
            card: capabilities.card.clone(),
            bus: capabilities.bus.clone(),
            streaming: capabilities.streaming,
            sides: sides.collect::<Result<_, _>>()?,
            controls: controls.iter().map(ControlReport::of).collect(),
            ..Self::named(node)
        };
        Ok((report, controls))
    }

    /// A device that cannot be asked.
    pub(super) fn failed(node: &Node, error: &V4l2Error) -> Self {
        Self { problem: Some(error.to_string()), ..Self::named(node) }
    }

    fn named(node: &Node) -> Self {
        Self {
            device: node.path.clone(),
            stable: node.stable().to_owned(),
            by_id: node.by_id.clone(),
            by_path: node.by_path.clone(),
            ..Self::default()
        }
    }
}

impl Side {
    fn of(device: &Device, kind: BufferKind) -> Result<Self, V4l2Error> {
        let direction = kind.direction;
        // Loopback devices have no format before somebody writes.
        let current = device.format(direction).ok().filter(|format| !format.extent.is_empty());
        let rate = device.interval(direction).ok().flatten().map(Interval::per_second);
        let formats = device.formats(direction)?;
        let formats = formats.iter().map(|format| FormatReport::of(device, direction, format));
        Ok(Self {
            direction: match direction {
                Direction::Capture => "capture",
                Direction::Output => "output",
            },
            multiplanar: kind.multiplanar,
            current: current.map(|format| Current {
                format: format.fourcc.to_string(),
                extent: format.extent,
                rate,
            }),
            formats: formats.collect::<Result<_, _>>()?,
        })
    }
}

impl FormatReport {
    fn of(
        device: &Device,
        direction: Direction,
        format: &FormatDescription,
    ) -> Result<Self, V4l2Error> {
        let FormatDescription { fourcc, ref description, compressed, .. } = *format;
        let usable = match direction {
            Direction::Capture => is_read(fourcc),
            Direction::Output => fourcc.to_string().parse::<OutputFormat>().is_ok(),
        };
        let sizes = device.frame_sizes(fourcc)?;
        let sizes = sizes.into_iter().map(|sizes| SizeReport::of(device, fourcc, sizes));
        Ok(Self {
            format: fourcc.to_string(),
            description: description.clone(),
            compressed,
            usable,
            sizes: sizes.collect::<Result<_, _>>()?,
        })
    }
}

/// Whether this program reads a camera's format.
fn is_read(fourcc: FourCc) -> bool {
    PixelFormat::ALL.iter().any(|format| FourCc::new(format.fourcc()) == fourcc)
}

impl SizeReport {
    fn of(device: &Device, fourcc: FourCc, sizes: FrameSizes) -> Result<Self, V4l2Error> {
        let (extent, range) = match sizes {
            FrameSizes::Discrete(extent) => (extent, None),
            FrameSizes::Stepwise { least, most, step } => (most, Some((least, step))),
        };
        let intervals = device.frame_intervals(fourcc, extent)?;
        let rates_range = matches!(intervals.first(), Some(FrameIntervals::Stepwise { .. }));
        let ends = |intervals: &FrameIntervals| match *intervals {
            FrameIntervals::Discrete(interval) => [interval, None],
            FrameIntervals::Stepwise { least, most, .. } => [least, most],
        };
        let mut rates: Vec<f64> =
            intervals.iter().flat_map(ends).flatten().map(Interval::per_second).collect();
        rates.sort_by(|a, b| b.total_cmp(a));
        rates.dedup();
        Ok(Self { extent, range, rates, rates_range })
    }
}

impl ControlReport {
    fn of(control: &Control) -> Self {
        Self {
            name: control.name.clone(),
            description: control.description.clone(),
            kind: format!("{:?}", control.kind).to_lowercase(),
            minimum: control.minimum,
            maximum: control.maximum,
            step: control.step,
            default: control.default,
            value: control.value.as_ref().map(|value| match value {
                ControlValue::Integer(value) => (*value).into(),
                ControlValue::Text(text) => text.as_str().into(),
            }),
            menu: control.menu.iter().map(|item| (item.index, item.name.clone())).collect(),
            read_only: control.is_read_only(),
            inactive: control.is_inactive(),
            expected: control.expectation(),
        }
    }
}

//! What a model of a driver is a driver of.

use std::ffi::c_char;
use std::time::Duration;

use rustix::io::Errno;
use v4l::v4l_sys as raw;

use crate::frame::{Extent, FrameRate};
use crate::v4l2::error::Fault;
use crate::v4l2::format::{ColourCodes, Field, Format, FormatWish, FourCc, Interval, PlaneLayout};

/// The manners of a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Personality {
    /// As `uvcvideo`: a camera on USB, which does as the documentation says.
    Webcam,
    /// As `tegra-video`, by the reports of its users: 64-bit controls from 0 to 0, no frames while
    /// `bypass_mode` is 1, rows of other lengths than it says, rates that cannot be asked, first
    /// frames that are damaged, a stream that sticks when it is started a second time.
    Tegra,
}

/// A stuck receiver of tegra-video needs some time after the device was closed.
const REST_WHEN_STUCK: Duration = Duration::from_millis(900);

impl Personality {
    pub(super) fn device(self) -> ModelDevice {
        let controls = match self {
            Self::Webcam => vec![
                ModelControl::new(0x0098_0900, "Brightness", (0, 255), 128),
                ModelControl::new(raw::V4L2_CID_FOCUS_AUTO, "Focus, Automatic", (0, 1), 0),
            ],
            Self::Tegra => vec![
                ModelControl::wide(GAIN, "Gain", 356, (16, 356)),
                ModelControl::wide(0x009A_200A, "Exposure", 10_000, (30, 660_000)),
                ModelControl::wide(0x009A_200B, "Frame Rate", 60_000_000, (2_000_000, 60_000_000)),
                ModelControl::wide(0x009A_2008, "Sensor Mode", 1, (0, 3)),
                ModelControl::new(BYPASS_MODE, "Bypass Mode", (0, 1), 1),
                ModelControl::new(PREFERRED_STRIDE, "Preferred Stride", (0, 65_535), 0),
            ],
        };
        ModelDevice {
            personality: self,
            formats: vec![(FourCc::new(*b"GREY"), Extent::new(16, 12))],
            frame_interval: Duration::from_millis(33),
            controls,
            pictures: 8,
            ..ModelDevice::bare(false)
        }
    }

    fn driver(self) -> &'static str {
        match self {
            Self::Webcam => "uvcvideo",
            Self::Tegra => "tegra-video",
        }
    }

    pub(super) fn sticks_at_restarts(self) -> bool {
        self == Self::Tegra
    }

    pub(super) fn rest_when_stuck(self) -> Duration {
        if self == Self::Tegra { REST_WHEN_STUCK } else { Duration::ZERO }
    }

    pub(super) fn flagged_first(self) -> u32 {
        if self == Self::Tegra { 2 } else { 0 }
    }
}

const GAIN: u32 = 0x009A_2009;
const BYPASS_MODE: u32 = 0x009A_2064;
const PREFERRED_STRIDE: u32 = 0x009A_206E;

/// A device.
#[derive(Debug)]
pub(crate) struct ModelDevice {
    pub(super) personality: Personality,
    is_output: bool,
    /// What it has.
    pub(crate) formats: Vec<(FourCc, Extent)>,
    /// `V4L2_FIELD_…` of its format.
    pub(crate) field: u32,
    /// What it is set to, of these.
    set: usize,
    pub(super) frame_interval: Duration,
    pub(crate) controls: Vec<ModelControl>,
    /// Different pictures in the memory of each buffer.
    pictures: usize,
}

/// A control.
#[derive(Debug, Clone)]
pub(crate) struct ModelControl {
    id: u32,
    description: &'static str,
    is_wide: bool,
    /// The range that it tells of.
    range: (i64, i64),
    /// What it makes of values outside its real range.
    real: (i64, i64),
    pub(crate) value: i64,
    /// What setting it fails with.
    pub(crate) refuses: Option<Errno>,
}

impl ModelControl {
    fn new(id: u32, description: &'static str, range: (i64, i64), value: i64) -> Self {
        Self { id, description, is_wide: false, range, real: range, value, refuses: None }
    }

    fn wide(id: u32, description: &'static str, value: i64, real: (i64, i64)) -> Self {
        Self { is_wide: true, range: (0, 0), real, ..Self::new(id, description, real, value) }
    }
}

impl ModelDevice {
    /// One without formats and controls, for tests of streams.
    pub(super) fn bare(is_output: bool) -> Self {
        Self {
            personality: Personality::Webcam,
            is_output,
            formats: Vec::new(),
            field: 1,
            set: 0,
            frame_interval: Duration::from_millis(10),
            controls: Vec::new(),
            pictures: 1,
        }
    }

    pub(super) fn capability(&self) -> raw::v4l2_capability {
        let way =
            if self.is_output { raw::V4L2_CAP_VIDEO_OUTPUT } else { raw::V4L2_CAP_VIDEO_CAPTURE };
        let capabilities = way | raw::V4L2_CAP_STREAMING;
        let mut capability = raw::v4l2_capability { capabilities, ..Default::default() };
        let driver = self.personality.driver().bytes();
        capability.driver.iter_mut().zip(driver).for_each(|(to, byte)| *to = byte);
        capability
    }

    pub(super) fn extent_at(&self, fourcc: FourCc, index: u32) -> Result<Extent, Fault> {
        let mut of_format = self.formats.iter().filter(|(is, _)| *is == fourcc);
        let end = Fault { call: "VIDIOC_ENUM_FRAMESIZES", cause: Errno::INVAL.into() };
        of_format.nth(index as usize).map(|(_, extent)| *extent).ok_or(end)
    }

    pub(super) fn format(&mut self, wish: Option<&FormatWish>) -> Format {
        if let Some(wish) = wish {
            let is_wished = |(fourcc, _): &(FourCc, Extent)| *fourcc == wish.fourcc;
            self.set = self.formats.iter().position(is_wished).unwrap_or(0);
        }
        let (fourcc, extent) = self.formats[self.set];
        let size = self.length();
        Format {
            extent,
            fourcc,
            field: Field::of(self.field),
            planes: vec![PlaneLayout { stride: self.told_stride(), size }],
            colours: ColourCodes::default(),
        }
    }

    /// Bytes of a picture.
    pub(super) fn length(&self) -> usize {
        self.stride() * self.formats[self.set].1.height
    }

    fn row_bytes(&self) -> usize {
        let (fourcc, extent) = self.formats[self.set];
        let bytes = match fourcc.to_string().as_str() {
            "GREY" => 1,
            "RGB3" => 3,
            _ => 2,
        };
        bytes * extent.width
    }

    /// Bytes from row to row: those of tegra-video are multiples of 64.
    fn stride(&self) -> usize {
        match self.personality {
            Personality::Webcam => self.row_bytes(),
            Personality::Tegra => self.row_bytes().next_multiple_of(64),
        }
    }

    /// What the driver says of it; tegra-video forgets the padding unless it is told of it.
    fn told_stride(&self) -> usize {
        let preferred =
            self.value(PREFERRED_STRIDE).and_then(|stride| usize::try_from(stride).ok());
        let is_told = preferred.is_some_and(|preferred| preferred == self.stride());
        if is_told { self.stride() } else { self.row_bytes() }
    }

    /// The memory of a buffer: of several pictures one after the other, each all of one value, the
    /// padding of its rows of another.
    pub(super) fn memory(&self, planes: &[usize], index: u32) -> Vec<Vec<u8>> {
        if self.formats.is_empty() {
            let value = u8::try_from(index).unwrap_or(u8::MAX);
            return planes.iter().map(|&length| vec![value; length]).collect();
        }
        let (row, padding) = (self.row_bytes(), self.stride() - self.row_bytes());
        let height = self.formats[self.set].1.height;
        let is_interlaced = matches!(self.field, 4 | 8 | 9);
        // The odd rows of interlaced pictures show another time.
        let value_at = |value: u8, y: usize| value + 100 * u8::from(is_interlaced && y % 2 == 1);
        let row = |value: u8| [vec![value; row], vec![u8::MAX; padding]].concat();
        let picture = |value: u8| (0..height).flat_map(move |y| row(value_at(value, y)));
        let values = (1..).take(self.pictures);
        vec![values.flat_map(picture).collect()]
    }

    /// Where a picture lies in the memory of whichever buffer.
    pub(super) fn offset(&self, picture: usize) -> usize {
        if self.formats.is_empty() { 0 } else { picture % self.pictures * self.length() }
    }

    pub(super) fn interval(&self) -> Result<Option<Interval>, Fault> {
        match self.personality {
            Personality::Webcam => Ok(Some(Interval::at(FrameRate::per_second(30)))),
            Personality::Tegra => Err(Fault { call: "VIDIOC_S_PARM", cause: Errno::PERM.into() }),
        }
    }

    pub(super) fn control_after(&self, last: u32) -> Result<raw::v4l2_query_ext_ctrl, Fault> {
        let next = self.controls.iter().filter(|control| control.id > last);
        let end = Fault { call: "VIDIOC_QUERY_EXT_CTRL", cause: Errno::INVAL.into() };
        let control = next.min_by_key(|control| control.id).ok_or(end)?;
        let mut answer = raw::v4l2_query_ext_ctrl {
            id: control.id,
            type_: if control.is_wide {
                raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER64
            } else if control.id == BYPASS_MODE {
                raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER_MENU
            } else {
                raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER
            },
            minimum: control.range.0,
            maximum: control.range.1,
            step: u64::from(!control.is_wide),
            ..Default::default()
        };
        for (to, byte) in answer.name.iter_mut().zip(control.description.bytes()) {
            *to = c_char::from_ne_bytes([byte]);
        }
        Ok(answer)
    }

    pub(super) fn control(&self, id: u32, wide: bool) -> Result<i64, Fault> {
        let invalid = || Fault { call: "VIDIOC_G_EXT_CTRLS", cause: Errno::INVAL.into() };
        let control = self.controls.iter().find(|control| control.id == id).ok_or_else(invalid)?;
        if control.is_wide == wide { Ok(control.value) } else { Err(invalid()) }
    }

    pub(super) fn set_control(&mut self, id: u32, wide: bool, value: i64) -> Result<(), Fault> {
        let fault = |errno: Errno| Fault { call: "VIDIOC_S_EXT_CTRLS", cause: errno.into() };
        let control = self.controls.iter_mut().find(|control| control.id == id);
        let control = control.ok_or_else(|| fault(Errno::INVAL))?;
        match control.refuses {
            Some(errno) => Err(fault(errno)),
            None if control.is_wide != wide => Err(fault(Errno::INVAL)),
            None => {
                control.value = value.clamp(control.real.0, control.real.1);
                Ok(())
            }
        }
    }

    /// The control of that description.
    pub(crate) fn control_named(&mut self, description: &str) -> &mut ModelControl {
        let mut controls = self.controls.iter_mut();
        controls.find(|control| control.description == description).expect("a control")
    }

    fn value(&self, id: u32) -> Option<i64> {
        self.controls.iter().find(|control| control.id == id).map(|control| control.value)
    }

    /// Whether frames go to the processor of pictures instead of to whoever captures.
    pub(super) fn is_bypassed(&self) -> bool {
        self.value(BYPASS_MODE) == Some(1)
    }
}

//! The driver of cameras at the CSI connectors of Jetson boards, `tegra-video`, and what it needs
//! beyond the documentation of V4L2, by the reports of its users.
//!
//! - While `bypass_mode` is 1, frames go to the processor of pictures, and reading them waits for
//!   ever. Some sensors refuse to have it set, which need not matter.
//! - Rows are multiples of 64 bytes long, of which the driver may forget to tell; the control
//!   `preferred_stride` reminds it.
//! - A stream that is started again on an open device may give nothing ever more, until the device
//!   was closed for a second.
//! - Controls tell of a range from 0 to 0, and rates cannot be asked: see
//!   [`Device::set_control`] and [`super::rates`].

use crate::v4l2::{
    Control, ControlValue, Device, Direction, Driver, ErrorKind, Format, FormatWish, Setting,
    V4l2Error,
};

const DRIVER: &str = "tegra-video";
/// Name of the control that sends frames elsewhere.
pub(super) const BYPASS_MODE: &str = "bypass_mode";
const PREFERRED_STRIDE: &str = "preferred_stride";
/// Bytes that rows are multiples of.
const ROW_UNIT: usize = 64;

/// Whether a device is this driver's.
pub(super) fn is_driver_of<D: Driver>(device: &Device<D>) -> bool {
    device.capabilities().driver == DRIVER
}

/// Has frames come to this process. Where that cannot be set it is told, and the camera tried.
pub(super) fn leave_bypass<D: Driver>(device: &Device<D>) -> Result<(), V4l2Error> {
    if is_driver_of(device) && find(device, BYPASS_MODE)?.is_some() {
        set(device, BYPASS_MODE, 0)?;
    }
    Ok(())
}

/// Why this driver may give nothing.
pub(super) fn reason_for_silence<D: Driver>(device: &Device<D>) -> Option<&'static str> {
    let control = find(device, BYPASS_MODE).ok().flatten()?;
    let is_on = control.value == Some(ControlValue::Integer(1));
    is_on.then_some("bypass_mode is 1, with which the driver gives no frames to this program")
}

/// Has the driver tell how long rows are, where it can be told to; gives the format that is set.
pub(super) fn align_rows<D: Driver>(
    device: &Device<D>,
    wish: &FormatWish,
    format: Format,
) -> Result<Format, V4l2Error> {
    let stride = format.planes.first().map_or(0, |plane| plane.stride);
    if stride.is_multiple_of(ROW_UNIT) || find(device, PREFERRED_STRIDE)?.is_none() {
        return Ok(format);
    }
    let aligned = i64::try_from(stride.next_multiple_of(ROW_UNIT)).unwrap_or(i64::MAX);
    set(device, PREFERRED_STRIDE, aligned)?;
    device.set_format(Direction::Capture, wish)
}

fn find<D: Driver>(device: &Device<D>, name: &str) -> Result<Option<Control>, V4l2Error> {
    Ok(device.controls()?.into_iter().find(|control| control.name == name))
}

/// Sets a control. Only where the device is gone is a failure an error.
fn set<D: Driver>(device: &Device<D>, name: &str, value: i64) -> Result<(), V4l2Error> {
    match device.set_control(name, &Setting::Integer(value)) {
        Err(error) if error.kind() == ErrorKind::Gone => Err(error),
        Err(error) => {
            log::warn!("{error}");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

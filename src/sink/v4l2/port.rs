//! An open output device that takes pictures.

use std::path::Path;
use std::time::{Duration, Instant};

use super::pack::OutputFormat;
use crate::frame::{Extent, FrameRate};
use crate::v4l2::{Device, Direction, FormatWish, Interval, Output, V4l2Error};

/// What the device is wanted to show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) format: OutputFormat,
    /// Extent of the pictures as they go out.
    pub(super) extent: Extent,
    pub(super) rate: FrameRate,
}

/// Something that takes pictures.
pub(super) trait Port: Send {
    /// Lets `fill` write a picture into bytes whose rows are so many bytes apart, and puts it out;
    /// `false` where no buffer is free. `captured_at` is when the picture was taken.
    ///
    /// # Errors
    /// Where the device cannot be used any more.
    fn put(
        &mut self,
        captured_at: Instant,
        fill: &mut dyn FnMut(usize, &mut [u8]) -> bool,
    ) -> Result<bool, V4l2Error>;
}

/// An open device.
pub(super) struct DevicePort {
    device: Device,
    transport: Transport,
    /// Bytes from row to row.
    stride: usize,
    /// Bytes of a picture.
    length: usize,
}

/// How pictures get into the device.
enum Transport {
    /// Through buffers shared with it.
    Shared(Output),
    /// Copied as into a file.
    Written(Vec<u8>),
}

/// Buffers asked for: one is shown, one waits, one is filled, one is spare.
const BUFFERS: u32 = 4;
/// How long a frame waits for a buffer. The sink has its own thread and queue, so that waiting
/// delays nobody, but the frame that waits gets no fresher.
const PATIENCE: Duration = Duration::from_millis(10);
/// The driver whose devices are no outputs while somebody writes to them.
const LOOPBACK: &str = "v4l2 loopback";

impl DevicePort {
    /// Opens a device; sets it up where it is known for what.
    ///
    /// # Errors
    /// Where it is not there, is no output, may not be used, or does not take the format.
    pub(super) fn open(
        path: &Path,
        wish: Option<&Wish>,
    ) -> Result<Option<Box<dyn Port>>, V4l2Error> {
        let device = Device::open(path)?;
        check_kind(&device)?;
        let Some(wish) = wish else { return Ok(None) };
        let asked = FormatWish {
            extent: wish.extent,
            fourcc: wish.format.fourcc(),
            colours: wish.format.colours(),
        };
        let set = device.set_format(Direction::Output, &asked)?;
        if set.fourcc != asked.fourcc || set.extent != asked.extent {
            let problem = format!(
                "it is set to {set} and stays so (expected {} {}): another program uses it, or \
                 it has no such format",
                asked.fourcc, asked.extent
            );
            return Err(V4l2Error::Occupied { device: path.to_owned(), problem });
        }
        let rate = device.set_interval(Direction::Output, Interval::at(wish.rate));
        if let Err(error) = rate {
            log::debug!("the rate is not told: {error}");
        }
        // Some drivers do not tell the stride.
        let told = set.planes.first().map_or(0, |plane| plane.stride);
        let stride = told.max(wish.format.row_bytes(wish.extent.width));
        let length = wish.format.bytes(wish.extent, stride);
        let transport = if device.capabilities().streaming {
            Transport::Shared(device.output(BUFFERS)?)
        } else {
            Transport::Written(vec![0; length])
        };
        Ok(Some(Box::new(Self { device, transport, stride, length })))
    }
}

impl Port for DevicePort {
    fn put(
        &mut self,
        captured_at: Instant,
        fill: &mut dyn FnMut(usize, &mut [u8]) -> bool,
    ) -> Result<bool, V4l2Error> {
        let Self { device, transport, stride, length } = self;
        let short = |there: usize| V4l2Error::Answer {
            device: device.path().to_owned(),
            call: "VIDIOC_QUERYBUF",
            answer: format!("{there} bytes"),
            expected: format!("{length} bytes"),
        };
        match transport {
            Transport::Shared(output) => {
                let Some(mut vacant) = output.vacant(PATIENCE)? else { return Ok(false) };
                let bytes = vacant.plane_mut(0);
                let there = bytes.len();
                if !fill(*stride, bytes) {
                    return Err(short(there));
                }
                vacant.send(&[*length], captured_at)?;
                Ok(true)
            }
            Transport::Written(bytes) => {
                if !fill(*stride, bytes) {
                    return Err(short(bytes.len()));
                }
                device.write(bytes)
            }
        }
    }
}

/// Whether a device takes pictures.
fn check_kind(device: &Device) -> Result<(), V4l2Error> {
    let capabilities = device.capabilities();
    let path = device.path().to_owned();
    if capabilities.output.is_some() {
        return Ok(());
    }
    if capabilities.driver == LOOPBACK {
        let problem = "another program writes to it".to_owned();
        return Err(V4l2Error::Occupied { device: path, problem });
    }
    let problem = match capabilities.capture {
        Some(_) => format!("it is a capture device ({})", capabilities.card),
        None => "it is no output device".to_owned(),
    };
    Err(V4l2Error::Unsuited { device: path, problem })
}

//! A camera that can be opened, read and closed again and again.

use std::time::{Duration, Instant};

use super::choose::{offers, ranked, table};
use super::error::CameraError;
use super::host::Host;
use super::names::Names;
use super::options::V4l2Options;
use super::{rates, tegra};
use crate::frame::{FrameRate, Range};
use crate::optics::Clue;
use crate::source::unpack::{Memory, PixelFormat};
use crate::v4l2::{
    Automatic, Capture, Clock, ControlValue, Damage, Device, Direction, ErrorKind, Field, Format,
    FormatWish, FourCc, Interval, Setting, V4l2Error,
};

/// A video device, open or not. It is closed at first.
#[derive(Debug)]
pub(super) struct Camera<H: Host> {
    host: H,
    options: V4l2Options,
    names: Names,
    opened: Option<Opened<H>>,
    /// What was said of automatic controls, so that it is said once.
    warned: Vec<Automatic>,
}

/// A running stream and its device; the stream ends first.
#[derive(Debug)]
struct Opened<H: Host> {
    capture: Capture<H::Driver>,
    device: Device<H::Driver>,
}

/// What was agreed with a camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Agreed {
    pub(super) pixel_format: PixelFormat,
    pub(super) memory: Memory,
    pub(super) range: Range,
    /// What is told of the curve of the samples.
    pub(super) clue: Clue,
    pub(super) field: Field,
    /// `None` where the camera does not tell.
    pub(super) rate: Option<FrameRate>,
    /// Whether a stream that was restarted is likely to give nothing; closing helps then.
    pub(super) sticks_at_restarts: bool,
}

impl std::fmt::Display for Agreed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.pixel_format, self.memory.extent)?;
        match self.rate {
            None => Ok(()),
            Some(rate) => write!(out, " at {rate} frames/s"),
        }
    }
}

/// A frame as it lies in the driver's buffers.
#[derive(Debug)]
pub(super) struct RawFrame<'a> {
    /// The bytes in use of each buffer.
    pub(super) buffers: [&'a [u8]; 3],
    /// How many buffers there are.
    pub(super) count: usize,
    /// Why the frame is not what it should be, where it is not.
    pub(super) damage: Option<Damage>,
    pub(super) field: Field,
    /// Number of the frame as the driver counts them.
    pub(super) sequence: u32,
    /// Frames that went back unseen because this one is newer.
    pub(super) skipped: usize,
    pub(super) captured_at: Instant,
    /// Which clock that is from.
    pub(super) clock: Clock,
}

impl<H: Host> Camera<H> {
    pub(super) fn new(host: H, options: V4l2Options) -> Self {
        let names = Names::new(options.device.clone());
        Self { host, options, names, opened: None, warned: Vec::new() }
    }

    /// Opens it, agrees on a format, sets the controls and starts the stream. Whatever was opened
    /// is closed again where that fails.
    pub(super) fn open(&mut self) -> Result<Agreed, CameraError> {
        self.close();
        let device = self.host.open(self.names.path())?;
        let (pixel_format, format) = self.agree(&device)?;
        let rate = rates::ask(&device, self.options.rate)?;
        self.set_controls(&device)?;
        if !self.options.controls.contains_key(tegra::BYPASS_MODE) {
            tegra::leave_bypass(&device)?;
        }
        let mut capture = device.capture(self.options.buffers)?;
        if let Some(rate) = rate {
            capture.expect(Interval::at(rate));
        }
        self.names.learn(device.node());
        let mut strides = [0; 3];
        for (stride, plane) in strides.iter_mut().zip(&format.planes) {
            *stride = plane.stride;
        }
        let agreed = Agreed {
            pixel_format,
            memory: Memory { extent: format.extent, strides },
            range: pixel_format.range(format.colours.colorspace, format.colours.quantization),
            clue: self.options.clue(pixel_format, format.colours),
            field: format.field,
            rate,
            sticks_at_restarts: tegra::is_driver_of(&device),
        };
        self.opened = Some(Opened { capture, device });
        Ok(agreed)
    }

    /// Sets the format: the best wish that the driver grants.
    fn agree(&self, device: &Device<H::Driver>) -> Result<(PixelFormat, Format), CameraError> {
        let V4l2Options { formats, extent, rate, .. } = &self.options;
        let offers = offers(device, *extent)?;
        let mut in_fields = None;
        for wish in ranked(formats, (*extent, *rate), &offers) {
            let fourcc = FourCc::new(wish.fourcc());
            let wish_of_driver = FormatWish::new(fourcc, *extent);
            let set = match device.set_format(Direction::Capture, &wish_of_driver) {
                // It has the format and does not like it all the same.
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    log::debug!("{error}");
                    continue;
                }
                set => tegra::align_rows(device, &wish_of_driver, set?)?,
            };
            if set.fourcc != fourcc || set.planes.len() != wish.buffers() {
                log::debug!("{}: {fourcc} was asked for, {set} was set", device.path().display());
                continue;
            }
            match set.field {
                Field::Whole | Field::Interlaced => return Ok((wish, set)),
                field => in_fields = in_fields.or(Some(field)),
            }
        }
        let device = device.path().to_owned();
        if let Some(field) = in_fields {
            return Err(CameraError::Fields { device, field });
        }
        let wishes: Vec<String> = formats.iter().map(PixelFormat::to_string).collect();
        Err(CameraError::Refused { device, wishes: wishes.join(", "), offers: table(&offers) })
    }

    /// Sets the controls. Those that switch automatics come first: others have no effect, or none
    /// that stays, while these are on.
    fn set_controls(&mut self, device: &Device<H::Driver>) -> Result<(), CameraError> {
        let is_switch = |name: &str| name.contains("auto");
        for switches in [true, false] {
            for (name, setting) in &self.options.controls {
                if is_switch(name) == switches {
                    tell_of_kept(name, setting, device.set_control(name, setting)?);
                }
            }
        }
        for automatic in device.controls()?.iter().filter_map(|control| control.automatic()) {
            let what = match automatic {
                Automatic::Focus => "the focus",
                Automatic::Exposure => "the exposure",
                Automatic::Gain | Automatic::WhiteBalance => continue,
            };
            if !self.warned.contains(&automatic) {
                self.warned.push(automatic);
                log::warn!(
                    "{}: the camera sets {what} by itself; a calibrated PSF holds for one focus \
                     and one exposure (fix them in [source.controls])",
                    device.path().display()
                );
            }
        }
        Ok(())
    }

    /// Stops the stream and starts it again.
    pub(super) fn restart(&mut self) -> Result<(), V4l2Error> {
        self.opened.as_mut().map_or(Ok(()), |opened| opened.capture.restart())
    }

    /// Closes everything.
    pub(super) fn close(&mut self) {
        self.opened = None;
    }

    /// Whether there is something to open.
    pub(super) fn is_there(&self) -> bool {
        self.host.is_there(self.names.path())
    }

    /// Hands the newest frame to `reader`, waiting for `patience` at most; whether there was one.
    pub(super) fn take(
        &mut self,
        patience: Duration,
        reader: &mut dyn FnMut(&RawFrame<'_>),
    ) -> Result<bool, V4l2Error> {
        let Some(Opened { capture, .. }) = &mut self.opened else { return Ok(false) };
        let Some(captured) = capture.newest(patience)? else { return Ok(false) };
        let mut buffers = [[].as_slice(); 3];
        let planes = buffers.iter_mut().zip(captured.planes());
        let count = planes.map(|(buffer, plane)| *buffer = plane).count();
        reader(&RawFrame {
            buffers,
            count,
            damage: captured.damage(),
            field: captured.field(),
            sequence: captured.sequence(),
            skipped: captured.skipped(),
            captured_at: captured.captured_at(),
            clock: captured.clock(),
        });
        Ok(true)
    }

    /// Why an open camera may give nothing.
    pub(super) fn reason_for_silence(&self) -> Option<&'static str> {
        self.opened.as_ref().and_then(|opened| tegra::reason_for_silence(&opened.device))
    }

    /// The clock.
    pub(super) fn now(&self) -> Instant {
        self.host.now()
    }

    /// Lets time pass.
    pub(super) fn rest(&mut self, pause: Duration) {
        self.host.rest(pause);
    }
}

/// Tells what the driver made of a setting, where that is something else.
fn tell_of_kept(name: &str, setting: &Setting, kept: Option<ControlValue>) {
    if let (Setting::Integer(wanted), Some(ControlValue::Integer(kept))) = (setting, kept)
        && *wanted != kept
    {
        log::warn!("control {name}: {wanted} was set, the driver made it {kept}");
    }
}

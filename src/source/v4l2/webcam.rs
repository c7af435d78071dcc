//! A camera of the kernel's.

use std::time::{Duration, Instant};

use super::camera::{Agreed, Camera, Shot};
use super::choose::{offers, ranked, table};
use super::names::Names;
use super::{CameraError, V4l2Options};
use crate::source::unpack::{Memory, PixelFormat};
use crate::v4l2::{
    Automatic, Capture, Device, Direction, ErrorKind, Format, FormatWish, FourCc, Interval,
    V4l2Error,
};

/// A video device, open or not.
#[derive(Debug)]
pub(super) struct Webcam {
    options: V4l2Options,
    names: Names,
    /// Running; the device is kept open by it.
    capture: Option<Capture>,
    /// What was said of automatic controls, so that it is said once.
    warned: Vec<Automatic>,
}

impl Webcam {
    pub(super) fn new(options: V4l2Options) -> Self {
        let names = Names::new(options.device.clone());
        Self { options, names, capture: None, warned: Vec::new() }
    }

    /// Sets the format: the best wish that the driver grants.
    fn agree(&self, device: &Device) -> Result<(PixelFormat, Format), CameraError> {
        let V4l2Options { formats, extent, rate, .. } = &self.options;
        let offers = offers(device, *extent)?;
        for wish in ranked(formats, (*extent, *rate), &offers) {
            let fourcc = FourCc::new(wish.fourcc());
            let wish_of_driver = FormatWish::new(fourcc, *extent);
            let set = match device.set_format(Direction::Capture, &wish_of_driver) {
                // It has the format and does not like it all the same.
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    log::debug!("{error}");
                    continue;
                }
                set => set?,
            };
            if set.fourcc == fourcc && set.planes.len() == wish.buffers() {
                return Ok((wish, set));
            }
            log::debug!("{}: {fourcc} was asked for, {set} was set", device.path().display());
        }
        let wishes: Vec<String> = formats.iter().map(PixelFormat::to_string).collect();
        Err(CameraError::Refused {
            device: device.path().to_owned(),
            wishes: wishes.join(", "),
            offers: table(&offers),
        })
    }

    /// Sets the controls. Those that switch automatics come first: others have no effect, or none
    /// that stays, while these are on.
    fn set_controls(&mut self, device: &Device) -> Result<(), CameraError> {
        let is_switch = |name: &str| name.contains("auto");
        for switches in [true, false] {
            for (name, setting) in &self.options.controls {
                if is_switch(name) == switches {
                    device.set_control(name, setting)?;
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
}

impl Camera for Webcam {
    fn open(&mut self) -> Result<Agreed, CameraError> {
        self.close();
        let device = Device::open(self.names.path())?;
        let (pixel_format, format) = self.agree(&device)?;
        let wish = Interval::at(self.options.rate);
        let interval = device.set_interval(Direction::Capture, wish)?;
        self.set_controls(&device)?;
        self.capture = Some(device.capture(self.options.buffers)?);
        self.names.learn(device.node());
        let mut strides = [0; 3];
        for (stride, plane) in strides.iter_mut().zip(&format.planes) {
            *stride = plane.stride;
        }
        Ok(Agreed {
            pixel_format,
            memory: Memory { extent: format.extent, strides },
            range: pixel_format.range(format.colours.colorspace, format.colours.quantization),
            rate: interval.map(Interval::rate),
        })
    }

    fn restart(&mut self) -> Result<(), V4l2Error> {
        self.capture.as_mut().map_or(Ok(()), Capture::restart)
    }

    fn close(&mut self) {
        self.capture = None;
    }

    fn is_there(&self) -> bool {
        self.names.is_there()
    }

    fn take(
        &mut self,
        patience: Duration,
        reader: &mut dyn FnMut(&Shot<'_>),
    ) -> Result<bool, V4l2Error> {
        let Some(capture) = &mut self.capture else { return Ok(false) };
        let Some(captured) = capture.newest(patience)? else { return Ok(false) };
        let mut buffers = [[].as_slice(); 3];
        let planes = buffers.iter_mut().zip(captured.planes());
        let count = planes.map(|(buffer, plane)| *buffer = plane).count();
        reader(&Shot {
            buffers,
            count,
            damage: captured.damage(),
            sequence: captured.sequence(),
            skipped: captured.skipped(),
            captured_at: captured.captured_at(),
        });
        Ok(true)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn rest(&mut self, pause: Duration) {
        std::thread::sleep(pause);
    }
}

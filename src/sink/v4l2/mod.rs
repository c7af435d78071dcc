//! Restored frames as an ordinary camera: an output device of the kernel, as v4l2loopback makes.
//!
//! Programs that read the device must not notice what happens here: its format is set once, from
//! the first frame to the last. A frame for which the driver has no buffer may be offered again,
//! which the pipeline does where none may be lost; else it is dropped. A device that goes, fails,
//! refuses frames or belongs to somebody else is opened again, ever less often; what is wrong with
//! it is logged once.

mod pack;
mod port;

pub use pack::{OutputFormat, Packer};

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::frame::{Extent, Frame, FrameRate, PictureFormat};
use crate::keys;
use crate::pace::Backoff;
use crate::sink::contract::{Sink, SinkError};
use crate::v4l2::{ErrorKind, V4l2Error};
use port::{DevicePort, Port, Wish};

/// Pauses before a device is opened again: the first, and the longest.
const PAUSE: Duration = Duration::from_millis(125);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Which device, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct V4l2SinkOptions {
    /// The device, by any of its names.
    pub device: PathBuf,
    /// The format that programs read from it.
    #[serde(default, deserialize_with = "keys::parsed")]
    pub format: OutputFormat,
}

/// Puts frames into a video device.
pub struct V4l2Sink {
    options: V4l2SinkOptions,
    open: Box<Open>,
    /// Extent of the pictures and their rate, once known.
    stream: Option<(Extent, FrameRate)>,
    port: Option<Box<dyn Port>>,
    packer: Packer,
    backoff: Backoff,
}

/// Opens a device and sets it up.
type Open = dyn FnMut(&Path, Option<&Wish>) -> Result<Option<Box<dyn Port>>, V4l2Error> + Send;

impl V4l2Sink {
    /// Name of every such sink in the statistics.
    pub const NAME: &str = "v4l2";

    /// Tries whether the device is there and is an output.
    ///
    /// # Errors
    /// Where it is not, or may not be opened. A device that somebody else uses is no error.
    pub fn open(options: V4l2SinkOptions) -> Result<Self, SinkError> {
        Self::with(options, Box::new(DevicePort::open))
    }

    fn with(options: V4l2SinkOptions, open: Box<Open>) -> Result<Self, SinkError> {
        let packer = Packer::new(options.format);
        let backoff = Backoff::new(PAUSE, PAUSE_MAX);
        let mut sink = Self { options, open, stream: None, port: None, packer, backoff };
        sink.connect().or_else(|error| sink.bear(error))?;
        Ok(sink)
    }

    /// Opens the device and, where the stream is known, sets it up.
    fn connect(&mut self) -> Result<(), V4l2Error> {
        let format = self.options.format;
        let wish =
            self.stream.map(|(extent, rate)| Wish { format, extent: format.grown(extent), rate });
        self.port = (self.open)(&self.options.device, wish.as_ref())?;
        Ok(())
    }

    /// At the start, whatever only a person can change is an error.
    fn bear(&mut self, error: V4l2Error) -> Result<(), SinkError> {
        match error.kind() {
            ErrorKind::Gone | ErrorKind::Denied | ErrorKind::Unsupported => {
                let advice = advice(error.kind(), &self.options.device);
                Err(SinkError::Device { cause: Box::new(error), advice })
            }
            ErrorKind::Busy | ErrorKind::Transient | ErrorKind::Other => {
                self.fail(&error, Instant::now());
                Ok(())
            }
        }
    }

    /// Notes that the device could not be opened or refused a frame.
    fn fail(&mut self, error: &V4l2Error, now: Instant) {
        self.port = None;
        if self.backoff.fail(now) {
            log::warn!("{error}; its frames wait or are lost until it can be used");
        } else {
            log::debug!("{error}");
        }
    }

    /// As [`Sink::deliver`], at a time.
    fn deliver_at(&mut self, frame: &Frame, now: Instant) -> Result<(), SinkError> {
        let picture = &frame.restored;
        let is_expected = self.stream.is_some_and(|(extent, _)| extent == picture.extent());
        if !is_expected {
            // It will never fit.
            return Err(SinkError::Busy);
        }
        if self.port.is_none()
            && self.backoff.is_due(now)
            && let Err(error) = self.connect()
        {
            self.fail(&error, now);
        }
        let Some(port) = &mut self.port else { return Err(SinkError::Later) };
        let packer = &mut self.packer;
        let mut fill = |stride: usize, bytes: &mut [u8]| packer.pack(picture, stride, bytes);
        match port.put(frame.meta.captured_at, &mut fill) {
            Ok(true) => {
                if self.backoff.succeed() {
                    log::info!("{}: frames go out again", self.options.device.display());
                }
                Ok(())
            }
            Ok(false) => Err(SinkError::Later),
            Err(error) => {
                self.fail(&error, now);
                Err(SinkError::Later)
            }
        }
    }
}

impl Sink for V4l2Sink {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn start(&mut self, format: PictureFormat, rate: FrameRate) -> Result<(), SinkError> {
        self.stream = Some((format.extent, rate));
        self.connect().or_else(|error| self.bear(error))
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        self.deliver_at(frame, Instant::now())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.port = None;
        Ok(())
    }
}

impl std::fmt::Debug for V4l2Sink {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("V4l2Sink").field("options", &self.options).finish_non_exhaustive()
    }
}

/// What a person can do about a device that cannot be used.
fn advice(kind: ErrorKind, device: &Path) -> String {
    let name = device.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let number = name.strip_prefix("video").filter(|number| number.parse::<u8>().is_ok());
    // A number that is taken cannot be had.
    let number = number.filter(|_| kind == ErrorKind::Gone);
    let number = number.map_or(String::new(), |number| format!("video_nr={number} "));
    let make = format!("modprobe v4l2loopback {number}exclusive_caps=1 card_label=deblurd");
    match kind {
        ErrorKind::Denied => "only its owner and its group, mostly `video`, may use it: add the \
                              user of deblurd by `usermod -aG video USER`"
            .to_owned(),
        ErrorKind::Gone => format!("make it by `{make}`"),
        _ => format!("make an output by `{make}`"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::frame::Layout;
    use crate::v4l2::Fault;

    /// A device that does as it is told.
    #[derive(Clone, Default)]
    struct Fake(Arc<Mutex<Orders>>);

    #[derive(Default)]
    struct Orders {
        /// Fails to open with this number.
        shut: Option<i32>,
        /// Fails to take frames with this number.
        broken: Option<i32>,
        /// Has no buffer.
        full: bool,
        opened: usize,
        taken: Vec<Vec<u8>>,
    }

    impl Fake {
        fn error(errno: i32) -> V4l2Error {
            let fault = Fault { call: "open", cause: std::io::Error::from_raw_os_error(errno) };
            V4l2Error::Call { device: "/dev/video10".into(), fault }
        }

        fn order(&self, order: impl FnOnce(&mut Orders)) {
            order(&mut self.0.lock().expect("orders"));
        }

        fn sink(&self) -> Result<V4l2Sink, SinkError> {
            let (device, fake) = (PathBuf::from("/dev/video10"), self.clone());
            let open = move |_: &Path, wish: Option<&Wish>| {
                let mut orders = fake.0.lock().expect("orders");
                orders.opened += 1;
                match orders.shut {
                    Some(errno) => Err(Self::error(errno)),
                    None => Ok(wish.map(|_| Box::new(fake.clone()) as Box<dyn Port>)),
                }
            };
            let options = V4l2SinkOptions { device, format: OutputFormat::Grey };
            V4l2Sink::with(options, Box::new(open))
        }
    }

    impl Port for Fake {
        fn put(
            &mut self,
            _: Instant,
            fill: &mut dyn FnMut(usize, &mut [u8]) -> bool,
        ) -> Result<bool, V4l2Error> {
            let mut orders = self.0.lock().expect("orders");
            if let Some(errno) = orders.broken {
                return Err(Self::error(errno));
            }
            let mut bytes = vec![0; 4];
            if !orders.full {
                assert!(fill(2, &mut bytes), "the picture does not fit");
                orders.taken.push(bytes);
            }
            Ok(!orders.full)
        }
    }

    fn frame(extent: Extent) -> Frame {
        let format = PictureFormat { layout: Layout::Gray, ..PictureFormat::gray(extent) };
        let mut frame = Frame::new(format);
        frame.restored.planes_mut()[0].samples_mut().fill(7);
        frame
    }

    fn started(fake: &Fake) -> (V4l2Sink, Frame) {
        let (mut sink, frame) = (fake.sink().expect("a sink"), frame(Extent::new(2, 2)));
        sink.start(frame.restored.format(), FrameRate::per_second(30)).expect("a start");
        (sink, frame)
    }

    /// Delivers a frame some time after `now`; whether it was taken.
    #[track_caller]
    fn check_delivered(sink: &mut V4l2Sink, frame: &Frame, at: Instant, is_taken: bool) {
        match sink.deliver_at(frame, at) {
            Ok(()) => assert!(is_taken, "the frame was taken"),
            Err(SinkError::Later) => assert!(!is_taken, "the frame was not taken"),
            Err(error) => panic!("the sink gave up: {error}"),
        }
    }

    #[track_caller]
    fn check_refused(errno: i32, words: &[&str]) {
        let fake = Fake::default();
        fake.order(|orders| orders.shut = Some(errno));
        let error = fake.sink().expect_err("a refusal").to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }

    const ENOENT: i32 = 2;
    const EIO: i32 = 5;
    const EACCES: i32 = 13;
    const EBUSY: i32 = 16;
    const ENODEV: i32 = 19;

    #[test]
    fn what_a_person_must_change_is_told_at_the_start() {
        let line = "modprobe v4l2loopback video_nr=10 exclusive_caps=1 card_label=deblurd";
        check_refused(ENOENT, &["/dev/video10", line]);
        check_refused(EACCES, &["/dev/video10", "group", "video"]);
        assert!(advice(ErrorKind::Gone, Path::new("/dev/out")).contains("loopback exclusive"));
        let taken = advice(ErrorKind::Unsupported, Path::new("/dev/video0"));
        assert!(taken.contains("loopback exclusive"), "{taken}");
    }

    #[test]
    fn a_frame_that_has_no_buffer_may_be_offered_again() {
        let fake = Fake::default();
        let (mut sink, picture) = started(&fake);
        let now = Instant::now();
        check_delivered(&mut sink, &picture, now, true);
        fake.order(|orders| orders.full = true);
        check_delivered(&mut sink, &picture, now, false);
        fake.order(|orders| orders.full = false);
        check_delivered(&mut sink, &picture, now, true);
        let other = sink.deliver_at(&frame(Extent::new(4, 4)), now);
        assert!(matches!(other, Err(SinkError::Busy)), "it would be offered again: {other:?}");
        fake.order(|orders| assert_eq!(orders.taken, [[7; 4], [7; 4]]));
        sink.finish().expect("an end");
    }

    #[test]
    fn a_device_that_goes_is_opened_when_it_is_back() {
        let fake = Fake::default();
        let (mut sink, picture) = started(&fake);
        let now = Instant::now();
        fake.order(|orders| orders.broken = Some(ENODEV));
        check_delivered(&mut sink, &picture, now, false);
        fake.order(|orders| orders.shut = Some(ENOENT));
        // A minute of frames must not be a minute of opening.
        let ms = Duration::from_millis;
        (0..1800).for_each(|at| check_delivered(&mut sink, &picture, now + ms(at * 33), false));
        fake.order(|orders| {
            assert!((50..80).contains(&orders.opened), "it was opened {} times", orders.opened);
            (orders.shut, orders.broken) = (None, None);
        });
        check_delivered(&mut sink, &picture, now + ms(1800 * 33 + 1000), true);
    }

    #[test]
    fn a_device_that_refuses_frames_is_opened_ever_less_often() {
        let fake = Fake::default();
        let (mut sink, picture) = started(&fake);
        let now = Instant::now();
        fake.order(|orders| orders.broken = Some(EIO));
        let ms = Duration::from_millis;
        (0..1800).for_each(|at| check_delivered(&mut sink, &picture, now + ms(at * 33), false));
        fake.order(|orders| {
            assert!((50..80).contains(&orders.opened), "it was opened {} times", orders.opened);
            orders.broken = None;
        });
        check_delivered(&mut sink, &picture, now + ms(1800 * 33 + 1000), true);
    }

    #[test]
    fn a_device_of_somebody_else_is_waited_for() {
        let fake = Fake::default();
        fake.order(|orders| orders.shut = Some(EBUSY));
        let (mut sink, picture) = started(&fake);
        let now = Instant::now();
        check_delivered(&mut sink, &picture, now, false);
        fake.order(|orders| orders.shut = None);
        check_delivered(&mut sink, &picture, now + Duration::from_secs(2), true);
    }
}

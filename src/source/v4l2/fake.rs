//! A camera whose troubles are scripted, with a clock of its own: no test waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::CameraError;
use super::camera::{Agreed, Camera, Shot};
use crate::frame::{Extent, FrameRate, Range};
use crate::source::unpack::Memory;
use crate::v4l2::{Damage, Fault, V4l2Error};

/// Time from one frame to the next.
pub(super) const FRAME: Duration = Duration::from_millis(33);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing.
    None,
    /// There is no device.
    Unplugged,
    /// The device is there and says that it is not, until everything is closed.
    Disconnected,
    /// It cannot be opened.
    Closed(Errno),
    /// It has no format that will do.
    Refusing,
    /// The next call on its stream fails, and those after it.
    Broken(Errno),
    /// No frame comes.
    Silent,
    /// The same frame comes for ever.
    Frozen,
    /// Frames are marked as damaged.
    Damaged,
    /// Frames are too short.
    Short,
}

/// What ends a trouble of a stream by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cure {
    Restart,
    Reopen,
    /// Only when the script says so.
    Script,
}

/// The world in which the camera is.
#[derive(Debug)]
pub(super) struct World {
    pub(super) trouble: Trouble,
    pub(super) cure: Cure,
    /// What it gives when it is opened.
    pub(super) agreed: Agreed,
    /// The age of frames when they are taken.
    pub(super) age: Duration,
    pub(super) is_open: bool,
    pub(super) openings: u32,
    /// Frames that the driver loses before the next one.
    pub(super) lost: u32,
    /// The driver's number of the last frame.
    sequence: u32,
    frames: u32,
    start: Instant,
    elapsed: Duration,
}

/// The camera's end and the test's end of a world.
#[derive(Debug, Clone)]
pub(super) struct FakeCamera(Arc<Mutex<World>>);

impl FakeCamera {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(World {
            trouble: Trouble::None,
            cure: Cure::Script,
            agreed: agreed("GREY", 16, 12),
            age: Duration::ZERO,
            is_open: false,
            openings: 0,
            lost: 0,
            sequence: 0,
            frames: 0,
            start: Instant::now(),
            elapsed: Duration::ZERO,
        })))
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time that passed in the world.
    pub(super) fn elapsed(&self) -> Duration {
        self.world().elapsed
    }
}

/// An agreement on a format.
pub(super) fn agreed(format: &str, width: usize, height: usize) -> Agreed {
    let pixel_format = format.parse().expect("a pixel format");
    let memory = Memory { extent: Extent::new(width, height), strides: [0; 3] };
    Agreed { pixel_format, memory, range: Range::Full, rate: Some(FrameRate::per_second(30)) }
}

fn failed(call: &'static str, errno: Errno) -> V4l2Error {
    V4l2Error::Call { device: "/dev/fake".into(), fault: Fault { call, cause: errno.into() } }
}

impl World {
    /// What a call on the stream answers where it is in trouble.
    fn fault(&self, call: &'static str) -> Result<(), V4l2Error> {
        match self.trouble {
            Trouble::Unplugged | Trouble::Disconnected => Err(failed(call, Errno::NODEV)),
            Trouble::Broken(errno) => Err(failed(call, errno)),
            _ => Ok(()),
        }
    }

    /// Bytes of the next frame: each another one, but from a frozen sensor.
    fn bytes(&mut self) -> Vec<u8> {
        if self.trouble != Trouble::Frozen {
            self.frames += 1;
        }
        let [value, ..] = self.frames.to_le_bytes();
        let length = 4 * self.agreed.memory.extent.area();
        vec![value; if self.trouble == Trouble::Short { 7 } else { length }]
    }
}

impl Camera for FakeCamera {
    fn open(&mut self) -> Result<Agreed, CameraError> {
        let mut world = self.world();
        assert!(!world.is_open, "it was opened without having been closed");
        match world.trouble {
            Trouble::Unplugged => return Err(failed("open", Errno::NOENT).into()),
            Trouble::Disconnected => return Err(failed("open", Errno::NODEV).into()),
            Trouble::Closed(errno) => return Err(failed("open", errno).into()),
            Trouble::Refusing => {
                return Err(CameraError::Refused {
                    device: "/dev/fake".into(),
                    wishes: "GREY".to_owned(),
                    offers: "  H264".to_owned(),
                });
            }
            _ => {}
        }
        if world.cure == Cure::Reopen {
            world.trouble = Trouble::None;
        }
        world.is_open = true;
        world.openings += 1;
        world.sequence = 0;
        Ok(world.agreed)
    }

    fn restart(&mut self) -> Result<(), V4l2Error> {
        let mut world = self.world();
        assert!(world.is_open, "it was restarted without having been opened");
        if world.cure == Cure::Restart {
            world.trouble = Trouble::None;
        }
        world.sequence = 0;
        world.fault("VIDIOC_STREAMON")
    }

    fn close(&mut self) {
        let mut world = self.world();
        world.is_open = false;
        if world.trouble == Trouble::Disconnected {
            world.trouble = Trouble::None;
        }
    }

    fn is_there(&self) -> bool {
        self.world().trouble != Trouble::Unplugged
    }

    fn take(
        &mut self,
        patience: Duration,
        reader: &mut dyn FnMut(&Shot<'_>),
    ) -> Result<bool, V4l2Error> {
        let (bytes, shot) = {
            let mut world = self.world();
            assert!(world.is_open, "it was read without having been opened");
            world.fault("VIDIOC_DQBUF")?;
            if world.trouble == Trouble::Silent {
                world.elapsed += patience;
                return Ok(false);
            }
            world.elapsed += FRAME;
            world.sequence += 1 + std::mem::take(&mut world.lost);
            let bytes = world.bytes();
            let damage = (world.trouble == Trouble::Damaged).then_some(Damage::Marked);
            let captured_at = world.start + world.elapsed - world.age.min(world.elapsed);
            (
                bytes,
                Shot {
                    buffers: [&[]; 3],
                    count: 1,
                    damage,
                    sequence: world.sequence,
                    skipped: 0,
                    captured_at,
                },
            )
        };
        reader(&Shot { buffers: [&bytes, &[], &[]], ..shot });
        Ok(true)
    }

    fn now(&self) -> Instant {
        let world = self.world();
        world.start + world.elapsed
    }

    fn rest(&mut self, pause: Duration) {
        self.world().elapsed += pause;
    }
}

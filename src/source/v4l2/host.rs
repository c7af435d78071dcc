//! What a camera needs of the system: a trait, so that a model can take its place in tests.

use std::fmt::Debug;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::v4l2::{Device, Driver, Ioctls, V4l2Error};

/// Where devices are, and time passes.
pub(super) trait Host: Debug + Send {
    /// The drivers of its devices.
    type Driver: Driver<Memory: Send> + Send;

    /// Opens a device.
    fn open(&mut self, path: &Path) -> Result<Device<Self::Driver>, V4l2Error>;

    /// Whether there is something to open.
    fn is_there(&self, path: &Path) -> bool;

    /// The clock.
    fn now(&self) -> Instant;

    /// Lets time pass.
    fn rest(&mut self, pause: Duration);
}

/// The running system.
#[derive(Debug)]
pub(super) struct System;

impl Host for System {
    type Driver = Ioctls;

    fn open(&mut self, path: &Path) -> Result<Device, V4l2Error> {
        Device::open(path)
    }

    fn is_there(&self, path: &Path) -> bool {
        path.exists()
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn rest(&mut self, pause: Duration) {
        std::thread::sleep(pause);
    }
}

//! A system whose one camera is a model, with a clock of its own: no test waits.

use std::path::Path;
use std::time::{Duration, Instant};

use super::host::Host;
use crate::v4l2::model::DriverModel;
use crate::v4l2::{Device, Driver, V4l2Error};

/// The source's end of a model; tests hold the other.
#[derive(Debug, Clone)]
pub(super) struct FakeHost(pub(super) DriverModel);

impl Host for FakeHost {
    type Driver = DriverModel;

    fn open(&mut self, path: &Path) -> Result<Device<DriverModel>, V4l2Error> {
        let opened = self.0.open();
        let failed = |fault| V4l2Error::Call { device: path.to_owned(), fault };
        Device::over(opened.map_err(failed)?, path)
    }

    fn is_there(&self, _: &Path) -> bool {
        !self.0.state().is_unplugged()
    }

    fn now(&self) -> Instant {
        self.0.instant()
    }

    fn rest(&mut self, pause: Duration) {
        self.0.rest(pause);
    }
}

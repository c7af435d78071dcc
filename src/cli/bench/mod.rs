//! `deblurd bench`: the time every step takes on this machine, of one camera or of several side by side.

mod cameras;
mod laps; // of one frame
mod report;

use std::sync::Arc;

use clap::Args;
use clap::builder::PossibleValuesParser;

use self::report::{Asked, Timings};
use super::exit::Result;
use super::options::{JsonArgument, Threads};
use super::terminal;
use crate::daemon::Shutdown;
use crate::executor::Executor;
use crate::frame::{Extent, PictureFormat};
use crate::optics::GrayLevels;
use crate::pipeline::Seats;
use crate::plan::{RestoreOptions, RestorePlan};
use crate::restore::cpu::residual::KernelChoice;
use crate::restore::{CpuBackend, Restorer};
use crate::station::{backend, load};

/// Times every step of the restoration, in order on one frame after another, of one camera or of several at once.
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// Extent of the frames.
    #[arg(long, default_value = "1280x720", value_name = "WxH")]
    size: Extent,
    /// Frames that are timed, after two that are not.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    frames: u32,
    /// Cameras side by side, on the same threads or graphics card, as a daemon of several has them.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    cameras: u16,
    /// PSF of the blur.
    #[arg(long, default_value = "motion:15,30")]
    psf: String,
    /// What computes the networks: the kernel for some kind of processor, or `stock`, the operators
    /// of tract [default: the first].
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(KernelChoice::all().map(KernelChoice::name)))]
    kernel: Option<String>,
    #[command(flatten)]
    json: JsonArgument,
    #[command(flatten)]
    restoration: RestoreOptions,
    #[command(flatten)]
    threads: Threads,
}

impl Bench {
    pub(super) fn run(&self, shutdown: &Shutdown) -> Result<()> {
        self.json.try_writing()?;
        let blur = load::blur(&self.psf)?;
        let model = load::model(&self.restoration.model)?;
        let choice = self.kernel.as_deref().map(KernelChoice::named).transpose()?;
        let choice = choice.unwrap_or_default();
        let kernel = load::kernel(model.as_deref(), choice);
        let camera = self.restoration.camera(blur, GrayLevels::new(2.55).unwrap_or_default());
        let format = PictureFormat::gray(self.size);
        // As in a stream whose first frames have told noise and PSF.
        let options = RestoreOptions { is_seen: true, ..self.restoration.clone() };
        let plan = RestorePlan::new(&camera, model, &options, format)?;
        let restorers = self.restorers(&plan, choice)?;
        let steps = restorers.first().map_or_else(Vec::new, |first| first.steps().to_vec());
        let timed = cameras::time(restorers, format, self.frames, shutdown)?;
        let asked = Asked {
            extent: self.size,
            threads: self.threads.count(),
            frames: self.frames,
            model: self.restoration.model.clone(),
            kernel,
        };
        let timings = Timings::of(asked, &steps, &timed);
        self.json.write(&timings)?;
        Ok(terminal::print(&timings.text())?)
    }

    /// One a camera; what they do on processors shares as many seats as there are threads.
    fn restorers(
        &self,
        plan: &RestorePlan,
        choice: KernelChoice,
    ) -> Result<Vec<Box<dyn Restorer>>> {
        let seats = (self.cameras > 1).then(|| Seats::new(self.threads.count()));
        let restorer = |_| {
            let executor = self.threads.executor()?;
            let executor: Arc<dyn Executor> = match &seats {
                None => executor,
                Some(seats) => Arc::new(seats.join(executor)),
            };
            let cpu = CpuBackend::new(executor).with_kernel(choice);
            Ok(backend::load(plan.clone(), self.restoration.backend, &cpu)?)
        };
        (0..self.cameras).map(restorer).collect()
    }
}

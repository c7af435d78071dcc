//! What is done to a frame: pure mathematics, without input or output, threads or a clock.
//!
//! A [`Restorer`] is an ordered list of [`Stage`]s:
//!
//! ```text
//! decode -> wiener -> residual 1 -> projection 1 -> … residual K -> projection K -> encode
//!   y        x_w         f_1            g_1             f_K             g_K
//! ```
//!
//! with `g_k = x_w + P_c (g_(k-1) - (1 - 1/c) x_w + f_k)` and `g_0 = x_w`: each network says what is
//! wrong with the estimate so far, and as much of that as the data leave open enters the picture;
//! `c` is the network's own. The list can be run in order on
//! one thread, which is the definition of the result, or be dealt out to several threads.

pub mod psf; // the blur
pub mod fft2d; // transforms
pub mod wiener; // what can be undone
pub mod boundary; // beyond the edges
pub mod transfer; // samples and light
mod luma; // colours
pub mod noise; // its estimate
pub mod residual; // what the blur destroyed
pub mod executor; // who does the parts
mod spare; // memory for them
mod stages; // the steps
pub mod degrade; // the way back
pub mod quality; // how good it is
#[cfg(test)]
mod testing;

use std::sync::Arc;

pub use luma::luma;
pub use stages::Assess;

use crate::frame::{Effort, Extent, Frame, PictureFormat, Pool, Workspace};
use boundary::{Boundary, Extension};
use executor::Executor;
use psf::{Psf, PsfError};
use residual::{ModelError, ResidualModel};
use transfer::{ToneCurve, Transfer};
use wiener::{Filters, Regulariser};

/// One step of the restoration. It edits the frame in place.
pub trait Stage: Send {
    /// Short name for statistics.
    fn name(&self) -> &str;

    /// The least effort with which a frame is restored for which this step is done.
    fn least_effort(&self) -> Effort {
        Effort::Passthrough
    }

    /// What was chosen when the step was planned, where there was a choice.
    fn choice(&self) -> Option<String> {
        None
    }

    /// Makes room in a new frame for what the step adds to it, so that no frame makes room later.
    fn prepare(&self, _frame: &mut Frame) {}

    /// Does its step on `frame`.
    ///
    /// # Errors
    /// Where the step failed. The frame is still whole, as if the step were not in the list.
    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError>;
}

/// Which planes are restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Luma; colours pass through.
    Luma,
    /// Red, green and blue, each by itself; pictures of luma and chroma by luma.
    Rgb,
}

/// How frames are restored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestoreOptions {
    /// Standard deviation of the noise in 8-bit gray levels; 0 where there is none.
    pub sigma: f64,
    /// The assumed ratio of noise to signal; that of the model, or spectral, where `None`.
    pub regulariser: Option<Regulariser>,
    /// How frames are made periodic.
    pub boundary: Boundary,
    /// The camera's transfer curve.
    pub transfer: Transfer,
    /// Which planes are restored.
    pub channels: Channels,
}

impl RestoreOptions {
    /// Options for noise of `sigma` gray levels, everything else as for an ordinary camera.
    pub const fn for_noise(sigma: f64) -> Self {
        Self {
            sigma,
            regulariser: None,
            boundary: Boundary::Extend,
            transfer: Transfer::None,
            channels: Channels::Luma,
        }
    }
}

/// Why a frame cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The PSF is at fault.
    #[error(transparent)]
    Psf(#[from] PsfError),
    /// The model is at fault.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A frame is not of the planned format.
    #[error("a frame is {is} (expected {planned}, as planned)")]
    Format {
        /// Extent of the frame.
        is: Extent,
        /// The planned extent.
        planned: Extent,
    },
    /// A simulated camera would see nothing.
    #[error("a PSF of {psf} leaves nothing of a frame of {frame}")]
    NothingLeft {
        /// Extent of the PSF.
        psf: Extent,
        /// Extent of the frame.
        frame: Extent,
    },
    /// More frames are between the first and the last stage than was planned for.
    #[error("no workspace is free: more frames are in work than planned")]
    NoWorkspace,
    /// An earlier stage failed on this frame.
    #[error("the frame was not decoded")]
    NotDecoded,
}

/// Runs the stages in order on the caller's thread. Slow and obvious: the threaded pipeline must
/// produce the same bytes.
pub struct Restorer {
    stages: Vec<Box<dyn Stage>>,
}

impl Restorer {
    /// Plans the restoration of pictures of `format`, with room for `in_work` frames between the
    /// first stage and the last. Everything is allocated here.
    ///
    /// # Errors
    /// Where PSF or model cannot serve such frames.
    pub fn plan(
        options: &RestoreOptions,
        psf: &Psf,
        model: Option<&ResidualModel>,
        format: PictureFormat,
        executor: &Arc<dyn Executor>,
        in_work: usize,
    ) -> Result<Self, RestoreError> {
        let curve = Arc::new(ToneCurve::new(options.transfer, format));
        let threads = executor.threads();
        let extension = Extension::plan(options.boundary, format.extent, psf.extent(), threads);
        let (outer, offset) = (extension.outer(), extension.offset());
        let strengths = model.map_or(&[][..], |model| &model.contract().consistency);
        let (regulariser, sigma) = (regulariser(options, model), linear_sigma(options));
        let filters = Filters::plan(psf, outer, regulariser, sigma, strengths)?;
        let channels = stages::channels(options.channels, format.layout);
        let pool = Pool::new(in_work, || Workspace::new(outer, channels));
        let decode =
            stages::Decode::new(format, Arc::clone(&curve), extension, pool, Arc::clone(executor));
        let mut list: Vec<Box<dyn Stage>> = vec![Box::new(decode)];
        let filtering = Arc::new(stages::Filtering::plan(outer, in_work, executor));
        list.push(Box::new(stages::Wiener::new(Arc::clone(&filtering), filters.wiener)));
        if let Some(model) = model {
            let projections = filters.projections.into_iter().zip(strengths);
            for (index, (projection, &strength)) in projections.enumerate() {
                let rows = residual::band_rows(outer.height, threads);
                let net = model.plan(index, outer, rows)?;
                list.push(Box::new(stages::Residual::new(index, net, Arc::clone(executor))));
                let filtering = Arc::clone(&filtering);
                let projection = stages::Projection::new(index, filtering, projection, strength);
                list.push(Box::new(projection));
            }
        }
        let has_networks = !strengths.is_empty();
        let (extent, executor) = (format.extent, Arc::clone(executor));
        list.push(Box::new(stages::Encode::new(curve, extent, offset, has_networks, executor)));
        Ok(Self { stages: list })
    }

    /// Restores one frame with the effort noted in it. A stage that fails is passed over, and the first such failure returned;
    /// the frame then holds what the other stages made of it.
    ///
    /// # Errors
    /// The first failure of a stage.
    pub fn restore(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        let mut outcome = Ok(());
        for stage in &mut self.stages {
            if stage.least_effort() <= frame.meta.effort {
                outcome = outcome.and(stage.apply(frame));
            }
        }
        outcome
    }

    /// The stages, to be run elsewhere, in this order.
    pub fn into_stages(self) -> Vec<Box<dyn Stage>> {
        self.stages
    }

    /// The stages, to be looked at one by one.
    pub fn stages_mut(&mut self) -> &mut [Box<dyn Stage>] {
        &mut self.stages
    }
}

impl std::fmt::Debug for Restorer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.stages.iter().map(|stage| stage.name())).finish()
    }
}

/// The regulariser to use: what was asked for, else what the model was trained on.
fn regulariser(options: &RestoreOptions, model: Option<&ResidualModel>) -> Regulariser {
    let trained = model.map(|model| model.contract().regulariser);
    options.regulariser.or(trained).unwrap_or(Regulariser::Spectral)
}

/// Deviation of the noise in linear light, 1.0 being white.
fn linear_sigma(options: &RestoreOptions) -> f64 {
    options.sigma / 255.0 * options.transfer.noise_gain()
}

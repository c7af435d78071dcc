//! `deblurd check`: would a configuration run, and how well?

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::Args;

use super::assemble::{Recipe, sink_names};
use super::daemon::Loaded;
use super::exit::Unusable;
use super::{load, terminal};
use crate::config::{SinkConfig, SourceConfig};
use crate::frame::colour::luma;
use crate::frame::{Effort, Extent, Frame, FrameRate, Picture};
use crate::metrics::SourceSnapshot;
use crate::optics::{Blur, Calibration, Psf};
use crate::plan::{Edges, RestoreOptions, RestorePlan};
use crate::restore::quality::psnr_db;
use crate::restore::{Backend, CpuBackend, Unwatched};
use crate::simulate::{Degrade, DegradeOptions};
use crate::source::{Filled, SceneOptions, SceneSource, Source};

/// Loads everything, restores one golden frame, and says what would run.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Extent of the golden frame, at least; a large PSF needs a larger one.
const GOLDEN: Extent = Extent::new(320, 240);

impl Check {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let loaded = Loaded::from_file(&self.config)?;
        let assembly = loaded.assembly().context(Unusable)?;
        let format = assembly.source.format();
        let restorer = assembly.recipe.restorer(format).context(Unusable)?;
        let golden = restore_golden(&assembly.recipe).context(Unusable)?;
        let steps: Vec<&str> = restorer.steps().iter().map(|step| &*step.name).collect();
        for sink in &loaded.config.sinks {
            if let SinkConfig::Http(http) = sink {
                load::token(http).context(Unusable)?;
            }
        }
        let (psf, threads) = (loaded.psf.extent(), loaded.threads());
        let model =
            loaded.model.as_ref().map_or("none".to_owned(), |model| model.contract.name.clone());
        terminal::print(&format!(
            "source   {}; {}-bit {:?} {}\nPSF      {psf}\nmodel    {model}, {threads} threads\n\
             steps    {}\nsinks    {}\ngolden   {golden}\n",
            describe(&loaded.config.source, &assembly.metrics.source.snapshot()),
            format.depth,
            format.layout,
            format.extent,
            steps.join(" -> "),
            sink_names(&loaded.config.sinks).join(", "),
        ))
    }
}

/// What the source is, and of a camera how it fares.
fn describe(source: &SourceConfig, seen: &SourceSnapshot) -> String {
    let pace = |live: bool| if live { "paced by the clock" } else { "as fast as taken" };
    match source {
        SourceConfig::V4l2(camera) if seen.problem.is_empty() => {
            format!("camera {}", camera.device.display())
        }
        SourceConfig::V4l2(camera) => {
            let (device, state) = (camera.device.display(), seen.state.name());
            format!("camera {device}, now {state} ({}), expected to give", seen.problem)
        }
        SourceConfig::Files(files) => {
            format!("{} paths of pictures, {}", files.paths.len(), pace(files.live))
        }
        SourceConfig::Y4m(stream) => {
            format!("Y4M stream {}, {}", stream.path.display(), pace(stream.live))
        }
        SourceConfig::Scene(scene) => {
            format!("scene at {} frames/s, {}", scene.rate, pace(scene.live))
        }
    }
}

/// Blurs a frame of the scene with the configured PSF and noise, and restores it. The frame is
/// periodic: it judges PSF and model, not how edges are extended.
pub(super) fn restore_golden(recipe: &Recipe) -> anyhow::Result<String> {
    // The golden frame is of an extent of its own.
    let camera = &Calibration { extent: None, ..recipe.camera.clone() };
    let edges = Edges::Circular;
    let Blur::Uniform(psf) = &camera.blur else { bail!("the blur differs over the field") };
    let sharp = golden_picture(psf)?;
    let format = sharp.format();
    let options = DegradeOptions { edges, sigma: camera.noise, seed: 0 };
    let [mut blurred, mut truth, mut restored] = [(); 3].map(|()| Picture::new(format));
    Degrade::plan(psf, options, format)?.run(&sharp, 0, &mut blurred, &mut truth);
    let options = RestoreOptions { edges, ..recipe.options };
    let plan = RestorePlan::new(camera, recipe.model.clone(), &options, format)?;
    let mut restorer = CpuBackend::new(Arc::clone(&recipe.executor)).load(plan)?;
    restorer.restore(&blurred, &mut restored, Effort::Full, &mut Unwatched)?;
    let (before, after) = (psnr_db(&blurred, &truth), psnr_db(&restored, &truth));
    ensure!(
        after > before - 0.1,
        "the golden frame is worse after ({after:.2} dB) than before ({before:.2} dB)"
    );
    Ok(format!("{before:.2} dB blurred, {after:.2} dB restored"))
}

fn golden_picture(psf: &Psf) -> anyhow::Result<Picture> {
    let psf = psf.extent();
    let extent = Extent::new(GOLDEN.width.max(2 * psf.width), GOLDEN.height.max(2 * psf.height));
    let rate = FrameRate::per_second(30);
    let mut scene =
        SceneSource::new(SceneOptions { extent, rate, seed: 0, live: false, frames: Some(1) })?;
    let mut frame = Frame::new(scene.format());
    ensure!(matches!(scene.fill(&mut frame)?, Filled::Frame), "the scene gives no frame");
    Ok(luma(&frame.blurred))
}

//! `deblurd check`: would a configuration run, and how well?

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;

use super::assemble::{Recipe, sink_names};
use super::daemon::Loaded;
use super::exit::Unusable;
use super::{load, terminal};
use crate::config::{SinkConfig, SourceConfig};
use crate::frame::{Extent, Frame, FrameRate, PictureFormat};
use crate::metrics::SourceSnapshot;
use crate::restore::boundary::Boundary;
use crate::restore::degrade::{Degrade, DegradeOptions, Scenery};
use crate::restore::quality::psnr_db;
use crate::restore::{RestoreOptions, Restorer, Stage, luma};
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
        let planned = assembly.recipe.plan(assembly.source.format()).context(Unusable)?;
        let golden = restore_golden(&loaded, &assembly.recipe).context(Unusable)?;
        let stages: Vec<&str> = planned.stages.iter().map(|stage| stage.name()).collect();
        for sink in &loaded.config.sinks {
            if let SinkConfig::Http(http) = sink {
                load::token(http).context(Unusable)?;
            }
        }
        let format = planned.format;
        let (psf, threads) = (loaded.psf.extent(), loaded.threads());
        let model =
            loaded.model.as_ref().map_or("none".to_owned(), |model| model.contract().name.clone());
        terminal::print(&format!(
            "source   {}; {}-bit {:?} {}\nPSF      {psf}\nmodel    {model}, {threads} threads\n\
             stages   {}\nsinks    {}\ngolden   {golden}\n",
            describe(&loaded.config.source, &assembly.metrics.source.snapshot()),
            format.depth,
            format.layout,
            format.extent,
            stages.join(" -> "),
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
pub(super) fn restore_golden(loaded: &Loaded, recipe: &Recipe<'_>) -> anyhow::Result<String> {
    let sharp = golden_frame(loaded)?;
    let options =
        DegradeOptions { scenery: Scenery::Circular, sigma: loaded.config.restore.sigma, seed: 0 };
    let mut frame = Frame::new(PictureFormat::gray(sharp.blurred.extent()));
    frame.blurred = luma(&sharp.blurred);
    let format = frame.blurred.format();
    Degrade::plan(&loaded.psf, options, format)?.apply(&mut frame)?;
    let model = loaded.model.as_ref();
    let options = RestoreOptions { boundary: Boundary::Circular, ..recipe.options };
    Restorer::plan(&options, &loaded.psf, model, format, &recipe.executor, 1)?
        .restore(&mut frame)?;
    let truth = frame.truth.as_ref().context("a degraded frame has a truth")?;
    let (before, after) = (psnr_db(&frame.blurred, truth), psnr_db(&frame.restored, truth));
    ensure!(
        after > before - 0.1,
        "the golden frame is worse after ({after:.2} dB) than before ({before:.2} dB)"
    );
    Ok(format!("{before:.2} dB blurred, {after:.2} dB restored"))
}

fn golden_frame(loaded: &Loaded) -> anyhow::Result<Frame> {
    let psf = loaded.psf.extent();
    let extent = Extent::new(GOLDEN.width.max(2 * psf.width), GOLDEN.height.max(2 * psf.height));
    let rate = FrameRate::per_second(30);
    let mut scene =
        SceneSource::new(SceneOptions { extent, rate, seed: 0, live: false, frames: Some(1) })?;
    let mut frame = Frame::new(scene.format());
    ensure!(matches!(scene.fill(&mut frame)?, Filled::Frame), "the scene gives no frame");
    Ok(frame)
}

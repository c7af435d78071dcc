//! `deblurd check`: whether a configuration can be run, and how well it restores.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::exit::{Failure, Result};
use super::terminal;
use crate::config::{Config, SinkConfig, SourceConfig};
use crate::daemon::try_page;
use crate::frame::{Figures, Frame, Picture};
use crate::metrics::SourceSnapshot;
use crate::sink::try_writing;
use crate::source::{Filled, Source};
use crate::station::{
    Assembly, Entry, Fault, Material, StationError, cameras, check_each, doubts_of_frame,
    doubts_of_source, sink_names, try_sink,
};

/// How long a picture of the source is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Tests a configuration: loads all it names, restores a golden frame, tries its outputs, and
/// prints what would run.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Check {
    pub(super) fn run(&self) -> Result<()> {
        let path = &self.config;
        let Some(cameras) = cameras(path)? else {
            return Ok(terminal::print(&tried(&Entry::file(path))?)?);
        };
        check_each(path, &cameras.names)?;
        for name in &cameras.names {
            let told = tried(&Entry::camera(path, name));
            let told = told.map_err(|failure| failure.context(format!("camera {name}")))?;
            terminal::print(&format!("camera   {name}\n{told}"))?;
        }
        Ok(())
    }
}

/// Loads all that the configuration at `entry` names, and tries it; what would run, in lines.
fn tried(entry: &Entry) -> Result<String> {
    let material = Material::read(entry)?;
    let unusable = |fault| Failure::from(StationError::Unusable(fault));
    // Nothing is loaded here before it was loaded elsewhere.
    material.attempt(None).map_err(|error| unusable(error.into()))?;
    let mut loaded = material.clone().load().map_err(unusable)?;
    let mut assembly = loaded.assembly(None).map_err(unusable)?;
    let format = assembly.source.format();
    let golden = material.attempt(Some(format.extent));
    let golden = golden.map_err(|error| unusable(error.into()))?;
    if let Some(file) = &loaded.config.calibrate.file {
        try_writing(file)?;
    }
    let restorer = assembly.recipe.restorer(format).map_err(unusable)?;
    let steps: Vec<&str> = restorer.steps().iter().map(|step| &*step.name).collect();
    let (blur, threads) = (&loaded.camera.blur, loaded.threads());
    let model =
        loaded.model.as_ref().map_or("none".to_owned(), |model| model.contract.name.clone());
    let text = format!(
        "source   {}; {}-bit {:?} {}\nPSF      {blur}\nmodel    {model}, {threads} threads\n\
         steps    {}\nsinks    {}\ngolden   {golden}\n",
        describe(&loaded.config.source, &assembly.metrics.source.snapshot()),
        format.depth,
        format.layout,
        format.extent,
        steps.join(" -> "),
        sinks(&loaded.config)?.join(", "),
    );
    let curve = format!("curve    {}\n", loaded.curve(assembly.source.clue()));
    let mut doubts = doubts_of_source(&loaded.camera, assembly.source.pixel_format().as_deref());
    let (frame, of_frame) = look(&mut assembly, &loaded.config.source).map_err(unusable)?;
    doubts.extend(of_frame);
    let doubts: String = doubts.iter().map(|doubt| format!("but      {doubt}\n")).collect();
    Ok(text + &curve + &frame + &doubts)
}

/// What a frame of the source looks like restored, in a line, and what speaks against the PSF.
fn look(
    assembly: &mut Assembly,
    source: &SourceConfig,
) -> std::result::Result<(String, Vec<String>), Fault> {
    // What is taken from a pipe is gone.
    let is_kept = !matches!(source, SourceConfig::Y4m(stream) if !stream.path.is_file());
    let Some(picture) = is_kept.then(|| first_picture(&mut *assembly.source)).flatten() else {
        return Ok((
            "frame    none was seen: nothing tells whether the PSF fits\n".to_owned(),
            Vec::new(),
        ));
    };
    let figures = Figures::of(&picture, &assembly.recipe.restored(&picture)?);
    let told = |figure: Option<f64>, unit: f64| {
        figure.map_or_else(|| "unknown".to_owned(), |figure| format!("{:.1}", unit * figure))
    };
    let line = format!(
        "frame    {} times as sharp, ringing {} %\n",
        told(figures.sharpness, 1.0),
        told(figures.ringing, 100.0)
    );
    let level = assembly.recipe.gauge().look(&picture).ok();
    Ok((line, doubts_of_frame(level, Some(figures))))
}

/// The first picture of a source, where it gives one soon.
fn first_picture(source: &mut dyn Source) -> Option<Picture> {
    let mut frame = Frame::new(source.format());
    source.prepare(&mut frame);
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match source.fill(&mut frame) {
            Ok(Filled::Frame) => return Some(frame.blurred),
            Ok(Filled::Unusable(_) | Filled::Placeholder | Filled::Waiting) => {}
            Ok(Filled::End) | Err(_) => return None,
        }
    }
    None
}

/// Tries the sinks; their names, with what could not be tried.
fn sinks(config: &Config) -> Result<Vec<String>> {
    let names = sink_names(&config.sinks).into_iter().zip(&config.sinks);
    let tried = names.map(|(name, sink)| {
        let untried = match sink {
            SinkConfig::Http(http) => try_page(http)?,
            sink => try_sink(sink)?,
        };
        Ok(match untried {
            None => name,
            Some(untried) => format!("{name} (not tried: {untried})"),
        })
    });
    tried.collect()
}

/// What the source is, and of a camera its state.
fn describe(source: &SourceConfig, seen: &SourceSnapshot) -> String {
    let pace = |live: bool| if live { "paced by the clock" } else { "as fast as taken" };
    let with_state = |source: String| match seen.problem.as_str() {
        "" => source,
        problem => {
            format!("{source}, now {} ({problem}), expected to give", seen.state.name())
        }
    };
    match source {
        SourceConfig::V4l2(camera) => with_state(format!("camera {}", camera.device.display())),
        SourceConfig::Command(program, _) => with_state(format!("command '{program}'")),
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

//! `deblurd demo`: a moving scene, blurred and restored before the eyes of whoever watches.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;

use super::exit::{Failure, Result};
use super::inputs::{make_folder, write_picture};
use super::options::Threads;
use super::terminal;
use crate::config::SourceConfig;
use crate::daemon::{self, GLANCE, Shutdown, conclude, describe, open_page};
use crate::frame::{Extent, Frame, FrameRate, Picture, PictureFormat};
use crate::metrics::Metrics;
use crate::optics::GrayLevels;
use crate::pipeline::{Overflow, PipelineOptions, RunningPipeline, Stop};
use crate::plan::{Edges, RestoreOptions};
use crate::priority::Standing;
use crate::simulate::DegradeOptions;
use crate::sink::{ShowcaseSink, Sink, SinkError, try_writing};
use crate::source::SceneOptions;
use crate::station::{Assembly, LoadError, Recipe, Told, load, open_source, stoppable};
use crate::web::{HttpOptions, Server, Token, needs_token};

/// Frames shown where nobody watches the terminal and none are asked for.
const FRAMES_UNWATCHED: u64 = 300;

/// Shows a moving scene being blurred and restored, with a live page in the browser.
#[derive(Debug, Args)]
#[command(after_help = "\
On a terminal the demo runs until Ctrl-C; into a pipe it shows 300 frames. --frames sets another
end. The last frame is written to DIR as before.png, after.png and side-by-side.png.")]
pub(super) struct Demo {
    /// Number of frames.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
    /// Folder for the pictures.
    #[arg(long, default_value = "deblurd-demo", value_name = "DIR")]
    out: PathBuf,
    /// Address of the live page [default: 127.0.0.1:8080, or another port where that is in use].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// PSF of the blur, known to the restoration.
    #[arg(long, default_value = "motion:15,30")]
    psf: String,
    /// Standard deviation of the noise in 8-bit gray levels.
    #[arg(long, default_value = "2.55")]
    sigma: GrayLevels,
    /// Extent of the frames.
    #[arg(long, default_value = "640x360", value_name = "WxH")]
    size: Extent,
    #[command(flatten)]
    restoration: RestoreOptions,
    #[command(flatten)]
    threads: Threads,
}

impl Demo {
    pub(super) fn run(&self, shutdown: &Shutdown) -> Result<()> {
        let blur = load::blur(&self.psf)?;
        let model = load::model(&self.restoration.model)?;
        load::warn_of_noise(model.as_deref(), self.sigma);
        let camera = self.restoration.camera(blur.clone(), self.sigma);
        let simulated = (blur, DegradeOptions { edges: Edges::Open, sigma: self.sigma, seed: 0 });
        let stop = Stop::default();
        let metrics =
            Arc::new(Metrics::new(&[ShowcaseSink::NAME.to_owned(), "last frame".to_owned()]));
        let scene = SourceConfig::Scene(self.scene());
        let recipe = Recipe {
            camera,
            model,
            options: self.restoration.clone(),
            executor: stoppable(
                (self.threads.count(), Standing::Inherited),
                None,
                &stop,
                &metrics,
            )?,
        };
        Told::of(&self.psf, &recipe).tell(&metrics);
        let assembly = Assembly {
            source: open_source(&scene, Some(&simulated), &metrics.source)?,
            recipe,
            pipeline: PipelineOptions::new(Overflow::DropOldest),
            ladder: None,
            metrics,
            follow: None,
            stop,
        };
        make_folder(&self.out)?;
        try_writing(&self.out.join("before.png"))?;
        let last = LastFrame::default();
        let mut _server = None;
        let pipeline = assembly.build(|metrics| {
            let (showcase, server) = self.open_page(metrics)?;
            _server = Some(server);
            Ok::<_, Failure>(vec![Box::new(showcase), Box::new(last.clone())])
        })?;
        let mut running = pipeline.start()?;
        let signal = show_status(&mut running, shutdown);
        let Some(signal) = signal else {
            conclude(running.finish()?, &terminal::note)?;
            return self.write_last(&last);
        };
        // The pictures are written while the threads end: there is not much time.
        running.stop_switch().set();
        let written = self.write_last(&last);
        conclude(daemon::stop(running, signal)?, &terminal::note)?;
        written
    }

    fn scene(&self) -> SceneOptions {
        let default_end = (!terminal::is_watched()).then_some(FRAMES_UNWATCHED);
        let frames = self.frames.or(default_end);
        SceneOptions { extent: self.size, frames, ..SceneOptions::default() }
    }

    /// Opens the live page where asked, or where there is room for it, and tells its address.
    fn open_page(&self, metrics: &Arc<Metrics>) -> Result<(ShowcaseSink, Server)> {
        let usual = SocketAddr::from(([127, 0, 0, 1], 8080));
        let listen = self.listen.unwrap_or(usual);
        let secret = needs_token(listen).then(random_token).transpose()?;
        let token = secret.as_deref().map(Token::new).transpose()?;
        let bind = |listen| {
            let options = HttpOptions { listen, token: token.clone(), ..HttpOptions::default() };
            open_page(options, metrics)
        };
        let (showcase, server) = match (bind(listen), self.listen) {
            (Err(_), None) => bind(SocketAddr::from(([127, 0, 0, 1], 0))),
            (page, _) => page,
        }?;
        terminal::note(&server.announcement(secret.as_deref()));
        Ok((showcase, server))
    }

    fn write_last(&self, last: &LastFrame) -> Result<()> {
        let pictures = last.pictures().clone();
        let Some((before, after)) = &pictures else {
            terminal::note("no frame was restored: there are no pictures to write");
            return Ok(());
        };
        let write = |picture: &Picture, name: &str| write_picture(picture, &self.out.join(name));
        write(before, "before.png")?;
        write(after, "after.png")?;
        write(&side_by_side(before, after), "side-by-side.png")?;
        let folder = self.out.display();
        Ok(terminal::print(&format!(
            "wrote before.png, after.png and side-by-side.png to {folder}\n"
        ))?)
    }
}

/// 32 characters that nobody can guess.
fn random_token() -> Result<String, LoadError> {
    let source = PathBuf::from("/dev/urandom");
    let mut bytes = [0; 16];
    let read = File::open(&source).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|cause| LoadError::Read { path: source, cause })?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Keeps the line of statistics fresh until the pipeline ends by itself or a signal comes.
fn show_status(running: &mut RunningPipeline, shutdown: &Shutdown) -> Option<i32> {
    let line = terminal::status_line();
    let start = Instant::now();
    while !running.wait_for(GLANCE) && shutdown.requested().is_none() {
        line.set_message(status(running.metrics(), start.elapsed()));
    }
    line.finish_and_clear();
    shutdown.requested()
}

/// One line of statistics.
fn status(metrics: &Metrics, elapsed: Duration) -> String {
    let snapshot = metrics.snapshot();
    let rate = snapshot.trunk.delivered as f64 / elapsed.as_secs_f64();
    let latency = snapshot.sinks.first().map_or(0.0, |sink| sink.latency.p50_ms);
    let dropped = snapshot.trunk.dropped_in_all();
    let psnr = snapshot.psnr_db.map_or(String::new(), |psnr| {
        format!(", PSNR {:.2} -> {:.2} dB", psnr.blurred, psnr.restored)
    });
    log::debug!("{}", describe(&snapshot));
    format!("{rate:.1} frames/s, latency {latency:.0} ms, {dropped} dropped{psnr}")
}

/// A sink that keeps the newest frame.
#[derive(Debug, Clone, Default)]
struct LastFrame(Arc<Mutex<Option<(Picture, Picture)>>>);

impl LastFrame {
    fn pictures(&self) -> MutexGuard<'_, Option<(Picture, Picture)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for LastFrame {
    fn name(&self) -> &str {
        "last frame"
    }

    fn start(&mut self, _: PictureFormat, _: FrameRate) -> Result<(), SinkError> {
        Ok(())
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, after) =
            kept.get_or_insert_with(|| (frame.blurred.clone(), frame.restored.clone()));
        before.copy_from(&frame.blurred);
        after.copy_from(&frame.restored);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Two pictures of one format in one.
fn side_by_side(left: &Picture, right: &Picture) -> Picture {
    let extent = left.extent();
    let format = left.format().with_extent(Extent::new(2 * extent.width, extent.height));
    let mut both = Picture::new(format);
    for (index, plane) in both.planes_mut().iter_mut().enumerate() {
        for (y, row) in plane.rows_mut().enumerate() {
            let (first, second) = row.split_at_mut(left.planes()[index].extent().width);
            first.copy_from_slice(left.planes()[index].row(y));
            second.copy_from_slice(&right.planes()[index].row(y)[..second.len()]);
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pictures_stand_side_by_side() {
        let mut left = Picture::new(PictureFormat::gray(Extent::new(2, 1)));
        let mut right = left.clone();
        left.planes_mut()[0].samples_mut().copy_from_slice(&[1, 2]);
        right.planes_mut()[0].samples_mut().copy_from_slice(&[3, 4]);
        assert_eq!(side_by_side(&left, &right).planes()[0].samples(), [1, 2, 3, 4]);
    }
}

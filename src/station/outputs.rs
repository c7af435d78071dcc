//! The sinks of a station: opened to run, or only tried.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;

use crate::config::SinkConfig;
use crate::fleet::{self, Link, Name, ZenohOptions};
use crate::metrics::FleetMetrics;
use crate::sink::{
    CommandSink, Iceoryx2Sink, PngSink, RecordSink, Showcase, ShowcaseSink, Sink, SinkError,
    V4l2Sink, Y4mSink, ZenohSink, is_special, try_writing,
};

/// Names under which the sinks of a configuration are counted: their kind, numbered where one
/// kind occurs more than once.
pub fn sink_names(sinks: &[SinkConfig]) -> Vec<String> {
    let kind = |sink: &SinkConfig| match sink {
        SinkConfig::Png(_) => "png",
        SinkConfig::Y4m(_) => "y4m",
        SinkConfig::Command(..) => CommandSink::NAME,
        SinkConfig::Record(_) => "record",
        SinkConfig::V4l2(_) => V4l2Sink::NAME,
        SinkConfig::Http(_) => ShowcaseSink::NAME,
        SinkConfig::Iceoryx2(_) => "iceoryx2",
        SinkConfig::Zenoh(_) => ZenohSink::NAME,
    };
    let is_alike = |a: &SinkConfig, b: &SinkConfig| kind(a) == kind(b);
    let name = |(index, sink): (usize, &SinkConfig)| {
        let alike = sinks.iter().filter(|other| is_alike(sink, other)).count();
        let place = sinks[..index].iter().filter(|other| is_alike(sink, other)).count() + 1;
        if alike == 1 { kind(sink).to_owned() } else { format!("{} {place}", kind(sink)) }
    };
    sinks.iter().enumerate().map(name).collect()
}

/// A sink of which a live page shows the frames.
#[derive(Debug)]
pub struct Page {
    /// Name of the sink in the statistics.
    pub sink: String,
    /// The newest frame.
    pub showcase: Arc<Showcase>,
}

/// A station's place in a fleet.
#[derive(Debug)]
pub struct Post {
    /// The name under which it is known.
    pub name: Name,
    /// The connection.
    pub link: Arc<Link>,
    /// How it takes part.
    pub options: ZenohOptions,
    /// What is counted.
    pub metrics: Arc<FleetMetrics>,
    /// What the frames are, and when the last one came.
    pub showcase: Arc<Showcase>,
}

/// The sinks of a station.
#[derive(Default)]
pub struct Outputs {
    /// All of them.
    pub sinks: Vec<Box<dyn Sink>>,
    /// The pages that are to be served, in the order of their sinks.
    pub pages: Vec<Page>,
    /// Its place in a fleet, where it has one.
    pub post: Option<Post>,
}

impl Outputs {
    /// Opens the sinks of a configuration.
    ///
    /// # Errors
    /// Where one cannot be opened.
    pub fn open(configs: &[SinkConfig]) -> Result<Self, SinkError> {
        let mut outputs = Self::default();
        for (config, name) in configs.iter().zip(sink_names(configs)) {
            let sink = outputs.open_sink(config, name)?;
            outputs.sinks.push(sink);
        }
        Ok(outputs)
    }

    fn open_sink(&mut self, config: &SinkConfig, name: String) -> Result<Box<dyn Sink>, SinkError> {
        Ok(match config {
            SinkConfig::Png(png) => Box::new(PngSink::create(png)?),
            SinkConfig::Y4m(stream) => open_live_y4m_sink(&stream.path)?,
            SinkConfig::Command(program, options) => {
                Box::new(CommandSink::open(program.clone(), options.clone())?)
            }
            SinkConfig::Record(record) => Box::new(RecordSink::create(record.clone())?),
            SinkConfig::V4l2(output) => Box::new(V4l2Sink::open(output.clone())?),
            SinkConfig::Http(http) => {
                let sink = ShowcaseSink::new(http.quality, ShowcaseSink::RATE_MAX);
                self.pages.push(Page { sink: name, showcase: sink.showcase() });
                Box::new(sink)
            }
            SinkConfig::Iceoryx2(shared) => Box::new(Iceoryx2Sink::open(shared.clone())?),
            SinkConfig::Zenoh(options) => Box::new(self.join(options)?),
        })
    }

    /// A sink of a fleet that the station takes part in.
    fn join(&mut self, options: &ZenohOptions) -> Result<ZenohSink, SinkError> {
        let (name, link) = (ZenohSink::name_of(options)?, Link::open(&options.config)?);
        let sink = ZenohSink::new(options.clone(), Arc::clone(&link), &name);
        let (metrics, showcase) = (sink.metrics(), sink.showcase());
        self.post = Some(Post { name, link, options: options.clone(), metrics, showcase });
        Ok(sink)
    }
}

impl std::fmt::Debug for Outputs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.sinks.iter().map(|sink| sink.name())).finish()
    }
}

/// Opens a Y4M stream to write; the readers of a FIFO may come and go, `-` is standard output.
fn open_live_y4m_sink(path: &Path) -> Result<Box<dyn Sink>, SinkError> {
    let is_standard = path == Path::new("-");
    Ok(Box::new(if is_standard { Y4mSink::stdout()? } else { Y4mSink::create_for_many(path)? }))
}

/// Tries whether a sink could be opened, and leaves nothing behind. Gives what could not be tried,
/// and why.
///
/// # Errors
/// Where it could not be opened.
pub fn try_sink(config: &SinkConfig) -> Result<Option<String>, SinkError> {
    match config {
        SinkConfig::Png(png) => try_folder(&png.folder)?,
        SinkConfig::Record(record) => try_folder(&record.folder)?,
        SinkConfig::Y4m(stream) => try_stream(&stream.path)?,
        // Who knows what it does to others.
        SinkConfig::Command(program, options) => {
            drop(CommandSink::open(program.clone(), options.clone())?);
            return Ok(Some(format!("'{program}' is there and was not started")));
        }
        // Opened, and not set up before there is a stream.
        SinkConfig::V4l2(output) => drop(V4l2Sink::open(output.clone())?),
        // It holds the newest frame; its page is opened by whoever serves it.
        SinkConfig::Http(_) => {}
        SinkConfig::Iceoryx2(_) => return Ok(Some("shared memory".to_owned())),
        SinkConfig::Zenoh(options) => {
            let name = ZenohSink::name_of(options)?;
            fleet::check(&options.config)?;
            return Ok(Some(format!("the fleet, in which it would be {name}")));
        }
    }
    Ok(None)
}

fn try_folder(folder: &Path) -> Result<(), SinkError> {
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => try_writing(&folder.join("probe")),
        Ok(_) => {
            let cause = io::Error::other("it is no folder");
            Err(SinkError::Write { path: folder.to_owned(), cause })
        }
        // It would be made.
        Err(_) => try_writing(folder),
    }
}

fn try_stream(path: &Path) -> Result<(), SinkError> {
    let is_fifo = std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
    if path == Path::new("-") || is_fifo {
        return Ok(());
    }
    if !is_special(path) {
        return try_writing(path);
    }
    let opened = OpenOptions::new().write(true).open(path).map(drop);
    opened.map_err(|cause| SinkError::Write { path: path.to_owned(), cause })
}

//! Receives restored frames from a running daemon with a sink of `kind = "iceoryx2"`, tells number,
//! age and what was done to each, and saves one as PNG.
//!
//! ```text
//! cargo run --example subscribe -- --frames 10 --png frame.png
//! ```

#![expect(clippy::print_stdout, reason = "what it receives is told on standard output")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use deblurd::sink::{encode_png, wire};
use iceoryx2::config::Config;
use iceoryx2::node::NodeWaitFailure;
use iceoryx2::prelude::{Node, NodeBuilder, SemanticString, ServiceName, ipc};
use iceoryx2::service::builder::publish_subscribe::PublishSubscribeOpenError;
use iceoryx2::service::port_factory::publish_subscribe::PortFactory;
use rustix::time::{ClockId, clock_gettime};

/// Receives restored frames.
#[derive(Debug, Parser)]
struct Options {
    /// Name of the service.
    #[arg(long, default_value = "deblurd/restored")]
    service: String,
    /// Ends after so many frames.
    #[arg(long)]
    frames: Option<u64>,
    /// Saves the last frame.
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// The folder of the daemon's configuration, where it has one.
    #[arg(long)]
    folder: Option<PathBuf>,
}

type Service = PortFactory<ipc::Service, [u8], ()>;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let node = NodeBuilder::new().config(&configuration(&options)?).create::<ipc::Service>()?;
    let service = find(&node, &ServiceName::new(&options.service)?)?;
    let subscriber = service.subscriber_builder().create()?;
    let mut count = 0;
    // Ends with an error at SIGINT and SIGTERM.
    while options.frames.is_none_or(|frames| count < frames) {
        let Some(sample) = subscriber.receive()? else {
            rest(&node, 1)?;
            continue;
        };
        count += 1;
        let frame = wire::read(sample.payload())?;
        tell(&frame);
        if let Some(path) = options.png.as_ref().filter(|_| Some(count) == options.frames) {
            std::fs::write(path, encode_png(&frame.picture)?)?;
        }
    }
    Ok(())
}

fn configuration(options: &Options) -> Result<Config, Box<dyn Error>> {
    let mut config = Config::global_config().clone();
    if let Some(folder) = &options.folder {
        let folder = folder.to_str().ok_or("the folder's name is not text")?;
        config.global.set_root_path(&SemanticString::new(folder.as_bytes())?);
    }
    Ok(config)
}

/// The service, once there is a daemon that offers it.
fn find(node: &Node<ipc::Service>, name: &ServiceName) -> Result<Service, Box<dyn Error>> {
    loop {
        match node.service_builder(name).publish_subscribe::<[u8]>().open() {
            Err(PublishSubscribeOpenError::DoesNotExist) => rest(node, 50)?,
            found => return Ok(found?),
        }
    }
}

/// Waits, or less where the process was stopped and goes on. An end by a signal comes as an error
/// of the next wait.
fn rest(node: &Node<ipc::Service>, milliseconds: u64) -> Result<(), NodeWaitFailure> {
    match node.wait(Duration::from_millis(milliseconds)) {
        Err(NodeWaitFailure::Interrupt) => Ok(()),
        outcome => outcome,
    }
}

fn tell(frame: &wire::Received) {
    let now = clock_gettime(ClockId::Monotonic);
    let age_ms =
        (now.tv_sec as f64 + now.tv_nsec as f64 / 1e9) * 1e3 - frame.captured_ns as f64 / 1e6;
    let wire::Received { sequence, effort, placeholder, degraded, picture, .. } = frame;
    let format = picture.format();
    println!(
        "frame {sequence}: {age_ms:.1} ms old, {}-bit {:?} {}, effort {effort:?}{}{}",
        format.depth,
        format.layout,
        format.extent,
        if *placeholder { ", placeholder" } else { "" },
        if *degraded { ", degraded" } else { "" },
    );
}

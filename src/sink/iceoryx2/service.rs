//! The service under which frames are published, and the node that holds it.

use std::path::Path;
use std::time::Duration;

use iceoryx2::config::Config;
use iceoryx2::node::{Node, NodeBuilder};
use iceoryx2::prelude::{LogLevel, SemanticString, ServiceName, SignalHandlingMode, set_log_level};
use iceoryx2::service::ipc_threadsafe;
use iceoryx2::service::port_factory::PortFactory as _;
use iceoryx2::service::port_factory::publish_subscribe::PortFactory;

use super::options::Iceoryx2Options;
use super::{reason, room};

/// A service for frames as bytes. It keeps its node.
pub(super) type Service = PortFactory<ipc_threadsafe::Service, [u8], ()>;

/// Frames that wait for a subscriber, and that it may hold on to.
const WAITING: usize = 2;
const BORROWED: usize = 2;
/// Frames that a subscriber gets that comes late.
const HISTORY: usize = 1;
/// Our own node, and those of processes that look at the service without a subscription.
const SPARE_NODES: usize = 4;
/// How long another process may take that removes leftovers just now.
const CLEANING: Duration = Duration::from_secs(1);

/// Frames that there must be memory for: what subscribers can hold on to, and the one in our hands.
pub(super) fn frames(service: &Service) -> usize {
    let config = service.static_config();
    let held = config.subscriber_max_buffer_size() + config.subscriber_max_borrowed_samples();
    config.max_subscribers() * held + config.history_size() + 1
}

/// Opens the service or makes it, after whatever dead processes have left was removed.
pub(super) fn open(options: &Iceoryx2Options) -> Result<Service, String> {
    let is_debugging = log::log_enabled!(log::Level::Debug);
    set_log_level(if is_debugging { LogLevel::Debug } else { LogLevel::Fatal });
    let name = ServiceName::new(&options.service);
    let name =
        name.map_err(|_| "not a name (expected 1 to 255 bytes, none 'iox2://')".to_owned())?;
    room::check(room::MARGIN).map_err(|cause| cause.to_string())?;
    let node = start_node(options.folder.as_deref())?;
    let builder = node.service_builder(&name).publish_subscribe::<[u8]>();
    builder
        .enable_safe_overflow(true)
        .history_size(HISTORY)
        .subscriber_max_buffer_size(WAITING)
        .subscriber_max_borrowed_samples(BORROWED)
        .max_publishers(1)
        .max_subscribers(options.subscribers.max(1))
        .max_nodes(options.subscribers.max(1) + SPARE_NODES)
        .open_or_create()
        .map_err(|cause| reason::of_service(cause, node.config().global.root_path()))
}

fn start_node(folder: Option<&Path>) -> Result<Node<ipc_threadsafe::Service>, String> {
    let mut config = Config::global_config().clone();
    if let Some(folder) = folder {
        // The names of segments come from it as it is written, for consumers as for us.
        let text = folder.to_str().filter(|_| folder.is_absolute());
        let path = text.and_then(|text| SemanticString::new(text.as_bytes()).ok());
        let path =
            path.ok_or_else(|| format!("'{}' (expected an absolute path)", folder.display()))?;
        config.global.set_root_path(&path);
    }
    let root = config.global.root_path().to_string();
    let builder = NodeBuilder::new().config(&config);
    let node = builder.signal_handling_mode(SignalHandlingMode::Disabled).create();
    let node = node.map_err(|cause| format!("cannot use {root}: {cause:?}"))?;
    node.blocking_cleanup_dead_nodes(CLEANING);
    Ok(node)
}

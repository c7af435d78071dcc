//! What a station reads must be there afterwards as it was, and no two of its sinks may write to one
//! place. Found out by the places that are meant, whatever they are called, before anything is opened.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use crate::config::{Config, ConfigError, SinkConfig, SourceConfig};
use crate::fleet::Name;
use crate::sink::{Place, ZenohSink};
use crate::source::list_pictures;

/// Checks the configuration that stands at `path`.
///
/// # Errors
/// Where a sink would write to what is read, or two sinks to one place.
pub(super) fn check(path: &Path, config: &Config) -> Result<(), ConfigError> {
    check_ports(config)?;
    check_names(config, &mut HashMap::new(), "")?;
    check_places(config, &places_read(path, config), &mut HashMap::new(), "")
}

/// Checks that the cameras of one file leave each other alone: none may write where another one reads or
/// writes, nor open another one's device.
///
/// # Errors
/// Where one does; the key names the later of the two.
pub(super) fn check_cameras(path: &Path, cameras: &[(&str, &Config)]) -> Result<(), ConfigError> {
    let read: HashSet<Place> =
        cameras.iter().flat_map(|(_, config)| places_read(path, config)).collect();
    let (mut written, mut opened, mut named) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (name, config) in cameras {
        let prefix = format!("camera.{name}.");
        check_places(config, &read, &mut written, &prefix)?;
        check_names(config, &mut named, &prefix)?;
        let SourceConfig::V4l2(camera) = &config.source else { continue };
        let Some(place) = Place::of(&camera.device) else { continue };
        if let Some(other) = opened.insert(place, *name) {
            let device = camera.device.display();
            return Err(ConfigError::Key {
                key: format!("{prefix}source.device"),
                problem: format!(
                    "'{device}' is that of camera {other}, too (expected another one)"
                ),
            });
        }
    }
    Ok(())
}

/// Checks that no sink writes where something is `read` or was `written`, of which note is taken under
/// keys that begin with `prefix`.
fn check_places(
    config: &Config,
    read: &HashSet<Place>,
    written: &mut HashMap<Place, String>,
    prefix: &str,
) -> Result<(), ConfigError> {
    for (index, sink) in config.sinks.iter().enumerate() {
        let Some((key, place, shown)) = place_written(sink) else { continue };
        let key = format!("{prefix}sink.{index}.{key}");
        let refused = |what: &str| {
            let problem = format!("'{}' is {what}, too (expected another place)", shown.display());
            Err(ConfigError::Key { key: key.clone(), problem })
        };
        if read.contains(&place) {
            return refused("read");
        }
        if let Some(other) = written.get(&place) {
            return refused(&format!("written by {other}"));
        }
        written.insert(place, key);
    }
    Ok(())
}

/// No two pages may listen at one address: the second would wait for the first to go.
fn check_ports(config: &Config) -> Result<(), ConfigError> {
    let mut listening: Vec<(usize, SocketAddr)> = Vec::new();
    for (index, sink) in config.sinks.iter().enumerate() {
        let Some(address) = sink.http().map(|http| http.listen) else { continue };
        if let Some((other, _)) = listening.iter().find(|(_, other)| do_meet(address, *other)) {
            let problem = format!(
                "'{address}' is listened at by sink.{other}.listen, too (expected another port)"
            );
            return Err(ConfigError::Key { key: format!("sink.{index}.listen"), problem });
        }
        listening.push((index, address));
    }
    Ok(())
}

/// No two cameras may bear one name in a fleet, and a camera has one place there: of the names that are
/// `named` note is taken, under keys that begin with `prefix`.
fn check_names(
    config: &Config,
    named: &mut HashMap<Name, String>,
    prefix: &str,
) -> Result<(), ConfigError> {
    let sinks = config.sinks.iter().enumerate();
    let mut joining = sinks.filter_map(|(index, sink)| Some((index, sink.zenoh()?)));
    let Some((index, options)) = joining.next() else { return Ok(()) };
    let refused = |index: usize, key: &str, problem: String| {
        Err(ConfigError::Key { key: format!("{prefix}sink.{index}.{key}"), problem })
    };
    if let Some((second, _)) = joining.next() {
        let problem = format!("\"zenoh\" as sink.{index}, too (expected one of them)");
        return refused(second, "kind", problem);
    }
    match ZenohSink::name_of(options) {
        Err(error) => refused(index, "host", error.to_string()),
        Ok(name) => match named.insert(name.clone(), prefix.to_owned()) {
            Some(other) => {
                let problem = format!("{name} is that of {other}sink, too (expected another)");
                refused(index, "camera", problem)
            }
            None => Ok(()),
        },
    }
}

/// Whether connections to one address may be meant for the other; port 0 is a free one.
fn do_meet(a: SocketAddr, b: SocketAddr) -> bool {
    let is_all = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && (is_all || a.ip() == b.ip())
}

/// The key that says where a sink writes, and the place; `None` where nothing can be lost there.
fn place_written(sink: &SinkConfig) -> Option<(&'static str, Place, &Path)> {
    let (key, path) = match sink {
        SinkConfig::Png(png) => ("folder", &png.folder),
        SinkConfig::Record(record) => ("folder", &record.folder),
        SinkConfig::Y4m(stream) => ("path", &stream.path),
        SinkConfig::V4l2(output) => ("device", &output.device),
        // What a command does with files is its own affair.
        SinkConfig::Http(_)
        | SinkConfig::Iceoryx2(_)
        | SinkConfig::Zenoh(_)
        | SinkConfig::Command(..) => return None,
    };
    let place = match sink {
        // Two streams cannot be told apart in one pipe either.
        SinkConfig::Y4m(_) if path == Path::new("-") => {
            Some(Place::of_output().unwrap_or(Place::Name(0, 0, OsString::from("-"))))
        }
        SinkConfig::V4l2(_) => Place::of(path),
        _ => Place::of(path).filter(Place::is_kept),
    };
    Some((key, place?, path))
}

/// Everything that is read again and again, or at the next start.
fn places_read(path: &Path, config: &Config) -> HashSet<Place> {
    let mut read = HashSet::new();
    match &config.source {
        SourceConfig::V4l2(camera) => read.extend(Place::of(&camera.device)),
        SourceConfig::Y4m(stream) if stream.path == Path::new("-") => {
            read.extend(Place::of_input())
        }
        SourceConfig::Y4m(stream) => read.extend(Place::of(&stream.path).filter(Place::is_kept)),
        SourceConfig::Files(files) => {
            // Where they cannot be listed, opening them tells why.
            let pictures = list_pictures(&files.paths).unwrap_or_default();
            // Neither may what is written come to lie among them, to be read at the next start.
            let folders = pictures.iter().filter_map(|picture| picture.parent());
            let folders =
                folders.map(|folder| if folder == Path::new("") { Path::new(".") } else { folder });
            let folders: HashSet<&Path> = folders.collect();
            read.extend(folders.into_iter().filter_map(Place::of));
            read.extend(pictures.iter().filter_map(|picture| Place::of(picture)));
        }
        SourceConfig::Scene(_) | SourceConfig::Command(..) => {}
    }
    let simulated = config.simulate.as_ref().and_then(|simulate| simulate.psf.as_deref());
    let names = [Some(&*config.camera.psf), Some(&*config.restore.model), simulated];
    let tokens = config.sinks.iter().filter_map(|sink| sink.http()?.token_file.as_deref());
    let files = names.into_iter().flatten().map(Path::new).chain(tokens).chain([path]);
    let is_file = |place: &Place| matches!(place, Place::File(..));
    read.extend(files.filter_map(Place::of).filter(is_file));
    read
}

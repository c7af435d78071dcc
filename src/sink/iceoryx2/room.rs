//! Room in the shared memory of the system, made sure of before it is written to.
//!
//! A segment is made at its full length without memory behind it; where the system has none left
//! when such a segment is touched, it ends the process with SIGBUS. Therefore room is looked for
//! before segments are made, and their memory is allocated at once when they are there.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// Where the C library keeps shared memory.
const FOLDER: &str = "/dev/shm";

/// More than the segments take that connect a publisher and its subscribers.
pub(super) const MARGIN: u64 = 1 << 20;

/// Makes sure that segments can be made and that `bytes` are free.
pub(super) fn check(bytes: u64) -> io::Result<()> {
    let named = |cause| name(Path::new(FOLDER), &cause);
    tempfile::tempfile_in(FOLDER).map_err(named)?;
    let free = free().map_err(named)?;
    if free >= bytes {
        return Ok(());
    }
    let [free, bytes] = [free, bytes].map(|bytes| bytes as f64 / f64::from(1 << 20));
    let message = format!("{FOLDER} has {free:.1} MiB left (expected at least {bytes:.1} MiB)");
    Err(io::Error::new(io::ErrorKind::StorageFull, message))
}

/// Allocates all memory of every segment that this process has mapped.
pub(super) fn reserve() -> io::Result<()> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    for path in segments(&maps) {
        match allocate(path) {
            // It was removed meanwhile: nobody connects to it any more.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            outcome => outcome.map_err(|cause| name(path, &cause))?,
        }
    }
    Ok(())
}

/// The segments among the mappings of a process; one that was removed has another name.
fn segments(maps: &str) -> BTreeSet<&Path> {
    let paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    let gone = |path: &&Path| !path.exists();
    paths
        .map(Path::new)
        .filter(|path| path.starts_with(FOLDER))
        .filter(|path| !gone(path))
        .collect()
}

fn allocate(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    Ok(fallocate(&file, FallocateFlags::empty(), 0, file.metadata()?.len())?)
}

fn free() -> io::Result<u64> {
    let state = statvfs(FOLDER)?;
    // A file system without a limit has no blocks.
    Ok(if state.f_blocks == 0 { u64::MAX } else { state.f_bavail.saturating_mul(state.f_frsize) })
}

fn name(path: &Path, cause: &io::Error) -> io::Error {
    io::Error::new(cause.kind(), format!("{}: {cause}", path.display()))
}

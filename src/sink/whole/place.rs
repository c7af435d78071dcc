//! Which place a path means, whatever it is called: links are followed, and files are told by device
//! and inode.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::disk::folder_of;

/// Links that are followed, as many as the system does.
const LINKS_MAX: usize = 40;
/// Names of standard output among files.
const STANDARD_OUTPUT: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
/// Names of what the process has open.
const OPEN: [&str; 3] = ["/dev/fd/", "/proc/self/fd/", "/dev/stderr"];

/// Where bytes are kept or go; two paths to one place are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// A file, folder, block device or pipe, by device and inode.
    File(u64, u64),
    /// A device that gives and takes characters, by its number. Of those only cameras can be read and
    /// written at once with harm.
    Device(u64),
    /// A name that nothing bears yet, in a folder.
    Name(u64, u64, OsString),
}

impl Place {
    /// The place that a path means; `None` where there can be none.
    pub fn of(path: &Path) -> Option<Self> {
        if let Ok(found) = std::fs::metadata(path) {
            return Some(Self::of_found(&found));
        }
        let target = target_of(path).ok()?;
        let folder = std::fs::metadata(folder_of(&target)).ok()?;
        Some(Self::Name(folder.dev(), folder.ino(), target.file_name()?.to_owned()))
    }

    /// The place that standard input reads, where it is kept: a file, and no terminal.
    pub fn of_input() -> Option<Self> {
        Self::of_open(io::stdin())
    }

    /// The place that standard output writes, where it is kept.
    pub fn of_output() -> Option<Self> {
        Self::of_open(io::stdout())
    }

    /// Whether what is written there can be read again.
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::Device(_))
    }

    fn of_open(open: impl AsFd) -> Option<Self> {
        let file = File::from(open.as_fd().try_clone_to_owned().ok()?);
        let found = file.metadata().ok()?;
        let kind = found.file_type();
        (kind.is_file() || kind.is_block_device()).then(|| Self::of_found(&found))
    }

    fn of_found(found: &Metadata) -> Self {
        if found.file_type().is_char_device() {
            Self::Device(found.rdev())
        } else {
            Self::File(found.dev(), found.ino())
        }
    }
}

/// Whether `path` names a device, a pipe, or what the process has open: such are written to, and not
/// replaced by a file.
pub fn is_special(path: &Path) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    is_standard_output(path)
        || OPEN.iter().any(|open| name.starts_with(open.as_bytes()))
        || std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Whether `path` is a name of standard output.
pub(in crate::sink) fn is_standard_output(path: &Path) -> bool {
    STANDARD_OUTPUT.iter().any(|name| path == Path::new(name))
}

/// What `path` leads to: itself, unless it is a link. Nothing needs to be there.
///
/// # Errors
/// Where links lead round in a circle.
pub(in crate::sink) fn target_of(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..LINKS_MAX {
        // What is no link, or not there, is what is meant.
        let Ok(next) = std::fs::read_link(&target) else { return Ok(target) };
        target = folder_of(&target).join(next);
    }
    Err(rustix::io::Errno::LOOP.into())
}

//! What is asked of a disk. Each of these may take for ever where it does not answer.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Gid, Uid, fchown};

/// Where files are written aside.
pub(super) trait Disk: Sync {
    /// Makes a file that is not there yet.
    fn create(&self, path: &Path) -> io::Result<File>;

    /// Locks a file that was just made; whether it is still there, and nobody else's.
    fn claim(&self, file: &File) -> io::Result<bool>;

    /// Gives a file that is to replace `other` what that has beside its contents: its permissions,
    /// and its owner where that may be.
    fn liken(&self, file: &File, other: &Path) -> io::Result<()>;

    /// Waits until the contents of a file are kept.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Waits until the names in a folder are kept.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Gives a file another name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The disks of the system.
pub(super) struct Disks;

impl Disk for Disks {
    fn create(&self, path: &Path) -> io::Result<File> {
        // Readable to others as far as the umask lets it be, like any other file.
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    fn claim(&self, file: &File) -> io::Result<bool> {
        // Without locks in the file system, what a killed process leaves stays.
        let is_free = !matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        Ok(is_free && file.metadata()?.nlink() > 0)
    }

    fn liken(&self, file: &File, other: &Path) -> io::Result<()> {
        let found = std::fs::symlink_metadata(other).ok().filter(std::fs::Metadata::is_file);
        let Some(other) = found else { return Ok(()) };
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (other.uid(), other.gid()) {
            let (uid, gid) = (Uid::from_raw(other.uid()), Gid::from_raw(other.gid()));
            // Only root gives files away; a group that is one's own can be kept alone.
            let _: Result<_, _> =
                fchown(file, Some(uid), Some(gid)).or_else(|_| fchown(file, None, Some(gid)));
        }
        if own.mode() != other.mode() {
            // Not what makes programs of files: nobody asked for that.
            file.set_permissions(Permissions::from_mode(other.mode() & 0o777))
                .or_else(pass_unsupported)?;
        }
        Ok(())
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        // Not every file system can; what it cannot, nobody asked of it.
        file.sync_all().or_else(pass_unsupported)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all().or_else(pass_unsupported)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
}

fn pass_unsupported(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput => Ok(()),
        _ => Err(error),
    }
}

/// The folder that a file lies in.
pub(in crate::sink) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

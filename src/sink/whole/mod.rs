//! Whole files only: written aside, then renamed.
//!
//! A file aside is removed where it is dropped unfinished. A process that ends without dropping
//! what its threads hold calls [`remove_unfinished`] first. What a process leaves that was killed is
//! removed by the next one ([`remove_abandoned`]): whoever writes a file aside holds a lock on it,
//! which ends with the process however that ends.
//!
//! What a power cut leaves is up to [`Survival`]: a name without its contents, unless those were
//! brought to the disk before.

mod aside;
mod disk;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

pub use aside::remove_unfinished;
pub(super) use aside::{Aside, Survival};
pub(super) use disk::folder_of;

use crate::sink::contract::SinkError;

/// Writes a file so that `path` names either what it named before or all of what `write` wrote,
/// after a power cut, too. A device or a pipe is written to as it is.
///
/// # Errors
/// Where the folder is missing, read-only or full, or `write` fails.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), SinkError> {
    let attempt = || {
        if is_special(path) {
            return write(&mut OpenOptions::new().write(true).open(path)?);
        }
        let mut aside = Aside::create(path)?;
        write(&mut aside)?;
        aside.finish(path, Survival::Name)
    };
    attempt().map_err(|cause| SinkError::Write { path: path.to_owned(), cause })
}

/// Tries whether `path` could be written, and leaves nothing behind.
///
/// # Errors
/// Where it is a folder, or its folder is missing or read-only.
pub fn try_writing(path: &Path) -> Result<(), SinkError> {
    let attempt = || {
        if is_special(path) {
            return Ok(());
        }
        if path.is_dir() {
            return Err(io::Error::other("it is a folder"));
        }
        Aside::create(path).map(drop)
    };
    attempt().map_err(|cause| SinkError::Write { path: path.to_owned(), cause })
}

/// Whether `path` names a device or a pipe, which must not be replaced by a file.
pub fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Removes the files aside of a folder that nobody writes any more, of those that are meant for a
/// name that `is_ours`.
///
/// # Errors
/// Where the folder cannot be read.
pub(super) fn remove_abandoned(folder: &Path, is_ours: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let is_aside = name.to_str().and_then(meant_for).is_some_and(&is_ours);
        if !is_aside || !entry.file_type()?.is_file() {
            continue;
        }
        // Whether it can be opened, locked and removed is up to others too; where not, it stays.
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock().is_ok() && std::fs::remove_file(&path).is_ok() {
            log::info!("{} was left unfinished: removed", path.display());
        }
    }
    Ok(())
}

/// The name that a file aside is meant to get.
fn meant_for(name: &str) -> Option<&str> {
    let aside = name.strip_prefix('.')?.strip_suffix(".part")?;
    aside.rsplit_once('.').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    /// Writes over "old" and says what the folder holds afterwards.
    #[track_caller]
    fn check_left(write: impl FnOnce(&mut dyn Write) -> io::Result<()>, left: &str) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.txt");
        fs::write(&path, "old").expect("a file");
        drop(write_whole(&path, write));
        assert_eq!(fs::read_to_string(&path).expect("the file"), left);
        assert_eq!(
            fs::read_dir(folder.path()).expect("the folder").count(),
            1,
            "something is left"
        );
    }

    #[test]
    fn a_name_means_a_whole_file() {
        check_left(|out| out.write_all(b"new"), "new");
        check_left(
            |out| {
                out.write_all(b"ne")?;
                Err(io::ErrorKind::StorageFull.into())
            },
            "old",
        );
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for path in ["no/folder.txt", "..", ""] {
            let error = write_whole(&folder.path().join(path), |_| Ok(())).expect_err("no file");
            assert!(error.to_string().starts_with("cannot write "), "{error}");
        }
    }

    #[test]
    fn only_what_nobody_writes_is_abandoned() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let name = |name: &str| folder.path().join(name);
        let [left, other, whole] = [".a.png.AbC123.part", ".b.png.AbC123.part", "a.png"].map(name);
        for path in [&left, &other, &whole] {
            fs::write(path, "").expect("a file");
        }
        let written = Aside::create(&name("a.png")).expect("a file");
        remove_abandoned(folder.path(), |name| name == "a.png").expect("a folder");
        assert!(!left.exists() && other.exists() && whole.exists(), "the wrong files went");
        written.finish(&name("c.png"), Survival::Process).expect("what was being written");
    }

    #[test]
    fn files_are_as_readable_as_others() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [ours, other] = ["ours", "other"].map(|name| folder.path().join(name));
        write_whole(&ours, |_| Ok(())).expect("a file");
        fs::write(&other, "").expect("a file");
        let mode = |path| fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode(&ours), mode(&other));
    }
}

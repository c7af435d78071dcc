//! Whole files only: written aside, then renamed.
//!
//! A file aside is removed where it is dropped unfinished. A process that ends without dropping
//! what its threads hold calls [`remove_unfinished`] first. What a process leaves that was killed is
//! removed by the next one ([`remove_abandoned`]): whoever writes a file aside holds a lock on it,
//! which ends with the process however that ends.
//!
//! A link that somebody names stays a link: what it leads to is replaced. Names that a sink makes up
//! are followed nowhere, as others may have put links there. What replaces a file keeps its
//! permissions.
//!
//! What a power cut leaves is up to [`Survival`]: a name without its contents, unless those were
//! brought to the disk before.

mod aside;
mod disk;
mod place;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

pub use aside::remove_unfinished;
pub(super) use aside::{Aside, Survival};
pub(super) use disk::folder_of;
pub use place::{Place, is_special};
pub(super) use place::{is_standard_output, target_of};

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
        if is_standard_output(path) {
            let mut out = io::stdout().lock();
            return write(&mut out).and_then(|()| out.flush());
        }
        if is_special(path) {
            return write(&mut OpenOptions::new().write(true).open(path)?);
        }
        let target = target_of(path)?;
        let mut aside = Aside::create(&target)?;
        write(&mut aside)?;
        aside.finish(&target, Survival::Name)
    };
    attempt().map_err(|cause| SinkError::Write { path: path.to_owned(), cause })
}

/// Writes a file that is there anew, whole or not at all: where `path` is a link, what it leads to;
/// its mode and its owner stay.
///
/// # Errors
/// Where it is no file, or may not be written or replaced.
pub fn rewrite_whole(path: &Path, bytes: &[u8]) -> Result<(), SinkError> {
    let attempt = || {
        let real = path.canonicalize()?;
        // A file that may not be written is not replaced either, though its folder may allow it.
        let was = OpenOptions::new().write(true).open(&real)?.metadata()?;
        if !was.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let mut aside = Aside::create(&real)?;
        aside.write_all(bytes)?;
        aside.resemble(&was)?;
        aside.finish(&real, Survival::Name)
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
        Aside::create(&target_of(path)?).map(drop)
    };
    attempt().map_err(|cause| SinkError::Write { path: path.to_owned(), cause })
}

/// Somebody else writes what is to be written.
pub(super) fn written_by_another() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "another sink, or another program, writes it")
}

/// Removes the files aside of a folder that nobody writes any more, of those that are meant for a
/// name that `is_ours`; how many somebody does write.
///
/// # Errors
/// Where the folder cannot be read.
pub(super) fn remove_abandoned(folder: &Path, is_ours: impl Fn(&str) -> bool) -> io::Result<usize> {
    let mut written = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let is_aside = name.to_str().and_then(meant_for).is_some_and(&is_ours);
        if !is_aside || !entry.file_type()?.is_file() {
            continue;
        }
        // Whether it can be opened, locked and removed is up to others too; where not, it stays.
        let Ok(file) = File::open(&path) else { continue };
        match file.try_lock() {
            Ok(()) if std::fs::remove_file(&path).is_ok() => {
                log::info!("{} was left unfinished: removed", path.display());
            }
            Err(TryLockError::WouldBlock) => written += 1,
            _ => {}
        }
    }
    Ok(written)
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
    use std::os::unix::fs::{PermissionsExt, symlink};

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
    fn what_is_written_anew_keeps_mode_and_link() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [real, link] = ["real.toml", "link.toml"].map(|name| folder.path().join(name));
        fs::write(&real, "old").expect("a file");
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("a mode");
        std::os::unix::fs::symlink("real.toml", &link).expect("a link");
        rewrite_whole(&link, b"new").expect("a file");
        assert_eq!(fs::read_to_string(&real).expect("the file"), "new");
        assert_eq!(fs::metadata(&real).expect("the file").permissions().mode() & 0o7777, 0o640);
        assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 2);
        for path in ["none.toml", "."] {
            let error = rewrite_whole(&folder.path().join(path), b"").expect_err("no file");
            assert!(error.to_string().starts_with("cannot write "), "{error}");
        }
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

    /// Writes "new" to `name`; what it is then, and what the file `target` says.
    #[track_caller]
    fn check_link(folder: &Path, name: &str, target: &str) {
        let link = folder.join(name);
        write_whole(&link, |out| out.write_all(b"new")).expect("a file");
        assert!(link.is_symlink(), "{name} is no link any more");
        assert_eq!(fs::read_to_string(folder.join(target)).expect("a target"), "new");
        assert_eq!(fs::read_to_string(&link).expect("a link that leads there"), "new");
    }

    #[test]
    fn links_stay_links() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path();
        fs::create_dir(folder.join("other")).expect("a folder");
        fs::write(folder.join("other/old"), "old").expect("a file");
        for (name, leads_to) in [
            ("near", "other/old"),
            ("far", "near"),
            ("nowhere", "other/not yet"),
            ("other/up", "../above"),
        ] {
            symlink(leads_to, folder.join(name)).expect("a link");
        }
        check_link(folder, "near", "other/old");
        check_link(folder, "far", "other/old");
        assert!(folder.join("near").is_symlink(), "the link between is gone");
        check_link(folder, "nowhere", "other/not yet");
        check_link(folder, "other/up", "above");
        symlink("loop", folder.join("loop")).expect("a link");
        let error = write_whole(&folder.join("loop"), |_| Ok(())).expect_err("a loop");
        assert!(error.to_string().contains("symbolic links"), "{error}");
    }

    #[test]
    fn permissions_stay() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("private");
        fs::write(&path, "old").expect("a file");
        for mode in [0o600, 0o640, 0o666, 0o444] {
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(&path, permissions).expect("a mode");
            let mode_of = |path: &Path| fs::metadata(path).expect("a file").permissions().mode();
            write_whole(&path, |_| {
                let names = fs::read_dir(folder.path()).expect("a folder").flatten();
                // Nor may more people read it while it is written.
                assert!(names.into_iter().all(|file| mode_of(&file.path()) & 0o777 == mode));
                Ok(())
            })
            .expect("a file");
            assert_eq!(mode_of(&path) & 0o777, mode);
        }
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

//! Folders of pictures: made where they are missing, tried before they are needed, and held by one
//! writer at a time: two that make room, or count on, would replace and remove each other's pictures.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::contract::SinkError;
use super::whole::{Aside, Survival, remove_abandoned, written_by_another};

/// What a folder is tried with.
const PROBE: &str = "probe";

/// A folder that pictures are written to, each whole or not at all.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Locked for as long as it is open.
    _held: File,
}

impl Folder {
    /// Makes the folder where only it is missing, holds it, tries whether it can be written to, and
    /// removes what a killed process has left of pictures whose name `is_ours`.
    ///
    /// # Errors
    /// Where it cannot be made, read or written to, or somebody else holds it.
    pub(super) fn open(path: &Path, is_ours: impl Fn(&str) -> bool) -> Result<Self, SinkError> {
        let open = || {
            make_folder(path)?;
            let held = hold(path)?;
            Aside::create(&path.join(PROBE))?;
            remove_abandoned(path, |name| name == PROBE || is_ours(name))?;
            Ok(Self { path: path.to_owned(), _held: held })
        };
        open().map_err(|cause| SinkError::Write { path: path.to_owned(), cause })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the bytes of a picture under a name.
    pub(super) fn write(
        &self,
        name: &str,
        bytes: &[u8],
        survival: Survival,
    ) -> Result<(), SinkError> {
        let path = self.path.join(name);
        let write = || {
            let mut aside = Aside::create(&path)?;
            aside.write_all(bytes)?;
            aside.finish(&path, survival)
        };
        write().map_err(|cause| SinkError::Write { path: path.clone(), cause })
    }
}

/// Holds a folder until what it gives is dropped, where its file system knows locks.
fn hold(folder: &Path) -> io::Result<File> {
    let held = File::open(folder)?;
    match held.try_lock() {
        Err(TryLockError::WouldBlock) => Err(written_by_another()),
        _ => Ok(held),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever may write there must not have us write elsewhere.
    #[test]
    fn links_among_names_are_replaced() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let [elsewhere, link] = ["elsewhere", "out/a.png"].map(|name| parent.path().join(name));
        let folder = Folder::open(&parent.path().join("out"), |_| false).expect("a folder");
        std::fs::write(&elsewhere, "old").expect("a file");
        std::os::unix::fs::symlink(&elsewhere, &link).expect("a link");
        folder.write("a.png", b"new", Survival::Process).expect("a picture");
        assert_eq!(std::fs::read(&elsewhere).expect("a file"), b"old", "written elsewhere");
        assert!(!link.is_symlink(), "the picture is a link");
    }

    #[test]
    fn a_folder_that_cannot_be_is_an_error() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(parent.path().join("file"), "").expect("a file");
        for name in ["file", "no/such/folder"] {
            let error = Folder::open(&parent.path().join(name), |_| true).expect_err("no folder");
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(Folder::open(Path::new("/proc"), |_| false).is_err(), "files were made in /proc");
    }
}

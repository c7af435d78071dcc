//! Whole files only: written aside, then renamed.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use super::SinkError;

/// Writes a file so that `path` names either what it named before or all of what `write` wrote.
///
/// # Errors
/// Where the folder is missing, read-only or full, or `write` fails.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), SinkError> {
    let attempt = || {
        let mut aside = create_aside(path)?;
        write(aside.as_file_mut())?;
        finish_aside(aside, path)
    };
    attempt().map_err(|cause| SinkError::Write { path: path.to_owned(), cause })
}

/// A new file beside `path`, gone again unless it is finished.
pub(super) fn create_aside(path: &Path) -> io::Result<NamedTempFile> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    // Readable to others as far as the umask lets it be, like any other file.
    Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".part")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder_of(path))
}

/// Gives a file its name.
pub(super) fn finish_aside(mut aside: NamedTempFile, path: &Path) -> io::Result<()> {
    aside.flush()?;
    aside.persist(path).map(drop).map_err(|error| error.error)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
    fn files_are_as_readable_as_others() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [ours, other] = ["ours", "other"].map(|name| folder.path().join(name));
        write_whole(&ours, |_| Ok(())).expect("a file");
        fs::write(&other, "").expect("a file");
        let mode = |path| fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode(&ours), mode(&other));
    }
}

//! The recorded files of a folder: how much they hold, and which are the oldest.
//!
//! A folder may hold more files than there is memory for their names: only a batch of the oldest
//! is known, and the folder is read again when it is used up. That also corrects the sum where
//! somebody else has removed files.
//!
//! A name may tell a time that has not come, by somebody's mistake: a name alone, which neither the
//! clock nor the file's own time bears out. It is none of the newest then. It counts, goes first, and
//! the names of new files do not come after it.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::stamp::Stamp;
use crate::sink::contract::SinkError;
use crate::sink::folder::Folder;
use crate::sink::whole::Survival;

/// Files whose names are known at a time.
const BATCH: usize = 4096;

/// The recorded files of a folder.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: Folder,
    /// Bytes of all files.
    bytes: u64,
    /// The oldest files, from the oldest on.
    oldest: VecDeque<File>,
    /// Stamp of the newest file.
    newest: Option<Stamp>,
}

/// A recorded file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct File {
    /// Whether its name tells a time that may be: those of which it does not are the oldest.
    is_timely: bool,
    stamp: Stamp,
    name: String,
    bytes: u64,
}

impl Shelf {
    /// Opens a folder, counts what is in it, and removes what a killed run has left unfinished.
    ///
    /// # Errors
    /// Where the folder cannot be made, read or written to.
    pub(super) fn open(folder: &Path) -> Result<Self, SinkError> {
        let folder = Folder::open(folder, |name| Stamp::from_name(name).is_some())?;
        let mut shelf = Self { folder, bytes: 0, oldest: VecDeque::new(), newest: None };
        shelf.count()?;
        Ok(shelf)
    }

    /// Removes the oldest files until `bytes` more are within `bytes_max`.
    ///
    /// # Errors
    /// Where a file cannot be removed, or `bytes` alone are too many.
    pub(super) fn make_room(&mut self, bytes: u64, bytes_max: u64) -> Result<(), SinkError> {
        if bytes > bytes_max {
            let cause = format!("a picture of {bytes} bytes is larger than the limit {bytes_max}");
            return Err(self.failed(io::Error::other(cause)));
        }
        while self.bytes + bytes > bytes_max {
            match self.oldest.pop_front() {
                Some(file) => self.remove(&file)?,
                None => {
                    self.count()?;
                    if self.oldest.is_empty() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Keeps a picture taken at `time`.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(super) fn keep(
        &mut self,
        time: SystemTime,
        extension: &str,
        bytes: &[u8],
    ) -> Result<(), SinkError> {
        // The order is kept even when the clock is set back: else the newest would go first.
        let after = self.newest.and_then(Stamp::next);
        let stamp = after.map_or(Stamp::of(time), |after| after.max(Stamp::of(time)));
        self.folder.write(&stamp.name(extension), bytes, Survival::Contents)?;
        self.newest = Some(stamp);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn remove(&mut self, file: &File) -> Result<(), SinkError> {
        match fs::remove_file(self.folder.path().join(&file.name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => {
                self.bytes = self.bytes.saturating_sub(file.bytes);
                Ok(())
            }
        }
    }

    /// Reads the folder.
    fn count(&mut self) -> Result<(), SinkError> {
        let (mut sum, mut oldest) = (0, BTreeSet::new());
        let now = Stamp::of(SystemTime::now());
        for entry in fs::read_dir(self.folder.path()).map_err(|error| self.failed(error))? {
            let entry = entry.map_err(|error| self.failed(error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // A file that goes while it is looked at is not there.
            let Ok(data) = entry.metadata() else { continue };
            let Some(stamp) = Stamp::from_name(&name).filter(|_| data.is_file()) else { continue };
            let written = data.modified().map_or(now, Stamp::of);
            let is_timely = !stamp.is_ahead_of(now, written);
            if is_timely {
                self.newest = self.newest.max(Some(stamp));
            }
            sum += data.len();
            oldest.insert(File { is_timely, stamp, name, bytes: data.len() });
            if oldest.len() > BATCH {
                oldest.pop_last();
            }
        }
        self.bytes = sum;
        self.oldest = oldest.into_iter().collect();
        Ok(())
    }

    fn failed(&self, cause: io::Error) -> SinkError {
        SinkError::Write { path: self.folder.path().to_owned(), cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn shelf(path: &Path) -> Shelf {
        Shelf::open(path).expect("a shelf")
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_the_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut shelf = shelf(folder.path());
        for (number, seconds) in
            [2_000_000, 1_000_000, 1_000_000, 3_000_000].into_iter().enumerate()
        {
            shelf
                .keep(at(seconds), "png", &[u8::try_from(number).expect("a byte")])
                .expect("a file");
        }
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .expect("a folder")
            .map(|e| e.expect("one").path())
            .collect();
        names.sort();
        let held: Vec<u8> = names.iter().map(|name| fs::read(name).expect("a file")[0]).collect();
        assert_eq!(held, [0, 1, 2, 3]);
    }

    /// A name of the year 9999 is the first to go, and no new file comes after it.
    #[test]
    fn names_from_the_future_make_nothing_else_go() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let future = folder.path().join("deblurd-99991230T215959.999999Z.jpg");
        let now = SystemTime::now();
        let mut filled = shelf(folder.path());
        for second in 0..3 {
            filled.keep(now + Duration::from_secs(second), "jpg", &[0; 10]).expect("a file");
        }
        drop(filled);
        fs::write(&future, [0; 1000]).expect("a file");
        let mut shelf = shelf(folder.path());
        assert_eq!(shelf.bytes, 1030, "it is not counted");
        shelf.make_room(10, 100).expect("room");
        assert!(!future.exists() && shelf.bytes == 30, "{} bytes are left", shelf.bytes);
        for _ in 0..3 {
            shelf.keep(now, "jpg", &[0; 10]).expect("a file");
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 6, "one was replaced");
    }

    #[test]
    fn only_what_is_left_of_ours_is_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [ours, other] =
            [".deblurd-20261123T141530.123456Z.jpg.AbC123.part", ".photo.jpg.AbC123.part"]
                .map(|name| folder.path().join(name));
        for path in [&ours, &other] {
            fs::write(path, "").expect("a file");
        }
        shelf(folder.path());
        assert!(!ours.exists() && other.exists(), "the wrong files went");
    }

    #[test]
    fn more_files_than_are_known_make_room_in_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut filled = shelf(folder.path());
        let count = BATCH as u64 + 10;
        for second in 0..count {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            filled.keep(at, "png", b"x").expect("a file");
        }
        drop(filled);
        let mut shelf = shelf(folder.path());
        assert_eq!(shelf.bytes, count);
        shelf.make_room(1, 6).expect("room");
        assert_eq!(shelf.bytes, 5);
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 5);
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(count - 1);
        assert!(folder.path().join(Stamp::of(last).name("png")).exists(), "the newest went");
    }
}

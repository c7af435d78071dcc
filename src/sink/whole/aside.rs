//! Files that are being written aside, and what becomes of them when the process ends.
//!
//! The list of them is locked for as long as it takes to look at it, never while a disk is waited
//! for: one that does not answer holds up nobody but those who write to it. A file stands in the
//! list before it is made, so that none escapes the end.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use tempfile::Builder;

use super::disk::{Disk, Disks, folder_of};

/// Times that a file aside is made, where somebody who removes abandoned ones sees each before it is
/// locked.
const TRIES: usize = 8;

/// Time that removing the files aside of a process that ends may take.
const REMOVAL: Duration = Duration::from_millis(150);

/// The files of this process.
static OF_PROCESS: Unfinished = Unfinished::new(&Disks);

/// What a finished file survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sink) enum Survival {
    /// The end of the process: for pictures that come as fast as frames do.
    Process,
    /// A power cut, if its name does: the name never means less than the file.
    Contents,
    /// A power cut, with its name.
    Name,
}

/// Removes what is written aside and lets nothing more be, for a process that ends at once. A disk
/// that does not answer is not waited for: it keeps its files, for the next process to remove.
pub fn remove_unfinished() {
    OF_PROCESS.remove_all(REMOVAL);
}

/// A file that is being written beside the place it is meant for.
pub(in crate::sink) struct Aside {
    file: File,
    entry: Entry,
}

impl Aside {
    /// A new file beside `path`, gone again unless it is finished. It may be read and written by
    /// whom the file of that name may. A link of that name is no file: it would be replaced.
    pub(in crate::sink) fn create(path: &Path) -> io::Result<Self> {
        OF_PROCESS.unless_closed(Self::create_in(&OF_PROCESS, path))
    }

    fn create_in(unfinished: &'static Unfinished, meant: &Path) -> io::Result<Self> {
        let name = meant.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        for _ in 0..TRIES {
            let made = Builder::new()
                .prefix(&format!(".{name}."))
                .suffix(".part")
                .make_in(folder_of(meant), |aside| {
                    let mut entry = unfinished.enter(aside)?;
                    let file = unfinished.disk.create(aside);
                    // What could not be made is somebody else's, if it is there.
                    entry.is_left = file.is_ok();
                    Ok(Self { file: file?, entry })
                })
                .map_err(|error| without_path(&error))?;
            // It is ours to remove.
            let (aside, path) = made.into_parts();
            path.keep().map_err(|error| error.error)?;
            unfinished.check()?;
            if unfinished.disk.claim(&aside.file)? {
                unfinished.disk.liken(&aside.file, meant)?;
                return Ok(aside);
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Gives the file the mode and the owner of another.
    pub(in crate::sink) fn resemble(&self, other: &Metadata) -> io::Result<()> {
        let own = self.file.metadata()?;
        if (own.uid(), own.gid()) != (other.uid(), other.gid()) {
            std::os::unix::fs::fchown(&self.file, Some(other.uid()), Some(other.gid()))?;
        }
        self.file.set_permissions(other.permissions())
    }

    /// Gives the file its name.
    pub(in crate::sink) fn finish(self, path: &Path, survival: Survival) -> io::Result<()> {
        OF_PROCESS.unless_closed(self.finish_as(path, survival))
    }

    fn finish_as(mut self, path: &Path, survival: Survival) -> io::Result<()> {
        let disk = self.entry.unfinished.disk;
        if survival != Survival::Process {
            disk.sync(&self.file)?;
        }
        disk.rename(&self.entry.path, path)?;
        self.entry.is_left = false;
        if survival == Survival::Name {
            disk.sync_folder(folder_of(path))?;
        }
        Ok(())
    }
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The files aside that are neither finished nor removed.
struct Unfinished {
    disk: &'static dyn Disk,
    list: Mutex<List>,
}

struct List {
    /// Whether the process ends: nothing is made any more.
    is_closed: bool,
    paths: Vec<PathBuf>,
}

/// A file's place in the list. It leaves it when this is dropped, and the disk unless it has got
/// its name.
struct Entry {
    unfinished: &'static Unfinished,
    path: PathBuf,
    is_left: bool,
}

impl Unfinished {
    const fn new(disk: &'static dyn Disk) -> Self {
        Self { disk, list: Mutex::new(List { is_closed: false, paths: Vec::new() }) }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a file that is about to be made.
    fn enter(&'static self, path: &Path) -> io::Result<Entry> {
        let mut list = self.list();
        if list.is_closed {
            return Err(ending());
        }
        list.paths.push(path.to_owned());
        Ok(Entry { unfinished: self, path: path.to_owned(), is_left: true })
    }

    /// Whether a file that was just made may stay: the list may have been cleared before it was.
    fn check(&self) -> io::Result<()> {
        if self.list().is_closed { Err(ending()) } else { Ok(()) }
    }

    /// The result, unless it is an error because the process ends: nobody must hear of that before
    /// the end.
    fn unless_closed<T>(&self, result: io::Result<T>) -> io::Result<T> {
        while result.is_err() && self.list().is_closed {
            std::thread::park();
        }
        result
    }

    /// Removes all files, each by a thread of its own, for as long as `patience`.
    fn remove_all(&'static self, patience: Duration) {
        let mut list = self.list();
        list.is_closed = true;
        let paths = list.paths.clone();
        drop(list);
        let (sender, is_removed) = mpsc::channel();
        for path in paths {
            let sender = sender.clone();
            let remove = move || {
                // Best effort: there is nobody left to tell.
                drop(self.disk.remove(&path));
                drop(sender);
            };
            // Without a thread the file stays, for the next process to remove.
            drop(std::thread::Builder::new().spawn(remove));
        }
        drop(sender);
        // Nothing is ever sent: the channel is closed when the last one is done.
        let _: Result<(), _> = is_removed.recv_timeout(patience);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.is_left {
            // Where it cannot be removed it is abandoned, and removed as such.
            drop(self.unfinished.disk.remove(&self.path));
        }
        self.unfinished.list().paths.retain(|other| *other != self.path);
    }
}

fn ending() -> io::Error {
    io::Error::other("the process ends")
}

/// The error without the name of the file aside, which means nothing to anybody.
fn without_path(error: &io::Error) -> io::Error {
    let text = error.to_string();
    let cause = text.split(" at path ").next().unwrap_or_default();
    io::Error::new(error.kind(), cause)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Disks of which one does not answer until the test is over, and which note what they do.
    struct Stubborn {
        /// Files in a folder of this name are waited for.
        hung: &'static str,
        released: Mutex<mpsc::Receiver<()>>,
        waiting: mpsc::SyncSender<()>,
        done: Mutex<Vec<String>>,
    }

    impl Stubborn {
        fn wait(&self, path: &Path) {
            if folder_of(path).ends_with(self.hung) {
                let _ = self.waiting.try_send(());
                // Closed when the test is over.
                let _ = self.released.lock().expect("a disk").recv();
            }
        }

        fn note(&self, what: &str) {
            self.done.lock().expect("notes").push(what.to_owned());
        }

        fn done(&self) -> Vec<String> {
            std::mem::take(&mut *self.done.lock().expect("notes"))
        }
    }

    impl Disk for Stubborn {
        fn create(&self, path: &Path) -> io::Result<File> {
            self.wait(path);
            Disks.create(path)
        }

        fn claim(&self, file: &File) -> io::Result<bool> {
            Disks.claim(file)
        }

        fn liken(&self, file: &File, other: &Path) -> io::Result<()> {
            Disks.liken(file, other)
        }

        fn sync(&self, file: &File) -> io::Result<()> {
            self.note("sync");
            Disks.sync(file)
        }

        fn sync_folder(&self, folder: &Path) -> io::Result<()> {
            self.note("sync folder");
            Disks.sync_folder(folder)
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.note("rename");
            Disks.rename(from, to)
        }

        fn remove(&self, path: &Path) -> io::Result<()> {
            self.wait(path);
            Disks.remove(path)
        }
    }

    /// A list of its own, its disk, what releases the hung one, and what tells that it is waited for.
    fn stubborn() -> (&'static Unfinished, &'static Stubborn, mpsc::Sender<()>, mpsc::Receiver<()>)
    {
        let (release, released) = mpsc::channel();
        let (waiting, waits) = mpsc::sync_channel(1);
        let (released, done) = (Mutex::new(released), Mutex::default());
        let disk: &'static Stubborn =
            Box::leak(Box::new(Stubborn { hung: "hung", released, waiting, done }));
        (Box::leak(Box::new(Unfinished::new(disk))), disk, release, waits)
    }

    fn left_in(folder: &Path) -> usize {
        std::fs::read_dir(folder).expect("a folder").count()
    }

    #[test]
    fn a_disk_that_does_not_answer_holds_up_nobody_else() {
        let (unfinished, _, release, waits) = stubborn();
        let parent = tempfile::tempdir().expect("a temporary folder");
        let [hung, healthy] = ["hung", "healthy"].map(|name| parent.path().join(name));
        for folder in [&hung, &healthy] {
            std::fs::create_dir(folder).expect("a folder");
        }
        let writer = std::thread::spawn(move || {
            Aside::create_in(unfinished, &hung.join("a.png")).map(drop).map_err(|e| e.to_string())
        });
        waits.recv().expect("the first file is waited for");
        // Another disk's files are made and finished meanwhile.
        let other = Aside::create_in(unfinished, &healthy.join("b.png")).expect("a file aside");
        other.finish_as(&healthy.join("b.png"), Survival::Process).expect("a whole file");
        let kept = Aside::create_in(unfinished, &healthy.join("c.png")).expect("a file aside");
        assert_eq!(left_in(&healthy), 2);
        // And removed at the end, whatever the hung one does.
        unfinished.remove_all(Duration::from_millis(50));
        let start = Instant::now();
        while left_in(&healthy) > 1 {
            assert!(start.elapsed() < Duration::from_secs(20), "a file is left on a healthy disk");
        }
        assert!(Aside::create_in(unfinished, &healthy.join("d.png")).is_err(), "made at the end");
        drop(release);
        let told = writer.join().expect("no panic");
        assert_eq!(told, Err("the process ends".to_owned()));
        assert_eq!(left_in(&parent.path().join("hung")), 0, "made after the end");
        drop(kept);
    }

    #[test]
    fn contents_are_kept_before_their_name() {
        let (unfinished, disk, _release, _) = stubborn();
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (survival, done) in [
            (Survival::Process, ["rename"].as_slice()),
            (Survival::Contents, &["sync", "rename"]),
            (Survival::Name, &["sync", "rename", "sync folder"]),
        ] {
            let path = folder.path().join("a.jpg");
            let aside = Aside::create_in(unfinished, &path).expect("a file aside");
            aside.finish_as(&path, survival).expect("a whole file");
            assert_eq!(disk.done(), done, "{survival:?}");
        }
    }
}

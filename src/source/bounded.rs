//! Files read whole, within bounds: what a name leads to may be larger than memory, or never end.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

/// Bytes that are taken of a device. Nobody keeps more there of what is read whole, and one that a
/// link leads to may give for ever.
const DEVICE_BYTES_MAX: u64 = 1 << 20;

/// How long somebody may take to open a pipe for writing.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long one who has may write nothing: it may have much to compute.
const WRITER_PATIENCE: Duration = Duration::from_secs(60);

/// Time between two looks at a pipe.
const GLANCE: Duration = Duration::from_millis(20);

/// The bytes of a file, a pipe or a device, of which there may be so many.
///
/// # Errors
/// Where it cannot be read; [`ErrorKind::FileTooLarge`] where there are more, which a file says
/// before it is read; [`ErrorKind::TimedOut`] where nobody writes to a pipe.
pub fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let found = path.metadata()?;
    let kind = found.file_type();
    let is_device = kind.is_char_device() || kind.is_block_device();
    let bytes_max = if is_device { bytes_max.min(DEVICE_BYTES_MAX) } else { bytes_max };
    let too_large = || {
        let told = format!("it is larger than {} MiB", bytes_max >> 20);
        io::Error::new(ErrorKind::FileTooLarge, told)
    };
    if kind.is_file() && found.len() > bytes_max {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    if kind.is_fifo() {
        PatientPipe::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > bytes_max { Err(too_large()) } else { Ok(bytes) }
}

/// A pipe whose writer is waited for, but not for ever.
struct PatientPipe {
    pipe: File,
    /// Whether somebody had it open for writing.
    had_writer: bool,
}

impl PatientPipe {
    fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let pipe = File::options().read(true).custom_flags(flags).open(path)?;
        Ok(Self { pipe, had_writer: false })
    }
}

impl Read for PatientPipe {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        loop {
            match self.pipe.read(bytes) {
                Ok(0) if !self.had_writer => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.had_writer = true,
                read => {
                    self.had_writer = true;
                    return read;
                }
            }
            let patience = if self.had_writer { WRITER_PATIENCE } else { PATIENCE };
            if start.elapsed() >= patience {
                let told = format!("nothing came through this pipe in {} s", patience.as_secs());
                return Err(io::Error::new(ErrorKind::TimedOut, told));
            }
            sleep(GLANCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    #[track_caller]
    fn check(pieces: &'static [&[u8]], expected: Result<&[u8], ErrorKind>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipe");
        mkfifoat(CWD, &path, Mode::RWXU).expect("a pipe");
        let writer = path.clone();
        let writer = std::thread::spawn(move || {
            let mut pipe = File::options().write(true).open(writer).expect("a reader");
            // Whoever reads may have enough.
            pieces.iter().try_for_each(|piece| pipe.write_all(piece)).is_ok()
        });
        let read = read_bounded(&path, 8).map_err(|error| error.kind());
        assert_eq!(read.as_deref().map_err(|kind| *kind), expected);
        writer.join().expect("a writer");
    }

    #[test]
    fn a_pipe_gives_what_is_written_to_it() {
        check(&[b"one"], Ok(b"one"));
        check(&[b"one", b" ", b"two"], Ok(b"one two"));
        check(&[&[0; 9]], Err(ErrorKind::FileTooLarge));
    }
}

//! Files read whole, within bounds: what a name leads to may be larger than memory, or never end.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Bytes that are taken of a device. Nobody keeps more there of what is read whole, and one that a
/// link leads to may give for ever.
const DEVICE_BYTES_MAX: u64 = 1 << 20;

/// The bytes of a file, a pipe or a device, of which there may be so many.
///
/// # Errors
/// Where it cannot be read; [`ErrorKind::FileTooLarge`] where there are more, which a file says
/// before it is read.
pub fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let found = file.metadata()?;
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
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max { Err(too_large()) } else { Ok(bytes) }
}

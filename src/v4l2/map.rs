//! Memory that the driver and this process share: the other file with unsafe code.
//!
//! A driver's buffer is mapped once and lent as bytes only while it is ours: [`super::queue`] lends
//! a buffer after the kernel gave it and takes it back before the kernel gets it.
#![expect(unsafe_code, reason = "maps the driver's buffers")]

use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::driver::Memory;
use super::error::Fault;

/// A piece of a device's memory in this process.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory belongs to the process, not to a thread.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `length` bytes of a device from `offset`.
    pub(super) fn new(device: BorrowedFd<'_>, offset: u64, length: usize) -> Result<Self, Fault> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: the kernel chooses an address where nothing else is.
        let start = unsafe { mmap(std::ptr::null_mut(), length, access, flags, device, offset) };
        let start = start.map_err(|errno| Fault { call: "mmap", cause: errno.into() })?;
        let start = NonNull::new(start.cast::<u8>());
        let start = start.ok_or(Fault { call: "mmap", cause: std::io::ErrorKind::Other.into() })?;
        Ok(Self { start, length })
    }
}

impl Memory for Mapping {
    fn bytes(&self) -> &[u8] {
        // SAFETY: `start` is that of `length` readable bytes until `drop`. Nobody writes them
        // meanwhile: they are lent only while the buffer is ours. A device that breaks that rule
        // changes bytes, for which any value is valid, and nothing but pixels depends on them.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; the mapping is writable, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and whoever borrowed its bytes is gone. It can fail only
        // where this is no mapping, which it is.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
    }
}

//! Memory that the driver and this process share: the other file with unsafe code.
//!
//! A driver's buffer is mapped once. Pictures are copied out of it before anybody looks at them: a
//! driver may write when it should not, and what a parser has checked must stay as it was. It is lent
//! as bytes, to be written, only while it is ours: [`super::queue`] lends a buffer after the kernel
//! gave it and takes it back before the kernel gets it.
#![expect(unsafe_code, reason = "maps the driver's buffers")]

use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::driver::{Memory, PlaneUse};
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
    fn length(&self) -> usize {
        self.length
    }

    fn copy(&self, used: PlaneUse, copy: &mut Vec<u8>) {
        let end = used.end.min(self.length);
        let start = used.offset.min(end);
        let length = end - start;
        copy.clear();
        copy.reserve(length);
        // SAFETY: `start` to `end` lie in the readable bytes of the mapping, which is there until
        // `drop`; the copy has room for as many, is no part of it, and holds nothing else. A device
        // that writes though the buffer is ours changes which bytes are copied, of which any are
        // valid; whoever reads the copy finds the same byte whenever it looks.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.start.as_ptr().add(start),
                copy.as_mut_ptr(),
                length,
            );
            copy.set_len(length);
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: `start` is that of `length` writable bytes until `drop`, and `self` is borrowed
        // mutably. They are lent only while the buffer is ours, and only to be written.
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

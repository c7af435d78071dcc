//! Memory of a card, and memory of the processor's that cards read and write by themselves.

#![expect(unsafe_code, reason = "memory of NVIDIA's driver is taken and given back")]

use std::ffi::c_void;
use std::marker::PhantomData;
use std::sync::Arc;

use super::device::Device;
use super::error::GpuError;

/// Values that are the same in memory of processors and of cards: any bytes are one.
///
/// # Safety
/// Plain numbers only, without padding.
pub(in super::super) unsafe trait Plain: Copy + Default + 'static {}

// SAFETY: plain numbers.
unsafe impl Plain for f32 {}
// SAFETY: plain numbers.
unsafe impl Plain for i32 {}
// SAFETY: plain numbers.
unsafe impl Plain for u32 {}
// SAFETY: plain numbers.
unsafe impl Plain for u8 {}

/// Where something is in the memory of a card; 0 is nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub(in super::super) struct Address(pub(super) u64);

/// Memory of a card.
#[derive(Debug)]
pub(in super::super) struct Buffer<T> {
    device: Arc<Device>,
    address: u64,
    count: usize,
    values: PhantomData<T>,
}

impl<T: Plain> Buffer<T> {
    /// `count` values, all zero.
    ///
    /// # Errors
    /// Where the card has no room for them.
    pub(in super::super) fn new(device: &Arc<Device>, count: usize) -> Result<Self, GpuError> {
        device.enter()?;
        let bytes = (count * size_of::<T>()).max(1);
        let (driver, mut address) = (device.driver(), 0);
        // SAFETY: what is taken is given back by `drop` alone.
        unsafe { driver.cuMemAlloc_v2(&raw mut address, bytes) }?;
        let buffer = Self { device: Arc::clone(device), address, count, values: PhantomData };
        // SAFETY: the memory has that many bytes.
        unsafe { driver.cuMemsetD8_v2(address, 0, bytes) }?;
        settle(device)?;
        Ok(buffer)
    }

    /// A copy of `values`.
    ///
    /// # Errors
    /// Where the card has no room for them.
    pub(in super::super) fn of(device: &Arc<Device>, values: &[T]) -> Result<Self, GpuError> {
        let mut buffer = Self::new(device, values.len())?;
        buffer.set(values)?;
        Ok(buffer)
    }

    /// Copies `values` to it.
    ///
    /// # Errors
    /// Where the card fails, or they are not as many.
    pub(in super::super) fn set(&mut self, values: &[T]) -> Result<(), GpuError> {
        if values.len() != self.count {
            return Err(GpuError::Unfit(format!(
                "{} values in the place of {}",
                values.len(),
                self.count
            )));
        }
        self.device.enter()?;
        let (driver, from) = (self.device.driver(), values.as_ptr().cast());
        // SAFETY: the memory holds as many values, which are read before this returns.
        unsafe { driver.cuMemcpyHtoD_v2(self.address, from, size_of_val(values)) }?;
        settle(&self.device)
    }

    /// Where it is.
    pub(in super::super) fn address(&self) -> Address {
        Address(self.address)
    }

    /// Values in it.
    pub(super) fn len(&self) -> usize {
        self.count
    }
}

/// Waits for what was begun here: our queues do not wait for it, and the driver's own copies return before
/// they have arrived.
fn settle(device: &Device) -> Result<(), GpuError> {
    // SAFETY: the stream is the context's own, which is that of this thread.
    unsafe { device.driver().cuStreamSynchronize(std::ptr::null_mut()) }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        let _ = self.device.enter();
        // SAFETY: it was taken by `new`; graphs that name it are dropped before it, or not launched again.
        let _ = unsafe { self.device.driver().cuMemFree_v2(self.address) };
    }
}

/// Memory of the processor that stays where it is, so that the card copies it by itself.
#[derive(Debug)]
pub(in super::super) struct Pinned {
    device: Arc<Device>,
    start: *mut f32,
    count: usize,
}

// SAFETY: it is memory of its own, as a vector's is.
unsafe impl Send for Pinned {}

impl Pinned {
    /// `count` samples.
    ///
    /// # Errors
    /// Where there is no room for them.
    pub(in super::super) fn new(device: &Arc<Device>, count: usize) -> Result<Self, GpuError> {
        device.enter()?;
        let bytes = (count * size_of::<f32>()).max(1);
        let mut start = std::ptr::null_mut();
        // SAFETY: what is taken is given back by `drop` alone.
        unsafe { device.driver().cuMemHostAlloc(&raw mut start, bytes, 0) }?;
        let start = start.cast::<f32>();
        for at in 0..count {
            // SAFETY: within what was taken.
            unsafe { start.add(at).write(0.0) };
        }
        Ok(Self { device: Arc::clone(device), start, count })
    }

    /// The samples. The card must not be at work on them.
    pub(in super::super) fn samples(&self) -> &[f32] {
        // SAFETY: as many were taken and written.
        unsafe { std::slice::from_raw_parts(self.start, self.count) }
    }

    /// The samples. The card must not be at work on them.
    pub(in super::super) fn samples_mut(&mut self) -> &mut [f32] {
        // SAFETY: as many were taken and written, and nobody else has them.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.count) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = self.device.enter();
        // SAFETY: it was taken by `new`.
        let _ = unsafe { self.device.driver().cuMemFreeHost(self.start.cast::<c_void>()) };
    }
}

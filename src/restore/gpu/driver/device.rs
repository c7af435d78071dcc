//! A card and its context.

#![expect(unsafe_code, reason = "functions of NVIDIA's driver are called")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::cuda::{self, ctx, device, init, primary_ctx, sys};
use super::error::{GpuError, Named, NoGpu};

/// The oldest driver, and the oldest card, that the programs are for.
const VERSION: i32 = 11_040;
const CAPABILITY: i32 = 8;

/// A card.
#[derive(Debug)]
pub(in super::super) struct Device {
    ordinal: sys::CUdevice,
    context: sys::CUcontext,
    name: String,
    /// Bytes of shared memory that a block of threads may have.
    shared: usize,
    multiprocessors: usize,
    /// Whether it has failed at work: it does nothing for this process any more.
    has_failed: AtomicBool,
}

// SAFETY: contexts of the driver may be used by any thread that has made the context its
// current one, which every method does.
unsafe impl Send for Device {}
// SAFETY: as above; the driver locks what it shares.
unsafe impl Sync for Device {}

impl Device {
    /// The first card.
    ///
    /// # Errors
    /// Where there is none, or it is too old.
    pub(in super::super) fn open() -> Result<Arc<Self>, NoGpu> {
        if !cuda::is_there() {
            return Err(NoGpu::Library);
        }
        if let Some(name) = cuda::missing() {
            return Err(NoGpu::Function(name));
        }
        let version = cuda::version().of("cuDriverGetVersion")?;
        if version < VERSION {
            return Err(NoGpu::Version { major: version / 1000, minor: version % 1000 / 10 });
        }
        match init() {
            Err(error) if error.0 == sys::CUresult::CUDA_ERROR_NO_DEVICE => {
                return Err(NoGpu::Absent);
            }
            other => other.of("cuInit")?,
        }
        if device::get_count().of("cuDeviceGetCount")? == 0 {
            return Err(NoGpu::Absent);
        }
        let ordinal = device::get(0).of("cuDeviceGet")?;
        let name = device::get_name(ordinal).of("cuDeviceGetName")?;
        // SAFETY: the device is one that the driver gave.
        let attribute = |which| unsafe { device::get_attribute(ordinal, which) };
        let number = |which| attribute(which).of("cuDeviceGetAttribute");
        use sys::CUdevice_attribute as Attribute;
        let major = number(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
        let minor = number(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
        if major < CAPABILITY {
            return Err(NoGpu::Capability { name, major, minor });
        }
        let shared = number(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?;
        // SAFETY: the device is one that the driver gave; `drop` releases the context.
        let context = unsafe { primary_ctx::retain(ordinal) }.of("cuDevicePrimaryCtxRetain")?;
        let shared = usize::try_from(shared).unwrap_or(0);
        let count = number(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        let multiprocessors = usize::try_from(count).unwrap_or(0).max(1);
        let has_failed = AtomicBool::new(false);
        Ok(Arc::new(Self { ordinal, context, name, shared, multiprocessors, has_failed }))
    }

    /// Its name for people.
    pub(in super::super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of shared memory that a block of threads may have.
    pub(in super::super) fn shared(&self) -> usize {
        self.shared
    }

    /// What works at the same time.
    pub(in super::super) fn multiprocessors(&self) -> usize {
        self.multiprocessors
    }

    /// It has failed at work.
    pub(in super::super) fn fail(&self) {
        self.has_failed.store(true, Ordering::Relaxed);
    }

    /// Whether it has.
    pub(in super::super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Makes its context that of the calling thread.
    pub(super) fn enter(&self) -> Result<(), GpuError> {
        // SAFETY: the context is retained until `self` is dropped.
        unsafe { ctx::set_current(self.context) }.of("cuCtxSetCurrent")
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Nobody is left to hear of failures.
        let _ = self.enter();
        // SAFETY: it was retained once.
        let _ = unsafe { primary_ctx::release(self.ordinal) };
    }
}

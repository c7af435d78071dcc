//! A card and its context.

#![expect(unsafe_code, reason = "functions of NVIDIA's driver are called")]

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::cuda::{Driver, sys};
use super::error::{GpuError, NoGpu};

/// The oldest driver, and the oldest card, that the programs are for.
const VERSION: i32 = 11_040;
const CAPABILITY: i32 = 8;

/// A card.
#[derive(Debug)]
pub(in super::super) struct Device {
    driver: &'static Driver,
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
        use sys::CUdevice_attribute as Attribute;
        let driver = Driver::find()?;
        let ordinal = first(driver)?;
        let name = name(driver, ordinal)?;
        let attribute = |which| {
            let mut value = 0;
            // SAFETY: the card is one that the driver gave; it writes one number.
            unsafe { driver.cuDeviceGetAttribute(&raw mut value, which, ordinal) }.map(|()| value)
        };
        let major = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
        let minor = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
        if major < CAPABILITY {
            return Err(NoGpu::Capability { name, major, minor });
        }
        let shared = attribute(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?;
        let shared = usize::try_from(shared).unwrap_or(0);
        let count = attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        let multiprocessors = usize::try_from(count).unwrap_or(0).max(1);
        let mut context = std::ptr::null_mut();
        // SAFETY: the card is one that the driver gave; `drop` releases the context.
        unsafe { driver.cuDevicePrimaryCtxRetain(&raw mut context, ordinal) }?;
        let has_failed = AtomicBool::new(false);
        Ok(Arc::new(Self { driver, ordinal, context, name, shared, multiprocessors, has_failed }))
    }

    /// What is asked to work on it.
    pub(super) fn driver(&self) -> &'static Driver {
        self.driver
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
        unsafe { self.driver.cuCtxSetCurrent(self.context) }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Nobody is left to hear of failures.
        let _ = self.enter();
        // SAFETY: it was retained once.
        let _ = unsafe { self.driver.cuDevicePrimaryCtxRelease_v2(self.ordinal) };
    }
}

/// The driver's first card, where both are new enough.
fn first(driver: &Driver) -> Result<sys::CUdevice, NoGpu> {
    const NONE: u32 = sys::CUresult::CUDA_ERROR_NO_DEVICE as u32;
    let (mut version, mut count, mut ordinal) = (0, 0, 0);
    // SAFETY: it writes one number, and may be called before the driver is at work.
    unsafe { driver.cuDriverGetVersion(&raw mut version) }?;
    if version < VERSION {
        return Err(NoGpu::Version { major: version / 1000, minor: version % 1000 / 10 });
    }
    // SAFETY: it is called before all others.
    match unsafe { driver.cuInit(0) } {
        Err(GpuError::Call { code: NONE, .. }) => return Err(NoGpu::Absent),
        other => other?,
    }
    // SAFETY: it writes one number.
    unsafe { driver.cuDeviceGetCount(&raw mut count) }?;
    if count == 0 {
        return Err(NoGpu::Absent);
    }
    // SAFETY: there is a first one.
    unsafe { driver.cuDeviceGet(&raw mut ordinal, 0) }?;
    Ok(ordinal)
}

/// What the driver calls a card.
fn name(driver: &Driver, ordinal: sys::CUdevice) -> Result<String, GpuError> {
    let mut name = [0_u8; 128];
    let room = i32::try_from(name.len()).unwrap_or(0);
    // SAFETY: it writes as many bytes as there is room for, at most, of which one is a zero.
    unsafe { driver.cuDeviceGetName(name.as_mut_ptr().cast(), room, ordinal) }?;
    let name = CStr::from_bytes_until_nul(&name).unwrap_or_default();
    Ok(name.to_string_lossy().into_owned())
}

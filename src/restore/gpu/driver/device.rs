//! A card, its context and the programs of ours that it has loaded.

#![expect(unsafe_code, reason = "functions of NVIDIA's driver are called")]

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::cuda::{self, ctx, device, function, init, module, primary_ctx, sys};
use super::error::{GpuError, Named, NoGpu};

/// The oldest driver, and the oldest card, that the programs are for.
const VERSION: i32 = 11_040;
const CAPABILITY: i32 = 8;

/// What a card computes, as PTX: generated from the sources beside them.
const PROGRAMS: [&str; 2] =
    [include_str!("../kernels/filter.ptx"), include_str!("../kernels/residual.ptx")];

/// A program of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kernel {
    RowsForward,
    Columns,
    RowsBack,
    Head16,
    Head32,
    Chain16,
    Chain32,
    Tail16,
    Tail32,
}

impl Kernel {
    /// All there are, by the program that they are in and their name there.
    const ALL: [(usize, &str); 9] = [
        (0, "rows_forward"),
        (0, "columns"),
        (0, "rows_back"),
        (1, "head16"),
        (1, "head32"),
        (1, "chain16"),
        (1, "chain32"),
        (1, "tail16"),
        (1, "tail32"),
    ];
}

/// A card.
#[derive(Debug)]
pub(in super::super) struct Device {
    ordinal: sys::CUdevice,
    context: sys::CUcontext,
    modules: Vec<sys::CUmodule>,
    kernels: Vec<sys::CUfunction>,
    name: String,
    /// Bytes of shared memory that a block of threads may have.
    shared: usize,
    /// Whether it has failed at work: it does nothing for this process any more.
    has_failed: AtomicBool,
}

// SAFETY: contexts, modules and functions of the driver may be used by any thread that has made the context its
// current one, which every method does.
unsafe impl Send for Device {}
// SAFETY: as above; the driver locks what it shares.
unsafe impl Sync for Device {}

impl Device {
    /// The first card, with our programs loaded.
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
        let (modules, kernels) = (Vec::new(), Vec::new());
        let shared = usize::try_from(shared).unwrap_or(0);
        let has_failed = AtomicBool::new(false);
        let mut device = Self { ordinal, context, modules, kernels, name, shared, has_failed };
        device.load()?;
        Ok(Arc::new(device))
    }

    /// Its name for people.
    pub(in super::super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of shared memory that a block of threads may have.
    pub(in super::super) fn shared(&self) -> usize {
        self.shared
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

    /// What the driver calls a program.
    pub(super) fn function(&self, kernel: Kernel) -> sys::CUfunction {
        self.kernels[kernel as usize]
    }

    fn load(&mut self) -> Result<(), GpuError> {
        self.enter()?;
        for program in PROGRAMS {
            let text =
                CString::new(program).map_err(|_| GpuError::Unfit("programs with zeros".into()))?;
            // SAFETY: the text ends with a zero, and is read before this returns.
            let module = unsafe { module::load_data(text.as_ptr().cast()) };
            self.modules.push(module.of("cuModuleLoadData")?);
        }
        for (module, name) in Kernel::ALL {
            let name =
                CString::new(name).map_err(|_| GpuError::Unfit("names with zeros".into()))?;
            // SAFETY: the module was loaded above.
            let found = unsafe { module::get_function(self.modules[module], name) };
            let found = found.of("cuModuleGetFunction")?;
            let bytes = i32::try_from(self.shared).unwrap_or(i32::MAX);
            use sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES as MOST;
            // SAFETY: the function is one of the module.
            unsafe { function::set_function_attribute(found, MOST, bytes) }
                .of("cuFuncSetAttribute")?;
            self.kernels.push(found);
        }
        Ok(())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Nobody is left to hear of failures.
        let _ = self.enter();
        for module in self.modules.drain(..) {
            // SAFETY: it was loaded and is not used again: what uses it holds the device.
            let _ = unsafe { module::unload(module) };
        }
        // SAFETY: it was retained once.
        let _ = unsafe { primary_ctx::release(self.ordinal) };
    }
}

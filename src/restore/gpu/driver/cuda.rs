//! The one place that calls NVIDIA's driver, by addresses that are looked up when the program runs.
//!
//! cudarc finds the library and names its types. Its functions are not called: they panic where a driver lacks one, and
//! answer with an enumeration of the errors of CUDA 11.4. Newer drivers know more, and a value that an enumeration does
//! not have must not exist in Rust. Here an answer is a number, which the driver itself names.

#![expect(unsafe_code, reason = "functions of a library are looked up and called")]
#![expect(non_snake_case, reason = "the names are NVIDIA's")]

use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;

pub(super) use cudarc::driver::sys;

use super::error::{GpuError, NoGpu};

/// A driver with these functions. Each becomes a method of the same name, whose answer is checked.
macro_rules! driver {
    ($($function:ident($($name:ident: $type:ty),* $(,)?);)*) => {
        /// NVIDIA's driver, by the functions that are called here.
        #[derive(Debug)]
        pub(super) struct Driver {
            $($function: unsafe extern "C" fn($($type),*) -> u32,)*
            cuGetErrorName: unsafe extern "C" fn(u32, *mut *const c_char) -> u32,
        }

        impl Driver {
            fn look_up() -> Result<Self, NoGpu> {
                // SAFETY: all are declared as NVIDIA's `cuda.h` has them.
                unsafe {
                    Ok(Self {
                        $($function: address(stringify!($function))?,)*
                        cuGetErrorName: address("cuGetErrorName")?,
                    })
                }
            }

            $(
                /// # Safety
                /// As NVIDIA's documentation of the function of this name says.
                #[expect(clippy::allow_attributes, reason = "of one function alone")]
                #[allow(clippy::too_many_arguments, reason = "they are NVIDIA's")]
                pub(super) unsafe fn $function(&self, $($name: $type),*) -> Result<(), GpuError> {
                    // SAFETY: the address is that of this function; the caller keeps to what it asks for.
                    let answer = unsafe { (self.$function)($($name),*) };
                    self.checked(stringify!($function), answer)
                }
            )*
        }
    };
}

driver! {
    cuCtxGetStreamPriorityRange(least: *mut i32, greatest: *mut i32);
    cuCtxSetCurrent(context: sys::CUcontext);
    cuDeviceGet(device: *mut sys::CUdevice, ordinal: i32);
    cuDeviceGetAttribute(value: *mut i32, which: sys::CUdevice_attribute, device: sys::CUdevice);
    cuDeviceGetCount(count: *mut i32);
    cuDeviceGetName(name: *mut c_char, room: i32, device: sys::CUdevice);
    cuDevicePrimaryCtxRelease_v2(device: sys::CUdevice);
    cuDevicePrimaryCtxRetain(context: *mut sys::CUcontext, device: sys::CUdevice);
    cuDriverGetVersion(version: *mut i32);
    cuEventCreate(event: *mut sys::CUevent, flags: u32);
    cuEventDestroy_v2(event: sys::CUevent);
    cuEventElapsedTime(milliseconds: *mut f32, begin: sys::CUevent, end: sys::CUevent);
    cuEventRecord(event: sys::CUevent, stream: sys::CUstream);
    cuFuncSetAttribute(function: sys::CUfunction, which: sys::CUfunction_attribute, value: i32);
    cuGraphDestroy(graph: sys::CUgraph);
    cuGraphExecDestroy(graph: sys::CUgraphExec);
    cuGraphInstantiateWithFlags(ready: *mut sys::CUgraphExec, graph: sys::CUgraph, flags: u64);
    cuGraphLaunch(graph: sys::CUgraphExec, stream: sys::CUstream);
    cuInit(flags: u32);
    cuLaunchKernel(
        function: sys::CUfunction,
        grid_x: u32, grid_y: u32, grid_z: u32,
        block_x: u32, block_y: u32, block_z: u32,
        shared: u32,
        stream: sys::CUstream,
        arguments: *mut *mut c_void,
        more: *mut *mut c_void,
    );
    cuMemAlloc_v2(address: *mut u64, bytes: usize);
    cuMemFreeHost(address: *mut c_void);
    cuMemFree_v2(address: u64);
    cuMemHostAlloc(address: *mut *mut c_void, bytes: usize, flags: u32);
    cuMemcpyDtoHAsync_v2(to: *mut c_void, from: u64, bytes: usize, stream: sys::CUstream);
    cuMemcpyHtoDAsync_v2(to: u64, from: *const c_void, bytes: usize, stream: sys::CUstream);
    cuMemcpyHtoD_v2(to: u64, from: *const c_void, bytes: usize);
    cuMemsetD8_v2(address: u64, value: u8, bytes: usize);
    cuModuleGetFunction(function: *mut sys::CUfunction, module: sys::CUmodule, name: *const c_char);
    cuModuleLoadData(module: *mut sys::CUmodule, text: *const c_void);
    cuModuleUnload(module: sys::CUmodule);
    cuStreamBeginCapture_v2(stream: sys::CUstream, mode: sys::CUstreamCaptureMode);
    cuStreamCreateWithPriority(stream: *mut sys::CUstream, flags: u32, priority: i32);
    cuStreamDestroy_v2(stream: sys::CUstream);
    cuStreamEndCapture(stream: sys::CUstream, graph: *mut sys::CUgraph);
    cuStreamSynchronize(stream: sys::CUstream);
}

impl Driver {
    /// The driver of this machine.
    ///
    /// # Errors
    /// Where there is none, or it lacks a function.
    pub(super) fn find() -> Result<&'static Self, NoGpu> {
        static DRIVER: OnceLock<Driver> = OnceLock::new();
        if let Some(driver) = DRIVER.get() {
            return Ok(driver);
        }
        // SAFETY: what the driver's library does when it is loaded is NVIDIA's own.
        if !unsafe { sys::is_culib_present() } {
            return Err(NoGpu::Library);
        }
        let driver = Self::look_up()?;
        Ok(DRIVER.get_or_init(|| driver))
    }

    fn checked(&self, function: &'static str, answer: u32) -> Result<(), GpuError> {
        if answer == sys::CUresult::CUDA_SUCCESS as u32 {
            return Ok(());
        }
        let call = function.trim_end_matches("_v2");
        Err(GpuError::Call { call, code: answer, error: self.name_of(answer) })
    }

    /// What the driver calls an answer.
    fn name_of(&self, answer: u32) -> String {
        let mut name = std::ptr::null();
        // SAFETY: it writes one address.
        let asked = unsafe { (self.cuGetErrorName)(answer, &raw mut name) };
        if asked != sys::CUresult::CUDA_SUCCESS as u32 || name.is_null() {
            return "an error without a name".to_owned();
        }
        // SAFETY: the driver's names end with a zero, and stay.
        unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
    }
}

/// Where a function of the driver is.
///
/// # Safety
/// The driver is there, and `F` is the type of the function of that name.
unsafe fn address<F: Copy>(name: &'static str) -> Result<F, NoGpu> {
    // SAFETY: as the caller says; the library stays loaded as long as the program runs.
    let found = unsafe { sys::culib().get::<F>(name.as_bytes()) };
    found.map(|function| *function).map_err(|_| NoGpu::Function(name))
}

//! The one place that names cudarc, which finds NVIDIA's driver when the program runs.

use std::ffi::c_void;

pub(super) use cudarc::driver::result::{
    DriverError, ctx, device, event, free_host, free_sync, function, graph, init, launch_kernel,
    malloc_host, malloc_sync, memcpy_dtoh_async, memcpy_htod_async, memcpy_htod_sync,
    memset_d8_sync, module, primary_ctx, stream,
};
pub(super) use cudarc::driver::sys;

/// Functions of the driver that are called here. cudarc panics where one is missing, so they are looked for first.
const FUNCTIONS: [&str; 32] = [
    "cuCtxGetStreamPriorityRange",
    "cuCtxSetCurrent",
    "cuDeviceGet",
    "cuDeviceGetAttribute",
    "cuDeviceGetCount",
    "cuDeviceGetName",
    "cuDevicePrimaryCtxRelease_v2",
    "cuDevicePrimaryCtxRetain",
    "cuDriverGetVersion",
    "cuEventCreate",
    "cuEventDestroy_v2",
    "cuEventElapsedTime",
    "cuEventRecord",
    "cuFuncSetAttribute",
    "cuGetErrorName",
    "cuGetErrorString",
    "cuGraphDestroy",
    "cuGraphExecDestroy",
    "cuGraphInstantiateWithFlags",
    "cuGraphLaunch",
    "cuInit",
    "cuLaunchKernel",
    "cuMemAlloc_v2",
    "cuMemFreeHost",
    "cuMemFree_v2",
    "cuMemHostAlloc",
    "cuMemcpyDtoHAsync_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemcpyHtoD_v2",
    "cuMemsetD8_v2",
    "cuModuleGetFunction",
    "cuModuleLoadData",
];

/// Functions of streams, the rest of those that are called here.
const STREAMS: [&str; 6] = [
    "cuModuleUnload",
    "cuStreamBeginCapture_v2",
    "cuStreamCreateWithPriority",
    "cuStreamDestroy_v2",
    "cuStreamEndCapture",
    "cuStreamSynchronize",
];

/// Whether there is a driver.
#[expect(unsafe_code, reason = "a library is loaded")]
pub(super) fn is_there() -> bool {
    // SAFETY: what the driver's library does when it is loaded is NVIDIA's own.
    unsafe { sys::is_culib_present() }
}

/// The first function that the driver lacks, which is there.
#[expect(unsafe_code, reason = "addresses of a library are looked up")]
pub(super) fn missing() -> Option<&'static str> {
    // SAFETY: the library is there, and what is looked up is not called.
    let has = |name: &str| unsafe { sys::culib().get::<*const c_void>(name.as_bytes()).is_ok() };
    FUNCTIONS.into_iter().chain(STREAMS).find(|name| !has(name))
}

/// The version of CUDA that the driver is for: 1000 times its major number and 10 times its minor one.
#[expect(unsafe_code, reason = "a function of the driver is called")]
pub(super) fn version() -> Result<i32, DriverError> {
    let mut version = 0;
    // SAFETY: the function is there, and writes one number.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result()?;
    Ok(version)
}

//! The ioctls: the one folder that hands addresses to the kernel.
//!
//! A [`Request`] pairs a number with the type of its argument and does not compile where the
//! number encodes another size. Plain structures go through [`call`]. Those with addresses (buffers
//! of several planes, values of controls) and those with unions are built and read in the files of
//! this folder and nowhere else, so that no address comes from elsewhere. All fields of the unions
//! that are read are integers, for which any bits are a value.
#![expect(unsafe_code, reason = "hands addresses to the kernel")]

pub(super) mod buffer;
pub(super) mod control;
pub(super) mod describe;
pub(super) mod format;

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};

use v4l::v4l_sys as raw;
use v4l::v4l2::vidioc;

use super::error::Fault;

/// A number and the type that the kernel expects with it.
pub(super) struct Request<T> {
    code: vidioc::_IOC_TYPE,
    name: &'static str,
    argument: PhantomData<fn(&mut T)>,
}

impl<T> Request<T> {
    const fn new(code: vidioc::_IOC_TYPE, name: &'static str) -> Self {
        assert!(code >> 16 & 0x3FFF == size_of::<T>() as vidioc::_IOC_TYPE, "another structure");
        Self { code, name, argument: PhantomData }
    }
}

/// Names requests.
macro_rules! requests {
    ($($name:ident: $argument:ty = $code:expr;)*) => {
        $(pub(super) const $name: Request<$argument> =
            Request::new($code, concat!("VIDIOC_", stringify!($name)));)*
    };
}

requests! {
    QUERYCAP: raw::v4l2_capability = vidioc::VIDIOC_QUERYCAP;
    ENUM_FMT: raw::v4l2_fmtdesc = vidioc::VIDIOC_ENUM_FMT;
    ENUM_FRAMESIZES: raw::v4l2_frmsizeenum = vidioc::VIDIOC_ENUM_FRAMESIZES;
    ENUM_FRAMEINTERVALS: raw::v4l2_frmivalenum = vidioc::VIDIOC_ENUM_FRAMEINTERVALS;
    QUERY_EXT_CTRL: raw::v4l2_query_ext_ctrl = vidioc::VIDIOC_QUERY_EXT_CTRL;
    QUERYMENU: raw::v4l2_querymenu = vidioc::VIDIOC_QUERYMENU;
    REQBUFS: raw::v4l2_requestbuffers = vidioc::VIDIOC_REQBUFS;
    STREAMON: c_int = vidioc::VIDIOC_STREAMON;
    STREAMOFF: c_int = vidioc::VIDIOC_STREAMOFF;
    SUBSCRIBE_EVENT: raw::v4l2_event_subscription =
        number(DIRECTION_WRITE, 90, size_of::<raw::v4l2_event_subscription>());
    G_FMT: raw::v4l2_format = vidioc::VIDIOC_G_FMT;
    S_FMT: raw::v4l2_format = vidioc::VIDIOC_S_FMT;
    G_PARM: raw::v4l2_streamparm = vidioc::VIDIOC_G_PARM;
    S_PARM: raw::v4l2_streamparm = vidioc::VIDIOC_S_PARM;
    QUERYBUF: raw::v4l2_buffer = vidioc::VIDIOC_QUERYBUF;
    QBUF: raw::v4l2_buffer = vidioc::VIDIOC_QBUF;
    DQBUF: raw::v4l2_buffer = vidioc::VIDIOC_DQBUF;
    DQEVENT: raw::v4l2_event = number(DIRECTION_READ, 89, size_of::<raw::v4l2_event>());
    G_EXT_CTRLS: raw::v4l2_ext_controls = vidioc::VIDIOC_G_EXT_CTRLS;
    S_EXT_CTRLS: raw::v4l2_ext_controls = vidioc::VIDIOC_S_EXT_CTRLS;
}

const DIRECTION_WRITE: vidioc::_IOC_TYPE = 1;
const DIRECTION_READ: vidioc::_IOC_TYPE = 2;

/// A number of the kernel's scheme that the crate `v4l` does not have.
const fn number(direction: vidioc::_IOC_TYPE, index: u8, size: usize) -> vidioc::_IOC_TYPE {
    direction << 30 | (size as vidioc::_IOC_TYPE) << 16 | (b'V' as u64) << 8 | index as u64
}

/// Makes a call whose argument the kernel may read and write as it is.
pub(super) fn call<T: Plain>(
    device: BorrowedFd<'_>,
    request: &Request<T>,
    argument: &mut T,
) -> Result<(), Fault> {
    // SAFETY: a `Plain` argument holds nothing that the kernel takes for an address.
    unsafe { invoke(device, request, argument) }
}

/// A structure without addresses and without unions that hold any.
///
/// # Safety
/// It is `repr(C)`, any bits are a value of it, and the kernel takes none of them for an address.
pub(super) unsafe trait Plain {}

/// Promises that types are plain.
macro_rules! plain {
    ($($plain:ty),*) => {
        // SAFETY: each is `repr(C)` and made of integers, arrays and unions of them.
        $(unsafe impl Plain for $plain {})*
    };
}

plain!(
    raw::v4l2_capability,
    raw::v4l2_fmtdesc,
    raw::v4l2_frmsizeenum,
    raw::v4l2_frmivalenum,
    raw::v4l2_query_ext_ctrl,
    raw::v4l2_querymenu,
    raw::v4l2_requestbuffers,
    raw::v4l2_event_subscription,
    c_int
);

/// Makes a call.
///
/// # Safety
/// Every address in the argument that the kernel uses for this request is that of memory which the
/// caller owns and which is as large as the argument says.
unsafe fn invoke<T>(
    device: BorrowedFd<'_>,
    request: &Request<T>,
    argument: &mut T,
) -> Result<(), Fault> {
    let address = std::ptr::from_mut(argument).cast::<c_void>();
    // SAFETY: the kernel reads and writes as many bytes at `address` as the number encodes, which
    // are those of `T` (`Request::new`); the caller answers for addresses inside it.
    let done = unsafe { v4l::v4l2::ioctl(device.as_raw_fd(), request.code, address) };
    done.map_err(|cause| Fault { call: request.name, cause })
}

/// Text of the kernel: bytes up to the first zero.
pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_large_as_the_kernel_has_them() {
        // From the kernel's headers on 64-bit machines.
        assert_eq!(size_of::<raw::v4l2_capability>(), 104);
        assert_eq!(size_of::<raw::v4l2_fmtdesc>(), 64);
        assert_eq!(size_of::<raw::v4l2_frmsizeenum>(), 44);
        assert_eq!(size_of::<raw::v4l2_frmivalenum>(), 52);
        assert_eq!(size_of::<raw::v4l2_format>(), 208);
        assert_eq!(size_of::<raw::v4l2_streamparm>(), 204);
        assert_eq!(size_of::<raw::v4l2_requestbuffers>(), 20);
        assert_eq!(size_of::<raw::v4l2_buffer>(), 88);
        assert_eq!(size_of::<raw::v4l2_plane>(), 64);
        assert_eq!(size_of::<raw::v4l2_query_ext_ctrl>(), 232);
        assert_eq!(size_of::<raw::v4l2_querymenu>(), 44);
        assert_eq!(size_of::<raw::v4l2_ext_control>(), 20);
        assert_eq!(size_of::<raw::v4l2_ext_controls>(), 32);
        assert_eq!(size_of::<raw::v4l2_event>(), 136);
        assert_eq!(size_of::<raw::v4l2_event_subscription>(), 32);
    }
}

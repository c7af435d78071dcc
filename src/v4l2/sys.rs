//! The ioctls: the one file that hands addresses to the kernel.
//!
//! A [`Request`] pairs a number with the type of its argument and does not compile where the
//! number encodes another size. Plain structures go through [`call`]. Those with addresses (buffers
//! of several planes, values of controls) and those with unions are built and read here and nowhere
//! else, so that no address comes from elsewhere. All fields of the unions that are read are
//! integers, for which any bits are a value.
#![expect(unsafe_code, reason = "hands addresses to the kernel and reads its unions")]

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use v4l::v4l_sys as raw;
use v4l::v4l2::vidioc;

use super::BufferKind;
use super::error::Fault;
use super::format::{ColourCodes, Format, FormatWish, FourCc, FrameIntervals, FrameSizes};
use super::format::{Interval, PlaneLayout};
use super::kernel::{Dequeued, PLANES_MAX, PlaneUse};
use crate::frame::Extent;

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
    TRY_FMT: raw::v4l2_format = vidioc::VIDIOC_TRY_FMT;
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

/// The sizes of one answer to `ENUM_FRAMESIZES`.
pub(super) fn frame_sizes(answer: &raw::v4l2_frmsizeenum) -> FrameSizes {
    let extent = |width: u32, height: u32| Extent::new(width as usize, height as usize);
    // SAFETY: both fields are integers, and `answer` was zeroed before the kernel wrote it.
    let (one, many) =
        unsafe { (answer.__bindgen_anon_1.discrete, answer.__bindgen_anon_1.stepwise) };
    if answer.type_ == raw::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE {
        return FrameSizes::Discrete(extent(one.width, one.height));
    }
    FrameSizes::Stepwise {
        least: extent(many.min_width, many.min_height),
        most: extent(many.max_width, many.max_height),
        step: extent(many.step_width, many.step_height),
    }
}

/// The intervals of one answer to `ENUM_FRAMEINTERVALS`.
pub(super) fn frame_intervals(answer: &raw::v4l2_frmivalenum) -> FrameIntervals {
    let interval =
        |fraction: raw::v4l2_fract| Interval::of(fraction.numerator, fraction.denominator);
    // SAFETY: both fields are integers, and `answer` was zeroed before the kernel wrote it.
    let (one, many) =
        unsafe { (answer.__bindgen_anon_1.discrete, answer.__bindgen_anon_1.stepwise) };
    if answer.type_ == raw::v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE {
        return FrameIntervals::Discrete(interval(one));
    }
    FrameIntervals::Stepwise {
        least: interval(many.min),
        most: interval(many.max),
        step: interval(many.step),
    }
}

/// The item of one answer to `QUERYMENU`: its name, or its value in a menu of integers.
pub(super) fn menu_item(answer: &raw::v4l2_querymenu, of_integers: bool) -> String {
    let item = answer.__bindgen_anon_1;
    if of_integers {
        // SAFETY: any bits are an integer; the structure is packed, and `item` a copy.
        return unsafe { item.value }.to_string();
    }
    // SAFETY: any bits are bytes.
    super::text(unsafe { &item.name })
}

/// Asks for the format, or for another one, and gives the one that the driver answers.
pub(super) fn format(
    device: BorrowedFd<'_>,
    request: &Request<raw::v4l2_format>,
    kind: BufferKind,
    wish: Option<&FormatWish>,
) -> Result<Format, Fault> {
    let mut argument = raw::v4l2_format { type_: kind.code(), ..raw::v4l2_format::default() };
    if let Some(wish) = wish {
        write_format(&mut argument.fmt, kind, wish);
    }
    // SAFETY: for the kinds of buffers there are, the kernel reads the union as `pix` or `pix_mp`,
    // which hold no addresses.
    unsafe { invoke(device, request, &mut argument)? };
    Ok(read_format(&argument.fmt, kind))
}

fn write_format(union: &mut raw::v4l2_format__bindgen_ty_1, kind: BufferKind, wish: &FormatWish) {
    let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let (width, height) = (side(wish.extent.width), side(wish.extent.height));
    let (pixelformat, field) = (wish.fourcc.code(), raw::v4l2_field_V4L2_FIELD_NONE);
    let ColourCodes { colorspace, encoding, quantization, transfer } = wish.colours;
    if kind.multiplanar {
        let byte = |code: u32| u8::try_from(code).unwrap_or(0);
        let mut planes = raw::v4l2_pix_format_mplane {
            width,
            height,
            pixelformat,
            field,
            colorspace,
            ..Default::default()
        };
        planes.num_planes = 1;
        planes.__bindgen_anon_1.ycbcr_enc = byte(encoding);
        planes.quantization = byte(quantization);
        planes.xfer_func = byte(transfer);
        union.pix_mp = planes;
    } else {
        let mut plane = raw::v4l2_pix_format {
            width,
            height,
            pixelformat,
            field,
            colorspace,
            ..Default::default()
        };
        // Says that the fields after it mean something.
        plane.priv_ = PIX_FMT_PRIV_MAGIC;
        plane.__bindgen_anon_1.ycbcr_enc = encoding;
        plane.quantization = quantization;
        plane.xfer_func = transfer;
        union.pix = plane;
    }
}

const PIX_FMT_PRIV_MAGIC: u32 = 0xFEED_CAFE;

fn read_format(union: &raw::v4l2_format__bindgen_ty_1, kind: BufferKind) -> Format {
    // SAFETY: the union is 200 bytes that were zeroed and then written by the kernel, and both
    // fields are integers.
    let (pix, pix_mp) = unsafe { (union.pix, union.pix_mp) };
    if kind.multiplanar {
        let count = usize::from(pix_mp.num_planes).min(PLANES_MAX);
        let layouts = pix_mp.plane_fmt;
        let layout = |at: usize| PlaneLayout {
            stride: layouts[at].bytesperline as usize,
            size: layouts[at].sizeimage as usize,
        };
        return Format {
            extent: Extent::new(pix_mp.width as usize, pix_mp.height as usize),
            fourcc: FourCc::from_code(pix_mp.pixelformat),
            field: pix_mp.field,
            planes: (0..count).map(layout).collect(),
            colours: ColourCodes {
                colorspace: pix_mp.colorspace,
                // SAFETY: both fields of the union are the same byte.
                encoding: unsafe { pix_mp.__bindgen_anon_1.ycbcr_enc }.into(),
                quantization: pix_mp.quantization.into(),
                transfer: pix_mp.xfer_func.into(),
            },
        };
    }
    Format {
        extent: Extent::new(pix.width as usize, pix.height as usize),
        fourcc: FourCc::from_code(pix.pixelformat),
        field: pix.field,
        planes: vec![PlaneLayout {
            stride: pix.bytesperline as usize,
            size: pix.sizeimage as usize,
        }],
        colours: ColourCodes {
            colorspace: pix.colorspace,
            // SAFETY: both fields of the union are the same integer.
            encoding: unsafe { pix.__bindgen_anon_1.ycbcr_enc },
            quantization: pix.quantization,
            transfer: pix.xfer_func,
        },
    }
}

/// Asks for the time between two frames, or for another one, and gives the one that the driver
/// answers; `None` where it has none.
pub(super) fn interval(
    device: BorrowedFd<'_>,
    request: &Request<raw::v4l2_streamparm>,
    kind: BufferKind,
    wish: Option<Interval>,
) -> Result<Option<Interval>, Fault> {
    let mut argument = raw::v4l2_streamparm { type_: kind.code(), ..Default::default() };
    let wish = wish.map_or_else(raw::v4l2_fract::default, |wish| raw::v4l2_fract {
        numerator: wish.numerator,
        denominator: wish.denominator,
    });
    // Captures and outputs have the capability, the mode and the fraction in the same places.
    argument.parm.capture = raw::v4l2_captureparm { timeperframe: wish, ..Default::default() };
    // SAFETY: the structure holds no addresses.
    unsafe { invoke(device, request, &mut argument)? };
    // SAFETY: all fields are integers, zeroed by us or written by the kernel.
    let answer = unsafe { argument.parm.capture };
    let has_one = answer.capability & raw::V4L2_CAP_TIMEPERFRAME != 0;
    let interval = Interval::of(answer.timeperframe.numerator, answer.timeperframe.denominator);
    Ok(interval.filter(|_| has_one))
}

/// Asks where the memory of a buffer is: offset and length of each plane.
pub(super) fn query_buffer(
    device: BorrowedFd<'_>,
    kind: BufferKind,
    index: u32,
) -> Result<Vec<(u64, usize)>, Fault> {
    let mut planes = [raw::v4l2_plane::default(); PLANES_MAX];
    let buffer = buffer_call(device, &QUERYBUF, kind, index, &mut planes, |_| {})?;
    if !kind.multiplanar {
        // SAFETY: any bits are an integer.
        return Ok(vec![(unsafe { buffer.m.offset }.into(), buffer.length as usize)]);
    }
    let count = (buffer.length as usize).min(PLANES_MAX);
    // SAFETY: any bits are an integer.
    let place =
        |plane: &raw::v4l2_plane| (unsafe { plane.m.mem_offset }.into(), plane.length as usize);
    Ok(planes[..count].iter().map(place).collect())
}

/// Gives a buffer to the kernel; `used` are the bytes of its planes that are filled, and `stamp`
/// the time of the picture, both for outputs.
pub(super) fn queue_buffer(
    device: BorrowedFd<'_>,
    kind: BufferKind,
    index: u32,
    used: &[usize],
    stamp: Duration,
) -> Result<(), Fault> {
    let bytes = |used: usize| u32::try_from(used).unwrap_or(u32::MAX);
    let mut planes = [raw::v4l2_plane::default(); PLANES_MAX];
    for (plane, &used) in planes.iter_mut().zip(used) {
        plane.bytesused = bytes(used);
    }
    buffer_call(device, &QBUF, kind, index, &mut planes, |buffer| {
        buffer.field = raw::v4l2_field_V4L2_FIELD_NONE;
        buffer.timestamp.tv_sec = i64::try_from(stamp.as_secs()).unwrap_or(i64::MAX);
        buffer.timestamp.tv_usec = stamp.subsec_micros().into();
        if !kind.multiplanar {
            buffer.bytesused = used.first().copied().map_or(0, bytes);
        }
    })
    .map(drop)
}

/// Takes a buffer from the kernel.
pub(super) fn dequeue_buffer(device: BorrowedFd<'_>, kind: BufferKind) -> Result<Dequeued, Fault> {
    let mut planes = [raw::v4l2_plane::default(); PLANES_MAX];
    let buffer = buffer_call(device, &DQBUF, kind, 0, &mut planes, |_| {})?;
    let mut used = [PlaneUse::default(); PLANES_MAX];
    if kind.multiplanar {
        for (used, plane) in used.iter_mut().zip(&planes) {
            used.offset = plane.data_offset as usize;
            used.end = plane.bytesused as usize;
        }
    } else {
        used[0].end = buffer.bytesused as usize;
    }
    let seconds = u64::try_from(buffer.timestamp.tv_sec).unwrap_or(0);
    let micros = u32::try_from(buffer.timestamp.tv_usec).unwrap_or(0).min(999_999);
    Ok(Dequeued {
        index: buffer.index,
        flags: buffer.flags,
        field: buffer.field,
        sequence: buffer.sequence,
        stamp: Duration::new(seconds, micros * 1000),
        planes: used,
    })
}

/// Makes a call about a buffer in mapped memory.
fn buffer_call(
    device: BorrowedFd<'_>,
    request: &Request<raw::v4l2_buffer>,
    kind: BufferKind,
    index: u32,
    planes: &mut [raw::v4l2_plane; PLANES_MAX],
    prepare: impl FnOnce(&mut raw::v4l2_buffer),
) -> Result<raw::v4l2_buffer, Fault> {
    let mut buffer = raw::v4l2_buffer {
        index,
        type_: kind.code(),
        memory: raw::v4l2_memory_V4L2_MEMORY_MMAP,
        ..Default::default()
    };
    prepare(&mut buffer);
    if kind.multiplanar {
        buffer.length = raw::VIDEO_MAX_PLANES;
        buffer.m.planes = planes.as_mut_ptr();
    }
    // SAFETY: with mapped memory the only address is that of the planes; `planes` outlives the
    // call and has `length` elements.
    unsafe { invoke(device, request, &mut buffer)? };
    Ok(buffer)
}

/// Takes the next event; whether it says that the picture the device receives changed.
pub(super) fn take_event(device: BorrowedFd<'_>) -> Result<bool, Fault> {
    let mut event = raw::v4l2_event::default();
    // SAFETY: the structure holds no addresses.
    unsafe { invoke(device, &DQEVENT, &mut event)? };
    Ok(event.type_ == raw::V4L2_EVENT_SOURCE_CHANGE)
}

/// Reads the value of a control that is an integer of 32 bits, or of 64.
pub(super) fn control(device: BorrowedFd<'_>, id: u32, wide: bool) -> Result<i64, Fault> {
    let mut control = raw::v4l2_ext_control { id, ..Default::default() };
    control_call(device, &G_EXT_CTRLS, &mut control)?;
    // SAFETY: any bits are an integer.
    Ok(unsafe {
        if wide { control.__bindgen_anon_1.value64 } else { control.__bindgen_anon_1.value.into() }
    })
}

/// Sets a control that is an integer of 32 bits, or of 64.
#[expect(clippy::cast_possible_truncation, reason = "the caller checked the control's range")]
pub(super) fn set_control(
    device: BorrowedFd<'_>,
    id: u32,
    wide: bool,
    value: i64,
) -> Result<(), Fault> {
    let mut control = raw::v4l2_ext_control { id, ..Default::default() };
    if wide {
        control.__bindgen_anon_1.value64 = value;
    } else {
        control.__bindgen_anon_1.value = value as i32;
    }
    control_call(device, &S_EXT_CTRLS, &mut control)
}

/// Reads the value of a control that is a text of at most `size` bytes, its end included.
pub(super) fn control_text(device: BorrowedFd<'_>, id: u32, size: usize) -> Result<String, Fault> {
    let mut bytes = vec![0_u8; size];
    let mut control = text_control(id, &mut bytes);
    control_call(device, &G_EXT_CTRLS, &mut control)?;
    Ok(super::text(&bytes))
}

/// Sets a control that is a text of at most `size` bytes, its end included.
pub(super) fn set_control_text(
    device: BorrowedFd<'_>,
    id: u32,
    size: usize,
    text: &str,
) -> Result<(), Fault> {
    let mut bytes = vec![0_u8; size];
    for (byte, &given) in bytes.iter_mut().take(size.saturating_sub(1)).zip(text.as_bytes()) {
        *byte = given;
    }
    control_call(device, &S_EXT_CTRLS, &mut text_control(id, &mut bytes))
}

fn text_control(id: u32, bytes: &mut [u8]) -> raw::v4l2_ext_control {
    let size = u32::try_from(bytes.len()).unwrap_or(0);
    let mut control = raw::v4l2_ext_control { id, size, ..Default::default() };
    control.__bindgen_anon_1.string = bytes.as_mut_ptr().cast();
    control
}

/// Makes a call about one control. A control with a size points to as many bytes.
fn control_call(
    device: BorrowedFd<'_>,
    request: &Request<raw::v4l2_ext_controls>,
    control: &mut raw::v4l2_ext_control,
) -> Result<(), Fault> {
    let mut controls = raw::v4l2_ext_controls { count: 1, controls: control, ..Default::default() };
    // SAFETY: `controls` is the address of one control, which outlives the call. Where the kernel
    // takes the control's value for an address, it demands its size first and stays within it; a
    // control without a size is refused then.
    unsafe { invoke(device, request, &mut controls) }
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

//! Answers about what a device has.
#![expect(unsafe_code, reason = "reads unions of the kernel")]

use std::os::fd::BorrowedFd;

use v4l::v4l_sys as raw;

use super::{ENUM_FMT, ENUM_FRAMEINTERVALS, ENUM_FRAMESIZES, call, text};
use crate::frame::Extent;
use crate::v4l2::error::Fault;
use crate::v4l2::format::{FormatDescription, FourCc, FrameIntervals, FrameSizes, Interval};
use crate::v4l2::kind::BufferKind;

/// The format of that index.
pub(in crate::v4l2) fn format_at(
    device: BorrowedFd<'_>,
    kind: BufferKind,
    index: u32,
) -> Result<FormatDescription, Fault> {
    let mut answer = raw::v4l2_fmtdesc { index, type_: kind.code(), ..Default::default() };
    call(device, &ENUM_FMT, &mut answer)?;
    Ok(FormatDescription {
        fourcc: FourCc::from_code(answer.pixelformat),
        description: text(&answer.description),
        compressed: answer.flags & raw::V4L2_FMT_FLAG_COMPRESSED != 0,
        emulated: answer.flags & raw::V4L2_FMT_FLAG_EMULATED != 0,
    })
}

/// The size, or sizes, of that index in a format.
pub(in crate::v4l2) fn frame_size_at(
    device: BorrowedFd<'_>,
    fourcc: FourCc,
    index: u32,
) -> Result<FrameSizes, Fault> {
    let pixel_format = fourcc.code();
    let mut answer = raw::v4l2_frmsizeenum { index, pixel_format, ..Default::default() };
    call(device, &ENUM_FRAMESIZES, &mut answer)?;
    Ok(frame_sizes(&answer))
}

/// The interval, or intervals, of that index in a format and a size.
pub(in crate::v4l2) fn frame_interval_at(
    device: BorrowedFd<'_>,
    (fourcc, extent): (FourCc, Extent),
    index: u32,
) -> Result<FrameIntervals, Fault> {
    let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let mut answer = raw::v4l2_frmivalenum {
        index,
        pixel_format: fourcc.code(),
        width: side(extent.width),
        height: side(extent.height),
        ..Default::default()
    };
    call(device, &ENUM_FRAMEINTERVALS, &mut answer)?;
    Ok(frame_intervals(&answer))
}

/// The sizes of one answer to `ENUM_FRAMESIZES`.
fn frame_sizes(answer: &raw::v4l2_frmsizeenum) -> FrameSizes {
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
fn frame_intervals(answer: &raw::v4l2_frmivalenum) -> FrameIntervals {
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

//! Buffers and events.
#![expect(unsafe_code, reason = "hands addresses of planes to the kernel and reads its unions")]

use std::os::fd::BorrowedFd;
use std::time::Duration;

use v4l::v4l_sys as raw;

use super::{DQBUF, DQEVENT, QBUF, QUERYBUF, Request, invoke};
use crate::v4l2::driver::{Dequeued, PLANES_MAX, PlaneUse};
use crate::v4l2::error::Fault;
use crate::v4l2::kind::BufferKind;

/// Asks where the memory of a buffer is: offset and length of each plane.
pub(in crate::v4l2) fn query(
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
pub(in crate::v4l2) fn queue(
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
pub(in crate::v4l2) fn dequeue(
    device: BorrowedFd<'_>,
    kind: BufferKind,
) -> Result<Dequeued, Fault> {
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

/// Takes the next event: its kind.
pub(in crate::v4l2) fn take_event(device: BorrowedFd<'_>) -> Result<u32, Fault> {
    let mut event = raw::v4l2_event::default();
    // SAFETY: the structure holds no addresses.
    unsafe { invoke(device, &DQEVENT, &mut event)? };
    Ok(event.type_)
}

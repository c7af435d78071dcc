//! Values of controls.
#![expect(unsafe_code, reason = "hands addresses of values to the kernel and reads its unions")]

use std::os::fd::BorrowedFd;

use v4l::v4l_sys as raw;

use super::{G_EXT_CTRLS, Request, S_EXT_CTRLS, invoke, text};
use crate::v4l2::error::Fault;

/// The item of one answer to `QUERYMENU`: its name, or its value in a menu of integers.
pub(in crate::v4l2) fn menu_item(answer: &raw::v4l2_querymenu, of_integers: bool) -> String {
    let item = answer.__bindgen_anon_1;
    if of_integers {
        // SAFETY: any bits are an integer; the structure is packed, and `item` a copy.
        return unsafe { item.value }.to_string();
    }
    // SAFETY: any bits are bytes.
    text(unsafe { &item.name })
}

/// Reads the value of a control that is an integer of 32 bits, or of 64.
pub(in crate::v4l2) fn value(device: BorrowedFd<'_>, id: u32, wide: bool) -> Result<i64, Fault> {
    let mut control = raw::v4l2_ext_control { id, ..Default::default() };
    control_call(device, &G_EXT_CTRLS, &mut control)?;
    // SAFETY: any bits are an integer.
    Ok(unsafe {
        if wide { control.__bindgen_anon_1.value64 } else { control.__bindgen_anon_1.value.into() }
    })
}

/// Sets a control that is an integer of 32 bits, or of 64.
#[expect(clippy::cast_possible_truncation, reason = "the caller checked the control's range")]
pub(in crate::v4l2) fn set_value(
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
pub(in crate::v4l2) fn text_value(
    device: BorrowedFd<'_>,
    id: u32,
    size: usize,
) -> Result<String, Fault> {
    let mut bytes = vec![0_u8; size];
    let mut control = text_control(id, &mut bytes);
    control_call(device, &G_EXT_CTRLS, &mut control)?;
    Ok(text(&bytes))
}

/// Sets a control that is a text of at most `size` bytes, its end included.
pub(in crate::v4l2) fn set_text_value(
    device: BorrowedFd<'_>,
    id: u32,
    size: usize,
    given: &str,
) -> Result<(), Fault> {
    let mut bytes = vec![0_u8; size];
    for (byte, &byte_given) in bytes.iter_mut().take(size.saturating_sub(1)).zip(given.as_bytes()) {
        *byte = byte_given;
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

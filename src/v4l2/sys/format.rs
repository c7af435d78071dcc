//! Formats and rates.
#![expect(unsafe_code, reason = "reads unions of the kernel")]

use std::os::fd::BorrowedFd;

use v4l::v4l_sys as raw;

use super::{G_FMT, G_PARM, S_FMT, S_PARM, invoke};
use crate::frame::Extent;
use crate::v4l2::driver::PLANES_MAX;
use crate::v4l2::error::Fault;
use crate::v4l2::format::{ColourCodes, Field, Format, FormatWish, FourCc, Interval, PlaneLayout};
use crate::v4l2::kind::BufferKind;

/// Asks for the format, or for another one, and gives the one that the driver answers.
pub(in crate::v4l2) fn format(
    device: BorrowedFd<'_>,
    kind: BufferKind,
    wish: Option<&FormatWish>,
) -> Result<Format, Fault> {
    let request = if wish.is_some() { &S_FMT } else { &G_FMT };
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
            field: Field::of(pix_mp.field),
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
        field: Field::of(pix.field),
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
pub(in crate::v4l2) fn interval(
    device: BorrowedFd<'_>,
    kind: BufferKind,
    wish: Option<Interval>,
) -> Result<Option<Interval>, Fault> {
    let request = if wish.is_some() { &S_PARM } else { &G_PARM };
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

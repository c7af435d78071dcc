//! Naive packers: where V4L2 says that each sample lies, sample by sample.

use deblurd::frame::{Extent, Picture};

/// Bytes of a row in each buffer of a format, without padding; of 4:2:0 in one buffer an even
/// number.
pub(super) fn strides(code: &[u8; 4], extent: Extent) -> [usize; 3] {
    let Extent { width, .. } = extent;
    let half = width.div_ceil(2);
    match code {
        b"GREY" => [width, 0, 0],
        b"NV12" | b"NV21" | b"YU12" => [2 * half, 0, 0],
        b"YUYV" | b"UYVY" | b"YVYU" => [4 * half, 0, 0],
        b"NM12" | b"NM21" => [width, 2 * half, 0],
        b"YM12" => [width, half, half],
        b"RGB3" | b"BGR3" => [3 * width, 0, 0],
        _ => [2 * width, 0, 0],
    }
}

/// The buffers of a picture; padding is filled with rubbish.
pub(super) fn pack(code: &[u8; 4], picture: &Picture, strides: [usize; 3]) -> Vec<Vec<u8>> {
    let Extent { width, height } = picture.extent();
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let sample = |plane: usize, x: usize, y: usize| {
        let plane = &picture.planes()[plane];
        plane.row(y)[x.min(plane.extent().width - 1)]
    };
    let byte = |plane, x, y| u8::try_from(sample(plane, x, y)).expect("8 bits");
    let mut buffers: Vec<Vec<u8>> = vec![Vec::new()];
    let [stride, ..] = strides;
    let mut put = |buffer: usize, at: usize, value: u8| {
        buffers.resize_with(buffers.len().max(buffer + 1), Vec::new);
        let bytes = &mut buffers[buffer];
        bytes.resize(bytes.len().max(at + 1), 0xA5);
        bytes[at] = value;
    };
    for y in 0..height {
        for x in 0..width {
            match code {
                b"YUYV" | b"YVYU" => put(0, y * stride + 2 * x, byte(0, x, y)),
                b"UYVY" => put(0, y * stride + 2 * x + 1, byte(0, x, y)),
                b"RGB3" => (0..3).for_each(|c| put(0, y * stride + 3 * x + c, byte(c, x, y))),
                b"BGR3" => (0..3).for_each(|c| put(0, y * stride + 3 * x + c, byte(2 - c, x, y))),
                b"Y10 " | b"Y12 " | b"Y16 " => {
                    for (at, value) in sample(0, x, y).to_le_bytes().into_iter().enumerate() {
                        put(0, y * stride + 2 * x + at, value);
                    }
                }
                _ => put(0, y * stride + x, byte(0, x, y)),
            }
        }
    }
    let after_luma = stride * height;
    for y in 0..height {
        for x in 0..half_width {
            let (u, v) = match code {
                b"YUYV" => (1, 3),
                b"YVYU" => (3, 1),
                b"UYVY" => (0, 2),
                _ => continue,
            };
            put(0, y * stride + 4 * x + u, byte(1, x, y));
            put(0, y * stride + 4 * x + v, byte(2, x, y));
            if x == width / 2 {
                // An odd width leaves half a pair; its second luma is there all the same.
                put(0, y * stride + 4 * x + 2 + usize::from(code == b"UYVY"), 0x5A);
            }
        }
    }
    for y in 0..half_height {
        for x in 0..half_width {
            match code {
                b"NV12" => {
                    put(0, after_luma + y * stride + 2 * x, byte(1, x, y));
                    put(0, after_luma + y * stride + 2 * x + 1, byte(2, x, y));
                }
                b"NV21" => {
                    put(0, after_luma + y * stride + 2 * x, byte(2, x, y));
                    put(0, after_luma + y * stride + 2 * x + 1, byte(1, x, y));
                }
                b"NM12" => {
                    put(1, y * strides[1] + 2 * x, byte(1, x, y));
                    put(1, y * strides[1] + 2 * x + 1, byte(2, x, y));
                }
                b"NM21" => {
                    put(1, y * strides[1] + 2 * x, byte(2, x, y));
                    put(1, y * strides[1] + 2 * x + 1, byte(1, x, y));
                }
                b"YU12" => {
                    let blue = after_luma + y * stride / 2 + x;
                    put(0, blue, byte(1, x, y));
                    put(0, blue + half_height * stride / 2, byte(2, x, y));
                }
                b"YM12" => {
                    put(1, y * strides[1] + x, byte(1, x, y));
                    put(2, y * strides[2] + x, byte(2, x, y));
                }
                _ => {}
            }
        }
    }
    buffers
}

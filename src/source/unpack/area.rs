//! Where the rows of a picture lie in a camera's buffers.

use super::error::UnpackError;
use super::pixel_format::{Coding, PixelFormat};
use crate::frame::Extent;

/// How a picture lies in memory, as the driver says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Width and height of the picture.
    pub extent: Extent,
    /// Bytes from a row to the next, one entry a buffer; 0 where rows follow without padding.
    pub strides: [usize; 3],
}

/// Rows of equal length in one buffer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Area {
    buffer: usize,
    offset: usize,
    stride: usize,
    row_bytes: usize,
    rows: usize,
}

/// The areas of a picture: one for each kind of rows; compressed pictures have none.
pub(super) fn areas(
    format: PixelFormat,
    memory: Memory,
    skip_rows: usize,
) -> Result<Vec<Area>, UnpackError> {
    let mut areas = all_areas(format, memory)?;
    for area in &mut areas {
        let is_halved = area.rows < memory.extent.height;
        area.skip(if is_halved { skip_rows / 2 } else { skip_rows });
    }
    Ok(areas)
}

fn all_areas(format: PixelFormat, memory: Memory) -> Result<Vec<Area>, UnpackError> {
    let Extent { width, height } = memory.extent;
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let first = |row_bytes| Area::new(memory, 0, (0, 0), row_bytes, height);
    Ok(match format.coding {
        Coding::Jpeg => Vec::new(),
        Coding::Packed { .. } => vec![first(4 * half_width)?],
        Coding::Rgb { .. } => vec![first(3 * width)?],
        Coding::Gray { depth } | Coding::Bayer { depth, .. } => {
            vec![first(if depth > 8 { 2 * width } else { width })?]
        }
        Coding::SemiPlanar { buffers, .. } => {
            let luma = first(width)?;
            let chroma =
                |buffer, after| Area::new(memory, buffer, after, 2 * half_width, half_height);
            vec![
                luma,
                if buffers == 1 {
                    chroma(0, (luma.end(), luma.stride))
                } else {
                    chroma(1, (0, 0))
                }?,
            ]
        }
        Coding::Planar { buffers } => {
            let luma = first(width)?;
            let chroma = |buffer, after| Area::new(memory, buffer, after, half_width, half_height);
            if buffers == 1 {
                let blue = chroma(0, (luma.end(), luma.stride.div_ceil(2)))?;
                vec![luma, blue, chroma(0, (blue.end(), blue.stride))?]
            } else {
                vec![luma, chroma(1, (0, 0))?, chroma(2, (0, 0))?]
            }
        }
    })
}

impl Area {
    /// Rows in `buffer` from `offset` on; a `stride` of 0 is that of the buffer.
    fn new(
        memory: Memory,
        buffer: usize,
        (offset, stride): (usize, usize),
        row_bytes: usize,
        rows: usize,
    ) -> Result<Self, UnpackError> {
        let told = if stride > 0 { stride } else { memory.strides[buffer] };
        let stride = if told > 0 { told } else { row_bytes };
        if stride < row_bytes || stride > STRIDE_MAX {
            return Err(UnpackError::Stride { buffer, stride, least: row_bytes });
        }
        Ok(Self { buffer, offset, stride, row_bytes, rows })
    }

    /// Leaves the first rows out; there are more.
    fn skip(&mut self, rows: usize) {
        self.offset += rows * self.stride;
        self.rows = self.rows.saturating_sub(rows);
    }

    /// First byte after the last row with its padding.
    fn end(&self) -> usize {
        self.offset + self.stride * self.rows
    }

    /// Buffer this lies in, and the bytes which that must hold. Padding after the last row may be
    /// missing.
    pub(super) fn need(&self) -> (usize, usize) {
        (self.buffer, self.end() - (self.stride - self.row_bytes))
    }

    /// The rows from the top.
    pub(super) fn rows<'a>(
        &self,
        buffers: &[&'a [u8]],
    ) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, UnpackError> {
        let (buffer, needed) = self.need();
        let held = buffers[buffer].len();
        let bytes = buffers[buffer].get(self.offset..needed);
        let bytes = bytes.ok_or(UnpackError::Short { buffer, held, needed })?;
        let row_bytes = self.row_bytes;
        Ok(bytes.chunks(self.stride).map(move |row| &row[..row_bytes]))
    }
}

/// Bytes from a row to the next, at most: sixteen times the widest row of 16-bit colours.
const STRIDE_MAX: usize = 1 << 21;

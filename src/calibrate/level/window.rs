//! The part of a frame that is looked at: its middle, as light, and what can be told of its tiles.

use crate::calibrate::blind::scene::{CELL, cells};
use crate::fft::good_size;
use crate::frame::colour::{Scale, luma};
use crate::frame::{Extent, Picture, Plane};
use crate::optics::Transfer;

/// The longest side that is looked at: more tells no better and takes longer.
const SIDE_MAX: usize = 512;

/// Side of the tiles.
pub(super) const TILE: usize = 16;

/// How far around light beyond white, in samples, there is more than blur and noise explain.
const NEAR: usize = 2 * TILE;

/// Width of the edge along which the window fades out: the transforms see its sides continued.
const FADE_MAX: usize = 48;

/// The middle of a frame.
#[derive(Debug)]
pub(super) struct Window {
    /// Light, 1 at white.
    pub(super) light: Plane<f32>,
    /// Whether none of a cell is black or white.
    pub(super) usable: Plane<bool>,
    /// Whether any sample is white.
    pub(super) has_white: bool,
    /// Column and row of the tiles that tell of noise, in samples.
    pub(super) tiles: Vec<(usize, usize)>,
    /// Those of them that no light beyond white is near.
    pub(super) calm: Vec<(usize, usize)>,
    /// Share of all tiles of which some samples are black or white.
    pub(super) clipped: f64,
    /// The step of the samples in light, were the curve a straight one: two of them differ by it at least.
    pub(super) step: f64,
    fade: usize,
}

impl Window {
    /// The extent that is looked at of frames of `extent`.
    pub(super) fn extent(extent: Extent) -> Extent {
        let side = |side: usize| {
            let most = side.min(SIDE_MAX);
            (1..=most).rev().find(|&side| good_size(side) == side).unwrap_or(1)
        };
        Extent::new(side(extent.width), side(extent.height))
    }

    /// Looks at the middle of a frame.
    pub(super) fn of(picture: &Picture, transfer: Transfer) -> Self {
        let (whole, extent) = (picture.extent(), Self::extent(picture.extent()));
        let corner = ((whole.width - extent.width) / 2, (whole.height - extent.height) / 2);
        let (format, gray) = (picture.format(), luma(picture));
        let mut samples = Plane::new(extent, 0);
        samples.copy_window(&gray.planes()[0], corner.0, corner.1);
        let scale = Scale::luma(format.depth, format.range);
        let light = |sample: u16| transfer.decode(f64::from(scale.value(f32::from(sample))));
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let table: Vec<f32> = (0..=format.white()).map(|sample| light(sample) as f32).collect();
        let fade = (extent.width.min(extent.height) / 8).min(FADE_MAX);
        let (tiles, clipped) = tiles(&samples, fade, format.white());
        let bits = samples.samples().iter().fold(0, |bits, sample| bits | sample);
        Self {
            light: Plane::from_fn(extent, |x, y| {
                table[usize::from(samples.row(y)[x].min(format.white()))]
            }),
            usable: usable(&samples, format.white()),
            has_white: samples.samples().iter().any(|it| *it >= format.white()),
            calm: tiles
                .iter()
                .copied()
                .filter(|&tile| is_calm(&samples, tile, format.white()))
                .collect(),
            tiles,
            clipped,
            step: f64::from(1_u32 << bits.trailing_zeros().min(15)) / f64::from(scale.span()),
            fade,
        }
    }

    /// The light without its mean, faded out along the edges.
    pub(super) fn faded(&self) -> Plane<f32> {
        let (extent, mean) = (self.light.extent(), self.light.mean());
        let ramp = |at: usize, side: usize| {
            let depth = at.min(side - 1 - at);
            let share = (depth as f32 + 0.5) / self.fade.max(1) as f32;
            if share >= 1.0 { 1.0 } else { 0.5 - 0.5 * (std::f32::consts::PI * share).cos() }
        };
        let across: Vec<f32> = (0..extent.width).map(|x| ramp(x, extent.width)).collect();
        Plane::from_fn(extent, |x, y| {
            (self.light.row(y)[x] - mean) * across[x] * ramp(y, extent.height)
        })
    }

    /// Root mean square of the difference of neighbouring tiles' means: how strong the picture is at
    /// scales that blur and noise leave alone. Zero where there are no two.
    pub(super) fn strength(&self) -> f64 {
        let Extent { width, height } = self.light.extent();
        let (columns, rows) = (width / TILE, height / TILE);
        let means = Plane::from_fn(Extent::new(columns, rows), |column, row| {
            mean(&self.light, (column * TILE, row * TILE))
        });
        let across = means.rows().flat_map(|row| row.windows(2).map(|pair| pair[1] - pair[0]));
        let down = means.samples().iter().zip(means.samples().iter().skip(columns.max(1)));
        let squares: Vec<f64> = across
            .chain(down.map(|(a, b)| b - a))
            .map(|difference: f64| difference.powi(2))
            .collect();
        (squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt()
    }
}

/// Whether none of a cell is black or white.
fn usable(samples: &Plane<u16>, white: u16) -> Plane<bool> {
    let Extent { width, height } = samples.extent();
    Plane::from_fn(cells(samples.extent()), |column, row| {
        let columns = column * CELL..((column + 1) * CELL).min(width);
        let mut rows = row * CELL..((row + 1) * CELL).min(height);
        rows.all(|y| samples.row(y)[columns.clone()].iter().all(|&it| it > 0 && it < white))
    })
}

/// Mean of a tile.
fn mean(light: &Plane<f32>, (x, y): (usize, usize)) -> f64 {
    let rows = (y..y + TILE).flat_map(|y| &light.row(y)[x..x + TILE]);
    rows.map(|&sample| f64::from(sample)).sum::<f64>() / (TILE * TILE) as f64
}

/// Whether nothing is white in a tile and around it.
fn is_calm(samples: &Plane<u16>, (x, y): (usize, usize), white: u16) -> bool {
    let Extent { width, height } = samples.extent();
    let columns = x.saturating_sub(NEAR)..(x + TILE + NEAR).min(width);
    let mut rows = y.saturating_sub(NEAR)..(y + TILE + NEAR).min(height);
    rows.all(|y| samples.row(y)[columns.clone()].iter().all(|&sample| sample < white))
}

/// The tiles inside the fading edge that tell of noise, and the share of those that are clipped. A tile of
/// one value tells nothing: no camera gives it, but black bars, a palette, or a coder that gave it up.
fn tiles(samples: &Plane<u16>, fade: usize, white: u16) -> (Vec<(usize, usize)>, f64) {
    let extent = samples.extent();
    let starts = |side: usize| (fade..(side - fade + 1).saturating_sub(TILE)).step_by(TILE);
    let (mut tiles, mut clipped, mut all) = (Vec::new(), 0.0, 0.0_f64);
    for (x, y) in starts(extent.height).flat_map(|y| starts(extent.width).map(move |x| (x, y))) {
        let inside = (y..y + TILE).flat_map(|y| samples.row(y)[x..x + TILE].iter().copied());
        let (least, most) = inside
            .fold((u16::MAX, 0), |(least, most), sample| (least.min(sample), most.max(sample)));
        all += 1.0;
        if most >= white || least == 0 {
            clipped += 1.0;
        } else if least < most {
            tiles.push((x, y));
        }
    }
    (tiles, clipped / all.max(1.0))
}

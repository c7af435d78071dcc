//! What the blur makes of the light that was found, of all tiles together.
//!
//! Each tile finds light that explains what is seen in it, and where samples are at white much light does:
//! two tiles on one white region seldom find the same. Were each to lose the blur of its own light, a step would be
//! left where they meet, which no blur can have made, and the Wiener filter would ring from it through
//! the frame. So `He` and `H(x - e)` of a tile are of the light of its own core and of all cores about it: what
//! is left is a blurred picture everywhere. In a stream they serve until a tile within their reach
//! has found other light.

use std::sync::atomic::{AtomicU32, Ordering};

use super::slot::{Blurred, Found, Slot};
use super::tile::Scratch;
use crate::executor::{Executor, FreeList, for_chunks};
use crate::fft::RealFft2d;
use crate::frame::{Extent, Plane};
use crate::plan::{Framing, Highlights};

/// What is known of the blurs of tiles, by their slots.
pub(super) struct Blurs {
    slots: Vec<Blurred>,
    /// Whether a tile had lamps when it was seen last, and whether other light was found in it since.
    are_lit: Vec<bool>,
    are_new: Vec<bool>,
}

/// The tiles of a frame, and what was found in them.
pub(super) struct Tiles<'a> {
    pub(super) plan: &'a Highlights,
    pub(super) framing: &'a Framing,
    pub(super) marks: &'a [AtomicU32],
    pub(super) places: &'a [Option<usize>],
    pub(super) slots: &'a mut [Slot],
}

impl Tiles<'_> {
    /// Tiles in a row.
    fn columns(&self) -> usize {
        self.framing.inner.width.div_ceil(self.plan.core())
    }

    /// The slot of a tile that is marked in this frame.
    fn slot_of(&self, tile: usize) -> Option<usize> {
        slot_of(self.places, self.marks, tile)
    }

    /// A tile and those about it.
    fn about(&self, tile: usize) -> impl Iterator<Item = usize> + use<> {
        let columns = self.columns();
        let near = |at: usize, count: usize| at.saturating_sub(1)..(at + 2).min(count);
        let across = near(tile % columns, columns);
        let rows = near(tile / columns, self.marks.len() / columns);
        rows.flat_map(move |row| across.clone().map(move |column| row * columns + column))
    }

    /// Loads the lamps of a tile and of those about it, and what light there is beside them: what was found, and
    /// where nothing was looked for what is seen.
    fn load_light(&self, y: &Plane<f32>, (column, row): (usize, usize), scratch: &mut Scratch) {
        let ((left, top), Extent { width, height }) = (self.framing.offset(), self.framing.inner);
        let (core, margin, columns) = (self.plan.core(), self.plan.margin, self.columns());
        let rows = scratch.light.rows_mut().zip(scratch.ahead.rows_mut());
        for (index, (lamps, others)) in rows.enumerate() {
            let at = mirrored(row * core + index, margin, height);
            let seen = &y.row(top + at)[left..];
            for (index, (lamp, other)) in lamps.iter_mut().zip(others).enumerate() {
                let x = mirrored(column * core + index, margin, width);
                let found = self.slot_of(at / core * columns + x / core);
                let found = found.map(|slot| self.slots[slot].found(x % core, at % core));
                let unlit = Found { beyond: 0.0, rest: seen[x] };
                Found { beyond: *lamp, rest: *other } = found.unwrap_or(unlit);
            }
        }
    }
}

impl Blurs {
    /// Of so many tiles, of which something is known of so many, with cores of so many samples on a side.
    pub(super) fn new(tiles: usize, slots: usize, core: usize) -> Self {
        Self {
            slots: (0..slots).map(|_| Blurred::new(core)).collect(),
            are_lit: vec![false; tiles],
            are_new: vec![false; tiles],
        }
    }

    /// Another light will be found in a tile, or none.
    pub(super) fn renew(&mut self, tile: usize) {
        self.are_new[tile] = true;
    }

    /// A slot is another tile's from now on.
    pub(super) fn hand_over(&mut self, slot: usize) {
        self.slots[slot].is_stale = true;
    }

    /// Nothing of the frames before enters the next one.
    pub(super) fn forget(&mut self) {
        self.are_lit.fill(false);
        self.slots.iter_mut().for_each(|blurred| blurred.is_stale = true);
    }

    /// Whether there were lamps in the frame that was seen last.
    pub(super) fn is_lit(&self) -> bool {
        self.are_lit.contains(&true)
    }

    /// What is known of a slot's tile.
    pub(super) fn of(&self, slot: usize) -> &Blurred {
        &self.slots[slot]
    }

    /// Brings what is known of the blurs of marked tiles to the light that was found.
    pub(super) fn run(
        &mut self,
        mut tiles: Tiles<'_>,
        y: &Plane<f32>,
        (fft, scratches): (&RealFft2d, &FreeList<Scratch>),
        executor: &dyn Executor,
    ) {
        self.join_blanks(&mut tiles);
        self.find_stale(&tiles);
        let (columns, plan) = (tiles.columns(), tiles.plan);
        let Extent { width, height } = tiles.framing.inner;
        for_chunks(executor, &mut self.slots, 1, &|index, blurs| {
            for blurred in blurs.iter_mut().filter(|blurred| blurred.is_stale) {
                let tile = tiles.slots[index].tile;
                let Some(tile) = tile.filter(|tile| tiles.slot_of(*tile).is_some()) else {
                    continue;
                };
                let place = (tile % columns, tile / columns);
                let share = |at: usize, length: usize| {
                    (at as f64 + 0.5) * plan.core() as f64 / length as f64
                };
                let blur = plan.blur_at(share(place.0, width), share(place.1, height));
                scratches.with(
                    || Scratch::new(fft, plan.side),
                    |scratch| {
                        tiles.load_light(y, place, scratch);
                        scratch.blur(fft, blur);
                        blurred.take(scratch, plan.margin);
                    },
                );
            }
        });
    }

    /// Makes tiles that tell nothing parts of the lamps about them: their light would be white, in the midst of a
    /// lamp that is taken away.
    fn join_blanks(&mut self, tiles: &mut Tiles<'_>) {
        for tile in 0..tiles.marks.len() {
            let Some(blank) = tiles.slot_of(tile).filter(|slot| tiles.slots[*slot].is_blank) else {
                continue;
            };
            let about = tiles.about(tile).filter_map(|tile| tiles.slot_of(tile));
            let sums = about.map(|slot| tiles.slots[slot].rest_at(tiles.plan.white));
            let (sum, count) = sums.fold((0.0, 0.0), |all, it| (all.0 + it.0, all.1 + it.1));
            let left = (count > 0.0).then(|| sum / count);
            self.are_new[tile] |= tiles.slots[blank].join(left, tiles.plan.evidence);
        }
    }

    /// Finds the marked tiles about which light was found that is not what their blurs are of.
    fn find_stale(&mut self, tiles: &Tiles<'_>) {
        for tile in 0..tiles.marks.len() {
            let is_lit = tiles.slot_of(tile).is_some_and(|slot| tiles.slots[slot].has_lamps);
            self.are_new[tile] |= is_lit != self.are_lit[tile];
            self.are_lit[tile] = is_lit;
        }
        for (tile, slot) in tiles.places.iter().enumerate() {
            if let Some(slot) = *slot {
                self.slots[slot].is_stale |= tiles.about(tile).any(|near| self.are_new[near]);
            }
        }
        self.are_new.fill(false);
    }
}

/// The slot of a tile that is marked.
pub(super) fn slot_of(places: &[Option<usize>], marks: &[AtomicU32], tile: usize) -> Option<usize> {
    places[tile].filter(|_| marks[tile].load(Ordering::Relaxed) > 0)
}

/// The place `at - margin` of `length`, mirrored into it.
pub(super) fn mirrored(at: usize, margin: usize, length: usize) -> usize {
    let inside = at.abs_diff(margin);
    let period = (2 * length - 2).max(1);
    let folded = inside % period;
    if folded < length { folded } else { period - folded }
}

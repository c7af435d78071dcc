//! Between decoding and the Wiener filter: the blur of light beyond white is taken away.
//!
//! The camera gives `y = min(Hx, 1)`: a sample at white is a lower bound of what the blur made of the
//! light. Richardson's and Lucy's iteration finds light `x >= 0` that agrees with both kinds,
//!
//! ```text
//! x <- x . H' r,   r = y / Hx,  but max(1, 1 / Hx) where y is at white
//! ```
//!
//! (Whyte, Sivic, Zisserman, "Deblurring shaken and partially saturated images", IJCV 110, 2014, weigh
//! such samples in the same iteration.) Each round looks ahead along the step of the one before it, as far
//! as two steps agree (Biggs and Andrews, "Acceleration of iterative image restoration algorithms",
//! Applied Optics 36, 1997): 24 rounds leave a third of what 30 would otherwise. What of
//! `x` is beyond white, `e = x - 1`, is set aside: `y - He` is what the camera would have seen without it.
//! Where `x` is several times white there is a lamp, and all of its light that is more than what is around
//! it, `e = x - b`, goes: a white disk left in a dark scene is one that the filter draws rings around. So do samples
//! at white near by, and tiles between such that are nothing but white: of a window the search finds the rim alone. A
//! sample at white does not tell what is left then; it becomes `H (x - e)`, and so do those of which most
//! is taken away. Both blurs are of the light of all tiles together (`blurs`). The rest is restored as ever, and `e`
//! put back after that: a lamp comes out white, as sharp as it was found.
//!
//! A white sky gives samples at white, too, and edges overshoot while `x` is found, by much under a wide PSF. So
//! light that is nowhere beyond white is found first: where it explains the samples that are no bounds, there
//! are no lamps, and the tile stays as it was.
//!
//! In a stream what was found of a tile serves until its samples change. Of tiles that have changed, those with the
//! most samples at white about them are looked at first, and no more in a frame than the plan has time for: the
//! others stay as they were seen until there is. How long anything takes does not enter it, so the same frames
//! give the same result.
//!
//! Samples at black are upper bounds in the same sense, but by no more than the noise: nothing is done
//! about them.

mod slot; // what is known of a tile
mod blurs; // of all tiles together
mod tile; // how it is found

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use self::blurs::{Blurs, Tiles, mirrored, slot_of};
use self::slot::Slot;
use self::tile::{SKIRT, Scratch};
use crate::executor::{Executor, FreeList, for_all, for_chunks};
use crate::fft::RealFft2d;
use crate::frame::{Extent, Plane};
use crate::plan::{Framing, Highlights};
use crate::restore::Lamps;

/// Light from which on a sample marks its tile: 254 of 255 under the curve of sRGB.
const WHITE: f32 = 0.99;
/// Samples at white side by side that are light and not noise.
const RUN: u32 = 3;

/// Takes the blur of light beyond white from planes of light, those of one channel.
pub(crate) struct Peel {
    plan: Highlights,
    framing: Framing,
    fft: RealFft2d,
    executor: Arc<dyn Executor>,
    /// Samples at white about a tile, row by row; 0 where there is nothing to do.
    marks: Vec<AtomicU32>,
    scratches: FreeList<Scratch>,
    slots: Vec<Slot>,
    blurs: Blurs,
    /// The slot of a tile.
    places: Vec<Option<usize>>,
    /// Tiles that have changed, those first that have the most to be done about.
    changed: Vec<(u32, usize)>,
}

impl Peel {
    pub(crate) fn new(plan: Highlights, framing: Framing, executor: Arc<dyn Executor>) -> Self {
        let fft = RealFft2d::plan(Extent::new(plan.side, plan.side));
        let (Extent { width, height }, core) = (framing.inner, plan.core());
        let count = width.div_ceil(core) * height.div_ceil(core);
        let slots = plan.known_most(count);
        Self {
            marks: (0..count).map(|_| AtomicU32::new(0)).collect(),
            scratches: FreeList::new(executor.threads(), || Scratch::new(&fft, plan.side)),
            slots: (0..slots).map(|_| Slot::new(core)).collect(),
            blurs: Blurs::new(count, slots, core),
            places: vec![None; count],
            changed: Vec::with_capacity(count),
            plan,
            framing,
            fft,
            executor,
        }
    }

    /// Marks the tiles about samples at white in row `y` of the frame.
    pub(crate) fn mark(&self, y: usize, row: &[f32]) {
        // Counted, for that takes eight samples at a time; nearly all rows end here.
        if row.iter().map(|light| u32::from(*light >= WHITE)).sum::<u32>() < RUN {
            return;
        }
        let mut start = 0;
        for run in row.chunk_by(|a, b| (*a >= WHITE) == (*b >= WHITE)) {
            let end = start + run.len();
            if run.len() >= RUN as usize && run[0] >= WHITE {
                self.mark_about(start..end, y);
            }
            start = end;
        }
    }

    /// Marks the tiles that light from these samples reaches.
    fn mark_about(&self, columns: Range<usize>, y: usize) {
        let (reach, core) = (self.plan.margin / 2 + SKIRT, self.plan.core());
        let Extent { width, height } = self.framing.inner;
        let tiles = |from: usize, to: usize, limit: usize| {
            from.saturating_sub(reach) / core..=(to + reach).min(limit - 1) / core
        };
        let samples = u32::try_from(columns.len()).unwrap_or(u32::MAX);
        for row in tiles(y, y, height) {
            for column in tiles(columns.start, columns.end - 1, width) {
                self.marks[row * self.columns() + column].fetch_add(samples, Ordering::Relaxed);
            }
        }
    }

    /// Tiles in a row.
    fn columns(&self) -> usize {
        self.framing.inner.width.div_ceil(self.plan.core())
    }

    /// Takes the lamps from the frame within `y`, where tiles were marked, into `beyond`, and takes the
    /// marks away. Where there were none, `beyond` stays as it was.
    pub(crate) fn run(&mut self, y: &mut Plane<f32>, beyond: &mut Plane<f32>) -> Lamps {
        let tiles = self.marks.iter().filter(|mark| mark.load(Ordering::Relaxed) > 0).count();
        if tiles == 0 {
            return Lamps::default();
        }
        self.find_changed(y);
        let postponed = self.choose();
        self.solve(y);
        let Self { plan, framing, marks, places, slots, .. } = self;
        let found = Tiles { plan, framing, marks, places, slots };
        self.blurs.run(found, y, (&self.fft, &self.scratches), &*self.executor);
        beyond.samples_mut().fill(0.0);
        self.apply(y, beyond);
        self.marks.iter().for_each(|mark| mark.store(0, Ordering::Relaxed));
        Lamps { tiles, postponed }
    }

    /// Whether there were lamps in the frame that was seen last.
    pub(crate) fn is_lit(&self) -> bool {
        self.blurs.is_lit()
    }

    /// Nothing of the frames before enters the next one.
    pub(crate) fn forget(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.tile = None);
        self.places.fill(None);
        self.blurs.forget();
    }

    /// Lists the marked tiles whose samples are not those of which something is known.
    fn find_changed(&mut self, y: &Plane<f32>) {
        let (core, columns) = (self.plan.core(), self.columns());
        let ((left, top), Extent { width, height }) = (self.framing.offset(), self.framing.inner);
        self.changed.clear();
        for (tile, mark) in self.marks.iter().enumerate() {
            let samples = mark.load(Ordering::Relaxed);
            let (x, from) = (tile % columns * core, tile / columns * core);
            let rows = (from..height.min(from + core))
                .map(|at| &y.row(top + at)[left + x..left + width.min(x + core)]);
            let slot = self.places[tile].map(|slot| &self.slots[slot]);
            let holds =
                |slot: &Slot| self.plan.filters_most.is_some() && slot.holds(rows, &self.plan);
            if samples > 0 && !slot.is_some_and(holds) {
                self.changed.push((u32::MAX - samples, tile));
            }
        }
        self.changed.sort_unstable();
    }

    /// Gives as many of the changed tiles a slot as there is time for, at least one; how many have to wait.
    fn choose(&mut self) -> usize {
        let mut left = self.plan.filters_most.unwrap_or(usize::MAX);
        let (mut chosen, mut free) = (0, 0);
        for index in 0..self.changed.len() {
            let tile = self.changed[index].1;
            self.blurs.renew(tile);
            let were = self.places[tile].is_some_and(|slot| self.slots[slot].has_lamps);
            let cost = Highlights::filters(were);
            let slot =
                if chosen == 0 || cost <= left { self.slot_for(tile, &mut free) } else { None };
            match slot {
                Some(slot) => {
                    self.slots[slot].is_due = true;
                    left = left.saturating_sub(cost);
                    chosen += 1;
                }
                // What was known of it holds no more.
                None => self.release(tile),
            }
        }
        self.changed.len() - chosen
    }

    /// The slot of a tile, else the next one from `free` on that is empty or of a tile that is not marked.
    fn slot_for(&mut self, tile: usize, free: &mut usize) -> Option<usize> {
        if let Some(slot) = self.places[tile] {
            return Some(slot);
        }
        let is_marked = |tile: usize| self.marks[tile].load(Ordering::Relaxed) > 0;
        let found = (*free..self.slots.len())
            .find(|&slot| !self.slots[slot].tile.is_some_and(is_marked))?;
        *free = found + 1;
        if let Some(other) = self.slots[found].tile {
            self.places[other] = None;
        }
        (self.slots[found].tile, self.slots[found].has_lamps) = (Some(tile), false);
        self.blurs.hand_over(found);
        self.places[tile] = Some(found);
        Some(found)
    }

    fn release(&mut self, tile: usize) {
        if let Some(slot) = self.places[tile].take() {
            self.slots[slot].tile = None;
        }
    }

    /// Finds what there is in the tiles that are due.
    fn solve(&mut self, y: &Plane<f32>) {
        let Self { plan, framing, fft, executor, scratches, slots, .. } = self;
        let (core, Extent { width, height }) = (plan.core(), framing.inner);
        let columns = width.div_ceil(core);
        for_chunks(&**executor, slots, 1, &|_, slots| {
            for slot in slots.iter_mut().filter(|slot| slot.is_due) {
                let Some(tile) = slot.tile else { continue };
                let (column, row) = (tile % columns, tile / columns);
                let share =
                    |at: usize, length: usize| (at as f64 + 0.5) * core as f64 / length as f64;
                let blur = plan.blur_at(share(column, width), share(row, height));
                scratches.with(
                    || Scratch::new(fft, plan.side),
                    |scratch| {
                        load(framing, y, (column * core, row * core), (plan.margin, scratch));
                        let has_lamps = scratch.solve(fft, blur, plan, slot.has_lamps);
                        slot.take(scratch, has_lamps, plan.margin);
                    },
                );
            }
        });
    }

    /// Takes what is known of the marked tiles away.
    fn apply(&self, y: &mut Plane<f32>, beyond: &mut Plane<f32>) {
        let (core, outer, columns) = (self.plan.core(), self.framing.outer.width, self.columns());
        let bands = self.frame(y).chunks_mut(core * outer);
        let bands = bands.zip(self.frame(beyond).chunks_mut(core * outer));
        for_all(&*self.executor, bands.enumerate(), &|(row, (left, lamps))| {
            for column in 0..columns {
                let tile = row * columns + column;
                let Some(slot) = slot_of(&self.places, &self.marks, tile) else { continue };
                let (slot, blurred) = (&self.slots[slot], self.blurs.of(slot));
                let span = self.span(column);
                let rows = left.chunks_mut(outer).zip(lamps.chunks_mut(outer));
                for (at, (seen, beyond)) in rows.enumerate() {
                    let (seen, beyond) = (&mut seen[span.clone()], &mut beyond[span.clone()]);
                    let found = beyond.iter_mut().zip(slot.row(at));
                    found.for_each(|(beyond, found)| *beyond = found.beyond);
                    blurred.apply(at, seen, self.plan.white);
                }
            }
        });
    }

    /// The samples of a tile in a row of a plane.
    fn span(&self, column: usize) -> Range<usize> {
        let (core, left) = (self.plan.core(), self.framing.offset().0);
        left + column * core..left + ((column + 1) * core).min(self.framing.inner.width)
    }

    /// The rows of a plane in which the frame lies.
    fn frame<'a>(&self, plane: &'a mut Plane<f32>) -> &'a mut [f32] {
        let (top, outer) = (self.framing.offset().1, self.framing.outer.width);
        &mut plane.samples_mut()[top * outer..][..self.framing.inner.height * outer]
    }
}

/// Loads a tile whose core begins at this column and row of the frame, which goes on mirrored.
fn load(
    framing: &Framing,
    seen: &Plane<f32>,
    (x, y): (usize, usize),
    (margin, tile): (usize, &mut Scratch),
) {
    let ((left, top), Extent { width, height }) = (framing.offset(), framing.inner);
    for (index, target) in tile.seen.rows_mut().enumerate() {
        let source = &seen.row(top + mirrored(y + index, margin, height))[left..][..width];
        for (index, light) in target.iter_mut().enumerate() {
            *light = source[mirrored(x + index, margin, width)];
        }
    }
}

#[cfg(test)]
mod tests;

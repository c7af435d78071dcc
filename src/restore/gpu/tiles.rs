//! What a block of threads gives of an image: as much as makes the card's multiprocessors end together soonest.
//!
//! A block also works on a halo around its tile, so large tiles waste less; but a card has a number of
//! multiprocessors, and the one with the most to do is waited for.

use crate::frame::Extent;

/// Threads of a block, and of one that has a multiprocessor for itself.
const THREADS: usize = 256;
const THREADS_MOST: usize = 512;
/// Widths and heights that are tried, in these steps and up to these.
const STEP: [usize; 2] = [4, 2];
const MOST: usize = 64;
const LEAST: usize = 8;
/// What a block costs besides its pixels, in tiles of 16 of them: it is started, and waits at barriers.
const START: usize = 24;

/// A card, as tiles are chosen for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) multiprocessors: usize,
    /// Bytes of shared memory of a block, at most.
    pub(super) shared: usize,
}

/// Tiles of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tiles {
    pub(super) tile: Extent,
    /// Blocks.
    pub(super) grid: [usize; 2],
    /// Of a block.
    pub(super) threads: usize,
    /// Bytes of a block.
    pub(super) shared: usize,
}

/// The best tiles of an image: their widths are multiples of `across`; `cost` is what one takes in tiles of 16 pixels,
/// `shared` its bytes.
pub(super) fn tiles(
    image: Extent,
    room: Room,
    across: usize,
    cost: impl Fn(Extent) -> usize,
    shared: impl Fn(Extent) -> usize,
) -> Option<Tiles> {
    let widths = (LEAST..=MOST).step_by(STEP[0]).filter(|width| width.is_multiple_of(across));
    let all = widths.flat_map(|width| {
        (LEAST..=MOST).step_by(STEP[1]).map(move |height| Extent::new(width, height))
    });
    let fitting = all.filter_map(|tile| {
        let grid = [image.width.div_ceil(tile.width), image.height.div_ceil(tile.height)];
        let rounds = (grid[0] * grid[1]).div_ceil(room.multiprocessors);
        // One that is alone has all warps there are; of others there should be two at once.
        let (parts, threads) = if rounds == 1 { (1, THREADS_MOST) } else { (2, THREADS) };
        let shared = shared(tile);
        let tiles = Tiles { tile, grid, threads, shared };
        (shared * parts <= room.shared).then(|| (rounds * (cost(tile) + START), tiles))
    });
    fitting.min_by_key(|(cost, _)| *cost).map(|(_, tiles)| tiles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_multiprocessor_is_waited_for() {
        let halo = |tile: Extent| (tile.width + 10) * (tile.height + 10);
        let chosen = |multiprocessors, image| {
            let room = Room { multiprocessors, shared: 100 << 10 };
            tiles(image, room, 4, |tile| halo(tile) / 3, |tile| halo(tile) * 32).expect("tiles")
        };
        let image = Extent::new(336, 189);
        let many = chosen(132, image);
        assert!(many.grid[0] * many.grid[1] <= 132 && many.threads == THREADS_MOST, "{many:?}");
        // Where there are few of them, tiles are as large as two of them may be.
        let few = chosen(8, image);
        assert!(few.tile.area() > many.tile.area() && few.shared * 2 <= 100 << 10, "{few:?}");
        let tiny = chosen(132, Extent::new(1, 1));
        assert_eq!(tiny.grid, [1, 1]);
    }
}

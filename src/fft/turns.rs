//! Pairs of rows on their way to blocks of columns, and back.
//!
//! Two real rows make one complex one. The transform of `z = a + ib`, `a` and `b` real rows of `W` samples, holds
//! those of both, and they are told apart and put together again on the way:
//!
//! ```text
//! 2 A_k = Z_k + conj(Z_(W-k))          Z_k     = A_k + i B_k
//! 2 B_k = -i (Z_k - conj(Z_(W-k)))     Z_(W-k) = conj(A_k) + i conj(B_k)
//! ```

use super::lanes::{Lane, Lanes, Sample, WIDTH, Work};
use super::rows::Line;

/// Deals the coefficients of two rows out to blocks of columns.
pub(super) struct Deal<'a, B> {
    /// Coefficients of the rows, the first once more behind the last.
    pub(super) line: &'a Line,
    /// Samples of a row.
    pub(super) width: usize,
    /// Index of a block, and its rows from those on that go there.
    pub(super) blocks: B,
}

/// Collects the coefficients of two rows from blocks of columns.
pub(super) struct Collect<'a, B> {
    pub(super) line: &'a mut Line,
    /// Samples of a row.
    pub(super) width: usize,
    /// Index of a block, and its rows from those on that come from there; `None` where they are zero.
    pub(super) blocks: B,
}

/// Rows of a block that a filter makes zero.
const ZERO: [Sample; 2] = [[Lane([0.0; WIDTH]); 2]; 2];

/// Where the coefficients of a block's columns are in a line, and those of their partners, which go down.
#[inline(always)]
fn starts(width: usize, index: usize) -> (usize, usize) {
    let first = index * WIDTH;
    (Line::FRONT + first, Line::FRONT + width + 1 - WIDTH - first)
}

impl<'a, B: Iterator<Item = (usize, &'a mut [Sample])>> Work for Deal<'a, B> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { line: Line([re, im]), width, blocks } = self;
        let count = WIDTH / L::COUNT;
        for (index, rows) in blocks {
            let [a, b, next @ ..] = rows else { continue };
            next.iter().take(2).for_each(|sample| lanes.prefetch(sample));
            let (own, partners) = starts(width, index);
            let numbers = (re[own..].first_chunk(), im[own..].first_chunk());
            let (Some(own_re), Some(own_im)) = numbers else { continue };
            let numbers = (re[partners..].first_chunk(), im[partners..].first_chunk());
            let (Some(re), Some(im)) = numbers else { continue };
            for part in 0..count {
                let z = (lanes.load(own_re, part), lanes.load(own_im, part));
                let w = (lanes.load(re, count - 1 - part), lanes.load(im, count - 1 - part));
                let w = (lanes.reverse(w.0), lanes.reverse(w.1));
                lanes.store(&mut a[0].0, part, lanes.add(z.0, w.0));
                lanes.store(&mut a[1].0, part, lanes.sub(z.1, w.1));
                lanes.store(&mut b[0].0, part, lanes.add(z.1, w.1));
                lanes.store(&mut b[1].0, part, lanes.sub(w.0, z.0));
            }
        }
    }
}

impl<'a, B: Iterator<Item = (usize, Option<&'a [Sample]>)>> Work for Collect<'a, B> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { line: Line(line), width, blocks } = self;
        let columns = width / 2 + 1;
        for (index, rows) in blocks {
            let (own, partners) = starts(width, index);
            let (rows, next) =
                rows.and_then(|rows| rows.split_first_chunk()).unwrap_or((&ZERO, &[]));
            next.iter().take(2).for_each(|sample| lanes.prefetch(sample));
            let count = WIDTH.min(columns - index * WIDTH);
            if count == WIDTH {
                let [re, im] = line.each_mut().map(|line| line[partners..].first_chunk_mut());
                put_partners(lanes, rows, [re, im]);
                let [re, im] = line.each_mut().map(|line| line[own..].first_chunk_mut());
                put_own(lanes, rows, [re, im]);
                continue;
            }
            // What stands in the places of columns that there are not belongs to others.
            let (mut down, mut up) = ([[0.0; WIDTH]; 2], [[0.0; WIDTH]; 2]);
            put_partners(lanes, rows, down.each_mut().map(Some));
            put_own(lanes, rows, up.each_mut().map(Some));
            for (line, (down, up)) in line.iter_mut().zip(down.iter().zip(&up)) {
                line[partners + WIDTH - count..partners + WIDTH]
                    .copy_from_slice(&down[WIDTH - count..]);
                line[own..own + count].copy_from_slice(&up[..count]);
            }
        }
    }
}

/// Real and imaginary parts of sixteen coefficients, where there is room for them.
type Room<'a> = [Option<&'a mut [f32; WIDTH]>; 2];

/// The coefficients of a block's columns.
#[inline(always)]
fn put_own<L: Lanes>(lanes: L, [a, b]: &[Sample; 2], room: Room<'_>) {
    let [Some(re), Some(im)] = room else { return };
    for part in 0..WIDTH / L::COUNT {
        let (a_re, a_im) = (lanes.load(&a[0].0, part), lanes.load(&a[1].0, part));
        let (b_re, b_im) = (lanes.load(&b[0].0, part), lanes.load(&b[1].0, part));
        lanes.store(re, part, lanes.sub(a_re, b_im));
        lanes.store(im, part, lanes.add(a_im, b_re));
    }
}

/// Those of their partners, which go down.
#[inline(always)]
fn put_partners<L: Lanes>(lanes: L, [a, b]: &[Sample; 2], room: Room<'_>) {
    let [Some(re), Some(im)] = room else { return };
    let parts = WIDTH / L::COUNT;
    for part in 0..parts {
        let (a_re, a_im) = (lanes.load(&a[0].0, part), lanes.load(&a[1].0, part));
        let (b_re, b_im) = (lanes.load(&b[0].0, part), lanes.load(&b[1].0, part));
        let down = parts - 1 - part;
        lanes.store(re, down, lanes.reverse(lanes.add(a_re, b_im)));
        lanes.store(im, down, lanes.reverse(lanes.sub(b_re, a_im)));
    }
}

//! A whole network, row by row: every layer follows the one before it as closely as it can, so that only
//! a few rows of activations lie between them, and stay in the cache.
//!
//! ```text
//! planes of bytes -> head -> [rows] -> link 1 -> [rows] -> link 2 -> … -> last layer -> bytes of the plane
//! ```
//!
//! A link is a layer, or the way down to a coarse branch or up from it. A layer needs rows `y - 1` to
//! `y + 1` of what is before it for its row `y`, the way down rows `2 y` and `2 y + 1`, the way up row
//! `y / 2`, and row `y` of the head, to which it adds. Rows are computed when they are asked for, each
//! once. So three of them are kept between layers; of the head, to which a coarse branch of `n` layers
//! returns that much later, `2 n + 2`. Beyond the first and the last row lie rows of zeros, as
//! convolutions are padded.
//!
//! Planes that are the same all over are one row of bytes, which the head sees again and again.

use super::kernels::{Kernel, PADDING, Rows, SLACK, Seen, row_bytes};
use super::packed::{Addition, HEAD_SIDE, PackedLast, PackedLayer, PackedSlide};
use super::weights::LANES;
use crate::plan::network::{self, Coarse, Integers, Quantiser};

/// Planes that a network may see.
const PLANES_MAX: usize = 6;
/// Samples left of a row of the input: what the widest window sees beyond it.
const MARGIN: usize = HEAD_SIDE / 2 - 1;

/// A network on frames of half the width and height.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) input: Quantiser,
    planes: Vec<Seeing>,
    /// Rows and columns of the head's window.
    side: usize,
    head: PackedSlide,
    /// All between the head and the last layer.
    links: Vec<Link>,
    /// Gives four channels: the pixels of the plane.
    last: PackedLast,
    pub(super) output: Quantiser,
}

/// A plane that the head sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seeing {
    /// The one of that index of those that vary.
    Varying(usize),
    /// One that has this byte all over.
    Constant(u8),
}

/// What is between the head and the last layer.
#[derive(Debug)]
enum Link {
    /// A 3x3 convolution.
    Layer(PackedLayer),
    /// To half the resolution.
    Down(PackedSlide),
    /// Back from it, even rows and odd rows, added to what the head gives.
    Up([PackedSlide; 2]),
}

impl Link {
    /// The first and the last row that row `y` is computed from, as if there were no end to them.
    fn sees(&self, y: usize) -> [usize; 2] {
        match self {
            Self::Layer(_) => [y.saturating_sub(1), y + 1],
            Self::Down(_) => [2 * y, 2 * y + 1],
            Self::Up(_) => [y / 2; 2],
        }
    }

    /// Empty rows of what it gives, where it sees those of `before`.
    fn ring(&self, before: &Ring) -> Ring {
        let Ring { width, height, .. } = *before;
        match self {
            Self::Layer(layer) => Ring::new([width, height], layer.weights.blocks),
            Self::Down(slide) => Ring::new([width / 2, height / 2], slide.weights.blocks),
            Self::Up([slide, _]) => Ring::new([2 * width, 2 * height], slide.weights.blocks / 2),
        }
    }
}

/// Rows of frames of half the height: what is seen of the input and what is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strip {
    /// Rows that are there.
    pub(super) seen: usize,
    /// Rows above those that are wanted.
    pub(super) above: usize,
    /// Rows that are wanted.
    pub(super) own: usize,
}

/// What a chain keeps while it runs over planes of one width.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    strip: Strip,
    /// A row of input beyond the frame.
    blank: Vec<u8>,
    /// A row of each plane; empty where the plane varies.
    constants: Vec<Vec<u8>>,
    /// What the head and each link give.
    rings: Vec<Ring>,
}

impl Scratch {
    /// For planes that are `width` samples wide.
    pub(super) fn new(chain: &Chain, width: usize, strip: Strip) -> Self {
        let blank = vec![chain.input.zero; input_bytes(width)];
        let constant = |plane: &Seeing| match *plane {
            Seeing::Varying(_) => Vec::new(),
            Seeing::Constant(byte) => {
                let mut row = blank.clone();
                row[MARGIN..][..width].fill(byte);
                row
            }
        };
        Self {
            strip,
            constants: chain.planes.iter().map(constant).collect(),
            rings: chain.rings(width / 2, strip),
            blank,
        }
    }
}

/// Bytes of a row of input of `width` samples with what is around it.
pub(super) const fn input_bytes(width: usize) -> usize {
    MARGIN + width + 2 * SLACK
}

impl Chain {
    /// Packs a network for the kernels. `constants` are what is the same all over of the planes that it
    /// sees, in order.
    pub(super) fn pack(
        integers: &Integers,
        constants: &[Option<f32>],
        kernel: &dyn Kernel,
    ) -> Self {
        let Integers { input, head, rectified, coarse, layers, tail, output } = integers;
        let (mut links, mut before) = (Vec::new(), *rectified);
        if let Some(coarse) = coarse {
            links.extend(branch(coarse, before));
            before = coarse.sum;
        }
        links.extend(layers.iter().map(|layer| follower(layer, &mut before)));
        Self {
            input: *input,
            planes: seeing(head.inputs, constants, *input, kernel),
            side: head.side,
            head: PackedSlide::head(head, [*input, *rectified]),
            links,
            last: PackedLast::pack(tail, [before, *output]),
            output: *output,
        }
    }

    /// Planes that vary, and must be given.
    pub(super) fn varying(&self) -> usize {
        self.planes.iter().filter(|plane| matches!(plane, Seeing::Varying(_))).count()
    }

    /// Empty rows of what the head and the links give: pixels in a row of the half-size frame.
    fn rings(&self, pixels: usize, strip: Strip) -> Vec<Ring> {
        let mut rings = vec![Ring::new([pixels, strip.seen], self.head.weights.blocks)];
        for link in &self.links {
            rings.push(link.ring(&rings[rings.len() - 1]));
        }
        // The way up comes back to the head's rows when the branch has seen far below them.
        if let Some(up) = self.links.iter().position(|link| matches!(link, Link::Up(_))) {
            rings[0].keep(2 * up);
        }
        let mut first = strip.above.saturating_sub(1);
        for (index, ring) in rings.iter_mut().enumerate().rev() {
            ring.first = first;
            if let Some(link) = index.checked_sub(1).map(|link| &self.links[link]) {
                [first, _] = link.sees(first);
            }
        }
        rings
    }

    /// Quantises a row of a plane into a row of input; beyond its last sample it goes on with it, as far as
    /// the network sees, and around that is nothing.
    pub(super) fn load(&self, kernel: &dyn Kernel, row: &[f32], width: usize, input: &mut [u8]) {
        let (before, rest) = input.split_at_mut(MARGIN);
        let (samples, behind) = rest.split_at_mut(width);
        before.fill(self.input.zero);
        behind.fill(self.input.zero);
        let (inside, beyond) = samples.split_at_mut(row.len());
        kernel.quantise(self.input, row, inside);
        if let Some(&last) = inside.last() {
            beyond.fill(last);
        }
    }

    /// Computes the bytes of `f` from those of the planes that vary, each of as many rows as are seen.
    pub(super) fn run(&self, kernel: &dyn Kernel, z: &[u8], f: &mut [u8], scratch: &mut Scratch) {
        let Strip { above, own, .. } = scratch.strip;
        scratch.rings.iter_mut().for_each(Ring::empty);
        for y in above..above + own {
            self.fill(kernel, z, (self.links.len(), y + 1), scratch);
            self.finish(kernel, y, f, scratch);
        }
    }

    /// Computes the rows of ring `index` up to `row`, as far as there are any.
    fn fill(
        &self,
        kernel: &dyn Kernel,
        z: &[u8],
        (index, row): (usize, usize),
        scratch: &mut Scratch,
    ) {
        while let Some(y) = scratch.rings[index].wanting(row) {
            if let Some(before) = index.checked_sub(1) {
                let link = &self.links[before];
                let [_, last] = link.sees(y);
                self.fill(kernel, z, (before, last), scratch);
                follow(kernel, link, index, y, scratch);
            } else {
                self.enter(kernel, z, y, scratch);
            }
            scratch.rings[index].done(y);
        }
    }

    /// Computes row `y` of the head.
    fn enter(&self, kernel: &dyn Kernel, z: &[u8], y: usize, scratch: &mut Scratch) {
        let Scratch { strip, blank, constants, rings } = scratch;
        let (side, bytes) = (self.side, blank.len());
        // Of the margin, a smaller window sees less.
        let start = MARGIN - (side / 2 - 1);
        let mut rows = [&blank[..]; PLANES_MAX * HEAD_SIDE];
        let planes = self.planes.iter().zip(constants);
        for (rows, (plane, constant)) in rows.chunks_exact_mut(side).zip(planes) {
            for (index, row) in rows.iter_mut().enumerate() {
                let inside = (2 * y + index).checked_sub(side / 2 - 1);
                if let Some(at) = inside.filter(|&at| at < 2 * strip.seen) {
                    *row = match plane {
                        Seeing::Varying(plane) => {
                            &z[(plane * 2 * strip.seen + at) * bytes..][..bytes]
                        }
                        Seeing::Constant(_) => constant,
                    };
                }
                *row = &row[start..];
            }
        }
        let seen = Seen { rows: &rows[..self.head.rows], skip: &[] };
        let width = rings[0].width;
        kernel.slide(&self.head, seen, width, rings[0].pixels_mut(y));
    }

    /// Computes the two rows of the plane that row `y` of the last layer holds.
    fn finish(&self, kernel: &dyn Kernel, y: usize, f: &mut [u8], scratch: &Scratch) {
        let Scratch { strip, rings, .. } = scratch;
        let ring = &rings[self.links.len()];
        let row = 2 * ring.width;
        let (top, bottom) = f[(y - strip.above) * 2 * row..][..2 * row].split_at_mut(row);
        kernel.finish(&self.last, ring.around(y), self.output.zero, [top, bottom]);
    }
}

/// What the head sees of planes, of which the `constants` are the same all over.
fn seeing(
    planes: usize,
    constants: &[Option<f32>],
    input: Quantiser,
    kernel: &dyn Kernel,
) -> Vec<Seeing> {
    let mut varying = 0..planes;
    let constants = constants.iter().copied().chain(std::iter::repeat(None));
    let seeing = |constant: Option<f32>| match constant {
        Some(value) => {
            let mut byte = [0];
            kernel.quantise(input, &[value], &mut byte);
            Some(Seeing::Constant(byte[0]))
        }
        None => varying.next().map(Seeing::Varying),
    };
    constants.take(planes).filter_map(seeing).collect()
}

/// The links of a coarse branch behind bytes of `head`.
fn branch(coarse: &Coarse, head: Quantiser) -> Vec<Link> {
    let Coarse { down, rectified, layers, up, shuffled, sum } = coarse;
    let mut links = vec![Link::Down(PackedSlide::down(down, [head, *rectified]))];
    let mut before = *rectified;
    links.extend(layers.iter().map(|layer| follower(layer, &mut before)));
    let addition = Addition { branch: shuffled.scale / sum.scale, skip: head.scale / sum.scale };
    let row = |row| PackedSlide::up(up, row, [before, *shuffled], addition);
    links.push(Link::Up([row(0), row(1)]));
    links
}

/// The layer behind bytes of `before`, which are those of the layer then.
fn follower(layer: &network::Layer, before: &mut Quantiser) -> Link {
    let input = std::mem::replace(before, layer.output());
    let addition = layer.sum.map(|sum| Addition {
        branch: layer.rectified.scale / sum.scale,
        skip: input.scale / sum.scale,
    });
    Link::Layer(PackedLayer::pack(&layer.convolution, [input, layer.rectified], addition))
}

/// Computes row `y` of ring `index` by the link before it.
fn follow(kernel: &dyn Kernel, link: &Link, index: usize, y: usize, scratch: &mut Scratch) {
    let (before, after) = scratch.rings.split_at_mut(index);
    let (seen, target) = (&before[index - 1], &mut after[0]);
    match link {
        Link::Layer(layer) => {
            kernel.convolve(layer, seen.around(y), target.width, target.pixels_mut(y));
        }
        Link::Down(slide) => {
            let rows = [seen.pixels(2 * y), seen.pixels(2 * y + 1)];
            let seen = Seen { rows: &rows, skip: &[] };
            kernel.slide(slide, seen, target.width, target.pixels_mut(y));
        }
        Link::Up(slides) => {
            let (rows, width) = ([seen.pixels(y / 2)], seen.width);
            let seen = Seen { rows: &rows, skip: before[0].pixels(y) };
            kernel.slide(&slides[y % 2], seen, width, target.pixels_mut(y));
        }
    }
}

/// The newest rows that the head or a link gives, and one of zeros.
#[derive(Debug, Clone)]
struct Ring {
    rows: Vec<Vec<u8>>,
    blank: Vec<u8>,
    blocks: usize,
    /// Pixels in a row.
    width: usize,
    /// Rows of the whole strip.
    height: usize,
    /// The first row that is wanted.
    first: usize,
    /// The row that comes next.
    next: usize,
}

impl Ring {
    /// Rows that the window of a layer sees.
    const ROWS: usize = 3;

    fn new([width, height]: [usize; 2], blocks: usize) -> Self {
        let blank = vec![0; row_bytes(width, blocks)];
        let rows = vec![blank.clone(); Self::ROWS];
        Self { rows, blank, blocks, width, height, first: 0, next: 0 }
    }

    /// Keeps as many rows, if they are more.
    fn keep(&mut self, rows: usize) {
        let rows = rows.max(self.rows.len());
        self.rows.resize(rows, self.blank.clone());
    }

    fn empty(&mut self) {
        self.next = self.first;
    }

    /// The row that comes next, where it is there and not behind `row`.
    fn wanting(&self, row: usize) -> Option<usize> {
        (self.next <= row && self.next < self.height).then_some(self.next)
    }

    /// Row `y` was filled: makes what the window sees behind its last pixel zero again.
    fn done(&mut self, y: usize) {
        let (stride, rows) = (self.blocks * LANES, self.rows.len());
        let (start, end) = (PADDING + self.width, 2 * PADDING + self.width);
        self.rows[y % rows][start * stride..end * stride].fill(0);
        self.next = y + 1;
    }

    /// Row `y` and its neighbours.
    fn around(&self, y: usize) -> Rows<'_> {
        let row = |y: Option<usize>| match y.filter(|&y| y < self.height) {
            Some(y) => self.rows[y % self.rows.len()].as_slice(),
            None => &self.blank,
        };
        Rows([row(y.checked_sub(1)), row(Some(y)), row(Some(y + 1))])
    }

    /// The pixels of row `y` and what lies behind them.
    fn pixels(&self, y: usize) -> &[u8] {
        &self.rows[y % self.rows.len()][PADDING * self.blocks * LANES..]
    }

    /// The same, to be filled.
    fn pixels_mut(&mut self, y: usize) -> &mut [u8] {
        let rows = self.rows.len();
        &mut self.rows[y % rows][PADDING * self.blocks * LANES..]
    }
}

#[cfg(test)]
mod tests;

//! What programs are given, laid out as they have it: see the structures of the same names in `kernels/`.

#![expect(unsafe_code, reason = "it is promised that layouts are those of the programs")]

use super::memory::Address;
use super::queue::Argument;

/// Passes of a transform, layers of filters and planes of a network, at most.
pub(in super::super) const PASSES: usize = 8;
pub(in super::super) const FILTER_LAYERS: usize = 16;
pub(in super::super) const PLANES: usize = 6;
pub(in super::super) const NETWORK_LAYERS: usize = 8;
/// Outputs of a filter, at most.
pub(in super::super) const OUTPUTS: usize = 2;

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Pass {
    pub(in super::super) radix: i32,
    pub(in super::super) span: i32,
    pub(in super::super) count: i32,
    pub(in super::super) groups: i32,
    pub(in super::super) before: i32,
    pub(in super::super) behind: i32,
    pub(in super::super) twiddles: i32,
    pub(in super::super) magic: u32,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Plan {
    pub(in super::super) length: i32,
    pub(in super::super) passes: i32,
    pub(in super::super) room: i32,
    pub(in super::super) pass: [Pass; PASSES],
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Load {
    pub(in super::super) first: Address,
    pub(in super::super) before: Address,
    pub(in super::super) x_w: Address,
    pub(in super::super) known: f32,
    pub(in super::super) scale: f32,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Layer {
    pub(in super::super) factors: Address,
    pub(in super::super) product: Address,
    pub(in super::super) is_complex: i32,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Layers {
    pub(in super::super) layer: [Layer; FILTER_LAYERS],
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Weights {
    pub(in super::super) knots: Address,
    pub(in super::super) knot: Address,
    pub(in super::super) share: Address,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Store {
    pub(in super::super) first_layer: i32,
    pub(in super::super) layers: i32,
    pub(in super::super) plane: Address,
    /// Added to what is filtered; nowhere where nothing is.
    pub(in super::super) x_w: Address,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Outputs {
    pub(in super::super) store: [Store; OUTPUTS],
    pub(in super::super) weights: [Weights; FILTER_LAYERS],
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Matrices {
    pub(in super::super) weights: Address,
    pub(in super::super) bias: Address,
    pub(in super::super) multiplier: Address,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Addition {
    pub(in super::super) branch: f32,
    pub(in super::super) skip: f32,
    pub(in super::super) is_there: i32,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Convolution {
    pub(in super::super) matrices: Matrices,
    pub(in super::super) addition: Addition,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Head {
    pub(in super::super) planes: [Address; PLANES],
    pub(in super::super) bytes: [i32; PLANES],
    pub(in super::super) count: i32,
    pub(in super::super) width: i32,
    pub(in super::super) height: i32,
    pub(in super::super) aligned_width: i32,
    pub(in super::super) aligned_height: i32,
    pub(in super::super) scale: f32,
    pub(in super::super) zero: f32,
    pub(in super::super) head: Matrices,
    pub(in super::super) down: Matrices,
    pub(in super::super) rectified: Address,
    pub(in super::super) coarse: Address,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Chain {
    pub(in super::super) from: Address,
    pub(in super::super) to: Address,
    pub(in super::super) width: i32,
    pub(in super::super) height: i32,
    pub(in super::super) count: i32,
    pub(in super::super) tile_width: i32,
    pub(in super::super) tile_height: i32,
    pub(in super::super) layers: [Convolution; NETWORK_LAYERS],
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(in super::super) struct Tail {
    pub(in super::super) rectified: Address,
    pub(in super::super) coarse: Address,
    pub(in super::super) width: i32,
    pub(in super::super) height: i32,
    pub(in super::super) plane_width: i32,
    pub(in super::super) plane_height: i32,
    pub(in super::super) up: Convolution,
    pub(in super::super) count: i32,
    pub(in super::super) tile_width: i32,
    pub(in super::super) tile_height: i32,
    pub(in super::super) layers: [Convolution; NETWORK_LAYERS],
    pub(in super::super) last: Matrices,
    pub(in super::super) scale: f32,
    pub(in super::super) zero: f32,
    pub(in super::super) plane: Address,
}

// SAFETY: laid out as the programs have it, which is checked there and below.
unsafe impl Argument for Plan {}
// SAFETY: laid out as the programs have it, which is checked there and below.
unsafe impl Argument for Load {}
// SAFETY: laid out as the programs have it, which is checked there and below.
unsafe impl Argument for Layers {}
// SAFETY: laid out as the programs have it, which is checked there and below.
unsafe impl Argument for Outputs {}
// SAFETY: laid out as the programs have it, which is checked there and below.
unsafe impl Argument for Head {}
// SAFETY: laid out as the programs have it, which is checked there and below.
unsafe impl Argument for Chain {}
// SAFETY: laid out as the programs have it, which is checked there and below.
unsafe impl Argument for Tail {}

/// The programs say the same of theirs.
const _: () = {
    assert!(size_of::<Plan>() == 268, "Plan");
    assert!(size_of::<Load>() == 32, "Load");
    assert!(size_of::<Layers>() == 384, "Layers");
    assert!(size_of::<Outputs>() == 432, "Outputs");
    assert!(size_of::<Head>() == 168, "Head");
    assert!(size_of::<Chain>() == 360, "Chain");
    assert!(size_of::<Tail>() == 448, "Tail");
};

/// A length, width or count as programs have it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "sides of frames have 16 bits"
)]
pub(in super::super) fn number(value: usize) -> i32 {
    value as i32
}

//! What programs are given, laid out as they have it: see the structures of the same names in `kernels/`.

use super::driver::{Address, Argument};

/// Passes of a transform, layers of filters and planes of a network, at most.
pub(super) const PASSES: usize = 12;
pub(super) const FILTER_LAYERS: usize = 16;
pub(super) const PLANES: usize = 6;
pub(super) const NETWORK_LAYERS: usize = 8;
/// Outputs of a filter, at most.
pub(super) const OUTPUTS: usize = 2;

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Pass {
    pub(super) radix: i32,
    pub(super) span: i32,
    pub(super) count: i32,
    pub(super) twiddles: i32,
    pub(super) magic: u32,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Plan {
    pub(super) length: i32,
    pub(super) passes: i32,
    pub(super) pass: [Pass; PASSES],
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Load {
    pub(super) first: Address,
    pub(super) before: Address,
    pub(super) x_w: Address,
    pub(super) known: f32,
    pub(super) scale: f32,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Layer {
    pub(super) factors: Address,
    pub(super) product: Address,
    pub(super) is_complex: i32,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Layers {
    pub(super) layer: [Layer; FILTER_LAYERS],
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Weights {
    pub(super) knots: Address,
    pub(super) knot: Address,
    pub(super) share: Address,
}

/// What becomes of filtered samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(i32)]
pub(super) enum StoreKind {
    /// They are kept.
    #[default]
    Plain,
    /// The Wiener estimate is added to them.
    Added,
    /// They are a step towards a likely margin.
    Settled,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Store {
    pub(super) kind: StoreKind,
    pub(super) first_layer: i32,
    pub(super) layers: i32,
    pub(super) plane: Address,
    pub(super) x_w: Address,
    pub(super) residue: Address,
    pub(super) direction: Address,
    pub(super) keep: f32,
    pub(super) gain: f32,
    pub(super) is_first: i32,
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Outputs {
    pub(super) store: [Store; OUTPUTS],
    pub(super) weights: [Weights; FILTER_LAYERS],
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Matrices {
    pub(super) weights: Address,
    pub(super) bias: Address,
    pub(super) multiplier: Address,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Addition {
    pub(super) branch: f32,
    pub(super) skip: f32,
    pub(super) is_there: i32,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Convolution {
    pub(super) matrices: Matrices,
    pub(super) addition: Addition,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Head {
    pub(super) planes: [Address; PLANES],
    pub(super) bytes: [i32; PLANES],
    pub(super) count: i32,
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) aligned_width: i32,
    pub(super) aligned_height: i32,
    pub(super) scale: f32,
    pub(super) zero: f32,
    pub(super) head: Matrices,
    pub(super) down: Matrices,
    pub(super) rectified: Address,
    pub(super) coarse: Address,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Chain {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) count: i32,
    pub(super) layers: [Convolution; NETWORK_LAYERS],
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Tail {
    pub(super) rectified: Address,
    pub(super) coarse: Address,
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) plane_width: i32,
    pub(super) plane_height: i32,
    pub(super) up: Convolution,
    pub(super) count: i32,
    pub(super) layers: [Convolution; NETWORK_LAYERS],
    pub(super) last: Matrices,
    pub(super) scale: f32,
    pub(super) zero: f32,
    pub(super) plane: Address,
}

impl Argument for Plan {}
impl Argument for Load {}
impl Argument for Layers {}
impl Argument for Outputs {}
impl Argument for Head {}
impl Argument for Chain {}
impl Argument for Tail {}

/// A length, width or count as programs have it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "sides of frames have 16 bits"
)]
pub(super) fn number(value: usize) -> i32 {
    value as i32
}

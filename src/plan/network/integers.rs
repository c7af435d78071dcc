//! A quantised network in the integers of its file.
//!
//! ```text
//! planes -> head, stride 2 -> a;   a -> layer -> a   any number of times;   a -> tail -> f
//! a -> down, stride 2 -> b;   b -> layer -> b   any number of times;   b -> up -> c;   a + c -> a
//! ```
//!
//! The second line is the coarse branch, at a quarter of the resolution, which sees far for little: it
//! may stand between the head and the first layer.
//!
//! Activations are unsigned bytes. A convolution sums bytes times weights, its bias added, in steps
//! of input times weights; behind every one but the tail stands a ReLU. A layer may add its input to
//! what its convolution gives. The tail gives four channels, which are the four samples of the plane
//! that a pixel of half the size stands for: 0 and 1 in the upper row, 2 and 3 in the lower.

/// The integers of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Integers {
    /// Of the planes.
    pub input: Quantiser,
    /// The first convolution, 4x4 or 6x6 of stride 2.
    pub head: Convolution,
    /// Of what the head gives, zero being byte 0.
    pub rectified: Quantiser,
    /// The branch at a quarter of the resolution, where there is one.
    pub coarse: Option<Coarse>,
    /// The layers between head and tail.
    pub layers: Vec<Layer>,
    /// The last convolution, 3x3 to four channels.
    pub tail: Convolution,
    /// Of `f`.
    pub output: Quantiser,
}

/// A branch at a quarter of the resolution, whose result is added to what the head gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Coarse {
    /// 2x2 of stride 2.
    pub down: Convolution,
    /// Of what it gives, zero being byte 0.
    pub rectified: Quantiser,
    /// The layers between down and up.
    pub layers: Vec<Layer>,
    /// 1x1, to the four pixels of half the size that a pixel of a quarter stands for: channel
    /// `4 c + 2 i + j` is channel `c` of the pixel in row `i` and column `j`.
    pub up: Convolution,
    /// Of what that gives, zero being byte 0.
    pub shuffled: Quantiser,
    /// Of its sum with what the head gives, zero being byte 0.
    pub sum: Quantiser,
}

/// A 3x3 convolution from pixels to pixels and its ReLU.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The convolution.
    pub convolution: Convolution,
    /// Of what the ReLU gives, zero being byte 0.
    pub rectified: Quantiser,
    /// Of the sum, zero being byte 0, where the layer's input is added.
    pub sum: Option<Quantiser>,
}

impl Layer {
    /// Of what the layer gives.
    pub fn output(&self) -> Quantiser {
        self.sum.unwrap_or(self.rectified)
    }
}

/// How real numbers become bytes: `clamp(round(sample / scale) + zero, 0, 255)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiser {
    /// The byte of 0.
    pub zero: u8,
    /// Size of a step.
    pub scale: f32,
}

/// A convolution, padded with what means zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Rows and columns of the window.
    pub side: usize,
    /// `[output][input][row][column]`, from -127 to 127.
    pub weights: Vec<i8>,
    /// Size of a step of the weights, one an output channel.
    pub scales: Vec<f32>,
    /// In steps of input times weights, one an output channel.
    pub bias: Vec<i32>,
}

impl Convolution {
    /// The weight of a channel pair at a place of the window; zero where there is none.
    pub fn weight(&self, output: usize, input: usize, [row, column]: [usize; 2]) -> i8 {
        let side = self.side;
        let exists = output < self.outputs && input < self.inputs && row < side && column < side;
        let at = ((output * self.inputs + input) * side + row) * side + column;
        if exists { self.weights[at] } else { 0 }
    }

    /// `bias - zero sum(w)`: bytes that mean nothing at `zero` can be summed as they are then.
    pub fn folded_bias(&self, zero: i32) -> Vec<i32> {
        let sums = self.channels().map(|own| own.iter().map(|&w| i32::from(w)).sum::<i32>());
        self.bias.iter().zip(sums).map(|(bias, sum)| bias - zero * sum).collect()
    }

    /// Steps of the sums in steps of the output, one an output channel.
    ///
    /// A step of the weights is what the greatest of them has when it is dequantised to f32, as
    /// runtimes do that compute in real numbers.
    pub fn multipliers(&self, input: Quantiser, output: Quantiser) -> Vec<f32> {
        let channels = self.channels().zip(&self.scales);
        let multiplier = |(own, &scale): (&[i8], &f32)| {
            let greatest = own.iter().map(|weight| weight.unsigned_abs()).max().unwrap_or(0);
            let greatest = f32::from(greatest.max(1));
            let step = f64::from(greatest * scale) / f64::from(greatest);
            #[expect(clippy::cast_possible_truncation, reason = "products are f32")]
            let multiplier = (f64::from(input.scale) * step / f64::from(output.scale)) as f32;
            multiplier
        };
        channels.map(multiplier).collect()
    }

    /// The weights of one output channel after the other.
    fn channels(&self) -> impl Iterator<Item = &[i8]> {
        self.weights.chunks_exact(self.inputs * self.side * self.side)
    }
}

/// {node}: {why}
#[derive(Debug, Clone, PartialEq, Eq, displaydoc::Display, thiserror::Error)]
pub struct Unfit {
    /// The node at which it is not.
    pub node: String,
    /// What was expected.
    pub why: &'static str,
}

impl Unfit {
    /// At `node`, something else was expected.
    pub fn new(node: &str, why: &'static str) -> Self {
        Self { node: node.to_owned(), why }
    }
}

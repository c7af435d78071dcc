//! What a network is made of and what it costs.

/// What a network is made of and what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSummary {
    /// Its operations, in the order of the graph; quantisation belongs to the operation it serves.
    pub operations: Vec<Operation>,
    /// Samples on every side that one output sample depends on; `None` where the graph has
    /// operators whose reach is not known here.
    pub reach: Option<usize>,
    /// Frame samples on a side that one sample stands for where the resolution is lowest.
    pub step: usize,
}

/// One operation of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Its name in the graph.
    pub name: String,
    /// Its ONNX operator.
    pub operator: String,
    /// Shape of its weights, output channels first; empty where it has none.
    pub weights: Vec<usize>,
    /// Numbers learned, weights and bias.
    pub parameters: usize,
    /// Multiply-accumulates for one sample of the frame.
    pub macs_per_pixel: f64,
    /// Whether its weights are 8-bit integers.
    pub is_int8: bool,
}

impl NetworkSummary {
    /// Numbers learned.
    pub fn parameters(&self) -> usize {
        self.operations.iter().map(|operation| operation.parameters).sum()
    }

    /// Multiply-accumulates for one sample of the frame.
    pub fn macs_per_pixel(&self) -> f64 {
        self.operations.iter().map(|operation| operation.macs_per_pixel).sum()
    }
}

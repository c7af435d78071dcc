//! What a model promises.

use super::super::regulariser::Regulariser;

/// What a model file promises.
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    /// Name of the model.
    pub name: String,
    /// Number of networks, run in turn.
    pub stages: usize,
    /// For each network, the regulariser of its projection in multiples of the Wiener filter's.
    pub consistency: Vec<f64>,
    /// Width and height are padded to multiples of this.
    pub alignment: usize,
    /// Samples on every side that the widest network sees.
    pub halo: usize,
    /// Standard deviations of the noise it was trained for, in 8-bit gray levels.
    pub sigma: std::ops::RangeInclusive<f64>,
    /// The regulariser of the Wiener estimates it was trained on.
    pub regulariser: Regulariser,
    /// The domain of its samples.
    pub domain: String,
    /// All metadata, as it stands in the file.
    pub metadata: Vec<(String, String)>,
}

//! What a model promises.

use std::fmt;
use std::str::FromStr;

use super::super::regulariser::Regulariser;

/// A plane that networks see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The Wiener estimate `x_w`.
    Estimate,
    /// The blurred plane `y`.
    Blurred,
    /// The Wiener estimate with a tenth of its regulariser.
    Weak,
    /// The noise level, the same all over.
    Sigma,
    /// How well the PSF is known, the same all over.
    Trust,
}

impl Input {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::Estimate, Self::Blurred, Self::Weak, Self::Sigma, Self::Trust];
}

impl fmt::Display for Input {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Estimate => "estimate",
            Self::Blurred => "blurred",
            Self::Weak => "weak",
            Self::Sigma => "sigma",
            Self::Trust => "trust",
        })
    }
}

/// There is no plane of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoInput;

impl FromStr for Input {
    type Err = NoInput;

    fn from_str(name: &str) -> Result<Self, NoInput> {
        Self::ALL.into_iter().find(|input| input.to_string() == name).ok_or(NoInput)
    }
}

/// What a model file promises.
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    /// Name of the model.
    pub name: String,
    /// Number of networks, run in turn.
    pub stages: usize,
    /// The planes that the first network sees, in order; behind them all others see the estimate so
    /// far, too.
    pub inputs: Vec<Input>,
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

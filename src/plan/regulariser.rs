//! The assumed ratio of noise to signal: flat, or by the mean power spectrum of natural images.

/// The assumed ratio of noise power to signal power, by frequency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Regulariser {
    /// Noise power over the mean power spectrum of natural images.
    Spectral,
    /// The same ratio at every frequency; 0 is the pseudo-inverse.
    Flat(f64),
}

impl std::str::FromStr for Regulariser {
    type Err = String;

    /// Reads `spectral` or `flat:EPS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let flat = |eps: &str| eps.parse().ok().filter(|&eps: &f64| (0.0..=1e6).contains(&eps));
        match text.strip_prefix("flat:") {
            Some(eps) => flat(eps).map(Self::Flat),
            None => (text == "spectral").then_some(Self::Spectral),
        }
        .ok_or_else(|| {
            format!(
                "'{text}' is no regulariser (expected spectral, or flat:EPS with EPS from 0 to 1e6)"
            )
        })
    }
}

impl std::fmt::Display for Regulariser {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Spectral => write!(out, "spectral"),
            Self::Flat(eps) => write!(out, "flat:{eps}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regularisers_are_read_back_as_written() {
        for text in ["spectral", "flat:0.01", "flat:0"] {
            assert_eq!(text.parse::<Regulariser>().expect("valid").to_string(), text);
        }
        for text in ["", "flat", "flat:", "flat:-1", "flat:nan", "Spectral"] {
            assert!(text.parse::<Regulariser>().is_err(), "{text} was accepted");
        }
    }
}

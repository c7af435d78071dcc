//! What lies beyond the edges of a frame, found so that it agrees with what is seen within.
//!
//! A margin that only leads smoothly from edge to edge is no blurred picture: near the zeros of `H` it
//! has power that no scene can have, and the inverse makes stripes of that far into the frame. Of all
//! margins the likeliest is the one with which
//!
//! ```text
//! y' P y,   P = I - H+_R H = R / (|H|^2 + R)
//! ```
//!
//! is least: the least of `|Hx - y|^2 / sigma^2 + x' S^-1 x` over all scenes `x` is that over `sigma^2`. It
//! is a quadratic form of the margin's samples, and `-M P y` leads down from it, where `M` keeps the margin
//! and takes the frame away. `P` lies between 0 and 1, and its greatest parts do the harm: a few steps of
//! Chebyshev's iteration for what lies above a bound take nearly all of that away,
//!
//! ```text
//! d_1 = r_1 / t,  d_(k+1) = q_(k+1) q_k d_k + 2 q_(k+1) / w r_(k+1),   y += d_k,  r_(k+1) = r_k - M P d_k
//! q_1 = w / t,  q_(k+1) = 1 / (2 t / w - q_k),   t = (1 + bound) / 2,  w = (1 - bound) / 2
//! ```
//!
//! (Saad, "Iterative methods for sparse linear systems", 2003, algorithm 12.1.) Conjugate gradients gain no
//! more, and are not linear in the frame. `R` is that of a noise of some gray levels, though the frame may
//! have less: a margin is not known any better, and steps are saved.
//!
//! That pays where the inverse is steep. The harm is estimated as what the Wiener filter changes in
//! edges around the frame, whose power falls by the Laplacian `G`, over the error that it has anyway.

use super::edges::{Edges, Framing};
use super::expected::{Assumed, Kind};
use super::regulariser::Regulariser;
use crate::fft::{FieldFilter, coefficients};
use crate::frame::Extent;
use crate::optics::{Blur, Light, PsfError, laplacian};

/// How the margin of a frame is found.
#[derive(Debug, Clone)]
pub struct Borders {
    /// `P`.
    pub projection: FieldFilter,
    /// What each step keeps of the one before it, and how far it goes down; each costs a filter.
    pub steps: Vec<(f32, f32)>,
}

impl Borders {
    /// The least noise that margins are reckoned with. Of 1.25 to 20 gray levels, five leave the least
    /// error after few steps.
    const FLOOR: Light = Light(5.0 / 255.0);
    const STEPS: usize = 4;
    /// Parts of `P` above this are taken away.
    const BOUND: f64 = 0.1;
    /// The least noise that there is: what eight bits round away, and some.
    const LEAST: Light = Light(0.4 / 255.0);
    /// Harm from which on it is mended; Set12 then gains 0.3 dB and more by it.
    const HARM: f64 = 40.0;
    /// The part of the Wiener estimate's error that `P` may add by being simplified.
    const BUDGET: f64 = 1e-4;

    /// Plans margins for frames under this blur and this noise; none where the smooth one serves.
    ///
    /// # Errors
    /// Where the PSF is larger than the planes.
    pub fn plan(blur: &Blur, framing: Framing, noise: Light) -> Result<Option<Self>, PsfError> {
        // A margin is wide where the PSF is, and a field's PSFs are near enough to that in the middle.
        let psf = blur.central();
        let noise = Light(noise.0.max(Self::LEAST.0));
        let seen = Assumed::new(framing.outer, Regulariser::Spectral, noise).blurred_by(psf)?;
        let harm =
            |index| f64::from(seen.wiener(index).norm_sqr()) / laplacian(framing.outer, index);
        let harm: f64 = (1..coefficients(framing.outer)).map(harm).sum();
        let Extent { width, height } = framing.inner;
        let edges = 2.0 * (width + height) as f64 / framing.inner.area() as f64;
        if framing.edges == Edges::Circular || harm / seen.error() * edges < Self::HARM {
            return Ok(None);
        }
        let noise = Light(noise.0.max(Self::FLOOR.0));
        let assumed = Assumed::new(framing.outer, Regulariser::Spectral, noise).blurred_by(psf)?;
        let budget = Self::BUDGET * assumed.error();
        let projection = assumed.simple_filter(Kind::Projection(1.0), budget).into();
        Ok(Some(Self { projection, steps: Self::steps() }))
    }

    #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
    fn steps() -> Vec<(f32, f32)> {
        let (middle, half) = ((1.0 + Self::BOUND) / 2.0, (1.0 - Self::BOUND) / 2.0);
        let mut steps = vec![(0.0, (1.0 / middle) as f32)];
        let mut quotient = half / middle;
        while steps.len() < Self::STEPS {
            let next = 1.0 / (2.0 * middle / half - quotient);
            steps.push(((next * quotient) as f32, (2.0 * next / half) as f32));
            quotient = next;
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::Psf;

    #[track_caller]
    fn check_planned(psf: &str, sigma: f64, edges: Edges, expected: bool) {
        let psf = Psf::from_formula(psf).expect("a formula").expect("a PSF");
        let framing = Framing::plan(edges, Extent::new(256, 256), psf.extent());
        let borders = Borders::plan(&psf.into(), framing, Light(sigma / 255.0)).expect("it fits");
        assert_eq!(borders.is_some(), expected);
    }

    #[test]
    fn margins_are_found_where_the_inverse_is_steep() {
        check_planned("motion:31,30", 0.5, Edges::Open, true);
        check_planned("motion:31,30", 2.55, Edges::Open, true);
        check_planned("disk:3", 0.5, Edges::Open, true);
        check_planned("gaussian:1", 2.55, Edges::Open, false);
        check_planned("disk:3", 7.65, Edges::Open, false);
        check_planned("motion:31,30", 0.5, Edges::Circular, false);
    }
}

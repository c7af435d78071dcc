//! The Bessel function of the first kind and order 1, for the transform of a disk.
//!
//! Below 12 the ascending series `J1(x) = sum (-1)^k (x/2)^(2k+1) / (k! (k+1)!)`, above Hankel's
//! asymptotic expansion (Abramowitz and Stegun 9.1.10 and 9.2.5): to 1e-7.

use std::f64::consts::{FRAC_PI_4, PI};

/// Where the expansion takes over from the series.
const FAR: f64 = 12.0;

/// `2 J1(x) / x`, which is 1 at 0: the transform of a disk of radius R at radial frequency f for
/// `x = 2 pi R f`.
pub(super) fn jinc(x: f64) -> f64 {
    if x < FAR { near(x) } else { 2.0 * far(x) / x }
}

fn near(x: f64) -> f64 {
    let square = -0.25 * x * x;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..40 {
        let k = f64::from(k);
        term *= square / (k * (k + 1.0));
        sum += term;
        if term.abs() < 1e-12 {
            break;
        }
    }
    sum
}

/// `sqrt(2 / (pi x)) (P cos chi - Q sin chi)`, `chi = x - 3 pi / 4`.
fn far(x: f64) -> f64 {
    let (y, chi) = (1.0 / (8.0 * x), x - 3.0 * FRAC_PI_4);
    let square = y * y;
    // (mu - 1)(mu - 9)(mu - 25)... / n! with mu = 4, even n in P and odd n in Q.
    let p = 1.0 + square * (7.5 - square * (590.625 - square * 177_364.7));
    let q = y * (3.0 - square * (52.5 - square * 9095.625));
    (2.0 / (PI * x)).sqrt() * (p * chi.cos() - q * chi.sin())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `J1(x) = 1/pi int_0^pi cos(t - x sin t) dt`, by the trapezoid rule, exact for smooth periods.
    fn integral(x: f64) -> f64 {
        let value = |index: u32| {
            let t = PI * (f64::from(index) + 0.5) / 400.0;
            (t - x * t.sin()).cos()
        };
        (0..400).map(value).sum::<f64>() / 400.0
    }

    #[test]
    fn it_is_bessels_integral() {
        for step in 1..2000 {
            let x = 0.05 * f64::from(step);
            let error = (jinc(x) * x / 2.0 - integral(x)).abs();
            assert!(error < 2e-6, "J1({x}) is off by {error}");
        }
        assert_eq!(jinc(0.0), 1.0);
    }
}

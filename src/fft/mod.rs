//! Two-dimensional transforms of real planes, and filtering with them.
//!
//! A plane of `width x height` real samples has `(width / 2 + 1) x height` independent complex
//! coefficients; the rest are their conjugates. They are counted *column by column*.

mod layout; // the coefficients and their order
mod filter; // what they are multiplied by
mod field; // differing over the field
mod size; // lengths that are fast
mod lanes; // vectors
mod smooth; // of many lines side by side, of lengths that are fast
mod chirp; // of all others
mod wide; // of any
mod rows; // two by two
mod blocks; // rows and columns, thirty-two by sixteen
mod turns; // from one to the other
mod spectrum; // the memory
mod transform; // rows, columns, rows
mod back; // the last two of them
mod sine; // of the boundary's margins
mod lines; // lines by themselves
mod twins; // power spectra of small squares
mod mirror; // sequences

pub use field::{FieldFilter, Weighted, Weights};
pub use filter::{AllFactors, Filter};
pub use layout::{
    Complex, coefficients, frequency, half_width as columns, multiplicity, signed_frequency,
};
pub use lines::{Covariances, LineFft};
pub use mirror::MirrorFilter;
pub use sine::SineTransform;
pub use size::good_size;
pub use spectrum::Spectrum;
pub use transform::{Load, Output, RealFft2d, Store};
pub use twins::{TwinFft, TwinRoom};

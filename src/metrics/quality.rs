//! How near the frames come to their truths, where those are known.

use super::counter::Counter;

/// Sum of the frames' distances to their truths.
#[derive(Debug, Default)]
pub struct Quality {
    frames: Counter,
    blurred_mdb: Counter,
    restored_mdb: Counter,
}

impl Quality {
    /// Counts the peak signal-to-noise ratios of a frame, in dB.
    pub fn record(&self, blurred_db: f32, restored_db: f32) {
        self.blurred_mdb.add(millis(blurred_db));
        self.restored_mdb.add(millis(restored_db));
        self.frames.add(1);
    }

    /// Mean ratios of blurred and restored frames in dB; `None` while no truth was seen.
    pub fn mean_db(&self) -> Option<(f64, f64)> {
        let frames = self.frames.get();
        let mean = |sum: &Counter| sum.get() as f64 / 1e3 / frames as f64;
        (frames > 0).then(|| (mean(&self.blurred_mdb), mean(&self.restored_mdb)))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates at zero")]
fn millis(value: f32) -> u64 {
    (f64::from(value) * 1e3) as u64
}

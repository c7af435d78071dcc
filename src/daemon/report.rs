//! What was counted, in lines for people.

use crate::metrics::{Reason, Snapshot, StageSnapshot};

/// The books, latencies and gains in a few lines.
pub fn describe(snapshot: &Snapshot) -> String {
    let mut lines = vec![format!("captured {}", snapshot.trunk)];
    for sink in &snapshot.sinks {
        let (name, books, latency) = (&sink.name, sink.books, sink.latency);
        let (p50, p99) = (latency.p50_ms, latency.p99_ms);
        lines.push(format!("{name}: {books}; latency p50 {p50:.1} ms, p99 {p99:.1} ms"));
        if books.dropped_by(Reason::SinkFailed) > 0 {
            lines.push(format!("{name} failed and lost frames"));
        }
    }
    let stage = |stage: &StageSnapshot| format!("{} {:.1}", stage.name, stage.busy.mean_ms);
    let stages: Vec<String> = snapshot.stages.iter().map(stage).collect();
    lines.push(format!("ms a frame: {}", stages.join(", ")));
    if let Some(psnr) = snapshot.psnr_db {
        lines.push(format!(
            "PSNR: blurred {:.2} dB, restored {:.2} dB",
            psnr.blurred, psnr.restored
        ));
    }
    lines.join("\n")
}

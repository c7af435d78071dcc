//! The statistics as Prometheus and everything like it reads them (OpenMetrics text).
//!
//! Names follow the conventions: base units, `_total` on what only grows, one family a subject
//! with labels for stage, sink, queue and reason. States are one series a state, 1 for the present
//! one, so that they can be summed and alerted on.

use std::fmt::Error;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::live::Live;
use crate::metrics::{Books, Histogram, Level, Reason, SourceState};

/// Type of the text.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Upper bound in seconds below which a histogram needs no buckets.
const SHORTEST_S: f64 = 400e-6;

/// All statistics at one moment.
pub(super) fn exposition(live: &Arc<Live>) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("deblurd");
    registry.register_collector(Box::new(Statistics(Arc::clone(live))));
    let mut written = String::with_capacity(1 << 15);
    text::encode(&mut written, &registry)?;
    Ok(written)
}

#[derive(Debug)]
struct Statistics(Arc<Live>);

type Labels<'a> = Vec<(&'static str, &'a str)>;

impl Collector for Statistics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut page = Page(encoder);
        self.tell_program(&mut page)?;
        self.tell_source(&mut page)?;
        self.tell_frames(&mut page)?;
        self.tell_stages(&mut page)?;
        self.tell_queues(&mut page)?;
        self.tell_sinks(&mut page)?;
        self.tell_load(&mut page)
    }
}

impl Statistics {
    fn tell_program(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let version = ("version", env!("CARGO_PKG_VERSION"));
        // A gauge, as readers of the older text know no other type for it.
        page.gauges("build_info", "The running program", None, [(vec![version], 1.0)])?;
        let uptime = self.0.uptime().as_secs_f64();
        page.gauge("uptime", "Time since the start", Some(Unit::Seconds), uptime)?;
        let ready = f64::from(u8::from(self.0.unreadiness().is_none()));
        page.gauge("ready", "1 while frames advance", None, ready)?;
        let viewers = self.0.connections() as f64;
        page.gauge("http_connections", "Open connections to this server", None, viewers)?;
        let reloads = self.0.metrics.reload.snapshot();
        let results = [("done", reloads.done), ("refused", reloads.refused)];
        page.counters(
            "reloads",
            "Reloads of the configuration",
            results.map(|(result, count)| (label("result", result), count)),
        )
    }

    fn tell_source(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let source = self.0.metrics.source.snapshot();
        let states = SourceState::ALL.map(|state| (state.name(), state == source.state));
        page.states("source_state", "What the camera is doing", "state", &states)?;
        let since = source.since_s;
        page.gauge("source_state_age", "Time in this state", Some(Unit::Seconds), since)?;
        for (name, help, count) in [
            ("source_transitions", "Changes of the camera's state", source.transitions),
            ("source_opened", "Times the camera was opened", source.opened),
            ("source_restarted", "Times its stream was restarted", source.restarted),
            ("source_gaps", "Pictures that the camera itself lost", source.gaps),
            ("source_errored", "Pictures that the camera marked as damaged", source.errored),
            ("source_timeouts", "Times the camera gave no picture in time", source.timeouts),
            (
                "source_placeholders",
                "Stand-ins given in the place of pictures",
                source.placeholders,
            ),
            ("source_heartbeats", "Signs of life of the source's thread", source.heartbeats),
        ] {
            page.counters(name, help, [(Vec::new(), count)])?;
        }
        Ok(())
    }

    fn tell_frames(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let metrics = &self.0.metrics;
        let books = metrics.trunk.books();
        let captured = [(Vec::new(), books.entered)];
        page.counters("frames_captured", "Frames that came from the source", captured)?;
        let delivered = [(Vec::new(), books.delivered)];
        page.counters("frames_delivered", "Frames that left the last stage", delivered)?;
        page.counters("frames_dropped", "Frames lost on the way there", dropped(&books, None))?;
        page.gauge("frames_in_flight", "Frames on the way", None, books.in_flight as f64)?;
        if let Some((blurred, restored)) = metrics.quality.mean_db() {
            let pictures = [("blurred", blurred), ("restored", restored)];
            page.gauges(
                "psnr_decibels",
                "Mean peak signal-to-noise ratio where the truth is known",
                None,
                pictures.map(|(picture, db)| (label("picture", picture), db)),
            )?;
        }
        Ok(())
    }

    fn tell_stages(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let stages = self.0.metrics.stages();
        page.histograms(
            "stage_duration",
            "Time a stage took a frame",
            stages.iter().map(|stage| (label("stage", &stage.name), &stage.busy)),
        )?;
        page.histograms(
            "stage_latency",
            "Time from capture until a stage was done with a frame",
            stages.iter().map(|stage| (label("stage", &stage.name), &stage.age)),
        )?;
        page.counters(
            "stage_failures",
            "Frames on which a stage failed and was passed over",
            stages.iter().map(|stage| (label("stage", &stage.name), stage.failed.get())),
        )
    }

    fn tell_queues(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let queues = self.0.metrics.queues();
        let depths = queues.iter().map(|queue| (label("queue", &queue.name), queue.depth() as f64));
        page.gauges("queue_depth", "Frames that wait before a thread", None, depths)?;
        let capacities =
            queues.iter().map(|queue| (label("queue", &queue.name), queue.capacity as f64));
        page.gauges("queue_capacity", "Frames that can wait before a thread", None, capacities)
    }

    fn tell_sinks(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let sinks = &self.0.metrics.sinks;
        let books: Vec<(&str, Books)> =
            sinks.iter().map(|sink| (sink.name.as_str(), sink.ledger.books())).collect();
        let count = |number: fn(&Books) -> u64| {
            books.iter().map(move |(name, books)| (label("sink", name), number(books)))
        };
        page.counters("sink_frames_offered", "Frames offered to a sink", count(|b| b.entered))?;
        page.counters("sink_frames_delivered", "Frames a sink took", count(|b| b.delivered))?;
        let lost = books.iter().flat_map(|(name, books)| dropped(books, Some(name)));
        page.counters("sink_frames_dropped", "Frames lost to a sink", lost)?;
        page.histograms(
            "sink_latency",
            "Time from capture until a sink had taken a frame",
            sinks.iter().map(|sink| (label("sink", &sink.name), &sink.latency)),
        )
    }

    fn tell_load(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let load = self.0.metrics.load.snapshot();
        let levels = Level::ALL.map(|level| (level.name(), level == load.level));
        page.states("effort_level", "Step of the overload ladder", "level", &levels)?;
        let steps = [("down", load.steps_down), ("up", load.steps_up)];
        page.counters(
            "effort_steps",
            "Steps on the overload ladder",
            steps.map(|(direction, count)| (label("direction", direction), count)),
        )?;
        let efforts =
            [("full", load.full), ("wiener", load.wiener), ("passthrough", load.passthrough)];
        page.counters(
            "effort_frames",
            "Frames by what was done to them",
            efforts.map(|(effort, count)| (label("effort", effort), count)),
        )?;
        let zone = load.temperature_c;
        zone.map_or(Ok(()), |celsius| {
            let help = "Temperature of the hottest zone of the device";
            page.gauge("temperature", help, Some(Unit::Celsius), celsius)
        })
    }
}

fn label<'a>(name: &'static str, value: &'a str) -> Labels<'a> {
    vec![(name, value)]
}

/// The losses of a ledger, one series a reason.
fn dropped<'a>(books: &Books, sink: Option<&'a str>) -> Vec<(Labels<'a>, u64)> {
    let series = |reason: Reason| {
        let sink = sink.map(|sink| ("sink", sink));
        let labels = sink.into_iter().chain([("reason", reason.name())]).collect();
        (labels, books.dropped_by(reason))
    };
    Reason::ALL.map(series).into()
}

/// The text that is being written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn counters<'l>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'l>, u64)>,
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, count) in series {
            let mut one = family.encode_family(&labels)?;
            one.encode_counter::<NoLabelSet, u64, f64>(&count, None)?;
        }
        Ok(())
    }

    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        value: f64,
    ) -> Result<(), Error> {
        self.gauges(name, help, unit, [(Vec::new(), value)])
    }

    fn gauges<'l>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        series: impl IntoIterator<Item = (Labels<'l>, f64)>,
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
        for (labels, value) in series {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn states(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        states: &[(&str, bool)],
    ) -> Result<(), Error> {
        let one = |&(state, is_it)| (self::label(label, state), f64::from(u8::from(is_it)));
        self.gauges(name, help, None, states.iter().map(one))
    }

    fn histograms<'h>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'h>, &'h Histogram)>,
    ) -> Result<(), Error> {
        let unit = Some(&Unit::Seconds);
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        for (labels, histogram) in series {
            let (buckets, count) = buckets(histogram);
            let mut one = family.encode_family(&labels)?;
            one.encode_histogram::<NoLabelSet>(histogram.total_s(), count, &buckets, None)?;
        }
        Ok(())
    }
}

/// Upper bounds with the durations between them, and the number of all.
fn buckets(histogram: &Histogram) -> (Vec<(f64, u64)>, u64) {
    let (mut buckets, mut below) = (Vec::new(), 0);
    for (bound, up_to) in histogram.octaves() {
        if bound >= SHORTEST_S {
            buckets.push((bound, up_to - below));
            below = up_to;
        }
    }
    (buckets, below)
}

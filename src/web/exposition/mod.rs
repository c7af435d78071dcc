//! The statistics as OpenMetrics text; [`Dialect`](super::accept::Dialect) makes older text of it.
//!
//! Names follow the conventions: base units, `_total` on what only grows, one family a subject
//! with labels for stage, sink, queue and reason. States are one series a state, 1 for the present
//! one, so that they can be summed and alerted on.

mod parts;
mod station;

use std::fmt::Error;
use std::time::Duration;

use super::face::Face;
use super::openmetrics::{self, Page, Series, Told, Unit};
use super::site::Site;
use crate::metrics::{Books, Histogram, Level, QueueMetrics, Snapshot, SourceState, StageMetrics};
use station::Station;

/// All statistics at one moment, of the station `name` or of all.
pub(super) fn exposition(site: &Site, name: Option<&str>) -> Result<String, Error> {
    let program = Program {
        uptime_s: site.started.elapsed().as_secs_f64(),
        connections: site.connections() as f64,
    };
    let is_told = site.has_several();
    let stations = site.faces(name).into_iter();
    let station = |face| Station::new(face, site.stall_patience, is_told);
    let stations = stations.map(station).collect();
    openmetrics::text(Statistics { program, stations })
}

/// All statistics at one moment of a station, of which no server tells.
pub(super) fn of_station(
    face: &Face,
    patience: Duration,
    uptime: Duration,
) -> Result<String, Error> {
    let program = Program { uptime_s: uptime.as_secs_f64(), connections: 0.0 };
    let stations = vec![Station::new(face.clone(), patience, true)];
    openmetrics::text(Statistics { program, stations })
}

/// What is told, looked at once, so that the numbers of one text fit each other.
#[derive(Debug)]
struct Statistics {
    program: Program,
    stations: Vec<Station>,
}

#[derive(Debug)]
struct Program {
    uptime_s: f64,
    connections: f64,
}

impl Told for Statistics {
    fn tell(&self, page: &mut Page<'_>) -> Result<(), Error> {
        self.tell_program(page)?;
        self.tell_source(page)?;
        self.tell_frames(page)?;
        self.tell_stages(page)?;
        self.tell_queues(page)?;
        self.tell_sinks(page)?;
        self.tell_load(page)?;
        parts::tell_restorations(&self.stations, page)?;
        parts::tell_fusions(&self.stations, page)?;
        self.tell_faults(page)?;
        self.tell_lamps(page)?;
        parts::tell_guards(&self.stations, page)?;
        parts::tell_cards(&self.stations, page)?;
        parts::tell_watches(&self.stations, page)?;
        parts::tell_fleets(&self.stations, page)
    }
}

impl Statistics {
    /// The series of all stations.
    fn each<'a, T>(&'a self, series: impl Fn(&'a Station) -> Series<'a, T>) -> Series<'a, T> {
        self.stations.iter().flat_map(series).collect()
    }

    /// One number of every station.
    fn one<T>(&self, number: impl Fn(&Station) -> T) -> Series<'_, T> {
        self.each(|station| vec![(station.labels(&[]), number(station))])
    }

    fn tell_faults(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let newest = self.one(|station| station.snapshot.faults.newest as f64);
        let help = "Hot and dead pixels that were mended in the newest frame";
        page.gauges("faults_mended", help, None, newest)?;
        let known = self.one(|station| station.snapshot.faults.known as f64);
        let help = "Hot and dead pixels of the sensor that nearly all frames told";
        page.gauges("faults_known", help, None, known)?;
        let stripes = self.each(|station| {
            let of = |along, deviation| (station.labels(&[("along", along)]), deviation);
            let faults = station.snapshot.faults;
            vec![of("rows", faults.rows), of("columns", faults.columns)]
        });
        let help = "Deviation in gray levels of the stripes taken from the newest frame";
        page.gauges("stripes_gray_levels", help, None, stripes)
    }

    fn tell_lamps(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let tiles = self.one(|station| station.snapshot.lamps.tiles as f64);
        let help = "Tiles of the newest frame that light beyond white may reach";
        page.gauges("lamp_tiles", help, None, tiles)?;
        let postponed = self.one(|station| station.snapshot.lamps.postponed as f64);
        let help = "Those in which it is looked for in a later frame";
        page.gauges("lamp_tiles_postponed", help, None, postponed)
    }

    fn tell_program(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let version = ("version", env!("CARGO_PKG_VERSION"));
        // A gauge, as readers of the older text know no other type for it.
        page.gauges("build_info", "The running program", None, [(vec![version], 1.0)])?;
        let uptime = [(Vec::new(), self.program.uptime_s)];
        page.gauges("uptime", "Time since the start", Some(Unit::Seconds), uptime)?;
        let ready = self.one(|station| f64::from(u8::from(station.ready)));
        page.gauges("ready", "1 while frames advance", None, ready)?;
        let viewers = [(Vec::new(), self.program.connections)];
        page.gauges("http_connections", "Open connections to this server", None, viewers)?;
        let results = self.each(|station| {
            let reloads = &station.snapshot.reload;
            let results = [("done", reloads.done), ("refused", reloads.refused)];
            results.map(|(result, count)| (station.labels(&[("result", result)]), count)).into()
        });
        page.counters("reloads", "Reloads of the configuration", results)?;
        let refused =
            self.one(|station| f64::from(u8::from(!station.snapshot.reload.problem.is_empty())));
        page.gauges("reload_refused", "1 where the last reload was refused", None, refused)
    }

    fn tell_source(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let states = self.each(|station| {
            let present = station.snapshot.source.state;
            let states = SourceState::ALL.map(|state| (state.name(), state == present));
            station.states("state", &states)
        });
        page.gauges("source_state", "What the camera is doing", None, states)?;
        let since = self.one(|station| station.snapshot.source.since_s);
        page.gauges("source_state_age", "Time in this state", Some(Unit::Seconds), since)?;
        type Count = fn(&Snapshot) -> u64;
        let counts: [(&str, &str, Count); 8] = [
            ("source_transitions", "Changes of the camera's state", |s| s.source.transitions),
            ("source_opened", "Times the camera was opened", |s| s.source.opened),
            ("source_restarted", "Times its stream was restarted", |s| s.source.restarted),
            ("source_gaps", "Pictures that the camera itself lost", |s| s.source.gaps),
            ("source_errored", "Pictures that the camera marked as damaged", |s| s.source.errored),
            ("source_timeouts", "Times the camera gave no picture in time", |s| s.source.timeouts),
            ("source_placeholders", "Stand-ins given in the place of pictures", |s| {
                s.source.placeholders
            }),
            ("source_heartbeats", "Signs of life of the source's thread", |s| s.source.heartbeats),
        ];
        for (name, help, count) in counts {
            page.counters(name, help, self.one(|station| count(&station.snapshot)))?;
        }
        Ok(())
    }

    fn tell_frames(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let captured = self.one(|station| station.snapshot.trunk.entered);
        page.counters("frames_captured", "Frames that came from the source", captured)?;
        let delivered = self.one(|station| station.snapshot.trunk.delivered);
        page.counters("frames_delivered", "Frames that left the last stage", delivered)?;
        let dropped = self.each(|station| station.dropped(&station.snapshot.trunk, None));
        page.counters("frames_dropped", "Frames lost on the way there", dropped)?;
        let in_flight = self.one(|station| station.snapshot.trunk.in_flight as f64);
        page.gauges("frames_in_flight", "Frames on the way", None, in_flight)?;
        let known = self.each(|station| {
            let pictures = station.snapshot.psnr_db.map(|psnr| {
                let pictures = [("blurred", psnr.blurred), ("restored", psnr.restored)];
                pictures.map(|(picture, db)| (station.labels(&[("picture", picture)]), db))
            });
            pictures.into_iter().flatten().collect()
        });
        if known.is_empty() {
            return Ok(());
        }
        let help = "Mean peak signal-to-noise ratio where the truth is known";
        page.gauges("psnr_decibels", help, None, known)
    }

    fn tell_stages(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let histograms = |histogram: fn(&StageMetrics) -> &Histogram| {
            self.each(move |station| {
                let stages = station.stages.iter();
                stages.map(|s| (station.labels(&[("stage", &s.name)]), histogram(s))).collect()
            })
        };
        page.histograms("stage_duration", "Time a stage took a frame", histograms(|s| &s.busy))?;
        let help = "Time from capture until a stage was done with a frame";
        page.histograms("stage_latency", help, histograms(|s| &s.age))?;
        let failures = self.each(|station| {
            let stages = station.snapshot.stages.iter();
            stages.map(|s| (station.labels(&[("stage", &s.name)]), s.failed)).collect()
        });
        let help = "Frames on which a stage failed and was passed over";
        page.counters("stage_failures", help, failures)
    }

    fn tell_queues(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let queues = |number: fn(&QueueMetrics) -> usize| {
            self.each(move |station| {
                let one = |queue: &'_ QueueMetrics| number(queue) as f64;
                let queues = station.queues.iter();
                queues.map(|q| (station.labels(&[("queue", &q.name)]), one(q))).collect()
            })
        };
        let help = "Frames that wait before a thread";
        page.gauges("queue_depth", help, None, queues(QueueMetrics::depth))?;
        let help = "Frames that can wait before a thread";
        page.gauges("queue_capacity", help, None, queues(|queue| queue.capacity))
    }

    fn tell_sinks(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let count = |number: fn(&Books) -> u64| {
            self.each(move |station| {
                let sinks = station.snapshot.sinks.iter();
                sinks.map(|s| (station.labels(&[("sink", &s.name)]), number(&s.books))).collect()
            })
        };
        page.counters("sink_frames_offered", "Frames offered to a sink", count(|b| b.entered))?;
        page.counters("sink_frames_delivered", "Frames a sink took", count(|b| b.delivered))?;
        let lost = self.each(|station| {
            let sinks = station.snapshot.sinks.iter();
            sinks.flat_map(|sink| station.dropped(&sink.books, Some(&sink.name))).collect()
        });
        page.counters("sink_frames_dropped", "Frames lost to a sink", lost)?;
        let latencies = self.each(|station| {
            let sinks = station.face.metrics.sinks.iter();
            sinks.map(|s| (station.labels(&[("sink", &s.name)]), &s.latency)).collect()
        });
        let help = "Time from capture until a sink had taken a frame";
        page.histograms("sink_latency", help, latencies)
    }

    fn tell_load(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let levels = self.each(|station| {
            let present = station.snapshot.load.level;
            station.states("level", &Level::ALL.map(|level| (level.name(), level == present)))
        });
        page.gauges("effort_level", "Step of the overload ladder", None, levels)?;
        let steps = self.each(|station| {
            let load = &station.snapshot.load;
            let steps = [("down", load.steps_down), ("up", load.steps_up)];
            steps.map(|(way, count)| (station.labels(&[("direction", way)]), count)).into()
        });
        page.counters("effort_steps", "Steps on the overload ladder", steps)?;
        let efforts = self.each(|station| {
            let load = &station.snapshot.load;
            let efforts =
                [("full", load.full), ("wiener", load.wiener), ("passthrough", load.passthrough)];
            efforts.map(|(effort, count)| (station.labels(&[("effort", effort)]), count)).into()
        });
        page.counters("effort_frames", "Frames by what was done to them", efforts)?;
        let heat = self.each(|station| {
            let celsius = station.snapshot.load.temperature_c;
            celsius.into_iter().map(|celsius| (station.labels(&[]), celsius)).collect()
        });
        if heat.is_empty() {
            return Ok(());
        }
        let help = "Temperature of the hottest zone of the device";
        page.gauges("temperature", help, Some(Unit::Celsius), heat)
    }
}

//! Families of series as the text of OpenMetrics, which the library `prometheus_client` encodes: what is
//! told is the [`exposition`](super::exposition)'s.

use std::fmt::{Debug, Error};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
pub(super) use prometheus_client::registry::Unit;

use crate::metrics::Histogram;

/// Upper bound in seconds below which a histogram needs no buckets.
const SHORTEST_S: f64 = 400e-6;

pub(super) type Labels<'a> = Vec<(&'static str, &'a str)>;
pub(super) type Series<'a, T> = Vec<(Labels<'a>, T)>;

/// What can be told on a page.
pub(super) trait Told: Debug + Send + Sync + 'static {
    /// Writes all families.
    fn tell(&self, page: &mut Page<'_>) -> Result<(), Error>;
}

/// The page of what is `told`; names of families begin with the program's.
pub(super) fn text(told: impl Told) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("deblurd");
    registry.register_collector(Box::new(Teller(told)));
    let mut written = String::with_capacity(1 << 15);
    text::encode(&mut written, &registry)?;
    Ok(written)
}

#[derive(Debug)]
struct Teller<T>(T);

impl<T: Told> Collector for Teller<T> {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.0.tell(&mut Page(encoder))
    }
}

/// The text that is being written.
pub(super) struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    /// A family of what only grows.
    pub(super) fn counters<'l>(
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

    /// A family of what goes up and down, in a unit that its name then bears.
    pub(super) fn gauges<'l>(
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

    /// A family of durations in seconds.
    pub(super) fn histograms<'h>(
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

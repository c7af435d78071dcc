//! Which text of the statistics a request wants: the older one of Prometheus, which everything
//! reads, or OpenMetrics where it is asked for.
//!
//! Ranges are weighed as RFC 9110 (12.5.1) says: of those that a type fits the most specific one
//! gives its weight, 0 to 1. A range of another version is one of another type.

use hyper::HeaderMap;
use hyper::header;

/// Types, subtypes and versions of the two texts.
const TEXT: [&str; 3] = ["text", "plain", "0.0.4"];
const OPEN_METRICS: [&str; 3] = ["application", "openmetrics-text", "1.0.0"];

/// A text of the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

/// How well a range fits a type: how specific it is, and its weight.
type Fit = (u8, f32);

impl Dialect {
    /// What the `Accept` headers of a request ask for.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let ranges: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        let best = |kind| {
            let fits = ranges.iter().filter_map(|range| fit(range, kind));
            let of_all = |best: Fit, fit: Fit| if fit > best { fit } else { best };
            fits.fold((0, 0.0), of_all)
        };
        let ((by_name, open), (_, text)) = (best(OPEN_METRICS), best(TEXT));
        // Whoever names it and likes the other as much can read it; whoever takes anything may not.
        let is_wanted = open > text || open > 0.0 && open >= text && by_name >= EXACT;
        if is_wanted { Self::OpenMetrics } else { Self::Text }
    }

    /// The type of such a text.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What OpenMetrics text is in this dialect. The older one has no units and no end, and names
    /// the family of a counter as its series.
    pub(super) fn of_open_metrics(self, text: String) -> String {
        if self == Self::OpenMetrics {
            return text;
        }
        let counters: Vec<&str> = text.lines().filter_map(counter).collect();
        let mut older = String::with_capacity(text.len());
        for line in text.lines().filter(|line| !line.starts_with("# UNIT ") && *line != "# EOF") {
            older += &renamed(line, &counters);
            older.push('\n');
        }
        older
    }
}

/// The family of a counter, where a line says that it is one.
fn counter(line: &str) -> Option<&str> {
    line.strip_prefix("# TYPE ")?.strip_suffix(" counter")
}

/// How specific a range is that names a type, a version or not.
const EXACT: u8 = 3;

/// How well a range fits a type.
fn fit(range: &str, [kind, subtype, version]: [&str; 3]) -> Option<Fit> {
    let mut parts = range.split(';').map(str::trim);
    let (its_kind, its_subtype) = parts.next()?.split_once('/')?;
    let is = |is: &str, wanted: &str| is.eq_ignore_ascii_case(wanted);
    let specific = match (its_kind, its_subtype) {
        ("*", "*") => 1,
        (its_kind, "*") if is(its_kind, kind) => 2,
        _ if is(its_kind, kind) && is(its_subtype, subtype) => EXACT,
        _ => return None,
    };
    let (mut weight, mut specific) = (1.0, specific);
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        let (name, value) = (name.trim(), value.trim().trim_matches('"'));
        if is(name, "q") {
            weight = value.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
        } else if is(name, "version") {
            (value == version).then_some(())?;
            specific += 1;
        }
    }
    Some((specific, weight))
}

/// A line with the name of the family, where that is a counter's, as its series have it.
fn renamed(line: &str, counters: &[&str]) -> String {
    for word in ["# HELP ", "# TYPE "] {
        let Some((name, rest)) = line.strip_prefix(word).and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        if counters.contains(&name) {
            return format!("{word}{name}_total {rest}");
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &[&str], expected: Dialect) {
        let mut headers = HeaderMap::new();
        for line in accept {
            headers.append(header::ACCEPT, line.parse().expect("a header"));
        }
        assert_eq!(Dialect::of(&headers), expected, "{accept:?}");
    }

    #[test]
    fn open_metrics_is_for_whoever_asks() {
        const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;\
             q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for accept in [
            [PROMETHEUS].as_slice(),
            &["application/openmetrics-text"],
            &["Application/OpenMetrics-Text; version=\"1.0.0\"; charset=utf-8"],
            &["text/plain", "application/openmetrics-text"],
            &["application/openmetrics-text;q=0.5, */*;q=0.1"],
            &["application/*"],
        ] {
            check(accept, Dialect::OpenMetrics);
        }
        for accept in [
            [].as_slice(),
            &[""],
            &["*/*"],
            &["text/plain;version=0.0.4"],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            &["application/openmetrics-text;q=0"],
            &["application/openmetrics-text;q=0.3,text/plain;q=0.7"],
            &["application/openmetrics-text;q=0.3, */*"],
            &["application/openmetrics-text;version=0.0.1,text/plain;q=0.1"],
            &["application/openmetrics-text;q=x"],
        ] {
            check(accept, Dialect::Text);
        }
    }

    #[test]
    fn the_older_text_names_counters_as_their_series() {
        let text = "# HELP a Frames.\n# TYPE a counter\na_total 3\n# HELP b_seconds Age.\n\
                    # TYPE b_seconds gauge\n# UNIT b_seconds seconds\nb_seconds 1.5\n# EOF\n";
        let older = "# HELP a_total Frames.\n# TYPE a_total counter\na_total 3\n\
                     # HELP b_seconds Age.\n# TYPE b_seconds gauge\nb_seconds 1.5\n";
        assert_eq!(Dialect::Text.of_open_metrics(text.to_owned()), older);
        assert_eq!(Dialect::OpenMetrics.of_open_metrics(text.to_owned()), text);
    }
}

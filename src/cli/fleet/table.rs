//! The cameras of a fleet as rows of a table.

use crate::web::{Condition, Member};

/// What stands above the columns.
pub(in crate::cli) const HEADS: [&str; 8] =
    ["", "CAMERA", "FRAMES/S", "LOST", "°C", "TOLD", "VERSION", ""];

/// All of them in rows of columns as wide as they must be, the worst first.
pub(in crate::cli) fn rows(members: &[Member]) -> Vec<(Condition, String)> {
    let mut sorted: Vec<&Member> = members.iter().collect();
    sorted.sort_by_key(|member| member.condition);
    let cells: Vec<[String; 8]> = sorted.iter().map(|member| cells(member)).collect();
    let width = |column: usize| {
        let all = cells.iter().map(|row| row[column].chars().count());
        all.chain([HEADS[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; 8] = std::array::from_fn(width);
    let row = |cells: &[String; 8]| padded(cells, &widths);
    let rows = sorted.iter().zip(&cells).map(|(member, cells)| (member.condition, row(cells)));
    let head = (Condition::Live, row(&HEADS.map(str::to_owned)));
    std::iter::once(head).chain(rows).collect()
}

/// How many there are, and how many of each condition.
pub(in crate::cli) fn summary(members: &[Member]) -> String {
    let all = [
        Condition::Gone,
        Condition::Stale,
        Condition::Unready,
        Condition::Hot,
        Condition::Dropping,
        Condition::Live,
    ];
    let counted = all.into_iter().filter_map(|condition| {
        let count = members.iter().filter(|member| member.condition == condition).count();
        (count > 0).then(|| format!("{count} {}", condition.name()))
    });
    let counted: Vec<String> = counted.collect();
    let told = if counted.is_empty() { "none heard of yet".to_owned() } else { counted.join(", ") };
    format!("{} cameras: {told}", members.len())
}

fn cells(member: &Member) -> [String; 8] {
    let known = |value: Option<f64>, told: fn(f64) -> String| value.map_or("–".to_owned(), told);
    [
        member.condition.name().to_owned(),
        format!("{}/{}", member.host, member.camera),
        known(member.rate, |rate| format!("{rate:.1}")),
        known(member.loss, |loss| format!("{:.1} %", 100.0 * loss)),
        known(member.temperature_c, |celsius| format!("{celsius:.0}")),
        known(member.age_s, |seconds| format!("{seconds:.0} s ago")),
        member.version.clone(),
        member.why.clone(),
    ]
}

fn padded(cells: &[String; 8], widths: &[usize; 8]) -> String {
    let pieces = cells.iter().zip(widths).map(|(cell, &width)| format!("{cell:<width$}"));
    pieces.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(camera: &str, condition: Condition) -> Member {
        Member {
            host: "host".to_owned(),
            camera: camera.to_owned(),
            condition,
            why: "so".to_owned(),
            age_s: Some(1.4),
            rate: None,
            loss: Some(0.125),
            temperature_c: Some(61.5),
            level: "everything".to_owned(),
            published: 7,
            version: "0.1.0".to_owned(),
        }
    }

    #[test]
    fn the_worst_stands_first_and_columns_stand_below_each_other() {
        let members = [member("left", Condition::Live), member("far-right", Condition::Gone)];
        let rows: Vec<String> = rows(&members).into_iter().map(|(_, row)| row).collect();
        assert_eq!(
            rows,
            [
                "      CAMERA          FRAMES/S  LOST    °C  TOLD     VERSION",
                "gone  host/far-right  –         12.5 %  62  1 s ago  0.1.0    so",
                "live  host/left       –         12.5 %  62  1 s ago  0.1.0    so",
            ]
        );
        assert_eq!(summary(&members), "2 cameras: 1 gone, 1 live");
        assert_eq!(summary(&[]), "0 cameras: none heard of yet");
    }
}

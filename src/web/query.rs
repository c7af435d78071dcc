//! What stands behind the question mark of an address, or in a form.

use crate::sink::Side;

/// The number in `after=NUMBER`; 0 where nothing is asked.
pub(super) fn after(query: Option<&str>) -> Option<u64> {
    parameter(query, "after").map_or(Some(0), |value| value.parse().ok())
}

/// The side in `side=before` or `side=after`; the restored one where nothing is asked.
pub(super) fn side(query: Option<&str>) -> Option<Side> {
    match parameter(query, "side") {
        None | Some("after") => Some(Side::After),
        Some("before") => Some(Side::Before),
        Some(_) => None,
    }
}

/// Whether pictures are to be marked that were not restored in full: `mark` or `mark=1`.
pub(super) fn is_marked(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|it| it == "mark" || it == "mark=1"))
}

/// What stands behind `name=`, as it was written.
pub(super) fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_names_a_frame() {
        assert_eq!(after(None), Some(0));
        assert_eq!(after(Some("x=1&after=12")), Some(12));
        assert_eq!(after(Some("after=-1")), None);
        assert_eq!(after(Some("after=99999999999999999999")), None);
    }

    #[test]
    fn the_query_names_a_side() {
        assert_eq!(side(None), Some(Side::After));
        assert_eq!(side(Some("x=1&side=before")), Some(Side::Before));
        assert_eq!(side(Some("side=after&after=3")), Some(Side::After));
        assert_eq!(side(Some("side=left")), None);
    }
}

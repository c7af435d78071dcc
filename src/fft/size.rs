//! Lengths whose transforms are fast.

/// A length from `least` up whose transforms are fast: even, a product of 2, 3, 5 and 7, and, of
/// those at most a twenty-fifth above `least`, the one with the most factors 2. (A column of 768
/// takes half the time of one of 750.) Even, so that networks that work at half resolution need no
/// padding.
pub fn good_size(least: usize) -> usize {
    let first = least.max(2).next_multiple_of(2);
    // A power of two lies between any number and its double.
    let smooth = || (first..=2 * first).step_by(2).filter(|&length| is_smooth(length));
    let near = smooth().take_while(|&length| length <= first + first / 25);
    // Of equals the least: `max_by_key` keeps the last it meets.
    let best =
        near.collect::<Vec<_>>().into_iter().rev().max_by_key(|length| length.trailing_zeros());
    best.or_else(|| smooth().next()).unwrap_or(first)
}

fn is_smooth(number: usize) -> bool {
    let mut rest = number;
    for prime in [2, 3, 5, 7] {
        while rest.is_multiple_of(prime) {
            rest /= prime;
        }
    }
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_sizes_are_smooth_and_rich_in_twos() {
        let expected =
            [(0, 2), (1, 2), (7, 8), (11, 12), (13, 14), (754, 768), (1314, 1344), (1954, 2016)];
        for (least, good) in expected {
            assert_eq!(good_size(least), good, "from {least}");
        }
    }
}

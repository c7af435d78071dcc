//! The least value of a function of few numbers, by the method of Nelder and Mead ("A simplex method
//! for function minimization", Computer Journal 7, 1965).

/// Up to three numbers; those that a function has no use for are 0.
pub(crate) type Point = [f64; 3];

/// Where the least value was found, and the value.
pub(crate) type Least = (Point, f64);

/// The least value of `function` of `dimensions` numbers near `start`, the first steps being `step`
/// along each; ends where the simplex is smaller than `tolerance`.
pub(crate) fn minimise(
    dimensions: usize,
    start: Point,
    step: f64,
    tolerance: f64,
    mut function: impl FnMut(&Point) -> f64,
) -> Least {
    let mut corners = vec![(start, function(&start))];
    for axis in 0..dimensions {
        let mut corner = start;
        corner[axis] += step;
        corners.push((corner, function(&corner)));
    }
    for _ in 0..80 * dimensions {
        corners.sort_by(|a, b| a.1.total_cmp(&b.1));
        if size(&corners) < tolerance {
            break;
        }
        improve(&mut corners, &mut function);
    }
    corners.into_iter().fold((start, f64::INFINITY), |a, b| if b.1 < a.1 { b } else { a })
}

/// Replaces the worst corner, or draws all towards the best.
fn improve(corners: &mut [Least], function: &mut impl FnMut(&Point) -> f64) {
    let last = corners.len() - 1;
    let mut middle = [0.0; 3];
    for (corner, _) in &corners[..last] {
        (0..3).for_each(|axis| middle[axis] += corner[axis] / last as f64);
    }
    let worst = corners[last];
    let mut at = |factor: f64| {
        let point = [0, 1, 2].map(|axis| middle[axis] + factor * (worst.0[axis] - middle[axis]));
        (point, function(&point))
    };
    let reflected = at(-1.0);
    let better = if reflected.1 < corners[0].1 {
        let expanded = at(-2.0);
        if expanded.1 < reflected.1 { expanded } else { reflected }
    } else if reflected.1 < corners[last - 1].1 || last == 1 && reflected.1 < worst.1 {
        reflected
    } else {
        at(if reflected.1 < worst.1 { -0.5 } else { 0.5 })
    };
    if better.1 < worst.1 {
        corners[last] = better;
        return;
    }
    let best = corners[0].0;
    for corner in &mut corners[1..] {
        let point = [0, 1, 2].map(|axis| (corner.0[axis] + best[axis]) / 2.0);
        *corner = (point, function(&point));
    }
}

/// The longest distance of a corner from the best, along an axis.
fn size(corners: &[Least]) -> f64 {
    let best = corners[0].0;
    let distances =
        corners.iter().flat_map(|(corner, _)| (0..3).map(|i| (corner[i] - best[i]).abs()));
    distances.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_a_bent_valley_is_found() {
        let valley = |p: &Point| (1.0 - p[0]).powi(2) + 20.0 * (p[1] - p[0] * p[0]).powi(2);
        let (point, value) = minimise(2, [-0.5, 0.5, 0.0], 0.4, 1e-6, valley);
        assert!(value < 1e-8 && (point[0] - 1.0).abs() < 1e-3, "{point:?}");
    }

    #[test]
    fn one_number_is_enough() {
        let (point, _) = minimise(1, [3.0, 0.0, 0.0], 0.5, 1e-7, |p| (p[0] - 0.3).abs());
        assert!((point[0] - 0.3).abs() < 1e-5, "{point:?}");
    }
}

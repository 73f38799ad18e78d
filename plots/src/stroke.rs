//! What is drawn of a curve: its strokes between gaps.

use std::ops::RangeInclusive;

use crate::axis::Axis;

/// Points of a curve on its axes that are joined.
pub(crate) type Stroke = Vec<(f64, f64)>;

/// The running median over `count` points around each. A gap stays one and counts as nothing beside it.
pub(crate) fn smoothed(points: &[(f64, f64)], count: usize) -> Vec<(f64, f64)> {
    if count <= 1 {
        return points.to_vec();
    }
    let mut window = Vec::with_capacity(count);
    let median = |(at, &(x, y)): (usize, &(f64, f64))| {
        if !y.is_finite() {
            return (x, y);
        }
        let around = at.saturating_sub((count - 1) / 2)..(at + count / 2 + 1).min(points.len());
        window.clear();
        window.extend(points[around].iter().map(|(_, y)| *y).filter(|y| y.is_finite()));
        let middle = (window.len() - 1) / 2;
        (x, *window.select_nth_unstable_by(middle, f64::total_cmp).1)
    };
    points.iter().enumerate().map(median).collect()
}

/// The strokes of points, of which at most four lie over each `width` of the x axis.
pub(crate) fn strokes(points: &[(f64, f64)], x: &Axis, y: &Axis, width: f64) -> Vec<Stroke> {
    let mut strokes = vec![Stroke::new()];
    for &(at, value) in points {
        match (x.place(at), y.place(value)) {
            (Some(at), Some(value)) => strokes.last_mut().expect("one to begin with").push((at, value)),
            _ => strokes.push(Stroke::new()),
        }
    }
    strokes.retain(|stroke| !stroke.is_empty());
    strokes.iter().map(|stroke| thinned(stroke, width)).collect()
}

/// Of the points over each `width`, the first, the last, the least and the most, which is all that can be seen of them.
fn thinned(stroke: &[(f64, f64)], width: f64) -> Stroke {
    let column = |point: &(f64, f64)| (point.0 / width).floor();
    let mut kept = Stroke::new();
    for points in stroke.chunk_by(|a, b| column(a) == column(b)) {
        if points.len() <= 4 {
            kept.extend(points);
            continue;
        }
        let by_value = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1);
        let least = (0..points.len()).min_by(by_value).unwrap_or(0);
        let most = (0..points.len()).max_by(by_value).unwrap_or(0);
        let mut seen = vec![0, least, most, points.len() - 1];
        seen.sort_unstable();
        seen.dedup();
        kept.extend(seen.into_iter().map(|at| points[at]));
    }
    kept
}

/// A stroke without what lies outside of `range` of the y axis.
pub(crate) fn clipped(stroke: &[(f64, f64)], range: &RangeInclusive<f64>) -> Vec<Stroke> {
    let mut strokes = vec![Stroke::new()];
    let at_edge =
        |a: (f64, f64), b: (f64, f64), edge: f64| (a.0 + (b.0 - a.0) * ((edge - a.1) / (b.1 - a.1)), edge);
    for (index, &point) in stroke.iter().enumerate() {
        if let Some(before) = index.checked_sub(1).map(|index| stroke[index]) {
            // Edges that are crossed on the way, in order.
            let mut crossed: Vec<f64> = [*range.start(), *range.end()]
                .into_iter()
                .filter(|edge| {
                    (before.1 < *edge) != (point.1 < *edge) && before.1 != *edge && point.1 != *edge
                })
                .collect();
            if before.1 > point.1 {
                crossed.reverse();
            }
            for edge in crossed {
                let is_inside = strokes.last().is_some_and(|stroke| !stroke.is_empty());
                let crossing = at_edge(before, point, edge);
                if let Some(stroke) = strokes.last_mut() {
                    stroke.push(crossing);
                }
                if is_inside {
                    strokes.push(Stroke::new());
                }
            }
        }
        match strokes.last_mut() {
            Some(stroke) if range.contains(&point.1) => stroke.push(point),
            Some(stroke) if !stroke.is_empty() => strokes.push(Stroke::new()),
            _ => {}
        }
    }
    strokes.retain(|stroke| stroke.len() > 1);
    strokes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(from: f64, to: f64, log: bool) -> Axis {
        Axis::new([from, to].into_iter(), log, 0.0, 6).unwrap()
    }

    fn of(values: &[f64]) -> Vec<(f64, f64)> {
        values.iter().enumerate().map(|(at, value)| (at as f64, *value)).collect()
    }

    #[test]
    fn what_has_no_place_is_a_gap() {
        let (x, y) = (axis(0.0, 9.0, false), axis(0.0, 9.0, false));
        let points = of(&[1.0, f64::NAN, 2.0, 3.0, f64::INFINITY, f64::NEG_INFINITY, 4.0]);
        let [first, second, third] = &strokes(&points, &x, &y, 0.5)[..] else { panic!() };
        assert_eq!((first.len(), second.as_slice(), third[0]), (1, &points[2..4], (6.0, 4.0)));
        let log = axis(1.0, 10.0, true);
        let found = strokes(&of(&[10.0, 0.0, 1.0, -1.0]), &x, &log, 0.5);
        assert_eq!(found, [[(0.0, 1.0)], [(2.0, 0.0)]]);
        assert!(strokes(&[], &x, &y, 0.5).is_empty());
    }

    #[test]
    fn what_cannot_be_seen_is_left_out() {
        let (x, y) = (axis(0.0, 1000.0, false), axis(-1.0, 1.0, false));
        let mut values = vec![0.0; 1000];
        (values[33], values[35], values[470]) = (0.5, -0.5, 0.25);
        let found = strokes(&of(&values), &x, &y, 10.0);
        assert_eq!((found.len(), found[0].len()), (1, 203));
        let extreme: Vec<_> = found[0].iter().filter(|point| point.1 != 0.0).collect();
        assert_eq!(extreme, [&(33.0, 0.5), &(35.0, -0.5), &(470.0, 0.25)]);
    }

    #[test]
    fn a_median_leaves_spikes_out_and_gaps_in() {
        let values = |count| {
            let smooth = smoothed(&of(&[1.0, 2.0, 90.0, 3.0, 4.0, f64::NAN, 5.0]), count);
            smooth.into_iter().map(|(_, y)| y).collect::<Vec<_>>()
        };
        let same =
            |found: Vec<f64>, expected: &[f64]| assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        same(values(0), &[1.0, 2.0, 90.0, 3.0, 4.0, f64::NAN, 5.0]);
        same(values(3), &[1.0, 2.0, 3.0, 4.0, 3.0, f64::NAN, 5.0]);
        same(values(1000), &[3.0, 3.0, 3.0, 3.0, 3.0, f64::NAN, 3.0]);
    }

    #[test]
    fn what_is_outside_is_cut_off_at_the_edge() {
        let stroke = [(0.0, 0.5), (1.0, 2.5), (2.0, 3.0), (3.0, -3.0), (4.0, 1.0)];
        let found = clipped(&stroke, &(0.0..=1.0));
        assert_eq!(
            found,
            [
                vec![(0.0, 0.5), (0.25, 1.0)],
                vec![(2.0 + 1.0 / 3.0, 1.0), (2.5, 0.0)],
                vec![(3.75, 0.0), (4.0, 1.0)]
            ]
        );
        assert!(clipped(&[(0.0, 5.0), (1.0, 6.0)], &(0.0..=1.0)).is_empty());
        assert_eq!(clipped(&stroke, &(-9.0..=9.0)), [stroke.to_vec()]);
    }
}

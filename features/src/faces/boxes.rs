//! Boxes around faces, and which of those that overlap stay.

/// A rectangle in a photo, in pixels; the center of the first pixel is at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Where it begins.
    pub left: f64,
    /// Where it begins.
    pub top: f64,
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
}

/// Two boxes of which this part of their union is in both are of one face.
const SAME_OF_UNION: f64 = 0.3;

/// So are two of which this part of the smaller is in both: half a face, at the edge of a tile, and a whole one.
const SAME_OF_SMALLER: f64 = 0.6;

/// More faces than are in any photo; each that is kept is looked at closely.
const MAX_FACES: usize = 1000;

impl Bounds {
    /// The longer side.
    pub fn side(&self) -> f64 {
        self.width.max(self.height)
    }

    pub(super) fn center(&self) -> [f64; 2] {
        [self.left + self.width / 2.0, self.top + self.height / 2.0]
    }

    fn is_of_the_same_face(&self, other: &Self) -> bool {
        let shared =
            |a: f64, a_side: f64, b: f64, b_side: f64| ((a + a_side).min(b + b_side) - a.max(b)).max(0.0);
        let both = shared(self.left, self.width, other.left, other.width)
            * shared(self.top, self.height, other.top, other.height);
        let (ours, theirs) = (self.width * self.height, other.width * other.height);
        both > SAME_OF_UNION * (ours + theirs - both) || both > SAME_OF_SMALLER * ours.min(theirs)
    }
}

/// Non-maximum suppression: of boxes with a confidence, those that overlap no better one, the best first.
pub(super) fn best(mut boxes: Vec<(f64, Bounds)>) -> Vec<(f64, Bounds)> {
    boxes.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut kept: Vec<(f64, Bounds)> = Vec::new();
    for candidate in boxes {
        if kept.len() == MAX_FACES {
            break;
        }
        if !kept.iter().any(|(_, better)| better.is_of_the_same_face(&candidate.1)) {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_boxes_that_overlap_the_best_stays() {
        let bounds = |left, top, width, height| Bounds { left, top, width, height };
        let face = bounds(10.0, 10.0, 40.0, 40.0);
        let moved = bounds(18.0, 12.0, 40.0, 40.0);
        let half = bounds(10.0, 10.0, 20.0, 40.0);
        let neighbor = bounds(45.0, 10.0, 40.0, 40.0);
        let kept = best(vec![(0.5, moved), (0.6, half), (0.9, face), (0.7, neighbor)]);
        assert_eq!(kept, [(0.9, face), (0.7, neighbor)]);
        assert_eq!(best(Vec::new()), []);
        let point = bounds(0.0, 0.0, 0.0, 0.0);
        assert_eq!(best(vec![(0.5, point), (0.6, face)]).len(), 2);
    }
}

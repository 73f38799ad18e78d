//! Which square of a photo becomes the picture of a face.

use crate::points::{EyesAndMouth, FacePoints};

/// The square of a photo that is cut out, upright as the face is.
///
/// It is FFHQ's (Karras et al. 2019, appendix A; Karras et al. 2018, appendix C): with `e` from the left eye to the right, and
/// `m` from the middle of the eyes to the middle of the mouth, `x` is `e - (-m_y, m_x)` at a length of
/// `max(2.0 |e|, 1.8 |m|)`, `y` is `x` turned by a quarter, and the center lies `0.1 m` below the eyes. Corners are
/// `center ± x ± y`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CropSquare {
    /// Its center, in pixels of the photo.
    pub center: [f64; 2],
    /// From the center to the middle of its right side.
    pub x: [f64; 2],
}

impl CropSquare {
    /// The square of a face; none if its points lie in one place.
    pub fn of(points: &FacePoints) -> Option<Self> {
        let EyesAndMouth { eyes: [left, right], mouth: [mouth_left, mouth_right] } = points.eyes_and_mouth();
        let middle = |a: [f64; 2], b: [f64; 2]| [0, 1].map(|axis| f64::midpoint(a[axis], b[axis]));
        let from = |a: [f64; 2], b: [f64; 2]| [0, 1].map(|axis| b[axis] - a[axis]);
        let length = |[x, y]: [f64; 2]| x.hypot(y);
        let eyes = middle(left, right);
        let (between, down) = (from(left, right), from(eyes, middle(mouth_left, mouth_right)));
        let direction = [between[0] + down[1], between[1] - down[0]];
        let scale = (2.0 * length(between)).max(1.8 * length(down)) / length(direction);
        let square = Self {
            center: [0, 1].map(|axis| 0.1_f64.mul_add(down[axis], eyes[axis])),
            x: direction.map(|value| value * scale),
        };
        let is_square = square.side() > 0.0 && square.side().is_finite();
        (is_square && square.center.iter().all(|place| place.is_finite())).then_some(square)
    }

    /// From the center to the middle of its lower side.
    pub fn y(&self) -> [f64; 2] {
        [-self.x[1], self.x[0]]
    }

    /// How long its sides are, in pixels of the photo.
    pub fn side(&self) -> f64 {
        2.0 * self.x[0].hypot(self.x[1])
    }

    /// Its corners: top left, bottom left, bottom right, top right.
    pub fn corners(&self) -> [[f64; 2]; 4] {
        let y = self.y();
        [(-1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (1.0, -1.0)].map(|(right, below)| {
            [0, 1].map(|axis| self.center[axis] + right * self.x[axis] + below * y[axis])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(points: [[f64; 2]; 5]) -> Option<CropSquare> {
        CropSquare::of(&FacePoints::Five(points))
    }

    #[test]
    fn an_upright_face_has_an_upright_square() {
        let square =
            square([[130.0, 110.0], [170.0, 110.0], [0.0, 0.0], [135.0, 155.0], [165.0, 155.0]]).unwrap();
        assert_eq!((square.center, square.x, square.y()), ([150.0, 114.5], [81.0, 0.0], [0.0, 81.0]));
        assert_eq!(square.corners(), [[69.0, 33.5], [69.0, 195.5], [231.0, 195.5], [231.0, 33.5]]);
    }

    #[test]
    fn points_in_one_place_have_none() {
        assert_eq!(square([[5.0, 5.0]; 5]), None);
        // Mouth and eyes such that the direction vanishes: the mouth is where the forehead was.
        assert_eq!(square([[0.0, 0.0], [2.0, 0.0], [1.0, 0.0], [1.0, -2.0], [1.0, -2.0]]), None);
        let far = f64::MAX;
        assert_eq!(square([[-far, 0.0], [far, 0.0], [0.0; 2], [-far, far], [far, far]]), None);
    }
}

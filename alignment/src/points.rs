//! The points of a face.

/// The points of one face: x and y in pixels of the photo, the center of the first pixel at 0, as dlib and FFHQ have it.
///
/// Left and right are those of the photo, not of the person in it.
#[derive(Clone, Debug, PartialEq)]
pub enum FacePoints {
    /// Left eye, right eye, nose, left and right corner of the mouth: the order of MTCNN and `RetinaFace`.
    Five([[f64; 2]; 5]),
    /// The 68 points of dlib and iBUG.
    SixtyEight(Box<[[f64; 2]; 68]>),
}

/// What the crop follows from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EyesAndMouth {
    /// The left and the right.
    pub(crate) eyes: [[f64; 2]; 2],
    /// The corners.
    pub(crate) mouth: [[f64; 2]; 2],
}

impl FacePoints {
    /// The points of a face, by how many there are.
    ///
    /// # Errors
    /// If they are neither 5 nor 68, or one is no place: what is wrong with them.
    pub fn new(points: &[[f64; 2]]) -> Result<Self, String> {
        if let Some(number) = points.iter().position(|[x, y]| !x.is_finite() || !y.is_finite()) {
            return Err(format!("point {number} is not finite"));
        }
        if let Ok(five) = points.try_into() {
            return Ok(Self::Five(five));
        }
        match points.try_into() {
            Ok(points) => Ok(Self::SixtyEight(Box::new(points))),
            Err(_) => Err(format!("has {} points, not 68 or 5", points.len())),
        }
    }

    /// The points of a face from x and y in turn.
    pub(crate) fn of_numbers(numbers: &[f64]) -> Result<Self, String> {
        match numbers.as_chunks() {
            (points, []) => Self::new(points),
            _ => Err(format!("has {} numbers, which are no points", numbers.len())),
        }
    }

    /// All of them.
    pub fn points(&self) -> &[[f64; 2]] {
        match self {
            Self::Five(points) => points,
            Self::SixtyEight(points) => &points[..],
        }
    }

    /// Of 68 points, an eye is the mean of the six around it.
    pub(crate) fn eyes_and_mouth(&self) -> EyesAndMouth {
        match self {
            Self::Five([left, right, _nose, mouth @ ..]) => {
                EyesAndMouth { eyes: [*left, *right], mouth: *mouth }
            }
            Self::SixtyEight(points) => {
                let mean = |points: &[[f64; 2]]| {
                    [0, 1]
                        .map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / points.len() as f64)
                };
                EyesAndMouth {
                    eyes: [mean(&points[36..42]), mean(&points[42..48])],
                    mouth: [points[48], points[54]],
                }
            }
        }
    }
}

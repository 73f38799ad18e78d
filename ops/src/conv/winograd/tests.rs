use candle_core::Result;

use super::{suits, suits_weight_grad};
use crate::conv::tests::{Size, normal_values};
use crate::conv::{Geometry, Weight, direct};
use crate::planes::Planes;

/// Highest allowed errors, root mean square relative to that of the result: forward, transpose, weight gradient.
const TOLERANCES: [f64; 3] = [3e-6, 3e-6, 2e-6];

/// That of kernels of a row or a column, in both directions.
const LINE_TOLERANCE: f64 = 8e-6;

/// Both strides, the size being that of the output, and stride 1 without zeros around the picture; kernels of a row and of a
/// column, with and without zeros.
fn geometries((batch, in_channels, out_channels, height, width): Size) -> [Geometry; 6] {
    let planes = |channels| Planes::new(channels, height, width);
    let padded = |rows: usize, columns: usize, kernel, padding| {
        let input = Planes::new(in_channels, height + rows, width + columns);
        Geometry::padded(batch, input, out_channels, kernel, padding).expect("the kernel fits")
    };
    [
        Geometry::same(batch, planes(in_channels), out_channels, 3),
        Geometry::halving(batch, in_channels, planes(out_channels)),
        padded(2, 2, [3, 3], [0, 0]),
        padded(0, 0, [1, 7], [0, 3]),
        padded(0, 0, [7, 1], [3, 0]),
        padded(0, 6, [1, 7], [0, 0]),
    ]
}

struct Case {
    geometry: Geometry,
    x: Vec<f32>,
    weight: Vec<f32>,
    g: Vec<f32>,
}

impl Case {
    fn new(geometry: Geometry) -> Result<Self> {
        Ok(Self {
            x: normal_values("x", geometry.input_len())?,
            weight: normal_values("weight", geometry.weight_len())?,
            g: normal_values("g", geometry.output_len())?,
            geometry,
        })
    }

    fn results(&self) -> Vec<Vec<f32>> {
        let Self { geometry, x, weight, g } = self;
        let features = [
            super::forward(geometry, x, Weight::new(weight), None),
            super::transpose(geometry, g, Weight::new(weight), None),
        ];
        let gradient = suits_weight_grad(geometry).then(|| super::weight_grad(geometry, x, g));
        features.into_iter().chain(gradient).collect()
    }

    fn references(&self) -> [Vec<f64>; 3] {
        let double = |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
        let (x, weight, g) = (double(&self.x), double(&self.weight), double(&self.g));
        [
            direct::forward(&self.geometry, &x, &weight),
            direct::transpose(&self.geometry, &g, &weight),
            direct::weight_grad(&self.geometry, &x, &g),
        ]
    }
}

fn relative_error(actual: &[f32], expected: &[f64]) -> f64 {
    let difference: f64 = actual.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    (difference / expected.iter().map(|value| value * value).sum::<f64>()).sqrt()
}

/// Both schemes, shared filters and shared tiles, partial tiles, partial blocks and partial panels of channels,
/// and the sums of the network's widest layers.
#[test]
fn is_as_accurate_as_promised() -> Result<()> {
    const SIZES: [Size; 10] = [
        (3, 8, 9, 8, 4),
        (2, 17, 16, 9, 13),
        (1, 33, 20, 33, 150),
        (5, 24, 10, 4, 4),
        (3, 40, 25, 3, 2),
        (2, 8, 8, 2, 31),
        (1, 280, 300, 9, 14),
        (3, 513, 130, 4, 4),
        (16, 512, 48, 16, 16),
        (16, 48, 512, 16, 16),
    ];
    for geometry in SIZES.into_iter().flat_map(geometries) {
        let case = Case::new(geometry)?;
        if !suits(&case.geometry) {
            return Ok(());
        }
        let results = case.results();
        for (op, (actual, expected)) in results.iter().zip(case.references()).enumerate() {
            let error = relative_error(actual, &expected);
            let tolerance = if geometry.kernel == [3, 3] { TOLERANCES[op] } else { LINE_TOLERANCE };
            assert!(error <= tolerance, "op {op}, {geometry:?}: error {error:e}");
        }
    }
    Ok(())
}

#[test]
fn does_not_depend_on_the_number_of_threads() -> Result<()> {
    for geometry in [(5, 24, 40, 21, 17), (2, 300, 290, 9, 6)].into_iter().flat_map(geometries) {
        let case = Case::new(geometry)?;
        if !suits(&case.geometry) {
            return Ok(());
        }
        let in_threads = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("threads can be started").install(|| case.results())
        };
        let expected = in_threads(1);
        for threads in [2, 3, 7] {
            assert_eq!(in_threads(threads), expected, "{geometry:?} with {threads} threads");
        }
    }
    Ok(())
}

//! The normal numbers of `NumPy`'s `RandomState`, digit for digit.

use rand_mt::Mt;

/// The stream of `numpy.random.RandomState(seed).randn`: a Mersenne Twister, and Marsaglia's polar method, which draws
/// two numbers at a time.
///
/// `ln` is the system's, as `NumPy`'s is: no number of 4000 seeds differs from `NumPy`'s on the same system. A last bit
/// that another system rounds otherwise is lost in the `f32` that networks are given.
pub(crate) struct RandomState {
    twister: Mt,
    second: Option<f64>,
}

impl RandomState {
    pub(crate) fn new(seed: u32) -> Self {
        Self { twister: Mt::new(seed), second: None }
    }

    /// The next number, standard normal.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.second = Some(factor * x);
                return factor * y;
            }
        }
    }

    /// The next number in `[0, 1)`, of 53 random bits.
    fn uniform(&mut self) -> f64 {
        let (high, low) = (self.twister.next_u32() >> 5, self.twister.next_u32() >> 6);
        (f64::from(high) * f64::from(1u32 << 26) + f64::from(low)) / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `numpy.random.RandomState(seed).randn(512)`, `NumPy` 2.4.6: the seed, the first and the last three numbers, and
    /// a checksum of all bits.
    const GOLDEN: [(u32, [f64; 6], u64); 4] = [
        (
            0,
            [
                1.764_052_345_967_664,
                0.400_157_208_367_223_3,
                0.978_737_984_105_739_2,
                1.301_428_071_664_760_8,
                0.895_260_272_889_929_9,
                1.374_964_066_392_989_8,
            ],
            0x9ace_3a5b_fccc_4b63,
        ),
        (
            5,
            [
                0.441_227_486_885_041_43,
                -0.330_870_151_894_087_64,
                2.430_771_187_007_78,
                -1.169_747_148_903_761_6,
                0.091_234_465_735_208_48,
                1.134_418_987_101_406_3,
            ],
            0x84ce_d1e4_b0cf_07b3,
        ),
        (
            1000,
            [
                -0.804_458_303_524_805_2,
                0.320_931_547_089_857_2,
                -0.025_482_880_472_072_204,
                -0.460_888_281_927_234_5,
                -0.414_788_708_049_974_36,
                1.296_005_160_688_913_6,
            ],
            0xc5ed_ab1d_3df1_322c,
        ),
        (
            u32::MAX,
            [
                0.648_408_674_230_652_7,
                0.669_323_530_633_816_1,
                -1.080_543_722_747_449_3,
                -1.567_487_122_513_567_4,
                -0.032_436_614_653_603_25,
                -0.163_345_060_471_418_22,
            ],
            0xa213_589f_352e_e008,
        ),
    ];

    #[test]
    fn numbers_are_numpys_to_the_last_bit() {
        for (seed, ends, checksum) in GOLDEN {
            let mut state = RandomState::new(seed);
            let z: Vec<f64> = (0..512).map(|_| state.normal()).collect();
            assert_eq!([z[0], z[1], z[2], z[509], z[510], z[511]], ends, "seed {seed}");
            let sum = z.iter().fold(0, |sum: u64, z| sum.rotate_left(1) ^ z.to_bits());
            assert_eq!(sum, checksum, "seed {seed}");
        }
    }
}

//! The normal numbers of `NumPy`'s `RandomState`, digit for digit.

use rand_mt::Mt;

/// The stream of `numpy.random.RandomState(seed).randn`: a Mersenne Twister, and Marsaglia's polar method, which draws
/// two numbers at a time.
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

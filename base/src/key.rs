//! Randomness as a function of what it is for, not a state that advances.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The name of one random stream: a purpose and the numbers that tell its uses apart.
///
/// Two keys built from the same purpose and numbers give the same draws on every machine, whatever was drawn
/// before; different ones give independent draws. Nothing needs to be saved for a run to go on as it was.
///
/// ```
/// use stylegan_base::Key;
/// let seed = 7;
/// let step_3 = Key::new("latents", &[seed, 3]);
/// assert_eq!(step_3.uniform(), Key::new("latents", &[seed, 3]).uniform());
/// assert_ne!(step_3.uniform(), Key::new("latents", &[seed, 4]).uniform());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// The stream for `purpose` at `numbers` (seed, step, rank, ...).
    pub fn new(purpose: &str, numbers: &[u64]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("stylegan random stream v1");
        hasher.update(&(purpose.len() as u64).to_le_bytes()).update(purpose.as_bytes());
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// A stream of its own below this one, such as one layer of a network's noise.
    #[must_use]
    pub fn child(&self, purpose: &str, number: u64) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(purpose.as_bytes()).update(&number.to_le_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// The seed of the stream, for a generator such as that of [`Key::rng`] that runs elsewhere, on a GPU.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The generator at the start of this stream, for draws of any kind.
    pub fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.0)
    }

    /// One number, uniform in `[0, 1)`.
    pub fn uniform(&self) -> f64 {
        rand::Rng::random(&mut self.rng())
    }
}

/// The first 16 hexadecimal digits of the BLAKE3 hash of `bytes`, by which recipes name files.
pub fn short_hash(bytes: &[u8]) -> String {
    let mut hex = blake3::hash(bytes).to_hex().to_string();
    hex.truncate(16);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbors_do_not_share_draws() {
        let draws: Vec<f64> = [
            Key::new("a", &[1, 2]),
            Key::new("a", &[12]),
            Key::new("a", &[2, 1]),
            Key::new("b", &[1, 2]),
            Key::new("a", &[1, 2]).child("c", 0),
            Key::new("a", &[1, 2]).child("c", 1),
        ]
        .iter()
        .map(Key::uniform)
        .collect();
        for (i, a) in draws.iter().enumerate() {
            assert!(draws[..i].iter().all(|b| a.to_bits() != b.to_bits()), "{draws:?}");
        }
    }
}

//! What the transforms and products need of a vector unit beyond `pulp`'s arithmetic.

use std::sync::LazyLock;

use pulp::{Simd, bytemuck};

use super::product::{Corner, Strip};

/// Most values in one vector.
pub(super) const MAX_LANES: usize = 16;

/// A vector unit. Its vectors hold neighboring channels of one pixel or of one tile.
pub(super) trait Lanes: Simd {
    const NAME: &str;
    /// Vectors of output channels that a product keeps in registers.
    const VECTORS: usize;
    /// Output channels that a product computes at a time.
    const PANEL: usize = Self::VECTORS * Self::F32_LANES;
    /// Input channels in a [`Corner`].
    const CORNER: usize;

    /// Multiplies a [`Strip`] of at most `tiles` tiles; returns how many it was.
    fn strip(self, strip: Strip<'_, Self>, tiles: usize) -> usize;

    /// Multiplies a [`Corner`].
    fn corner(self, corner: Corner<'_, Self>);

    /// Transposes a square matrix, one row in each of its `F32_LANES` vectors.
    fn transpose(self, square: &mut [Self::f32s]);
}

/// Runs `$body` with `$simd` standing for the vector unit of this machine; gives its value if there is one.
#[cfg(target_arch = "x86_64")]
macro_rules! on_vector_unit {
    ($simd:ident => $body:expr) => {
        match $crate::vector_unit::arch() {
            pulp::Arch::V4($simd) => Some($body),
            pulp::Arch::V3($simd) => Some($body),
            _ => None,
        }
    };
}

/// Runs `$body` with `$simd` standing for the vector unit of this machine; gives its value if there is one.
#[cfg(target_arch = "aarch64")]
macro_rules! on_vector_unit {
    ($simd:ident => $body:expr) => {
        if let Some($simd) = pulp::aarch64::Neon::try_new() { Some($body) } else { None }
    };
}

/// Gives nothing: there is no vector unit that the kernels know.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
macro_rules! on_vector_unit {
    ($simd:ident => $body:expr) => {
        None
    };
}
pub(super) use on_vector_unit;

/// The vector unit of this CPU that convolutions in `f32` use, such as `AVX2`; none if it has none that the kernels know.
pub fn vector_unit() -> Option<&'static str> {
    static UNIT: LazyLock<Option<&str>> = LazyLock::new(|| {
        fn name<S: Lanes>(_: S) -> &'static str {
            S::NAME
        }
        let unit = on_vector_unit!(simd => name(simd));
        tracing::info!(unit = unit.unwrap_or("none"), "vector unit of convolutions on the CPU");
        unit
    });
    *UNIT
}

/// 16 registers of 8 values: 6 tiles times 2 vectors leave two for the filters and one for the input.
#[cfg(target_arch = "x86_64")]
impl Lanes for pulp::x86::V3 {
    const NAME: &str = "AVX2";
    const VECTORS: usize = 2;
    const CORNER: usize = 4;

    #[inline(always)]
    fn strip(self, strip: Strip<'_, Self>, tiles: usize) -> usize {
        match tiles {
            1 => strip.multiply::<1, 2>(self),
            2 | 3 => strip.multiply::<2, 2>(self),
            4 | 5 | 8 => strip.multiply::<4, 2>(self),
            _ => strip.multiply::<6, 2>(self),
        }
    }

    #[inline(always)]
    fn corner(self, corner: Corner<'_, Self>) {
        corner.multiply::<4, 2>(self);
    }

    #[inline(always)]
    fn transpose(self, square: &mut [Self::f32s]) {
        use std::arch::x86_64::{__m256, __m256d};

        let avx = self.avx;
        let single = |v: __m256d| -> __m256 { bytemuck::cast(v) };
        let double = |v: __m256| -> __m256d { bytemuck::cast(v) };
        let mut rows = [avx._mm256_setzero_ps(); 8];
        for (row, vector) in rows.iter_mut().zip(&*square) {
            *row = bytemuck::cast(*vector);
        }
        let mut pairs = rows;
        for pair in 0..4 {
            let (a, b) = (rows[2 * pair], rows[2 * pair + 1]);
            pairs[2 * pair] = avx._mm256_unpacklo_ps(a, b);
            pairs[2 * pair + 1] = avx._mm256_unpackhi_ps(a, b);
        }
        let mut fours = rows;
        for half in [0, 4] {
            for low in 0..2 {
                let (a, b) = (double(pairs[half + low]), double(pairs[half + low + 2]));
                fours[half + 2 * low] = single(avx._mm256_unpacklo_pd(a, b));
                fours[half + 2 * low + 1] = single(avx._mm256_unpackhi_pd(a, b));
            }
        }
        for row in 0..4 {
            let (a, b) = (fours[row], fours[row + 4]);
            square[row] = bytemuck::cast(avx._mm256_permute2f128_ps::<0x20>(a, b));
            square[row + 4] = bytemuck::cast(avx._mm256_permute2f128_ps::<0x31>(a, b));
        }
    }
}

/// 32 registers of 16 values: 12 tiles times 2 vectors leave eight for the filters and the input.
#[cfg(target_arch = "x86_64")]
impl Lanes for pulp::x86::V4 {
    const NAME: &str = "AVX-512";
    const VECTORS: usize = 2;
    const CORNER: usize = 8;

    #[inline(always)]
    fn strip(self, strip: Strip<'_, Self>, tiles: usize) -> usize {
        match tiles {
            1 => strip.multiply::<1, 2>(self),
            2 | 3 => strip.multiply::<2, 2>(self),
            4..8 => strip.multiply::<4, 2>(self),
            8..12 | 16 => strip.multiply::<8, 2>(self),
            _ => strip.multiply::<12, 2>(self),
        }
    }

    #[inline(always)]
    fn corner(self, corner: Corner<'_, Self>) {
        corner.multiply::<8, 2>(self);
    }

    #[inline(always)]
    fn transpose(self, square: &mut [Self::f32s]) {
        use std::arch::x86_64::{__m512, __m512d};

        let avx512 = self.avx512f;
        let single = |v: __m512d| -> __m512 { bytemuck::cast(v) };
        let double = |v: __m512| -> __m512d { bytemuck::cast(v) };
        let mut rows = [avx512._mm512_setzero_ps(); 16];
        for (row, vector) in rows.iter_mut().zip(&*square) {
            *row = bytemuck::cast(*vector);
        }
        let mut pairs = rows;
        for pair in 0..8 {
            let (a, b) = (rows[2 * pair], rows[2 * pair + 1]);
            pairs[2 * pair] = avx512._mm512_unpacklo_ps(a, b);
            pairs[2 * pair + 1] = avx512._mm512_unpackhi_ps(a, b);
        }
        let mut fours = rows;
        for quarter in [0, 4, 8, 12] {
            for low in 0..2 {
                let (a, b) = (double(pairs[quarter + low]), double(pairs[quarter + low + 2]));
                fours[quarter + 2 * low] = single(avx512._mm512_unpacklo_pd(a, b));
                fours[quarter + 2 * low + 1] = single(avx512._mm512_unpackhi_pd(a, b));
            }
        }
        let mut eights = rows;
        for row in 0..4 {
            for half in [0, 8] {
                let (a, b) = (fours[half + row], fours[half + row + 4]);
                eights[half + row] = avx512._mm512_shuffle_f32x4::<0x88>(a, b);
                eights[half + row + 4] = avx512._mm512_shuffle_f32x4::<0xdd>(a, b);
            }
        }
        for row in 0..4 {
            for odd in [0, 4] {
                let (a, b) = (eights[row + odd], eights[row + odd + 8]);
                square[row + odd] = bytemuck::cast(avx512._mm512_shuffle_f32x4::<0x88>(a, b));
                square[row + odd + 8] = bytemuck::cast(avx512._mm512_shuffle_f32x4::<0xdd>(a, b));
            }
        }
    }
}

/// 32 registers of 4 values: 6 tiles times 4 vectors leave eight for the filters and the input.
#[cfg(target_arch = "aarch64")]
impl Lanes for pulp::aarch64::Neon {
    const NAME: &str = "Neon";
    const VECTORS: usize = 4;
    const CORNER: usize = 4;

    #[inline(always)]
    fn strip(self, strip: Strip<'_, Self>, tiles: usize) -> usize {
        match tiles {
            1 => strip.multiply::<1, 4>(self),
            2 | 3 => strip.multiply::<2, 4>(self),
            4 | 5 | 8 => strip.multiply::<4, 4>(self),
            _ => strip.multiply::<6, 4>(self),
        }
    }

    #[inline(always)]
    fn corner(self, corner: Corner<'_, Self>) {
        corner.multiply::<4, 4>(self);
    }

    #[inline(always)]
    fn transpose(self, square: &mut [Self::f32s]) {
        let rows: [[f32; 4]; 4] = std::array::from_fn(|row| bytemuck::cast(square[row]));
        for (column, target) in square.iter_mut().enumerate() {
            *target = bytemuck::cast(rows.map(|row| row[column]));
        }
    }
}

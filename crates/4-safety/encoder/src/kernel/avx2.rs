//! AVX2: `madd` multiplies two 16-bit integers of a row with two weights and adds them. Multiplying bytes directly
//! (`maddubs`) would be no faster in sum and saturates; this cannot: 2 · 128 · 127 fits.

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_madd_epi16, _mm256_set1_epi32,
    _mm256_setzero_si256, _mm256_storeu_si256,
};

use super::Tile;

/// The sums of `count` rows (1 to 6) with the 16 outputs of `panel`.
pub fn tile(rows: &[i16], count: usize, panel: &[i8], tile: &mut Tile) {
    let stride = panel.len() / 16;
    assert!(stride.is_multiple_of(2) && panel.len() == stride * 16);
    assert!((1..=6).contains(&count) && rows.len() == count * stride);
    macro_rules! by_count {
        ($($n:literal)*) => {
            match count {
                // SAFETY: a matrix is packed for this path only after AVX2 was detected, and the lengths that `sums`
                // relies on have just been checked.
                $($n => unsafe { sums::<$n>(rows, stride, panel, tile) },)*
                _ => {}
            }
        };
    }
    by_count!(1 2 3 4 5 6);
}

/// # Safety
/// Needs AVX2; `rows` holds `N` rows of `stride` words, `panel` 16 times `stride` bytes.
#[target_feature(enable = "avx2")]
unsafe fn sums<const N: usize>(rows: &[i16], stride: usize, panel: &[i8], tile: &mut Tile) {
    let zero: __m256i = _mm256_setzero_si256();
    let mut sums = [[zero; 2]; N];
    let (row, weights) = (rows.as_ptr(), panel.as_ptr());
    for step in 0..stride / 2 {
        // SAFETY: a step has 16 outputs of two weights, and `step` ends where the panel does.
        let (left, right) = unsafe {
            let at = weights.add(step * 32);
            (_mm_loadu_si128(at.cast()), _mm_loadu_si128(at.add(16).cast()))
        };
        let (left, right) = (_mm256_cvtepi8_epi16(left), _mm256_cvtepi8_epi16(right));
        for (index, [a, b]) in sums.iter_mut().enumerate() {
            // SAFETY: row `index` of `N`, two words of its `stride`, which is even.
            let two = unsafe { row.add(index * stride + step * 2).cast::<i32>().read_unaligned() };
            let two = _mm256_set1_epi32(two);
            *a = _mm256_add_epi32(*a, _mm256_madd_epi16(two, left));
            *b = _mm256_add_epi32(*b, _mm256_madd_epi16(two, right));
        }
    }
    for ([a, b], to) in sums.into_iter().zip(tile.iter_mut()) {
        // SAFETY: a row of the tile holds four such vectors.
        unsafe {
            _mm256_storeu_si256(to.as_mut_ptr().cast(), a);
            _mm256_storeu_si256(to.as_mut_ptr().add(8).cast(), b);
        }
    }
}

//! AVX-512 VNNI: `dpbusd` multiplies four unsigned bytes of a row with four signed weights and adds them to a sum.
//! Rows hold `value + 128`; sums begin at `-128 * Σ weights`, which makes them exact.

use std::arch::x86_64::{__m512i, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_storeu_si512};

use super::Tile;

/// The sums of `count` rows (1 to 12) with the 32 outputs of `panel`.
pub fn tile(rows: &[u8], count: usize, panel: &[i8], start: &[i32], tile: &mut Tile) {
    let stride = panel.len() / 32;
    assert!(stride.is_multiple_of(4) && panel.len() == stride * 32 && start.len() == 32);
    assert!((1..=12).contains(&count) && rows.len() == count * stride);
    macro_rules! by_count {
        ($($n:literal)*) => {
            match count {
                // SAFETY: a matrix is packed for this path only after the three features were detected, and the
                // lengths that `sums` relies on have just been checked.
                $($n => unsafe { sums::<$n>(rows, stride, panel, start, tile) },)*
                _ => {}
            }
        };
    }
    by_count!(1 2 3 4 5 6 7 8 9 10 11 12);
}

/// # Safety
/// Needs the features; `rows` holds `N` rows of `stride` bytes, `panel` 32 times `stride`, `start` 32 sums.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn sums<const N: usize>(rows: &[u8], stride: usize, panel: &[i8], start: &[i32], tile: &mut Tile) {
    // SAFETY: 32 sums are two vectors.
    let begin: [__m512i; 2] =
        unsafe { [_mm512_loadu_si512(start.as_ptr().cast()), _mm512_loadu_si512(start.as_ptr().add(16).cast())] };
    let mut sums = [begin; N];
    let (row, weights) = (rows.as_ptr(), panel.as_ptr());
    for step in 0..stride / 4 {
        // SAFETY: a step has 32 outputs of four weights, and `step` ends where the panel does.
        let (left, right) = unsafe {
            let at = weights.add(step * 128);
            (_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(at.add(64).cast()))
        };
        for (index, [a, b]) in sums.iter_mut().enumerate() {
            // SAFETY: row `index` of `N`, four bytes of its `stride`, which is a multiple of four.
            let four = unsafe { row.add(index * stride + step * 4).cast::<i32>().read_unaligned() };
            let four = _mm512_set1_epi32(four);
            *a = _mm512_dpbusd_epi32(*a, four, left);
            *b = _mm512_dpbusd_epi32(*b, four, right);
        }
    }
    for ([a, b], to) in sums.into_iter().zip(tile.iter_mut()) {
        // SAFETY: a row of the tile holds two vectors.
        unsafe {
            _mm512_storeu_si512(to.as_mut_ptr().cast(), a);
            _mm512_storeu_si512(to.as_mut_ptr().add(16).cast(), b);
        }
    }
}

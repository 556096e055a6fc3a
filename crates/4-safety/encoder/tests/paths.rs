//! Every instruction path takes the same sums, bit for bit, and they are the right ones.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use encoder::kernel::{Matrix, Path, Rows};
use proptest::prelude::*;

fn sums(path: Path, weights: &[i8], inputs: usize, values: &[f32]) -> Vec<i32> {
    let outputs = weights.len() / inputs;
    let matrix = Matrix::new(path, weights, inputs, vec![1.0; outputs], vec![0.0; outputs]).unwrap();
    let mut rows = Rows::new(path);
    // Used twice, so that what an earlier use left behind would show.
    rows.quantise(&vec![3.0; values.len() + 40 * inputs], inputs);
    rows.quantise(values, inputs);
    matrix.sums(&rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn paths_agree(inputs in 1usize..80, outputs in 1usize..70, rows in 1usize..30, seed in any::<u64>()) {
        let mut state = seed | 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        // Extremes are frequent: there sums would saturate, if any did.
        let weights: Vec<i8> = (0..inputs * outputs)
            .map(|_| match next() % 4 { 0 => 127, 1 => -127, _ => (next() % 255) as u8 as i8 })
            .map(|w| w.max(-127))
            .collect();
        let values: Vec<f32> = (0..inputs * rows)
            .map(|_| match next() % 4 { 0 => 1.0, 1 => -1.0, _ => (next() % 2000) as f32 / 1000.0 - 1.0 })
            .collect();
        let plain = sums(Path::Plain, &weights, inputs, &values);
        for path in Path::available() {
            prop_assert_eq!(&sums(path, &weights, inputs, &values), &plain, "{:?}", path);
        }
        // The same by hand.
        for (row, chunk) in values.chunks(inputs).enumerate() {
            let most = chunk.iter().fold(0f32, |most, x| most.max(x.abs()));
            let bytes: Vec<i32> = chunk
                .iter()
                .map(|x| if most == 0.0 { 0 } else { (x * (127.0 / most)).round_ties_even() as i32 })
                .collect();
            for (out, weights) in weights.chunks(inputs).enumerate() {
                let right: i32 = bytes.iter().zip(weights).map(|(a, w)| a * i32::from(*w)).sum();
                prop_assert_eq!(plain[row * outputs + out], right);
            }
        }
    }
}

#[test]
fn matrices_that_do_not_fit_are_refused() {
    assert!(Matrix::new(Path::Plain, &[1, 2, 3], 2, vec![1.0], vec![0.0]).is_none());
    assert!(Matrix::new(Path::Plain, &[], 0, vec![], vec![]).is_none());
    assert!(Matrix::new(Path::Plain, &[1, 2], 2, vec![1.0], vec![]).is_none());
}

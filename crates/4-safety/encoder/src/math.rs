//! The arithmetic between the matrices, written so that compilers turn it into vector instructions: sums are kept in
//! lanes, nothing branches, nothing calls a library. Each approximation's bound stands in its test.

/// Lanes that sums are kept in.
const LANES: usize = 16;

/// `a * b + c`, fused where the target has an instruction for it (elsewhere that would be a slow call).
#[inline(always)]
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) { a.mul_add(b, c) } else { a * b + c }
}

/// The largest absolute value.
#[inline(never)]
pub fn largest(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut most = [0f32; LANES];
    for chunk in chunks {
        for (most, value) in most.iter_mut().zip(chunk) {
            let size = value.abs();
            *most = if size > *most { size } else { *most };
        }
    }
    most.iter().chain(rest).fold(0.0, |most, value| most.max(value.abs()))
}

fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut lanes = [0f32; LANES];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += of(*value);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|value| of(*value)).sum::<f32>()
}

/// Centres `row`, divides it by its deviation, then scales and shifts it.
#[inline(never)]
pub fn normalise(row: &mut [f32], weight: &[f32], bias: &[f32], epsilon: f32) {
    let size = row.len() as f32;
    let mean = sum(row, |value| value) / size;
    let variance = sum(row, |value| (value - mean) * (value - mean)) / size;
    let scale = 1.0 / (variance + epsilon).sqrt();
    for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
        *value = fma((*value - mean) * scale, *weight, *bias);
    }
}

/// `x Φ(x)` for each value: a polynomial for `erf(x/√2)/x`, cut off where that is ±1.
#[inline(never)]
pub fn gelu(row: &mut [f32]) {
    const EDGE: f32 = 4.5;
    const TERMS: [f32; 11] = [
        1.202_498e-13,
        -1.600_874_8e-11,
        9.646_866e-10,
        -3.506_779_2e-8,
        8.671_5e-7,
        -1.563_71e-5,
        2.153_132e-4,
        -2.326_654_8e-3,
        1.985_985_2e-2,
        -1.329_013_7e-1,
        7.978_597e-1,
    ];
    for value in row {
        let near = value.clamp(-EDGE, EDGE);
        let square = near * near;
        let mut sum = TERMS[0];
        for term in &TERMS[1..] {
            sum = fma(sum, square, *term);
        }
        let part = if value.abs() < EDGE { (sum * near).clamp(-1.0, 1.0) } else { value.signum() };
        *value = 0.5 * *value * (1.0 + part);
    }
}

/// `e^x` for `x <= 0`; from -87 on, nearly nothing.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let scaled = if x < -87.0 { -87.0 } else { x } * std::f32::consts::LOG2_E;
    let shifted = scaled + ROUND;
    let f = scaled - (shifted - ROUND);
    let mut sum = 1.327_646_1e-3;
    for term in [9.675_541e-3, 5.550_713_5e-2, 2.402_212e-1, 6.931_469_4e-1, 1.0] {
        sum = fma(sum, f, term);
    }
    // The whole part lies in the low bits of `shifted`; moved up it becomes an exponent.
    f32::from_bits(sum.to_bits().wrapping_add(shifted.to_bits() << 23))
}

fn highest(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (most, value) in most.iter_mut().zip(chunk) {
            *most = if *value > *most { *value } else { *most };
        }
    }
    most.iter().chain(rest).fold(f32::NEG_INFINITY, |most, value| most.max(*value))
}

/// `e^(scale * (x - largest x))` divided by their sum.
#[inline(never)]
pub fn softmax(row: &mut [f32], scale: f32) {
    let most = highest(row);
    for value in row.iter_mut() {
        *value = exp((*value - most) * scale);
    }
    let inverse = 1.0 / sum(row, |value| value);
    row.iter_mut().for_each(|value| *value *= inverse);
}

/// `1 / (1 + e^-x)`.
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The sum of products.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane = fma(*a, *b, *lane);
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erf(x: f64) -> f64 {
        // The series; converges everywhere it is used here.
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        if x.abs() > 5.0 { x.signum() } else { sum * 2.0 / std::f64::consts::PI.sqrt() }
    }

    #[test]
    fn gelu_is_right_to_five_hundred_thousandths() {
        let mut x = -12.0f32;
        while x < 12.0 {
            let mut row = [x];
            gelu(&mut row);
            let right = 0.5 * f64::from(x) * (1.0 + erf(f64::from(x) / std::f64::consts::SQRT_2));
            assert!((f64::from(row[0]) - right).abs() < 5e-5, "gelu({x}) = {} not {right}", row[0]);
            x += 0.0037;
        }
    }

    #[test]
    fn exp_is_right_to_a_millionth() {
        let mut x = -86.0f32;
        while x <= 0.0 {
            let right = f64::from(x).exp();
            assert!((f64::from(exp(x)) / right - 1.0).abs() < 1e-5, "exp({x})");
            x += 0.0113;
        }
        assert!(exp(-1e30) < 1e-37 && exp(0.0) == 1.0);
    }

    #[test]
    fn softmax_sums_to_one_and_keeps_the_order() {
        let mut row: Vec<f32> = (0..37).map(|i| (i as f32 * 0.7).sin() * 5.0).collect();
        let before = row.clone();
        softmax(&mut row, 0.3);
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        for (i, j) in (0..36).map(|i| (i, i + 1)) {
            assert_eq!(before[i] < before[j], row[i] < row[j]);
        }
    }

    #[test]
    fn a_normalised_row_has_mean_nought_and_deviation_one() {
        let mut row: Vec<f32> = (0..384).map(|i| (i as f32).cos() * 3.0 + 7.0).collect();
        normalise(&mut row, &[1.0; 384], &[0.0; 384], 1e-12);
        let mean = row.iter().sum::<f32>() / 384.0;
        let variance = row.iter().map(|x| x * x).sum::<f32>() / 384.0;
        assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4);
    }
}

//! Every instruction set gives the bits of the obvious loop.

use proptest::prelude::*;

use super::*;
use crate::field::kernels::available_backends;

/// Values of very different size, so that every other order of summation shows.
pub(crate) fn values(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let fraction = (state >> 40) as f32 / (1 << 23) as f32 - 1.0;
        fraction * [1e-3, 1.0, 1.0, 300.0][state as usize % 4]
    };
    core::iter::repeat_with(next).take(count).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tiles_are_the_obvious_sum(rows in 1..=ROWS, count in 0usize..40, seed in 0u64..1 << 20) {
        let right = values(seed, 200);
        let starts: Vec<usize> = (0..count).map(|k| (k * 37 + seed as usize) % (right.len() - LANES + 1)).collect();
        let (left, strips) = (values(seed + 1, rows * count), Strips::new(starts.clone()));
        let mut start: Tile = [[0.0; LANES]; ROWS];
        start.as_flattened_mut().copy_from_slice(&values(seed + 2, ROWS * LANES));
        let mut expected = start;
        for (row, sums) in expected[..rows].iter_mut().enumerate() {
            for (lane, sum) in sums.iter_mut().enumerate() {
                for (k, start) in starts.iter().enumerate() {
                    let product = left[k * rows + row] * right[start + lane];
                    *sum += product;
                }
            }
        }
        for &backend in available_backends() {
            let mut sums = start;
            multiply_add(backend, rows, &left, (&right, &strips), &mut sums);
            prop_assert_eq!(bits(sums.as_flattened()), bits(expected.as_flattened()), "{}", backend.name());
        }
    }

    #[test]
    fn matrices_are_the_obvious_sum(
        (rows, inner, outputs) in (1usize..30, 1usize..80, 1usize..100), with_start: bool, seed in 0u64..1 << 20,
    ) {
        let (x, m) = (values(seed, rows * inner), values(seed + 1, inner * outputs));
        let start = values(seed + 2, outputs);
        let expected: Vec<f32> = (0..rows * outputs).map(|at| {
            let (row, o) = (at / outputs, at % outputs);
            let first = if with_start { start[o] } else { 0.0 };
            (0..inner).fold(first, |sum, k| sum + x[row * inner + k] * m[k * outputs + o])
        }).collect();
        let matrix = Matrix::new(inner, outputs, |k, o| m[k * outputs + o]);
        let lines: Vec<&[f32]> = x.chunks_exact(inner).collect();
        for &backend in available_backends() {
            let mut y = vec![f32::NAN; rows * outputs];
            let start = with_start.then_some(start.as_slice());
            matrix.multiply(backend, &lines, start, y.chunks_exact_mut(outputs).collect());
            prop_assert_eq!(bits(&y), bits(&expected), "{}", backend.name());
        }
    }
}

/// A product of so many rows and outputs that several tasks share it.
#[test]
fn tasks_share_a_large_product() {
    let (rows, inner, outputs) = (205, 300, 333);
    let (x, m) = (values(1, rows * inner), values(2, inner * outputs));
    let matrix = Matrix::new(inner, outputs, |k, o| m[k * outputs + o]);
    let lines: Vec<&[f32]> = x.chunks_exact(inner).collect();
    let product = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let mut y = vec![f32::NAN; rows * outputs];
        pool.install(|| {
            let backend = crate::field::kernels::Backend::best();
            matrix.multiply(backend, &lines, None, y.chunks_exact_mut(outputs).collect());
        });
        y
    };
    let y = product(3);
    assert_eq!(bits(&y), bits(&product(1)));
    for at in [0, 31, 12 * outputs, 96 * outputs + 332, 204 * outputs + 320] {
        let (row, o) = (at / outputs, at % outputs);
        let expected = (0..inner).fold(0.0, |sum, k| sum + x[row * inner + k] * m[k * outputs + o]);
        assert_eq!(y[at].to_bits(), f32::to_bits(expected), "{row} {o}");
    }
}

/// Code takes logarithms of powers of two, and powers of two with whole exponents, to be exact.
#[test]
fn powers_of_two_are_exact() {
    for exponent in -1022..1024 {
        let power = libm::ldexp(1.0, exponent);
        assert_eq!(power.to_bits(), ((exponent + 1023) as u64) << 52);
        assert_eq!(libm::exp2(f64::from(exponent)), power, "{exponent}");
        assert_eq!(libm::log2(power), f64::from(exponent), "{exponent}");
    }
}

//! The limb product in plain integer code: two limbs of 32 and 29 bits for each coordinate, 64-bit sums.

use super::super::limb::{Planes, Rows, join_halves};
use crate::field::K;

/// Terms that a 64-bit sum takes: each is at most `2^39`, so `2^22` of them are at most `2^61`.
const TERMS: usize = 1 << 22;

/// Columns whose sums are kept at a time.
const BLOCK: usize = 64;

/// The low 32 and high 29 bits of both coordinates.
fn split(x: &K) -> [i64; 4] {
    let low = |value: u64| (value & 0xffff_ffff) as i64;
    let high = |value: u64| (value >> 32) as i64;
    [
        low(x.c0.value),
        high(x.c0.value),
        low(x.c1.value),
        high(x.c1.value),
    ]
}

/// See `limb::rows_dot`.
pub(in super::super) fn planes(vector: &[K]) -> Planes {
    Planes {
        halves: vector.iter().map(split).collect(),
        ..Planes::default()
    }
}

/// `out[j] = sum_a coefficients[a] rows[a][first + j]`.
pub(in super::super) fn fold_columns(rows: Rows<'_>, first: usize, coefficients: &[K], out: &mut [K]) {
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        let start = first + block * BLOCK;
        out.fill(K::default());
        for (part, coefficients) in rows
            .values
            .chunks(TERMS * rows.length)
            .zip(coefficients.chunks(TERMS))
        {
            let mut sums = [[0i64; BLOCK]; 4];
            for (row, coefficient) in part.chunks_exact(rows.length).zip(coefficients) {
                let values = &row[start..start + out.len()];
                for (sums, limb) in sums.iter_mut().zip(split(coefficient)) {
                    sums.iter_mut()
                        .zip(values)
                        .for_each(|(sum, &value)| *sum += limb * i64::from(value));
                }
            }
            for (j, out) in out.iter_mut().enumerate() {
                *out += join_halves([sums[0][j], sums[1][j], sums[2][j], sums[3][j]]);
            }
        }
    }
}

/// `out[a] = sum_j rows[a][j] vector[j]`.
pub(in super::super) fn dot_rows(rows: Rows<'_>, planes: &Planes, out: &mut [K]) {
    for (row, out) in rows.values.chunks_exact(rows.length).zip(out) {
        *out = K::default();
        for (values, limbs) in row.chunks(TERMS).zip(planes.halves.chunks(TERMS)) {
            let mut sums = [0i64; 4];
            for (&value, limbs) in values.iter().zip(limbs) {
                sums.iter_mut()
                    .zip(limbs)
                    .for_each(|(sum, limb)| *sum += limb * i64::from(value));
            }
            *out += join_halves(sums);
        }
    }
}

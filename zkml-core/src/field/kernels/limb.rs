//! Products of int8 matrices and vectors over `K`.
//!
//! `out[j] = sum_a coefficients[a] rows[a][j]` and `out[a] = sum_j rows[a][j] vector[j]`. An element of `K` is
//! 16 bytes, 8 for each coordinate; each byte is a *limb* in `0..256`. The sums of limb times int8 are int8
//! matrix products with 32-bit accumulators, which the vector units do fastest. Then
//! `sum = sum_l 2^(8 l) accumulator_l mod p` for each coordinate.
//!
//! A 32-bit accumulator takes 65,536 terms (65,536 * 255 * 128 < 2^31); longer sums are cut.

use rayon::prelude::*;

use super::backend::{Backend, Kind, dispatch};
use crate::field::{K, M61, from_i64};

/// Multiply-adds below which a call stays on its thread.
const PARALLEL_WORK: usize = 1 << 18;

/// Columns that one task of [`fold_rows`] takes.
const COLUMNS: usize = 1 << 10;

/// Rows of one length, one after the other.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [i8],
    pub(super) length: usize,
}

impl<'a> Rows<'a> {
    fn new(values: &'a [i8], length: usize) -> Self {
        Self { values, length }
    }
}

/// The limbs of a vector in the order that a backend wants: it fills the fields that it reads.
#[derive(Default)]
pub(super) struct Planes {
    /// Low 32 and high 29 bits of both coordinates, element by element.
    pub(super) halves: Vec<[i64; 4]>,
    /// Limb `l` of element `j` at `l * stride + j`, zeros up to the stride.
    pub(super) bytes: Vec<u8>,
    /// Distance between planes.
    pub(super) stride: usize,
}

/// See [`super::fold_rows_i8`].
pub(super) fn fold_rows(backend: Backend, rows: &[i8], row_length: usize, coefficients: &[K]) -> Vec<K> {
    let mut out = vec![K::default(); row_length];
    if row_length == 0 {
        return out;
    }
    let count = coefficients.len().min(rows.len() / row_length);
    let (rows, coefficients) = (&rows[..count * row_length], &coefficients[..count]);
    let all = Rows::new(rows, row_length);
    if count.saturating_mul(row_length) < PARALLEL_WORK || rayon::current_num_threads() == 1 {
        dispatch!(backend, limb::fold_columns(all, 0, coefficients, &mut out));
    } else if row_length >= COLUMNS * rayon::current_num_threads() {
        out.par_chunks_mut(COLUMNS).enumerate().for_each(|(index, out)| {
            dispatch!(
                backend,
                limb::fold_columns(all, index * COLUMNS, coefficients, out)
            );
        });
    } else {
        // Few columns: cut the rows, then add up. Sums in the field are exact, so the cut does not show.
        let part = count.div_ceil(rayon::current_num_threads()).max(1);
        let parts: Vec<Vec<K>> = rows
            .par_chunks(part * row_length)
            .zip(coefficients.par_chunks(part))
            .map(|(values, coefficients)| {
                let rows = Rows::new(values, row_length);
                let mut out = vec![K::default(); row_length];
                dispatch!(backend, limb::fold_columns(rows, 0, coefficients, &mut out));
                out
            })
            .collect();
        for part in parts {
            out.iter_mut().zip(part).for_each(|(out, part)| *out += part);
        }
    }
    out
}

/// See [`super::rows_dot_i8`].
pub(super) fn rows_dot(backend: Backend, rows: &[i8], row_length: usize, vector: &[K]) -> Vec<K> {
    if row_length == 0 {
        return Vec::new();
    }
    debug_assert_eq!(vector.len(), row_length, "the vector is as long as a row");
    let count = rows.len() / row_length;
    let rows = &rows[..count * row_length];
    let mut out = vec![K::default(); count];
    if vector.len() < row_length {
        // The missing part counts as zero.
        let mut padded = vector.to_vec();
        padded.resize(row_length, K::default());
        return rows_dot(backend, rows, row_length, &padded);
    }
    let planes = dispatch!(backend, limb::planes(&vector[..row_length]));
    if rows.len() < PARALLEL_WORK {
        let rows = Rows::new(rows, row_length);
        dispatch!(backend, limb::dot_rows(rows, &planes, &mut out));
    } else {
        let part = (PARALLEL_WORK / row_length / 2).max(4);
        out.par_chunks_mut(part)
            .zip(rows.par_chunks(part * row_length))
            .for_each(|(out, values)| {
                let rows = Rows::new(values, row_length);
                dispatch!(backend, limb::dot_rows(rows, &planes, out));
            });
    }
    out
}

/// `low + 2^32 high mod p`, for sums over the low 32 and the high 29 bits of the coordinates.
pub(super) fn join_halves(parts: [i64; 4]) -> K {
    let [low_0, high_0, low_1, high_1] = parts.map(from_i64);
    let shift = from_i64(1 << 32);
    K::new(low_0 + high_0 * shift, low_1 + high_1 * shift)
}

/// `sum_l 2^(8 l) sums[l] mod p`.
#[inline]
pub(super) fn join(sums: [i32; 8]) -> M61 {
    let half = |sums: &[i32]| {
        sums.iter()
            .rev()
            .fold(0i64, |sum, &limb| (sum << 8) + i64::from(limb))
    };
    from_i64(half(&sums[..4])) + from_i64(half(&sums[4..])) * M61::from_raw(1 << 32)
}

/// The element of `K` whose limbs are 16 sums.
#[inline]
pub(super) fn join_limbs(sums: &[i32; 16]) -> K {
    let half = |first: usize| join(core::array::from_fn(|l| sums[first + l]));
    K::new(half(0), half(8))
}

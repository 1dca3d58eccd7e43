//! Columns of the encoded matrix: looked up or computed again.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use super::circle::CirclePoint;
use super::code::RowCode;
use super::rows::Rows;
use super::tiles::Block;
use crate::field::{K, M61, kernels};

/// The cells of columns, column after column, from the kept blocks of `row_length` columns.
pub(super) fn stored_columns(blocks: &[Block], row_length: usize, positions: &[usize]) -> Vec<M61> {
    let runs = positions
        .iter()
        .flat_map(|position| blocks[position / row_length].column(position % row_length));
    runs.flatten().copied().collect()
}

/// Rows that are multiplied with all vectors while they are in the cache.
const ROWS_AT_A_TIME: usize = 64;

/// The cells of columns, column after column, from the rows: cell `a` of column `j` is the inner product of row `a`
/// with the values `b_{S i}(P_j)` of the basis. Two columns share a vector over `K`, a coordinate each.
pub(super) fn recomputed_columns(
    code: &RowCode,
    (rows, count): (&Rows, usize),
    tails: &[M61],
    positions: &[usize],
) -> Vec<M61> {
    let (length, tail) = (code.row_length(), code.tail);
    let factors: Vec<Vec<K>> = code
        .points(positions)
        .chunks(2)
        .map(|pair| factors_of(code, pair))
        .collect();
    let vectors: Vec<Vec<K>> = factors
        .par_iter()
        .map(|factors| basis_values(factors, length))
        .collect();
    // The basis functions of the tail are those of the data times b_L.
    let behind: Vec<(K, &[K])> = factors
        .iter()
        .zip(&vectors)
        .map(|(factors, vector)| (factors[code.log_row as usize], &vector[..tail]))
        .collect();
    let group = |first: usize| -> Vec<Vec<K>> {
        let last = count.min(first + ROWS_AT_A_TIME);
        let multiply = |(vector, (factor, tail_vector)): (&Vec<K>, &(K, &[K]))| {
            let mut products: Vec<K> = match rows {
                Rows::Field(rows) => rows[first * length..last * length]
                    .chunks_exact(length)
                    .map(|row| kernels::dot_base(row, vector))
                    .collect(),
                Rows::Int8(rows) => {
                    kernels::rows_dot_i8(&rows[first * length..last * length], length, vector)
                }
            };
            if tail > 0 {
                let tails = tails[first * tail..last * tail].chunks_exact(tail);
                for (product, row) in products.iter_mut().zip(tails) {
                    let sum = kernels::dot_base(row, tail_vector);
                    *product += K::new(factor.c0 * sum.c0, factor.c1 * sum.c1);
                }
            }
            products
        };
        vectors.iter().zip(&behind).map(multiply).collect()
    };
    let starts: Vec<usize> = (0..count).step_by(ROWS_AT_A_TIME).collect();
    let groups: Vec<Vec<Vec<K>>> = starts.into_par_iter().map(group).collect();

    let mut cells = Vec::with_capacity(count * positions.len());
    for index in 0..positions.len() {
        let part = |value: &K| if index % 2 == 0 { value.c0 } else { value.c1 };
        for products in &groups {
            cells.extend(products[index / 2].iter().map(part));
        }
    }
    cells
}

/// The factors of the basis at one point or two: the first coordinates are those of the first point.
fn factors_of(code: &RowCode, points: &[CirclePoint]) -> Vec<K> {
    let factors: Vec<Vec<M61>> = points.iter().map(|point| code.factors(*point)).collect();
    let second = |bit: usize| factors.get(1).map_or(M61::ZERO, |factors| factors[bit]);
    let both = |(bit, first): (usize, &M61)| K::new(*first, second(bit));
    factors[0].iter().enumerate().map(both).collect()
}

/// The products of `factors` by the bits of `0, .., length - 1`, in both coordinates.
fn basis_values(factors: &[K], length: usize) -> Vec<K> {
    let mut values = vec![K::new(M61::ONE, M61::ONE)];
    for phi in factors {
        if values.len() == length {
            break;
        }
        for index in 0..values.len() {
            let value = values[index];
            values.push(K::new(value.c0 * phi.c0, value.c1 * phi.c1));
        }
    }
    values
}

//! Columns of the encoded matrix: looked up or computed again.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use super::circle::CirclePoint;
use super::code::RowCode;
use super::rows::Rows;
use super::tiles::Block;
use crate::field::kernels::LimbPanels;
use crate::field::{K, M61, kernels};

/// The cells of columns, column after column, from the kept blocks of `row_length` columns.
pub(super) fn stored_columns(blocks: &[Block], row_length: usize, positions: &[usize]) -> Vec<M61> {
    let runs = positions
        .iter()
        .flat_map(|position| blocks[position / row_length].column(position % row_length));
    runs.flatten().copied().collect()
}

/// Terms of one product with int8 rows. A longer row is cut: all its pieces meet the same values of the lowest variables,
/// so these fit the caches however long rows are.
const LOG_PIECE: usize = 13;

/// Pieces of rows that a task takes at least.
const PIECES: usize = 1 << 7;

/// Rows of field elements that are multiplied with all vectors while they are in the cache.
const ROWS_AT_A_TIME: usize = 64;

/// The cells of columns, column after column, from the rows: cell `a` of column `j` is the inner product of row `a`
/// with the values `b_{S i}(P_j)` of the basis. Two columns share a vector over `K`, a coordinate each.
pub(super) fn recomputed_columns(
    code: &RowCode,
    (rows, count): (&Rows, usize),
    tails: &[M61],
    positions: &[usize],
) -> Vec<M61> {
    let basis = Basis::new(code, positions);
    // One element for each row and pair of columns, row after row.
    let mut products: Vec<K> = match rows {
        Rows::Field(rows) => basis.products(rows),
        Rows::Int8(rows) => basis.int8_products(rows),
    };
    basis.add_tails(tails, &mut products);
    let pairs = basis.factors.len();
    let mut cells = vec![M61::ZERO; count * positions.len()];
    cells
        .par_chunks_mut(count.max(1))
        .enumerate()
        .for_each(|(index, cells)| {
            let products = products.iter().skip(index / 2).step_by(pairs);
            for (cell, product) in cells.iter_mut().zip(products) {
                *cell = if index % 2 == 0 { product.c0 } else { product.c1 };
            }
        });
    cells
}

/// The values of the basis at pairs of points, as products of factors by the bits of the place in a row.
struct Basis {
    /// For each pair one factor for each bit, and the last for the tail.
    factors: Vec<Vec<K>>,
    log_row: usize,
    tail: usize,
}

impl Basis {
    fn new(code: &RowCode, positions: &[usize]) -> Self {
        Self {
            factors: code
                .points(positions)
                .chunks(2)
                .map(|pair| factors_of(code, pair))
                .collect(),
            log_row: code.log_row as usize,
            tail: code.tail,
        }
    }

    /// The first `length` values of each pair.
    fn values(&self, length: usize) -> Vec<Vec<K>> {
        let factors = self.factors.par_iter();
        factors.map(|factors| basis_values(factors, length)).collect()
    }

    /// Products with rows of field elements.
    fn products(&self, rows: &[M61]) -> Vec<K> {
        let length = 1 << self.log_row;
        let vectors = self.values(length);
        let mut out = vec![K::ZERO; rows.len() / length * vectors.len()];
        let groups = out.par_chunks_mut((ROWS_AT_A_TIME * vectors.len()).max(1));
        groups
            .zip(rows.par_chunks(ROWS_AT_A_TIME * length))
            .for_each(|(out, rows)| {
                for (index, vector) in vectors.iter().enumerate() {
                    let out = out.iter_mut().skip(index).step_by(vectors.len());
                    for (out, row) in out.zip(rows.chunks_exact(length)) {
                        *out = kernels::dot_base(row, vector);
                    }
                }
            });
        out
    }

    /// Products with int8 rows: one matrix product with all pieces of rows,
    ///
    /// ```text
    /// sum_j row[j] b_j = sum_h b_{h piece} sum_i row[h piece + i] b_i
    /// ```
    fn int8_products(&self, rows: &[i8]) -> Vec<K> {
        let log_piece = self.log_row.min(LOG_PIECE);
        let (pieces, length) = (1 << (self.log_row - log_piece), 1 << self.log_row);
        let pairs = self.factors.len();
        let panels = LimbPanels::new(&self.values(1 << log_piece), 1 << log_piece);
        let high: Vec<Vec<K>> = (self.factors.par_iter())
            .map(|factors| basis_values(&factors[log_piece..], pieces))
            .collect();
        let mut out = vec![K::ZERO; rows.len() / length * pairs];
        let count = PIECES.div_ceil(pieces);
        let groups = out
            .par_chunks_mut((count * pairs).max(1))
            .zip(rows.par_chunks(count * length));
        groups.for_each_init(Vec::new, |products: &mut Vec<K>, (out, rows)| {
            products.resize(out.len() * pieces, K::ZERO);
            kernels::rows_times_panels(rows, &panels, products);
            let rows = products.chunks_exact(pieces * pairs);
            for (out, products) in out.chunks_exact_mut(pairs).zip(rows) {
                for (index, products) in products.chunks_exact(pairs).enumerate() {
                    for ((out, product), high) in out.iter_mut().zip(products).zip(&high) {
                        let high = high[index];
                        *out += K::new(high.c0 * product.c0, high.c1 * product.c1);
                    }
                }
            }
        });
        out
    }

    /// Adds the products with tails: the basis functions of the tail are those of the data times `b_L`.
    fn add_tails(&self, tails: &[M61], products: &mut [K]) {
        if self.tail == 0 {
            return;
        }
        let vectors = self.values(self.tail);
        let pairs = vectors.len();
        let rows = products.par_chunks_mut((ROWS_AT_A_TIME * pairs).max(1));
        rows.zip(tails.par_chunks(ROWS_AT_A_TIME * self.tail))
            .for_each(|(products, tails)| {
                for (index, (factors, vector)) in self.factors.iter().zip(&vectors).enumerate() {
                    let factor = factors[self.log_row];
                    let products = products.iter_mut().skip(index).step_by(pairs);
                    for (product, row) in products.zip(tails.chunks_exact(self.tail)) {
                        let sum = kernels::dot_base(row, &vector[..self.tail]);
                        *product += K::new(factor.c0 * sum.c0, factor.c1 * sum.c1);
                    }
                }
            });
    }
}

/// The factors of the basis at one point or two: the first coordinates are those of the first point.
fn factors_of(code: &RowCode, points: &[CirclePoint]) -> Vec<K> {
    let factors: Vec<Vec<M61>> = points.iter().map(|point| code.factors(*point)).collect();
    let second = |bit: usize| factors.get(1).map_or(M61::ZERO, |factors| factors[bit]);
    let both = |(bit, first): (usize, &M61)| K::new(*first, second(bit));
    factors[0].iter().enumerate().map(both).collect()
}

/// The products of `factors` by the bits of `0, .., length - 1`, in both coordinates; `length` is rounded up to a power of
/// two.
fn basis_values(factors: &[K], length: usize) -> Vec<K> {
    let mut values = vec![K::new(M61::ONE, M61::ONE)];
    for phi in factors {
        if values.len() >= length {
            break;
        }
        for index in 0..values.len() {
            let value = values[index];
            values.push(K::new(value.c0 * phi.c0, value.c1 * phi.c1));
        }
    }
    values
}

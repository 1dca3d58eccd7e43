//! The opened columns of one matrix.

use ark_ff::{AdditiveGroup, Field};

use super::super::circle::{basis_factors, domain_points};
use super::super::claim::{Commitment, MaskRows};
use super::super::code::{CodeParameters, RowCode};
use super::super::hash::{Digest, leaf_digest, leaf_length, root_digest};
use super::super::merkle::read_root;
use crate::field::encoding::m61_to_bytes;
use crate::field::{K, M61, mul_k_base};
use crate::transcript::{Check, VerifierChannel, VerifyError};

/// Calls `with` on the value of each of `positions` and the index of its symbol in `symbols`. Both lists ascend.
pub(super) fn for_each_symbol(
    positions: &[usize],
    symbols: &[usize],
    log_stride: u32,
    values: &mut [K],
    mut with: impl FnMut(usize, &mut K),
) {
    let mut index = 0usize;
    for (position, value) in positions.iter().zip(values) {
        let wanted = position.checked_shr(log_stride);
        while symbols.get(index).is_some_and(|symbol| Some(*symbol) < wanted) {
            index = index.saturating_add(1);
        }
        with(index, value);
    }
}

/// A matrix whose columns are read and checked.
pub(super) struct OpenedMatrix<'a> {
    pub(super) index: usize,
    pub(super) commitment: &'a Commitment,
    pub(super) code: RowCode,
    /// The factor of each row in the combination.
    pub(super) weights: &'a [K],
    /// The mask, if it is in this matrix.
    pub(super) mask: Option<MaskRows>,
}

impl OpenedMatrix<'_> {
    /// Reads the columns, checks the root and adds the combination of the column of each position to `sums`.
    pub(super) fn check<C: VerifierChannel + ?Sized>(
        &self,
        channel: &mut C,
        code: &CodeParameters,
        positions: &[usize],
        sums: &mut [K],
    ) -> Result<(), VerifyError> {
        let symbols = self.code.symbols(positions);
        let cells = self.read(channel, &symbols)?;
        let columns: Vec<&[M61]> = cells.chunks(self.commitment.rows.max(1)).collect();
        // Rows that are not the mask's are the same at all positions of a symbol.
        let combined: Vec<K> = columns.iter().map(|column| self.combine(column)).collect();
        let add = |index: usize, sum: &mut K| *sum += combined.get(index).copied().unwrap_or(K::ZERO);
        for_each_symbol(positions, &symbols, self.code.log_stride, sums, add);
        if let Some(mask) = self.mask {
            let mut points = domain_points(code.log_codeword, positions).into_iter();
            for_each_symbol(positions, &symbols, self.code.log_stride, sums, |index, sum| {
                let column = columns.get(index).copied().unwrap_or_default();
                let point = points
                    .next()
                    .map(|point| basis_factors(point, self.code.log_stride as usize));
                *sum += mask_at(mask, column, &point.unwrap_or_default());
            });
        }
        Ok(())
    }

    /// Reads the cells of the columns at `symbols`, column after column, and checks the root.
    fn read<C: VerifierChannel + ?Sized>(
        &self,
        channel: &mut C,
        symbols: &[usize],
    ) -> Result<Vec<M61>, VerifyError> {
        let rows = self.commitment.rows;
        let mut salts = Vec::with_capacity(symbols.len());
        for _ in symbols {
            salts.push(channel.read_digest("opening.salt")?);
        }
        let cells = channel.read_base("opening.columns", symbols.len().saturating_mul(rows))?;
        let mut leaves: Vec<Digest> = Vec::with_capacity(symbols.len());
        let mut bytes = Vec::with_capacity(leaf_length(rows));
        for (column, salt) in cells.chunks(rows.max(1)).zip(&salts) {
            bytes.clear();
            bytes.extend_from_slice(salt);
            column
                .iter()
                .for_each(|cell| bytes.extend_from_slice(&m61_to_bytes(*cell)));
            bytes.resize(leaf_length(rows), 0);
            leaves.push(leaf_digest(&bytes));
        }
        let top = read_root(channel, "opening.path", &self.code, symbols, &leaves)?;
        if top.map(|top| root_digest(&self.code, rows, &top)) != Some(self.commitment.root) {
            let place = format!("matrix {}", self.index);
            return Err(Check {
                name: "opening.merkle",
                place: &place,
            }
            .failed());
        }
        Ok(cells)
    }

    fn combine(&self, column: &[M61]) -> K {
        let terms = column.iter().zip(self.weights);
        terms.map(|(cell, weight)| mul_k_base(*weight, *cell)).sum()
    }
}

/// The mask's codeword at a point, from a column of its matrix: `sum_c b_c(P) g_c`. `factors` are `phi_0, phi_1, ..` at
/// the point, one for each bit of `c`.
fn mask_at(mask: MaskRows, column: &[M61], factors: &[M61]) -> K {
    let rows = column.get(mask.rows()).unwrap_or_default();
    let (classes, _) = rows.as_chunks::<2>();
    let term = |(class, [c0, c1]): (usize, &[M61; 2])| {
        let bits = factors
            .iter()
            .enumerate()
            .filter(|(bit, _)| class >> bit & 1 == 1);
        let value = bits.fold(M61::ONE, |value, (_, phi)| value * phi);
        K::new(value * c0, value * c1)
    };
    classes.iter().enumerate().map(term).sum()
}

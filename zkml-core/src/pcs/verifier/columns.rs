//! Steps 3 and 4: the row combination, and other messages with it, against columns at random positions.

use ark_ff::{AdditiveGroup, Field};

use super::super::circle::{basis_factors, domain_points};
use super::super::claim::{Commitment, MaskRows};
use super::super::code::{CircleCode, CodeParameters, RowCode};
use super::super::hash::{Digest, leaf_digest, leaf_length, root_digest};
use super::super::merkle::root_of;
use super::super::recursive::{self, Functional, RecursionParameters, RecursiveCommitment};
use super::{Combination, Message, recursive_functionals};
use crate::field::encoding::m61_to_bytes;
use crate::field::{K, M61, mul_k, mul_k_base};
use crate::transcript::{Check, VerifierChannel, VerifyError};

/// Steps 3 and 4: each message of `combinations` is what it claims to be at random columns of the matrices. The first one
/// may be committed; the recursion then shows its part.
///
/// Several are joined to one with random coefficients, so that one codeword is computed.
///
/// # Errors
///
/// As [`verify_opening`].
pub fn verify_columns<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    (code, recursion): (&CodeParameters, &RecursionParameters),
    commitments: &[Commitment],
    combinations: Vec<Combination>,
) -> Result<(), VerifyError> {
    let _span = tracing::info_span!("check columns").entered();
    channel.grind("opening.grind", code.grinding_bits)?;
    // Drawn together with the positions, no message between: what is joined then needs no proximity gap of its own. The
    // first one has coefficient 1.
    let mut coefficients = vec![K::ONE];
    coefficients.extend(channel.challenges("opening.join", combinations.len().saturating_sub(1)));
    let joined = Joined::new(code, commitments.len(), combinations, &coefficients)?;

    let positions = channel.positions("opening.positions", code.queries, code.codeword_length());
    let mut sums = vec![K::ZERO; positions.len()];
    for ((index, commitment), weights) in commitments.iter().enumerate().zip(&joined.weights) {
        if !weights.is_empty() {
            let opened = OpenedMatrix {
                index,
                commitment,
                code: code.at_stride(commitment.log_stride),
                weights,
                mask: joined.mask.filter(|rows| rows.mask.matrix == index),
            };
            opened.check(channel, code, &positions, &mut sums)?;
        }
    }

    let encoded = joined.encode(code, &positions);
    if let Some(committed) = joined.committed {
        // What the clear messages leave of each column is the committed one's.
        let rest = sums.iter().zip(&encoded).map(|(sum, clear)| *sum - clear);
        let values = core::iter::once(committed.product).chain(rest);
        let functionals = recursive_functionals(committed.point, &positions);
        let claims: Vec<(Functional, K)> = functionals.into_iter().zip(values).collect();
        return recursive::verify(channel, recursion, code, committed.commitment, &claims);
    }
    for ((position, sum), value) in positions.iter().zip(sums).zip(encoded) {
        if value != sum {
            let place = format!("position {position}");
            return Err(Check {
                name: "opening.column",
                place: &place,
            }
            .failed());
        }
    }
    Ok(())
}

/// Several messages with their coefficients, as one.
struct Joined {
    /// The sum of the wide messages in the clear.
    wide: Vec<K>,
    /// The sum of the narrow ones; nothing if there are none.
    narrow: Vec<K>,
    /// The first message, where it is committed.
    committed: Option<Committed>,
    /// The mask of the first message.
    mask: Option<MaskRows>,
    /// For each matrix the factor of each of its rows.
    weights: Vec<Vec<K>>,
}

/// A committed row combination, as [`Message::Committed`] has it.
struct Committed {
    commitment: RecursiveCommitment,
    point: Vec<K>,
    product: K,
}

impl Joined {
    fn new(
        code: &CodeParameters,
        matrices: usize,
        combinations: Vec<Combination>,
        coefficients: &[K],
    ) -> Result<Self, VerifyError> {
        let mut joined = Self {
            wide: vec![K::ZERO; code.message_length()],
            narrow: Vec::new(),
            committed: None,
            mask: None,
            weights: vec![Vec::new(); matrices],
        };
        for (index, (combination, coefficient)) in combinations.into_iter().zip(coefficients).enumerate() {
            joined.add(code, combination.message, *coefficient, index == 0)?;
            if combination.mask.is_some() {
                if index > 0 {
                    return Err(VerifyError::Key(
                        "opening: only the first message may be masked".into(),
                    ));
                }
                joined.mask = combination.mask;
            }
            for (sum, own) in joined.weights.iter_mut().zip(&combination.weights) {
                sum.resize(own.len().max(sum.len()), K::ZERO);
                add_multiple(sum, own, *coefficient);
            }
        }
        Ok(joined)
    }

    fn add(
        &mut self,
        code: &CodeParameters,
        message: Message,
        coefficient: K,
        first: bool,
    ) -> Result<(), VerifyError> {
        match message {
            Message::Clear(message) => add_multiple(&mut self.wide, &message, coefficient),
            Message::Narrow(message) => {
                self.narrow.resize(code.narrow().message_length(), K::ZERO);
                add_multiple(&mut self.narrow, &message, coefficient);
            }
            Message::Committed {
                commitment,
                point,
                product,
            } if first => {
                self.committed = Some(Committed {
                    commitment,
                    point,
                    product,
                });
            }
            Message::Committed { .. } => {
                return Err(VerifyError::Key(
                    "opening: only the first message may be committed".into(),
                ));
            }
        }
        Ok(())
    }

    /// The codeword of what is in the clear, at positions.
    fn encode(&self, code: &CodeParameters, positions: &[usize]) -> Vec<K> {
        let mut encoded = CircleCode::encode_at(code.wide(), &self.wide, positions);
        if !self.narrow.is_empty() {
            let symbols = code.narrow().symbols(positions);
            let narrow = CircleCode::encode_at(code.narrow(), &self.narrow, &symbols);
            let stride = code.narrow().log_stride;
            for_each_symbol(positions, &symbols, stride, &mut encoded, |index, value| {
                *value += narrow.get(index).copied().unwrap_or(K::ZERO);
            });
        }
        encoded
    }
}

fn add_multiple(sum: &mut [K], values: &[K], coefficient: K) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += mul_k(*value, coefficient);
    }
}

/// Calls `with` the number of its symbol among `symbols` and the value of each of `positions`; both ascend.
fn for_each_symbol(
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
struct OpenedMatrix<'a> {
    index: usize,
    commitment: &'a Commitment,
    code: RowCode,
    /// The factor of each row in the combination.
    weights: &'a [K],
    /// The mask, where it is in this matrix.
    mask: Option<MaskRows>,
}

impl OpenedMatrix<'_> {
    /// Reads the columns, checks the root and adds the combination of the column of each position to `sums`.
    fn check<C: VerifierChannel + ?Sized>(
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
        let top = root_of(
            self.code.log_codeword,
            symbols,
            &leaves,
            self.code.digest_bytes,
            |_, _| channel.read_node("opening.path", self.code.digest_bytes as usize),
        )?;
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

/// The mask's codeword at a point, from a column of its matrix: `sum_c b_c(P) g_c`, `factors` being `phi_0, phi_1, ..` at the
/// point, for each bit of `c`.
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

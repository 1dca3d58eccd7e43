//! The verifier's side of an opening. For the statement, the transcript order and the checks see the
//! [module](super).

use ark_ff::{AdditiveGroup, Field};

use super::circle::{basis_factors, domain_points};
use super::claim::{ClaimPoint, Commitment, ExtensionRow, MaskRows, check_mask, check_points, check_strides};
use super::code::{CircleCode, CodeParameters, RowCode};
use super::hash::{Digest, leaf_digest, leaf_length, root_digest};
use super::merkle::root_of;
use super::plan::{Plan, random_coefficients};
use super::recursive::{self, Functional, RecursionParameters, RecursiveCommitment};
use super::soundness::PROXIMITY_GRINDING_BITS;
use crate::field::encoding::m61_to_bytes;
use crate::field::{K, M61, mul_k, mul_k_base};
use crate::poly;
use crate::sumcheck::{Shape, verify_batched};
use crate::transcript::{Check, Scalar, VerifierChannel, VerifyError};

/// Verifies the claims, each a point and a value, on matrices whose roots were read before the points were
/// drawn: the row combination and then the columns, without a mask.
///
/// # Errors
///
/// [`VerifyError::Check`] with one of the names of the [module](super); what reading messages gives;
/// [`VerifyError::Key`] where parameters or points do not fit.
pub fn verify_opening<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    (code, recursion): (&CodeParameters, &RecursionParameters),
    commitments: &[Commitment],
    claims: &[(ClaimPoint, C::Scalar)],
) -> Result<(), VerifyError> {
    match verify_combination(channel, (code, recursion), commitments, claims, None)? {
        Some(combination) => verify_columns(channel, (code, recursion), commitments, vec![combination]),
        None => Ok(()),
    }
}

/// A message that must be a combination of committed rows. The opened columns are checked against it.
#[derive(Debug, Clone)]
pub struct Combination {
    /// The message.
    pub message: Message,
    /// For each matrix the factors of its rows, 0 for the rows of a mask; an empty list for a matrix that takes no
    /// part.
    pub weights: Vec<Vec<K>>,
    /// The mask that is added to these.
    pub mask: Option<MaskRows>,
}

/// A message of `L + tail` coordinates, as the verifier has it.
#[derive(Debug, Clone)]
pub enum Message {
    /// In the clear.
    Clear(Vec<K>),
    /// Also in the clear: the coordinates of a narrow row, the others are 0.
    Narrow(Vec<K>),
    /// As a commitment, for [`recursive`].
    Committed {
        /// The commitment.
        commitment: RecursiveCommitment,
        /// A point in the row.
        point: Vec<K>,
        /// Its inner product with `eq(point)`, claimed.
        product: K,
    },
}

/// Steps 1 and 2: everything up to the row combination. Nothing without claims and mask.
///
/// # Errors
///
/// As [`verify_opening`].
pub fn verify_combination<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    (code, recursion): (&CodeParameters, &RecursionParameters),
    commitments: &[Commitment],
    claims: &[(ClaimPoint, C::Scalar)],
    mask: Option<MaskRows>,
) -> Result<Option<Combination>, VerifyError> {
    let _span = tracing::info_span!("check the combination").entered();
    code.validate()?;
    recursion.validate(code.message_length())?;
    check_strides(code, commitments.iter().map(|commitment| commitment.log_stride))?;
    let rows: Vec<usize> = commitments.iter().map(|commitment| commitment.rows).collect();
    check_points(code, commitments, claims.iter().map(|(point, _)| point))?;
    check_mask(commitments, mask)?;
    if claims.is_empty() && mask.is_none() {
        return Ok(None);
    }
    let plan = Plan::new(claims.iter().map(|(point, _)| point));
    let (point, opened) = merge(channel, code, &plan, claims)?;

    let mut marked = vec![false; rows.len()];
    let matrices = plan.folds.iter().map(|fold| fold.matrix);
    for matrix in matrices.chain(mask.map(|rows| rows.mask.matrix)) {
        if let Some(marked) = marked.get_mut(matrix) {
            *marked = true;
        }
    }
    channel.grind("opening.proximity.grind", PROXIMITY_GRINDING_BITS)?;
    let draw = || channel.challenge("opening.proximity");
    let random = random_coefficients(&rows, &marked, mask, draw);
    let random_value = channel.read_scalar("opening.proximity")?;
    let masked = match mask {
        Some(_) => Some(channel.read_scalar("opening.mask")?),
        None => None,
    };
    channel.grind("opening.combine.grind", PROXIMITY_GRINDING_BITS)?;
    let mut gammas = channel.challenges("opening.combine", opened.len().saturating_add(1));
    if masked.is_some() {
        // Drawn after the claims: a false one could otherwise be made up for by the mask's.
        let blind = channel.challenge("opening.blind");
        gammas.iter_mut().for_each(|gamma| *gamma = mul_k(*gamma, blind));
    }
    let last = gammas.last().copied().unwrap_or(K::ZERO);
    let (message, product) = read_message(channel, (code, recursion), point)?;
    let expected = opened
        .iter()
        .zip(&gammas)
        .fold(C::Scalar::from(-product), |sum, ((_, value), gamma)| {
            sum + value.clone() * *gamma
        });
    let expected = expected + random_value * last;
    let weights = combination_weights(&rows, &plan, &opened, &gammas, &random);
    let expected = match masked {
        Some(value) => expected + value,
        None => expected,
    };
    let check = Check {
        name: "opening.inner_product",
        place: "row combination",
    };
    channel.constrain_zero(check, expected)?;
    Ok(Some(Combination {
        message,
        weights,
        mask,
    }))
}

/// Reads the row combination, or the commitment to it, and its inner product with `eq(point)`.
fn read_message<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    (code, recursion): (&CodeParameters, &RecursionParameters),
    point: Vec<K>,
) -> Result<(Message, K), VerifyError> {
    if recursion.levels.is_empty() {
        let message = channel.read_extension("opening.combination", code.message_length())?;
        let product = message
            .iter()
            .zip(poly::eq_table(&point))
            .map(|(value, eq)| mul_k(*value, eq))
            .sum();
        return Ok((Message::Clear(message), product));
    }
    let commitment = recursive::read_commitment(channel, recursion, code.message_length())?;
    let product = channel.read_extension("opening.product", 1)?;
    let product = product.first().copied().unwrap_or(K::ZERO);
    let message = Message::Committed {
        commitment,
        point,
        product,
    };
    Ok((message, product))
}

/// Adds `factor` times the row over K that `place` holds to a combination's weights.
pub(crate) fn add_extension_row(rows: &[usize], weights: &mut [Vec<K>], place: ExtensionRow, factor: K) {
    let (Some(weights), Some(rows)) = (weights.get_mut(place.matrix), rows.get(place.matrix)) else {
        return;
    };
    weights.resize(*rows, K::ZERO);
    let parts = [factor, mul_k(factor, K::new(M61::ZERO, M61::ONE))];
    for (weight, part) in weights.iter_mut().skip(place.first_row).zip(parts) {
        *weight += part;
    }
}

/// Steps 3 and 4: at random columns of the matrices, each message of `combinations` is the combination of rows that it
/// should be. The first message may be committed; the recursion then shows its part.
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
    // Drawn together with the positions, with no message between, so joining the messages needs no proximity gap of its
    // own. The first message has coefficient 1.
    let mut coefficients = vec![K::ONE];
    coefficients.extend(channel.challenges("opening.join", combinations.len().saturating_sub(1)));
    let mut joined = vec![K::ZERO; code.message_length()];
    let mut narrow = Vec::new();
    let mut committed = None;
    let mut mask = None;
    let mut weights: Vec<Vec<K>> = vec![Vec::new(); commitments.len()];
    let add = |sum: &mut [K], values: &[K], coefficient: K| {
        for (sum, value) in sum.iter_mut().zip(values) {
            *sum += mul_k(*value, coefficient);
        }
    };
    for (index, (combination, coefficient)) in combinations.into_iter().zip(coefficients).enumerate() {
        match combination.message {
            Message::Clear(message) => add(&mut joined, &message, coefficient),
            Message::Narrow(message) => {
                narrow.resize(code.narrow().message_length(), K::ZERO);
                add(&mut narrow, &message, coefficient);
            }
            Message::Committed {
                commitment,
                point,
                product,
            } if index == 0 => committed = Some((commitment, point, product)),
            Message::Committed { .. } => {
                return Err(VerifyError::Key(
                    "opening: only the first message may be committed".into(),
                ));
            }
        }
        match combination.mask {
            None => {}
            own if index == 0 => mask = own,
            Some(_) => {
                return Err(VerifyError::Key(
                    "opening: only the first message may be masked".into(),
                ));
            }
        }
        for (sum, own) in weights.iter_mut().zip(&combination.weights) {
            sum.resize(own.len().max(sum.len()), K::ZERO);
            add(sum, own, coefficient);
        }
    }

    let positions = channel.positions("opening.positions", code.queries, code.codeword_length());
    let mut sums = vec![K::ZERO; positions.len()];
    for ((index, commitment), weights) in commitments.iter().enumerate().zip(&weights) {
        if !weights.is_empty() {
            let opened = OpenedMatrix {
                index,
                commitment,
                code: code.at_stride(commitment.log_stride),
                weights,
                mask: mask.filter(|rows| rows.mask.matrix == index),
            };
            opened.check(channel, code, &positions, &mut sums)?;
        }
    }

    let mut encoded = CircleCode::encode_at(code.wide(), &joined, &positions);
    if !narrow.is_empty() {
        let symbols = code.narrow().symbols(&positions);
        let narrow = CircleCode::encode_at(code.narrow(), &narrow, &symbols);
        let stride = code.narrow().log_stride;
        for_each_symbol(&positions, &symbols, stride, &mut encoded, |index, value| {
            *value += narrow.get(index).copied().unwrap_or(K::ZERO);
        });
    }
    if let Some((commitment, point, product)) = committed {
        // What the clear messages leave of each column is the committed one's.
        let rest = sums.iter().zip(&encoded).map(|(sum, clear)| *sum - clear);
        let values = core::iter::once(product).chain(rest);
        let functionals = recursive_functionals(point, &positions);
        let claims: Vec<(Functional, K)> = functionals.into_iter().zip(values).collect();
        return recursive::verify(channel, recursion, code, commitment, &claims);
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

/// What is claimed of a committed row combination: its inner product with `eq(point)`, then its codeword at positions.
pub(super) fn recursive_functionals(point: Vec<K>, positions: &[usize]) -> Vec<Functional> {
    let positions = positions.iter().copied().map(Functional::Position);
    core::iter::once(Functional::Eq(point)).chain(positions).collect()
}

/// The point in the row at which all is opened, and for each term of the combination its fold and its value
/// there.
type Merged<S> = (Vec<K>, Vec<(usize, S)>);

/// Merges the claims to one point in the row.
fn merge<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    code: &CodeParameters,
    plan: &Plan,
    claims: &[(ClaimPoint, C::Scalar)],
) -> Result<Merged<C::Scalar>, VerifyError> {
    let folds = plan.claims.iter().map(|(fold, _)| *fold);
    if !plan.needs_merge() {
        let point = plan.point_of_claims(code.log_row);
        return Ok((
            point,
            folds.zip(claims.iter().map(|(_, value)| value.clone())).collect(),
        ));
    }
    let rhos = channel.challenges("opening.batch", claims.len());
    let terms = claims.iter().zip(&rhos);
    let sum = terms.fold(C::Scalar::zero(), |sum, ((_, value), rho)| {
        sum + value.clone() * *rho
    });
    let shape = Shape {
        variables: code.log_row as usize,
        degree: 2,
    };
    let reduced = verify_batched(channel, "opening.merge", &[shape], &[sum])?;
    let values = channel.read_scalars("opening.values", plan.folds.len())?;

    // The weight of each fold is sum_i rho_i eq(low_i, z), over its claims.
    let factors: Vec<K> = plan
        .lows
        .iter()
        .map(|low| poly::eq_eval(low, &reduced.point))
        .collect();
    let mut difference = -reduced.value;
    for ((fold, low), rho) in plan.claims.iter().zip(&rhos) {
        if let (Some(value), Some(factor)) = (values.get(*fold), factors.get(*low)) {
            difference = difference + value.clone() * (*factor * rho);
        }
    }
    channel.constrain_zero(
        Check {
            name: "opening.merge",
            place: "last equation",
        },
        difference,
    )?;
    Ok((reduced.point, values.into_iter().enumerate().collect()))
}

/// For each matrix the factors of its rows in the combination, without the mask: those of the `opened` folds, and those
/// of the random fold, which has the last of `gammas`. An empty list for a matrix that takes no part.
pub(super) fn combination_weights<S>(
    rows: &[usize],
    plan: &Plan,
    opened: &[(usize, S)],
    gammas: &[K],
    random: &[Vec<K>],
) -> Vec<Vec<K>> {
    let mut weights = row_weights(rows, plan, opened, gammas);
    let last = gammas.last().copied().unwrap_or(K::ZERO);
    for (weights, random) in weights.iter_mut().zip(random) {
        weights.resize(random.len(), K::ZERO);
        for (weight, coefficient) in weights.iter_mut().zip(random) {
            *weight += mul_k(*coefficient, last);
        }
    }
    weights
}

/// For each matrix the factor of each of its rows in the combination; nothing for a matrix without a claim.
fn row_weights<S>(rows: &[usize], plan: &Plan, opened: &[(usize, S)], gammas: &[K]) -> Vec<Vec<K>> {
    let mut weights: Vec<Vec<K>> = vec![Vec::new(); rows.len()];
    for ((fold, _), gamma) in opened.iter().zip(gammas) {
        let Some(fold) = plan.folds.get(*fold) else {
            continue;
        };
        let (Some(weights), Some(rows)) = (weights.get_mut(fold.matrix), rows.get(fold.matrix)) else {
            continue;
        };
        weights.resize(*rows, K::ZERO);
        for (weight, term) in weights.iter_mut().skip(fold.first_row).zip(fold.weights(*gamma)) {
            *weight += term;
        }
    }
    weights
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
    /// The mask, if it is in this matrix.
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
        let rows = self.commitment.rows;
        let mut salts = Vec::with_capacity(symbols.len());
        for _ in &symbols {
            salts.push(channel.read_digest("opening.salt")?);
        }
        let cells = channel.read_base("opening.columns", symbols.len().saturating_mul(rows))?;
        let columns: Vec<&[M61]> = cells.chunks(rows.max(1)).collect();
        let mut leaves: Vec<Digest> = Vec::with_capacity(symbols.len());
        let mut bytes = Vec::with_capacity(leaf_length(rows));
        for (column, salt) in columns.iter().zip(&salts) {
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
            &symbols,
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

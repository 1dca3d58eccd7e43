//! The prover's side of an opening. For the statement and the transcript order see the [module](super).

#![cfg(feature = "prover")]

use ark_ff::AdditiveGroup;
use rayon::prelude::*;
use tracing::info_span;
use zeroize::Zeroizing;

use super::claim::{Claim, Commitment, MaskRows, check_opening};
use super::code::CodeParameters;
use super::error::PcsError;
use super::merge::merge;
use super::oracle::MatrixOracle;
use super::plan::{Plan, random_coefficients};
use super::recursive::{self, Functional, RecursionParameters};
use super::soundness::PROXIMITY_GRINDING_BITS;
use super::weights::combination_weights;
use crate::field::{K, kernels};
use crate::transcript::ProverChannel;

/// Places that are worth a thread.
const GRAIN: usize = 1 << 12;

/// Opens `matrices`, whose roots were sent before the points of `claims` were drawn: the row combination and
/// then the columns, without a mask.
///
/// The claimed values are taken as given: with a false one the proof is made and will be rejected.
///
/// # Errors
///
/// [`PcsError::Parameters`] where a claim does not fit its matrix, [`PcsError::OtherCode`] where a matrix was
/// committed with another code, [`PcsError::Backend`] where a matrix cannot be read.
pub fn prove_opening<M: MatrixOracle>(
    channel: &mut (impl ProverChannel + ?Sized),
    parameters: (&CodeParameters, &RecursionParameters),
    matrices: &[&M],
    claims: &[Claim],
) -> Result<(), PcsError> {
    let opened = prove_combination(channel, parameters, matrices, claims, None)?;
    prove_columns(channel, parameters, matrices, opened, 1)
}

/// What is open between the row combination and the columns.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Which matrices have rows in the combination.
    matrices: Vec<bool>,
    /// The point in the row.
    point: Vec<K>,
    /// The combination.
    committed: recursive::Committed,
}

/// Steps 1 and 2: everything up to the row combination.
///
/// # Errors
///
/// As [`prove_opening`].
pub fn prove_combination<M: MatrixOracle>(
    channel: &mut (impl ProverChannel + ?Sized),
    (code, recursion): (&CodeParameters, &RecursionParameters),
    matrices: &[&M],
    claims: &[Claim],
    mask: Option<MaskRows>,
) -> Result<Opened, PcsError> {
    let _span = info_span!("open").entered();
    code.validate()?;
    let other = |matrix: &&M| matrix.code() != code.at_stride(matrix.code().log_stride);
    if let Some(matrix) = matrices.iter().position(other) {
        return Err(PcsError::OtherCode { matrix });
    }
    let commitments: Vec<Commitment> = matrices.iter().map(|matrix| matrix.commitment()).collect();
    let points = claims.iter().map(|claim| &claim.point);
    check_opening((code, recursion), &commitments, points.clone(), mask)?;
    let rows: Vec<usize> = commitments.iter().map(|commitment| commitment.rows).collect();
    let plan = Plan::new(points);
    let (point, sums) =
        info_span!("merge claims").in_scope(|| merge(channel, code.log_row, &plan, matrices, claims))?;

    let marked = plan.opened_matrices(rows.len(), mask);
    channel.grind("opening.proximity.grind", PROXIMITY_GRINDING_BITS);
    let random = random_coefficients(&rows, &marked, mask, || channel.challenge("opening.proximity"));
    let eq = kernels::eq_table(&point);
    let value = info_span!("random fold").in_scope(|| value_of_rows(matrices, &random, &eq))?;
    channel.send_scalar("opening.proximity", value);
    let mut combination = match mask {
        Some(rows) => {
            let mask = matrices[rows.mask.matrix].full_message(rows.mask.first_row)?;
            channel.send_scalar("opening.mask", kernels::dot(&mask[..eq.len()], &eq));
            mask
        }
        None => Zeroizing::new(vec![K::ZERO; code.message_length()]),
    };

    let gammas = draw_coefficients(channel, sums.len(), mask);
    let weights = combination_weights(&rows, (&plan.groups, &sums), &gammas, &random);
    let sum = info_span!("combine rows").in_scope(|| combine_rows(code, matrices, &weights))?;
    kernels::add_to(&mut combination, &sum);
    let committed = recursive::commit(channel, recursion, &combination)?;
    if !recursion.levels.is_empty() {
        let product = kernels::dot(&combination[..eq.len()], &eq);
        channel.send_extension("opening.product", &[product]);
    }
    Ok(Opened {
        matrices: marked,
        point,
        committed,
    })
}

/// The coefficients of the groups in the row combination, and that of the random fold.
fn draw_coefficients(
    channel: &mut (impl ProverChannel + ?Sized),
    groups: usize,
    mask: Option<MaskRows>,
) -> Vec<K> {
    channel.grind("opening.combine.grind", PROXIMITY_GRINDING_BITS);
    let mut gammas = channel.challenges("opening.combine", groups + 1);
    if mask.is_some() {
        let blind = channel.challenge("opening.blind");
        gammas.iter_mut().for_each(|gamma| *gamma *= blind);
    }
    gammas
}

/// Steps 3 to 5: the columns of the opened matrices, against which `combinations` messages are checked, and the
/// recursion.
///
/// # Errors
///
/// [`PcsError::Parameters`] where the recursion is another one than the combination was committed with,
/// [`PcsError::Backend`] where a matrix cannot be read.
pub fn prove_columns<M: MatrixOracle>(
    channel: &mut (impl ProverChannel + ?Sized),
    (code, recursion): (&CodeParameters, &RecursionParameters),
    matrices: &[&M],
    opened: Opened,
    combinations: usize,
) -> Result<(), PcsError> {
    let _span = info_span!("open columns").entered();
    channel.grind("opening.grind", code.grinding_bits);
    channel.challenges("opening.join", combinations.saturating_sub(1));
    let positions = channel.positions("opening.positions", code.queries, code.codeword_length());
    let marked = matrices.iter().zip(&opened.matrices);
    for (matrix, _) in marked.filter(|(_, opened)| **opened) {
        let symbols = matrix.code().symbols(&positions);
        for salt in matrix.salts(&symbols)? {
            channel.send_digest("opening.salt", &salt);
        }
        channel.send_base("opening.columns", &matrix.columns(&symbols)?);
        for node in matrix.path(&symbols)? {
            channel.send_node("opening.path", &node, code.digest_bytes as usize);
        }
    }
    let positions = positions.into_iter().map(Functional::Position);
    let functionals: Vec<Functional> = core::iter::once(Functional::Eq(opened.point))
        .chain(positions)
        .collect();
    recursive::prove(channel, recursion, code, opened.committed, &functionals)
}

/// The matrices that have a part in a combination with these weights.
fn taking_part<'a, M: MatrixOracle>(
    matrices: &'a [&'a M],
    weights: &'a [Vec<K>],
) -> impl Iterator<Item = (&'a M, &'a [K], usize)> {
    let parts = matrices.iter().zip(weights);
    parts
        .filter(|(_, weights)| !weights.is_empty())
        .map(|(matrix, weights)| (*matrix, weights.as_slice(), 1 << matrix.code().log_stride))
}

/// The inner product of `eq` with the combination of the rows of all matrices. The cells of a narrow row stand at every
/// `S`-th place.
fn value_of_rows<M: MatrixOracle>(matrices: &[&M], weights: &[Vec<K>], eq: &[K]) -> Result<K, PcsError> {
    let mut sum = K::ZERO;
    for (matrix, weights, stride) in taking_part(matrices, weights) {
        sum += match stride {
            1 => matrix.value_of_combination(weights, eq)?,
            _ => {
                let places: Vec<K> = eq.iter().step_by(stride).copied().collect();
                matrix.value_of_combination(weights, &places)?
            }
        };
    }
    Ok(sum)
}

/// The combination of the rows of all matrices, as a message with its tail.
fn combine_rows<M: MatrixOracle>(
    code: &CodeParameters,
    matrices: &[&M],
    weights: &[Vec<K>],
) -> Result<Vec<K>, PcsError> {
    let length = code.message_length();
    let mut sum: Option<Vec<K>> = None;
    for (matrix, weights, stride) in taking_part(matrices, weights) {
        let part = matrix.combine(weights)?;
        match &mut sum {
            None if stride == 1 => sum = Some(part),
            Some(sum) if stride == 1 => kernels::add_to(sum, &part),
            // The tail begins at a multiple of the stride too.
            sum => {
                let sum = sum.get_or_insert_with(|| vec![K::ZERO; length]);
                let places = sum.par_iter_mut().step_by(stride).with_min_len(GRAIN);
                places.zip(&part).for_each(|(place, value)| *place += value);
            }
        }
    }
    Ok(sum.unwrap_or_else(|| vec![K::ZERO; length]))
}

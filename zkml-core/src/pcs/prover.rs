//! The prover's side of an opening. For the statement and the transcript order see the [module](super).

use ark_ff::AdditiveGroup;
use rayon::prelude::*;
use tracing::info_span;
use zeroize::Zeroizing;

use super::claim::{Claim, Commitment, MaskRows, check_mask, check_points, check_strides};
use super::code::CodeParameters;
use super::error::PcsError;
use super::matrix::CommittedMatrix;
use super::plan::{Plan, RowFold, random_coefficients};
use super::recursive::{self, RecursionParameters};
use super::soundness::PROXIMITY_GRINDING_BITS;
use super::verifier::{combination_weights, recursive_functionals};
use crate::field::{K, kernels};
use crate::sumcheck::{Evaluation, Evaluations, Table, prove_batched};
use crate::transcript::ProverChannel;

/// Places that are worth a thread.
const GRAIN: usize = 1 << 12;

/// Opens `matrices`, whose roots were sent before the points of `claims` were drawn: the row combination and
/// then the columns, without a mask. Without claims nothing is sent.
///
/// The claimed values are taken as given: with a false one the proof is made and will be rejected.
///
/// # Errors
///
/// [`PcsError::Parameters`] where a claim does not fit its matrix, [`PcsError::OtherCode`] where a matrix was
/// committed with another code.
pub fn prove_opening(
    channel: &mut (impl ProverChannel + ?Sized),
    (code, recursion): (&CodeParameters, &RecursionParameters),
    matrices: &[&CommittedMatrix],
    claims: &[Claim],
) -> Result<(), PcsError> {
    match prove_combination(channel, (code, recursion), matrices, claims, None)? {
        Some(opened) => prove_columns(channel, (code, recursion), matrices, opened, 1),
        None => Ok(()),
    }
}

/// What is open between the row combination and the columns.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Which matrices have rows in the combination.
    matrices: Vec<bool>,
    /// The point in the row.
    point: Vec<K>,
    /// The combination, if it was committed to instead of sent.
    committed: Option<recursive::Committed>,
}

/// Steps 1 and 2: everything up to the row combination. Nothing without claims and mask.
///
/// # Errors
///
/// As [`prove_opening`].
pub fn prove_combination(
    channel: &mut (impl ProverChannel + ?Sized),
    (code, recursion): (&CodeParameters, &RecursionParameters),
    matrices: &[&CommittedMatrix],
    claims: &[Claim],
    mask: Option<MaskRows>,
) -> Result<Option<Opened>, PcsError> {
    let _span = info_span!("open").entered();
    code.validate()?;
    recursion.validate(code.message_length())?;
    let other = |matrix: &&CommittedMatrix| matrix.code() != code.at_stride(matrix.code().log_stride);
    if let Some(matrix) = matrices.iter().position(other) {
        return Err(PcsError::OtherCode { matrix });
    }
    check_strides(code, matrices.iter().map(|matrix| matrix.code().log_stride))?;
    let commitments: Vec<Commitment> = matrices.iter().map(|matrix| matrix.commitment()).collect();
    let rows: Vec<usize> = commitments.iter().map(|commitment| commitment.rows).collect();
    check_points(code, &commitments, claims.iter().map(|claim| &claim.point))?;
    check_mask(&commitments, mask)?;
    let mut opened_matrices = vec![false; matrices.len()];
    if claims.is_empty() && mask.is_none() {
        return Ok(None);
    }
    let plan = Plan::new(claims.iter().map(|claim| &claim.point));
    for fold in &plan.folds {
        opened_matrices[fold.matrix] = true;
    }
    let values: Vec<K> = claims.iter().map(|claim| claim.value).collect();
    // The terms of the combination, each with its value at the point: every fold once after a merge, else the fold of
    // every claim.
    let (point, opened) = if plan.needs_merge() {
        let folded: Vec<Table<'_>> = info_span!("fold rows").in_scope(|| {
            let fold = |fold: &RowFold| matrices[fold.matrix].fold_table(fold);
            plan.folds.iter().map(fold).collect()
        });
        let (point, ends) =
            info_span!("merge claims").in_scope(|| merge(channel, code, &plan, folded, &values));
        (point, ends.into_iter().enumerate().collect())
    } else {
        let point = plan.point_of_claims(code.log_row);
        let folds = plan.claims.iter().map(|(fold, _)| *fold);
        (point, folds.zip(values).collect::<Vec<_>>())
    };
    if let Some(rows) = mask {
        opened_matrices[rows.mask.matrix] = true;
    }
    channel.grind("opening.proximity.grind", PROXIMITY_GRINDING_BITS);
    let draw = || channel.challenge("opening.proximity");
    let random = random_coefficients(&rows, &opened_matrices, mask, draw);
    let eq = kernels::eq_table(&point);
    let fold = info_span!("random fold").in_scope(|| combine_rows(code, matrices, &random, false));
    channel.send_scalar("opening.proximity", kernels::dot(&fold, &eq));
    drop(fold);
    let mut combination = match mask {
        Some(rows) => {
            let mask = matrices[rows.mask.matrix].full_message(rows.mask.first_row);
            channel.send_scalar("opening.mask", kernels::dot(&mask[..eq.len()], &eq));
            mask
        }
        None => Zeroizing::new(vec![K::ZERO; code.message_length()]),
    };

    channel.grind("opening.combine.grind", PROXIMITY_GRINDING_BITS);
    let mut gammas = channel.challenges("opening.combine", opened.len() + 1);
    if mask.is_some() {
        let blind = channel.challenge("opening.blind");
        gammas.iter_mut().for_each(|gamma| *gamma *= blind);
    }
    let weights = combination_weights(&rows, &plan, &opened, &gammas, &random);
    let sum = info_span!("combine rows").in_scope(|| combine_rows(code, matrices, &weights, true));
    kernels::add_to(&mut combination, &sum);
    let committed = if recursion.levels.is_empty() {
        channel.send_extension("opening.combination", &combination);
        None
    } else {
        let committed = recursive::commit(channel, recursion, &combination)?;
        let product = kernels::dot(&combination[..eq.len()], &eq);
        channel.send_extension("opening.product", &[product]);
        Some(committed)
    };
    Ok(Some(Opened {
        matrices: opened_matrices,
        point,
        committed,
    }))
}

/// Steps 3 and 4: the columns of the opened matrices, against which `combinations` messages are checked; and the
/// recursion, if the row combination was committed to.
///
/// # Errors
///
/// [`PcsError::Parameters`] where the recursion is another one than the combination was committed with.
pub fn prove_columns(
    channel: &mut (impl ProverChannel + ?Sized),
    (code, recursion): (&CodeParameters, &RecursionParameters),
    matrices: &[&CommittedMatrix],
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
        for salt in matrix.salts(&symbols) {
            channel.send_digest("opening.salt", &salt);
        }
        channel.send_base("opening.columns", &matrix.columns(&symbols));
        for node in matrix.path(&symbols) {
            channel.send_node("opening.path", &node, code.digest_bytes as usize);
        }
    }
    match opened.committed {
        Some(committed) => {
            let functionals = recursive_functionals(opened.point, &positions);
            recursive::prove(channel, recursion, code, committed, &functionals)
        }
        None => Ok(()),
    }
}

/// The combination of the rows of all matrices, as a message, with the tail or without it. A matrix without weights
/// takes no part.
fn combine_rows(
    code: &CodeParameters,
    matrices: &[&CommittedMatrix],
    weights: &[Vec<K>],
    with_tail: bool,
) -> Vec<K> {
    let length = match with_tail {
        true => code.message_length(),
        false => code.row_length(),
    };
    let parts = matrices.iter().zip(weights);
    let mut sum: Option<Vec<K>> = None;
    for (matrix, weights) in parts.filter(|(_, weights)| !weights.is_empty()) {
        let part = match with_tail {
            true => matrix.combine(0, weights),
            false => matrix.combine_data(0, weights),
        };
        let stride = 1 << matrix.code().log_stride;
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
    sum.unwrap_or_else(|| vec![K::ZERO; length])
}

/// Merges the claims to one point in the row, sends the value of each fold there and returns both.
fn merge(
    channel: &mut (impl ProverChannel + ?Sized),
    code: &CodeParameters,
    plan: &Plan,
    folded: Vec<Table<'_>>,
    values: &[K],
) -> (Vec<K>, Vec<K>) {
    let rhos = channel.challenges("opening.batch", values.len());
    let mut claims: Vec<Vec<Evaluation>> = vec![Vec::new(); folded.len()];
    let mut sum = K::ZERO;
    for (((fold, low), coefficient), &value) in plan.claims.iter().zip(rhos).zip(values) {
        sum += coefficient * value;
        claims[*fold].push(Evaluation {
            point: plan.lows[*low].clone(),
            value,
            coefficient,
        });
    }
    let tables = folded.into_iter().zip(claims).collect();
    let mut instance = Evaluations::new(code.log_row as usize, tables);
    let point = prove_batched(channel, "opening.merge", &mut [Box::new(&mut instance)], &[sum]);
    let ends = instance.finals().unwrap_or_default();
    channel.send_scalars("opening.values", &ends);
    (point, ends)
}

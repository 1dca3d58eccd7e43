//! The prover's side of an opening. For the statement and the transcript order see the [module](super).

use ark_ff::AdditiveGroup;
use tracing::info_span;
use zeroize::Zeroizing;

use super::claim::{Claim, MaskRows, check_mask, check_points};
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
    /// Which matrices the combination speaks of.
    matrices: Vec<bool>,
    /// The point in the row.
    point: Vec<K>,
    /// The combination, where it was committed to instead of sent.
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
    if let Some(matrix) = matrices.iter().position(|matrix| matrix.parameters() != code) {
        return Err(PcsError::OtherCode { matrix });
    }
    let rows: Vec<usize> = matrices.iter().map(|matrix| matrix.commitment().rows).collect();
    check_points(code, &rows, claims.iter().map(|claim| &claim.point))?;
    check_mask(&rows, mask)?;
    let mut opened_matrices = vec![false; matrices.len()];
    if claims.is_empty() && mask.is_none() {
        return Ok(None);
    }
    let plan = Plan::new(claims.iter().map(|claim| &claim.point));
    for fold in &plan.folds {
        opened_matrices[fold.matrix] = true;
    }
    let values: Vec<K> = claims.iter().map(|claim| claim.value).collect();
    // What enters the combination, with its value at the point: each fold once after a merge, else the one of each claim.
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
    let fold = combine_rows(matrices, &random, |matrix, weights| {
        matrix.combine_data(0, weights)
    });
    channel.send_scalar("opening.proximity", kernels::dot(&fold[..eq.len()], &eq));
    drop(fold);
    let mut combination = match mask {
        Some(rows) => {
            let mask = matrices[rows.mask.matrix].extension_row(rows.mask.first_row);
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
    let sum = info_span!("combine rows")
        .in_scope(|| combine_rows(matrices, &weights, |matrix, weights| matrix.combine(0, weights)));
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

/// Steps 3 and 4: the columns of the matrices that `opened` speaks of, for the check of `combinations` messages; and the
/// recursion where the row combination was committed to.
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
        for salt in matrix.salts(&positions) {
            channel.send_digest("opening.salt", &salt);
        }
        channel.send_base("opening.columns", &matrix.columns(&positions));
        for node in matrix.path(&positions) {
            channel.send_digest("opening.path", &node);
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

/// The sum over matrices of what `combine` makes of their rows and weights; a matrix without weights has no part.
fn combine_rows(
    matrices: &[&CommittedMatrix],
    weights: &[Vec<K>],
    combine: impl Fn(&CommittedMatrix, &[K]) -> Vec<K>,
) -> Vec<K> {
    let mut sum: Option<Vec<K>> = None;
    for (matrix, weights) in matrices
        .iter()
        .zip(weights)
        .filter(|(_, weights)| !weights.is_empty())
    {
        let part = combine(matrix, weights);
        match &mut sum {
            None => sum = Some(part),
            Some(sum) => kernels::add_to(sum, &part),
        }
    }
    sum.unwrap_or_default()
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

//! The prover's side of an opening. For the statement and the transcript order see the [module](super).

use ark_ff::{AdditiveGroup, Field};
use tracing::info_span;
use zeroize::Zeroizing;

use super::claim::{Claim, MaskRows, check_mask, check_points};
use super::code::CodeParameters;
use super::error::PcsError;
use super::matrix::CommittedMatrix;
use super::plan::Plan;
use crate::field::{K, kernels};
use crate::sumcheck::{Instance, Product, prove_batched};
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
    code: &CodeParameters,
    matrices: &[&CommittedMatrix],
    claims: &[Claim],
) -> Result<(), PcsError> {
    let combined = prove_combination(channel, code, matrices, claims, None)?;
    if !claims.is_empty() {
        prove_columns(channel, code, matrices, &combined, 1);
    }
    Ok(())
}

/// Steps 1 and 2: everything up to the row combination. Returns which matrices it speaks of.
///
/// # Errors
///
/// As [`prove_opening`].
pub fn prove_combination(
    channel: &mut (impl ProverChannel + ?Sized),
    code: &CodeParameters,
    matrices: &[&CommittedMatrix],
    claims: &[Claim],
    mask: Option<MaskRows>,
) -> Result<Vec<bool>, PcsError> {
    let _span = info_span!("open").entered();
    code.validate()?;
    if let Some(matrix) = matrices.iter().position(|matrix| matrix.parameters() != code) {
        return Err(PcsError::OtherCode { matrix });
    }
    let rows: Vec<usize> = matrices.iter().map(|matrix| matrix.commitment().rows).collect();
    check_points(code, &rows, claims.iter().map(|claim| &claim.point))?;
    check_mask(&rows, mask)?;
    let mut opened_matrices = vec![false; matrices.len()];
    if claims.is_empty() && mask.is_none() {
        return Ok(opened_matrices);
    }
    let plan = Plan::new(claims.iter().map(|claim| &claim.point));
    for fold in &plan.folds {
        opened_matrices[fold.matrix] = true;
    }
    let folding = info_span!("fold rows").entered();
    let folded: Vec<Vec<K>> = plan
        .folds
        .iter()
        .map(|fold| matrices[fold.matrix].fold(fold))
        .collect();

    drop(folding);

    let values: Vec<K> = claims.iter().map(|claim| claim.value).collect();
    // Which folds enter the combination: each once after a merge, else the one of each claim.
    let (point, opened) = if plan.needs_merge() {
        let point = info_span!("merge claims").in_scope(|| merge(channel, code, &plan, &folded, &values));
        (point, (0..plan.folds.len()).collect())
    } else {
        let point = plan.lows.first().cloned().unwrap_or_default();
        let folds: Vec<usize> = plan.claims.iter().map(|(fold, _)| *fold).collect();
        (point, folds)
    };
    let mut combination = match mask {
        Some(rows) => {
            opened_matrices[rows.matrix] = true;
            let mask = matrices[rows.matrix].extension_row(rows.first_row);
            let eq = kernels::eq_table(&point);
            channel.send_scalar("opening.mask", kernels::dot(&mask[..eq.len()], &eq));
            mask
        }
        None => Zeroizing::new(vec![K::ZERO; code.message_length()]),
    };

    let gammas = channel.challenges("opening.combine", opened.len());
    let blind = match mask {
        Some(_) => channel.challenge("opening.blind"),
        None => K::ONE,
    };
    for (fold, gamma) in opened.iter().zip(gammas) {
        kernels::add_scaled(&mut combination, gamma * blind, &folded[*fold]);
    }
    channel.send_extension("opening.combination", &combination);
    Ok(opened_matrices)
}

/// Steps 3 and 4: the columns of the matrices marked in `opened`, for the check of `combinations` messages.
pub fn prove_columns(
    channel: &mut (impl ProverChannel + ?Sized),
    code: &CodeParameters,
    matrices: &[&CommittedMatrix],
    opened: &[bool],
    combinations: usize,
) {
    let _span = info_span!("open columns").entered();
    channel.challenges("opening.join", combinations.saturating_sub(1));
    channel.grind("opening.grind", code.grinding_bits);
    let positions = channel.positions("opening.positions", code.queries, code.codeword_length());
    for (matrix, _) in matrices.iter().zip(opened).filter(|(_, opened)| **opened) {
        for salt in matrix.salts(&positions) {
            channel.send_digest("opening.salt", &salt);
        }
        channel.send_base("opening.columns", &matrix.columns(&positions));
        for node in matrix.path(&positions) {
            channel.send_digest("opening.path", &node);
        }
    }
}

/// Merges the claims to one point in the row, sends the value of each fold there and returns the point.
fn merge(
    channel: &mut (impl ProverChannel + ?Sized),
    code: &CodeParameters,
    plan: &Plan,
    folded: &[Vec<K>],
    values: &[K],
) -> Vec<K> {
    let rhos = channel.challenges("opening.batch", values.len());
    let mut tables = vec![vec![K::ZERO; code.row_length()]; plan.lows.len()];
    let mut sums = vec![K::ZERO; plan.lows.len()];
    for (((fold, low), rho), value) in plan.claims.iter().zip(rhos).zip(values) {
        kernels::add_scaled(&mut tables[*low], rho, &folded[*fold][..code.row_length()]);
        sums[*low] += rho * value;
    }
    let mut instances: Vec<Box<dyn Instance>> = Vec::with_capacity(tables.len());
    for (table, low) in tables.into_iter().zip(&plan.lows) {
        instances.push(Box::new(Product::new(table, kernels::eq_table(low))));
    }
    let point = prove_batched(channel, "opening.merge", &mut instances, &sums);
    let eq = kernels::eq_table(&point);
    let ends: Vec<K> = folded
        .iter()
        .map(|values| kernels::dot(&values[..eq.len()], &eq))
        .collect();
    channel.send_scalars("opening.values", &ends);
    point
}

//! The prover's side of an opening. For the statement and the transcript order see the [module](super).

use ark_ff::AdditiveGroup;

use super::claim::{Claim, check_points};
use super::code::CodeParameters;
use super::error::PcsError;
use super::matrix::CommittedMatrix;
use super::plan::Plan;
use crate::field::{K, kernels};
use crate::sumcheck::{Instance, Product, prove_batched};
use crate::transcript::ProverChannel;

/// Opens `matrices`, whose roots were sent before the points of `claims` were drawn. Without claims nothing
/// is sent.
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
    code.validate()?;
    if let Some(matrix) = matrices.iter().position(|matrix| matrix.parameters() != code) {
        return Err(PcsError::OtherCode { matrix });
    }
    let rows: Vec<usize> = matrices.iter().map(|matrix| matrix.commitment().rows).collect();
    check_points(code, &rows, claims.iter().map(|claim| &claim.point))?;
    if claims.is_empty() {
        return Ok(());
    }
    let plan = Plan::new(claims.iter().map(|claim| &claim.point));
    let folded: Vec<Vec<K>> = plan
        .folds
        .iter()
        .map(|fold| matrices[fold.matrix].fold(fold))
        .collect();

    let values: Vec<K> = claims.iter().map(|claim| claim.value).collect();
    // Which folds enter the combination: each once after a merge, else the one of each claim.
    let opened: Vec<usize> = if plan.needs_merge() {
        merge(channel, code, &plan, &folded, &values);
        (0..plan.folds.len()).collect()
    } else {
        plan.claims.iter().map(|(fold, _)| *fold).collect()
    };

    let gammas = channel.challenges("opening.combine", opened.len());
    let mut combination = vec![K::ZERO; code.message_length()];
    for (fold, gamma) in opened.iter().zip(gammas) {
        kernels::add_scaled(&mut combination, gamma, &folded[*fold]);
    }
    channel.send_extension("opening.combination", &combination);

    channel.grind("opening.grind", code.grinding_bits);
    let positions = channel.positions("opening.positions", code.queries, code.codeword_length());
    for (index, matrix) in matrices.iter().enumerate() {
        if !plan.folds.iter().any(|fold| fold.matrix == index) {
            continue;
        }
        for salt in matrix.salts(&positions) {
            channel.send_digest("opening.salt", &salt);
        }
        channel.send_base("opening.columns", &matrix.columns(&positions));
        for node in matrix.path(&positions) {
            channel.send_digest("opening.path", &node);
        }
    }
    Ok(())
}

/// Merges the claims to one point in the row and sends the value of each fold there.
fn merge(
    channel: &mut (impl ProverChannel + ?Sized),
    code: &CodeParameters,
    plan: &Plan,
    folded: &[Vec<K>],
    values: &[K],
) {
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
}

//! The prover's merge of all claims to one point: a sumcheck of which each matrix has a part.

#![cfg(feature = "prover")]

use ark_ff::AdditiveGroup;

use super::claim::Claim;
use super::error::PcsError;
use super::oracle::{MatrixOracle, PartialMerge};
use super::plan::{Plan, RowFold};
use crate::field::K;
use crate::sumcheck::{Evaluation, Instance, RoundEvaluations, prove_batched};
use crate::transcript::ProverChannel;

/// Merges `claims` to one point in a row of `2^log_row` cells, sends the value of each fold there and returns both.
/// Without claims the point is drawn.
pub(super) fn merge<M: MatrixOracle>(
    channel: &mut (impl ProverChannel + ?Sized),
    log_row: u32,
    plan: &Plan,
    matrices: &[&M],
    claims: &[Claim],
) -> Result<(Vec<K>, Vec<K>), PcsError> {
    if claims.is_empty() {
        return Ok((channel.challenges("opening.merge", log_row as usize), vec![]));
    }
    let rhos = channel.challenges("opening.batch", claims.len());
    let mut on_fold: Vec<Vec<Evaluation>> = vec![Vec::new(); plan.folds.len()];
    let mut sum = K::ZERO;
    for (((fold, low), coefficient), claim) in plan.claims.iter().zip(rhos).zip(claims) {
        sum += coefficient * claim.value;
        on_fold[*fold].push(Evaluation {
            point: plan.lows[*low].clone(),
            value: claim.value,
            coefficient,
        });
    }
    let mut merge = Merge::new(log_row as usize, plan, matrices, on_fold)?;
    let point = prove_batched(channel, "opening.merge", &mut [Box::new(&mut merge)], &[sum]);
    let ends = merge.finish(plan.folds.len())?;
    channel.send_scalars("opening.values", &ends);
    Ok((point, ends))
}

/// The parts of all matrices, as one instance of the sumcheck.
struct Merge<'a> {
    variables: usize,
    /// For each matrix with claims the numbers of its folds, and its part.
    parts: Vec<(Vec<usize>, Box<dyn PartialMerge + 'a>)>,
    /// The first error: a round of a sumcheck cannot fail, so it ends with rounds of zeros, and then the proof is
    /// dropped.
    failed: Option<PcsError>,
}

impl<'a> Merge<'a> {
    fn new<M: MatrixOracle>(
        variables: usize,
        plan: &Plan,
        matrices: &[&'a M],
        mut claims: Vec<Vec<Evaluation>>,
    ) -> Result<Self, PcsError> {
        let mut parts = Vec::new();
        for (index, matrix) in matrices.iter().enumerate() {
            let own = |fold: &(usize, &RowFold)| fold.1.matrix == index;
            let (numbers, folds): (Vec<usize>, Vec<&RowFold>) =
                plan.folds.iter().enumerate().filter(own).unzip();
            if numbers.is_empty() {
                continue;
            }
            let claimed = numbers.iter().map(|number| std::mem::take(&mut claims[*number]));
            let folds = folds.into_iter().zip(claimed).collect();
            parts.push((numbers, matrix.merge(variables, folds)?));
        }
        Ok(Self {
            variables,
            parts,
            failed: None,
        })
    }

    /// The value of each of `count` folds at the point.
    fn finish(self, count: usize) -> Result<Vec<K>, PcsError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut ends = vec![K::ZERO; count];
        for (numbers, part) in &self.parts {
            for (number, value) in numbers.iter().zip(part.values()?) {
                ends[*number] = value;
            }
        }
        Ok(ends)
    }
}

impl Instance for Merge<'_> {
    fn variables(&self) -> usize {
        self.variables
    }

    fn degree(&self) -> usize {
        2
    }

    fn round(&mut self, _: K) -> RoundEvaluations {
        let mut evaluations = RoundEvaluations::default();
        for (_, part) in &mut self.parts {
            if self.failed.is_some() {
                break;
            }
            match part.round() {
                Ok(own) => {
                    let sums = evaluations.iter_mut().zip(own);
                    sums.for_each(|(sum, own)| *sum += own);
                }
                Err(error) => self.failed = Some(error),
            }
        }
        evaluations
    }

    fn bind(&mut self, challenge: K) {
        for (_, part) in &mut self.parts {
            if self.failed.is_some() {
                return;
            }
            self.failed = part.bind(challenge).err();
        }
    }
}

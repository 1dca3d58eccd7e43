//! The prover's merge of all claims to one point: a sumcheck of which each matrix has a part.

#![cfg(feature = "prover")]

use ark_ff::AdditiveGroup;

use super::claim::Claim;
use super::error::PcsError;
use super::oracle::{MatrixOracle, PartialMerge};
use super::plan::{Group, Plan, RowSum};
use crate::field::K;
use crate::sumcheck::{Evaluation, Instance, RoundEvaluations, prove_batched};
use crate::transcript::ProverChannel;

/// Merges `claims` to one point in a row of `2^log_row` cells, and sends the value of each group's sum there. Returns the
/// point and the sums. Without claims the point is drawn.
pub(super) fn merge<M: MatrixOracle>(
    channel: &mut (impl ProverChannel + ?Sized),
    log_row: u32,
    plan: &Plan,
    matrices: &[&M],
    claims: &[Claim],
) -> Result<(Vec<K>, Vec<RowSum>), PcsError> {
    if claims.is_empty() {
        return Ok((channel.challenges("opening.merge", log_row as usize), vec![]));
    }
    let rhos = channel.challenges("opening.batch", claims.len());
    let sums = plan.sums(&rhos);
    let mut total = K::ZERO;
    let mut claimed = Vec::with_capacity(sums.len());
    for group in &plan.groups {
        // The sum of the group's claims, for claims at one point; else each by itself.
        let values = group.claims.iter().filter_map(|&claim| {
            let (claim, rho) = (claims.get(claim)?, rhos.get(claim)?);
            Some((claim.value, *rho))
        });
        let sum: K = values.clone().map(|(value, rho)| value * rho).sum();
        total += sum;
        let values: Vec<K> = match group.one_point {
            true => vec![sum],
            false => values.map(|(value, _)| value).collect(),
        };
        let evaluations = plan.evaluations(group, &rhos).zip(values);
        let evaluation = |((low, coefficient), value): ((&Vec<K>, K), K)| Evaluation {
            point: low.clone(),
            value,
            coefficient,
        };
        claimed.push(evaluations.map(evaluation).collect());
    }
    let mut merge = Merge::new(log_row as usize, (&plan.groups, &sums), matrices, claimed)?;
    let point = prove_batched(channel, "opening.merge", &mut [Box::new(&mut merge)], &[total]);
    let ends = merge.finish(sums.len())?;
    channel.send_scalars("opening.values", &ends);
    Ok((point, sums))
}

/// The parts of all matrices, as one instance of the sumcheck.
struct Merge<'a> {
    variables: usize,
    /// For each matrix with claims the numbers of its groups, and its part.
    parts: Vec<(Vec<usize>, Box<dyn PartialMerge + 'a>)>,
    /// The first error: a round of a sumcheck cannot fail, so it ends with rounds of zeros, and then the proof is
    /// dropped.
    failed: Option<PcsError>,
}

impl<'a> Merge<'a> {
    fn new<M: MatrixOracle>(
        variables: usize,
        (groups, sums): (&[Group], &[RowSum]),
        matrices: &[&'a M],
        mut claims: Vec<Vec<Evaluation>>,
    ) -> Result<Self, PcsError> {
        let mut parts = Vec::new();
        for (index, matrix) in matrices.iter().enumerate() {
            let own = groups.iter().zip(sums).zip(&mut claims).enumerate();
            let own = own.filter(|(_, ((group, _), _))| group.matrix == index);
            let (numbers, sums): (Vec<usize>, Vec<_>) = own
                .map(|(number, ((_, sum), claims))| (number, (sum, std::mem::take(claims))))
                .unzip();
            if !numbers.is_empty() {
                parts.push((numbers, matrix.merge(variables, sums)?));
            }
        }
        Ok(Self {
            variables,
            parts,
            failed: None,
        })
    }

    /// The value of each of `count` sums at the point.
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

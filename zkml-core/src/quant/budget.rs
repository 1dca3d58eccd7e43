//! More bits for activations, where those that are usual leave a larger error than a budget allows.
//!
//! 1. All activations get 10 bits, or 12, or 14: the fewest that keep the budget, or those beyond which more change
//!    little.
//! 2. Each group of nodes that have their bits in common is measured with the usual bits, and all others with more. The
//!    groups are ordered by the error that this adds.
//! 3. As many of them as the budget allows get the usual bits back, those with the least error first.
//! 4. If no table is fine enough, activations of 16 bits without tables are tried.
//!
//! Errors of groups are nearly independent, so their squares add up; the networks that step 3 compares are measured.

use super::measure::{Bench, Measured, without_equalization};
use super::options::QuantizeOptions;
use super::widths::{Widths, groups};
use crate::graph::NodeId;
use crate::ops::QuantizeError;
use crate::optimize::multiply_adds;

/// Bits that are tried for all activations.
const LEVELS: [u32; 3] = [10, 12, 14];

/// Least and most groups that are told apart; with more, neighbours have their bits in common.
const GROUPS: (u64, u64) = (4, 24);

/// Multiply-adds that the measurements of all groups may take, but for the least number of groups.
const WORK: u64 = 1 << 36;

/// By how much fewer bits may add to an error that is above the budget in any case.
const SLACK: f64 = 1.05;

impl Bench<'_> {
    /// The network with the usual bits, if its error is within the budget, or with as many more as that takes.
    pub(super) fn within(&self, budget: f64) -> Result<Measured, QuantizeError> {
        let bits = |activation_bits| QuantizeOptions {
            activation_bits,
            ..*self.options
        };
        let wide = bits(*QuantizeOptions::ACTIVATION_BITS.end());
        let wide = || {
            Bench {
                options: &wide,
                ..*self
            }
            .uniform()
        };
        let usual = match self.uniform() {
            // An operation has no other form.
            Err(QuantizeError::Narrow { .. }) => return wide(),
            usual => usual?,
        };
        let keeps = |measured: &Measured| measured.error.is_some_and(|error| error <= budget);
        if keeps(&usual) {
            return Ok(usual);
        }
        let mut best: Option<(u32, Measured)> = None;
        for level in LEVELS
            .into_iter()
            .filter(|level| *level > self.options.activation_bits)
        {
            let options = &bits(level);
            // What has no form with more bits stays as it is.
            let Ok(finer) = (Bench { options, ..*self }).like(&usual) else {
                break;
            };
            if keeps(&finer) || finer.is_clearly_nearer(best.as_ref().map_or(&usual, |(_, best)| best)) {
                best = Some((level, finer));
            }
            if best.as_ref().is_some_and(|(_, best)| keeps(best)) {
                break;
            }
        }
        let chosen = match best {
            Some((level, finer)) => self.with_fewer(level, finer, budget),
            None => usual,
        };
        if keeps(&chosen) {
            return Ok(chosen);
        }
        // Some operations have no wide form; then this is what there is.
        Ok(match wide() {
            Ok(wide) if keeps(&wide) || wide.is_clearly_nearer(&chosen) => wide,
            _ => chosen,
        })
    }

    /// The network `finer`, whose activations have `level` bits, with the usual bits where the budget allows it.
    fn with_fewer(&self, level: u32, finer: Measured, budget: f64) -> Measured {
        let usual = self.options.activation_bits;
        let plain = without_equalization(self.options);
        let options = match finer.network.record.equalized.is_empty() {
            true => &plain,
            false => self.options,
        };
        let bench = Bench { options, ..*self };
        let groups = bench.merged_groups(&finer.activated);
        let samples = bench.samples(2 * groups.len() + LEVELS.len());
        let all = groups.iter().flatten().copied().collect::<Vec<NodeId>>();
        let fine = Widths::uniform(self.graph, options).with(&all, level);
        let measure = |widths: &Widths| bench.by_methods(samples, widths, &[finer.method]).ok();
        let Some(start) = measure(&fine) else { return finer };
        let most = budget.max(start.loss() * SLACK);
        let mut order: Vec<(f64, &Vec<NodeId>)> = groups
            .iter()
            .map(|group| {
                let error = measure(&fine.with(group, usual)).map_or(f64::INFINITY, |one| one.loss());
                (error, group)
            })
            .collect();
        order.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let with_usual = |count: usize| {
            let given = order
                .iter()
                .take(count)
                .flat_map(|(_, group)| group.iter().copied());
            measure(&fine.with(&given.collect::<Vec<NodeId>>(), usual))
        };
        // `low` groups are allowed, `high` are not.
        let (mut low, mut high) = ((0, start), order.len());
        while high - low.0 > 1 {
            let middle = low.0.midpoint(high);
            match with_usual(middle).filter(|measured| measured.loss() <= most) {
                Some(measured) => low = (middle, measured),
                None => high = middle,
            }
        }
        low.1
    }

    /// The groups of nodes that have activations; few enough to measure each.
    fn merged_groups(&self, activated: &[bool]) -> Vec<Vec<NodeId>> {
        let is_used = |group: &Vec<NodeId>| group.iter().any(|id| activated.get(id.0) == Some(&true));
        let groups: Vec<Vec<NodeId>> = groups(self.graph, self.options)
            .into_iter()
            .filter(is_used)
            .collect();
        // Each is measured on two samples at least.
        let work = multiply_adds(self.graph).saturating_mul(2).max(1);
        let most = (WORK / work).clamp(GROUPS.0, GROUPS.1);
        let each = groups.len().div_ceil(most as usize).max(1);
        groups.chunks(each).map(<[Vec<NodeId>]>::concat).collect()
    }
}

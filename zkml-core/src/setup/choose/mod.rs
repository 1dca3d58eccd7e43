//! The choice of the code: row length, rate, commitments to the weights, and how the row combination is shown.

mod candidate;

use super::code_choice;
use super::code_choice::CodeCost;
use super::{SetupOptions, refuse_insecure, verifying_key};
use crate::argument::SECURITY_BITS;
use crate::keys::{Choice, CompiledModel, ProveError};
use crate::keys::{ROTATION_RESERVE, trace_extents, weight_extents};
use crate::lower::Filled;
use crate::pcs::recursive::{RecursionGoal, RecursionPlanner};
use crate::pcs::{CodeParameters, Extent, Packing, RowCode};
use crate::privacy::Privacy;

/// How many proofs a commitment is made for, in the order tried: more of them make each proof larger, fewer make the
/// verifying key larger. All that are wanted is tried last.
const PROOFS_PER_COMMITMENT: [u32; 10] = [1, 2, 4, 6, 8, 12, 16, 32, 64, 128];

/// Most commitments to the weights in one key.
const MAXIMUM_COMMITMENTS: usize = 256;

/// Bits that queries may do without, in the order tried.
const SURPLUS: [f64; 7] = [1.75, 1.5, 1.25, 1.0, 0.75, 0.5, 0.25];

/// Of how many of the cheapest choices every amount of proof of work is tried.
const REFINED: usize = 12;

/// Row length, rate, proof of work and number of commitments: a few bytes of proof against a little time of the prover,
/// among those that are sound enough. See [`code_choice`].
pub(crate) fn choose_code(
    model: &CompiledModel,
    lowered: &Filled,
    options: &SetupOptions,
) -> Result<Choice, ProveError> {
    Ok(choose_with_cost(model, lowered, options)?.0)
}

/// As [`choose_code`], with what it costs.
fn choose_with_cost(
    model: &CompiledModel,
    lowered: &Filled,
    options: &SetupOptions,
) -> Result<(Choice, CodeCost), ProveError> {
    let search = Search::new(model, lowered, options)?;
    let candidates = search.candidates()?;
    if let (Some(code), true) = (&options.code, candidates.is_empty()) {
        return Err(ProveError::Malformed {
            place: "the code given to setup".into(),
            expected: "a tail with room for this model's randomness, and none for a public one".into(),
            found: format!("a tail of {} for {} opened columns", code.tail, code.queries),
        });
    }
    let mut best = 0f64;
    for candidate in candidates {
        match search.judge(model, lowered, &candidate) {
            Ok(()) => {
                let Candidate { choice, cost, .. } = search.without_surplus(model, lowered, candidate)?;
                return Ok((choice, cost));
            }
            Err(ProveError::Insecure { found, .. }) => best = best.max(found),
            Err(error) => return Err(error),
        }
    }
    Err(ProveError::Insecure {
        wanted: SECURITY_BITS,
        found: best,
    })
}

/// The code that setup chooses for a model, and what it costs.
///
/// # Errors
/// As [`setup`](crate::setup::setup).
pub fn code_cost(
    model: &CompiledModel,
    lowered: &Filled,
    options: &SetupOptions,
) -> Result<(CodeParameters, CodeCost), ProveError> {
    let (choice, cost) = choose_with_cost(model, lowered, options)?;
    Ok((choice.code, cost))
}

/// A choice and its price.
struct Candidate {
    price: f64,
    cost: CodeCost,
    choice: Choice,
    shape: Shape,
}

/// What a candidate tries.
#[derive(Debug, Clone, Copy)]
struct Shape {
    log_row: u32,
    log_blowup: u32,
    log_stride: u32,
    /// Openings of each commitment, and how many there are.
    plan: (u32, usize),
}

/// What all candidates share.
struct Search<'a> {
    options: &'a SetupOptions,
    privacy: Privacy,
    private: bool,
    /// Whether the pass is on.
    enabled: bool,
    trace: Vec<Extent>,
    weights: Vec<Extent>,
    /// Recursions, one for each number of bits of proof of work; the least first.
    planners: Vec<RecursionPlanner>,
}

impl<'a> Search<'a> {
    fn new(model: &CompiledModel, lowered: &Filled, options: &'a SetupOptions) -> Result<Self, ProveError> {
        let enabled = model.network.lowering.code_choice;
        let least = options.grinding_bits;
        let most = match enabled && options.code.is_none() {
            true => options.maximum_grinding_bits.max(least),
            false => least,
        };
        let planner = |bits| RecursionPlanner::new(goal(options, options.query_bits, bits));
        Ok(Self {
            options,
            privacy: model.privacy,
            private: model.privacy.weights.is_private(),
            enabled,
            trace: trace_extents(&lowered.circuit),
            weights: weight_extents(&lowered.circuit),
            planners: (least..=most).map(planner).collect(),
        })
    }

    /// Everything that is possible, the cheapest first.
    fn candidates(&self) -> Result<Vec<Candidate>, ProveError> {
        let mut candidates = self.with_least_work()?;
        candidates.sort_by(|a, b| a.price.total_cmp(&b.price));
        // More work for the same shape moves the best shape little.
        let mut refined = Vec::new();
        for candidate in candidates.iter().take(REFINED) {
            for planner in self.planners.iter().skip(1) {
                refined.extend(self.candidate(candidate.shape, planner)?);
            }
        }
        candidates.append(&mut refined);
        candidates.sort_by(|a, b| a.price.total_cmp(&b.price));
        Ok(candidates)
    }

    /// All shapes with the least proof of work.
    fn with_least_work(&self) -> Result<Vec<Candidate>, ProveError> {
        let shortest = *code_choice::LOG_ROWS.start();
        let cells_of = |extents: &[Extent]| -> Result<usize, ProveError> {
            Ok(Packing::new(extents, RowCode::uncoded(shortest))?.rows << shortest)
        };
        let (trace, weights) = (cells_of(&self.trace)?, cells_of(&self.weights)?);
        let (rows, blowups, strides) = match &self.options.code {
            None => (
                code_choice::log_rows(self.enabled, trace + weights, trace.max(weights)),
                code_choice::log_blowups(self.enabled),
                code_choice::log_strides(self.enabled, self.options),
            ),
            Some(code) => {
                code.validate()?;
                let blowup = code.log_codeword.saturating_sub(code.log_row);
                (
                    code.log_row..=code.log_row,
                    blowup..=blowup,
                    code.log_stride..=code.log_stride,
                )
            }
        };
        let Some(planner) = self.planners.first() else {
            return Ok(Vec::new());
        };
        let plans = plans(self.private, self.options);
        let mut candidates = Vec::new();
        for log_row in rows {
            let shapes = blowups
                .clone()
                .flat_map(|blowup| strides.clone().map(move |stride| (blowup, stride)));
            for (log_blowup, log_stride) in shapes {
                for &plan in &plans {
                    let shape = Shape {
                        log_row,
                        log_blowup,
                        log_stride,
                        plan,
                    };
                    candidates.extend(self.candidate(shape, planner)?);
                }
            }
        }
        Ok(candidates)
    }

    /// Whether a choice is sound enough.
    fn judge(
        &self,
        model: &CompiledModel,
        lowered: &Filled,
        candidate: &Candidate,
    ) -> Result<(), ProveError> {
        // Soundness depends on sizes alone: any root will do.
        let previous = Some([0; 32]).filter(|_| self.private);
        refuse_insecure(&verifying_key(model, lowered, candidate.choice.clone(), previous))
    }

    /// The same shape with as few columns as the sum of all errors leaves room for.
    fn without_surplus(
        &self,
        model: &CompiledModel,
        lowered: &Filled,
        found: Candidate,
    ) -> Result<Candidate, ProveError> {
        if !self.enabled || self.options.code.is_some() {
            return Ok(found);
        }
        for surplus in SURPLUS {
            let target = self.options.query_bits - surplus;
            let planner = RecursionPlanner::new(goal(self.options, target, found.choice.code.grinding_bits));
            let Some(candidate) = self.candidate(found.shape, &planner)? else {
                continue;
            };
            if candidate.price < found.price && self.judge(model, lowered, &candidate).is_ok() {
                return Ok(candidate);
            }
        }
        Ok(found)
    }
}

/// How often each commitment may be opened, and how many there are.
fn plans(private: bool, options: &SetupOptions) -> Vec<(u32, usize)> {
    if !private {
        return vec![(0, 1)];
    }
    let reserve = u32::try_from(ROTATION_RESERVE).unwrap_or(u32::MAX);
    let wanted = options.proofs_per_key.max(1).saturating_add(reserve);
    PROOFS_PER_COMMITMENT
        .iter()
        .chain([&wanted])
        .map(|&each| (each.saturating_add(1), wanted.div_ceil(each) as usize))
        .filter(|(_, count)| *count <= MAXIMUM_COMMITMENTS)
        .collect()
}

fn goal(options: &SetupOptions, target_bits: f64, grinding_bits: u32) -> RecursionGoal {
    RecursionGoal {
        target_bits,
        grinding_bits,
        digest_bytes: options.digest_bytes,
        bytes_per_cell: options.bytes_per_cell,
    }
}

//! The search for a code: candidates, their prices, and the check of their soundness.

use std::collections::BTreeSet;

use super::codes::{goal, plans};
use super::cost::{CodeCost, Matrices};
use super::lengths::{AtLength, Purposes};
use super::limits::Excess;
use super::{SetupOptions, refuse_insecure, verifying_key};
use crate::circuit::Circuit;
use crate::keys::{Choice, CompiledModel, ProveError, WeightCommitments, trace_extents, weight_extents};
use crate::optimize::Switches;
use crate::optimize::circuit::code_choice::{self, CodeChoice};
use crate::pcs::recursive::RecursionPlanner;
use crate::pcs::{CodeParameters, Extent, Packing, RowCode};
use crate::privacy::Privacy;
use crate::transcript::VerifyError;

/// About how many scalars a proof hides, to estimate the rows of its masks. The number grows with the depth of the
/// network, and with the logarithm of its size.
const TYPICAL_PADS: usize = 600;

/// Bits by which the goal of the queries may be lowered, in the order tried.
const SURPLUS: [f64; 7] = [1.75, 1.5, 1.25, 1.0, 0.75, 0.5, 0.25];

/// Number of the cheapest choices for which every amount of proof of work is tried.
const REFINED: usize = 12;

/// A choice and its price.
pub(super) struct Candidate {
    price: f64,
    pub(super) cost: CodeCost,
    pub(super) choice: Choice,
    shape: Shape,
    /// Why it is not taken, where its sizes are beyond what setup carries.
    pub(super) excess: Option<Excess>,
}

/// The sizes that a candidate tries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) log_row: u32,
    pub(super) log_blowup: u32,
    pub(super) log_stride: u32,
    /// Openings of each commitment, and how many there are.
    plan: (u32, usize),
}

/// What all candidates share.
pub(super) struct Search<'a> {
    pub(super) options: &'a SetupOptions,
    purposes: Purposes,
    pub(super) privacy: Privacy,
    private: bool,
    /// Which passes run.
    switches: Switches,
    trace: Vec<Extent>,
    weights: Vec<Extent>,
    /// A planner of recursions for each number of bits of proof of work, the least first.
    planners: Vec<RecursionPlanner>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        model: &CompiledModel,
        circuit: &Circuit,
        options: &'a SetupOptions,
    ) -> Result<Self, ProveError> {
        let purposes = Purposes::of(model, circuit, options)?;
        let circuit = &purposes.typical.circuit;
        let switches = model.network.lowering;
        let least = options.grinding_bits;
        let bits = match options.code {
            Some(_) => least..=least,
            None => code_choice::grinding_bits(&switches, least, options.maximum_grinding_bits),
        };
        let planner = |bits| RecursionPlanner::new(goal(options, options.query_bits, bits));
        Ok(Self {
            options,
            privacy: model.privacy,
            private: model.privacy.weights.is_private(),
            switches,
            trace: trace_extents(circuit, 1),
            weights: weight_extents(circuit),
            purposes,
            planners: bits.map(planner).collect(),
        })
    }

    /// All possible choices, the cheapest first; also those that are too large.
    pub(super) fn candidates(&self) -> Result<Vec<Candidate>, ProveError> {
        let mut candidates = self.with_least_work()?;
        candidates.sort_by(|a, b| a.price.total_cmp(&b.price));
        // More work hardly moves the best shape, so only the cheapest shapes are tried with it.
        let mut refined = Vec::new();
        for candidate in candidates
            .iter()
            .filter(|candidate| candidate.excess.is_none())
            .take(REFINED)
        {
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
        let shortest = code_choice::SHORTEST_LOG_ROW;
        let cells_of = |extents: &[Extent]| -> Result<usize, ProveError> {
            Ok(Packing::new(extents, RowCode::uncoded(shortest))?.rows << shortest)
        };
        let (trace, weights) = (cells_of(&self.trace)?, cells_of(&self.weights)?);
        let suggested = CodeParameters::suggested_log_row(trace + weights, code_choice::TYPICAL_QUERIES);
        let (rows, blowups, strides) = match &self.options.code {
            None => (
                code_choice::log_rows(&self.switches, trace.max(weights), suggested),
                code_choice::log_blowups(&self.switches),
                code_choice::log_strides(&self.switches, &self.options.log_strides),
            ),
            Some(code) => {
                code.validate().map_err(VerifyError::from)?;
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

    /// One choice with its price; `None` if it is impossible.
    fn candidate(&self, shape: Shape, planner: &RecursionPlanner) -> Result<Option<Candidate>, ProveError> {
        let Shape {
            log_row,
            log_stride,
            plan: (openings, count),
            ..
        } = shape;
        if log_row <= log_stride {
            return Ok(None);
        }
        let narrow = RowCode {
            log_stride,
            ..RowCode::uncoded(log_row - log_stride)
        };
        let masks = match self.privacy.zero_knowledge() {
            true => 4 * TYPICAL_PADS.div_ceil(narrow.row_length()) + (2 << log_stride),
            false => 0,
        };
        let trace = Packing::new(&self.trace, narrow)?;
        let weights_packing = Packing::new(&self.weights, RowCode::uncoded(log_row))?;
        let (trace_rows, weight_rows) = (trace.rows + masks, weights_packing.rows);
        let weights = WeightCommitments {
            roots: vec![[0; 32]; count],
            rows: weight_rows,
            openings,
        };
        let chosen = match &self.options.code {
            None => self.code_with_tail(shape, &weights, planner),
            Some(code) => self.given_code(code, &weights, planner),
        };
        let Some((code, recursion)) = chosen else {
            return Ok(None);
        };
        let excess = Excess::of(&code, &weights);
        let matrices = Matrices {
            trace_rows,
            weight_rows,
            trace_cells: folds(&trace) * narrow.row_length(),
            weight_cells: folds(&weights_packing) * code.row_length(),
            commitments: count,
        };
        let cost = matrices.cost(&code, &recursion);
        Ok(Some(Candidate {
            price: cost.price(self.options),
            cost,
            choice: Choice {
                code,
                recursion,
                weights,
            },
            shape,
            excess,
        }))
    }

    /// Refuses a choice that is not sound enough.
    pub(super) fn judge(&self, candidate: &Candidate) -> Result<(), ProveError> {
        let Purposes { typical, longest } = &self.purposes;
        // Soundness depends on sizes alone, so zeros stand for the roots.
        let previous = Some([0; 32]).filter(|_| self.private);
        let choice = candidate.choice.clone();
        let network = typical.network.clone();
        let key = verifying_key(network, &self.privacy, &typical.circuit, choice, previous);
        for AtLength { network, circuit } in core::iter::once(typical).chain(longest) {
            refuse_insecure(&key, network, circuit)?;
        }
        Ok(())
    }

    /// The same shape with fewer columns, as few as the sum of all errors allows.
    pub(super) fn without_surplus(&self, found: Candidate) -> Result<Candidate, ProveError> {
        if !self.switches.runs(&CodeChoice) || self.options.code.is_some() {
            return Ok(found);
        }
        for surplus in SURPLUS {
            let target = self.options.query_bits - surplus;
            let planner = RecursionPlanner::new(goal(self.options, target, found.choice.code.grinding_bits));
            let Some(candidate) = self.candidate(found.shape, &planner)? else {
                continue;
            };
            let better = candidate.price < found.price && candidate.excess.is_none();
            if better && self.judge(&candidate).is_ok() {
                return Ok(candidate);
            }
        }
        Ok(found)
    }
}

/// Estimated row combinations that claims need: columns packed in one row share a combination.
fn folds(packing: &Packing) -> usize {
    let rows: BTreeSet<usize> = packing.slots.iter().map(|slot| slot.first_row).collect();
    rows.len()
}

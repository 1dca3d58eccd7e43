//! The choice of the code: row length, rate, number of commitments to the weights, and the recursion of row
//! combinations.

use super::SetupOptions;
use super::cost::CodeCost;
use super::search::{Candidate, Search};
use crate::argument::SECURITY_BITS;
use crate::circuit::Circuit;
use crate::keys::{Choice, CompiledModel, ProveError};
use crate::lower::Filled;
use crate::pcs::CodeParameters;

/// Chooses row length, rate, proof of work and number of commitments: the cheapest by [`CodeCost::price`] that is sound
/// enough. The price weighs bytes of proof against prover time. See
/// [`code_choice`](crate::optimize::circuit::code_choice).
pub(crate) fn choose_code(
    model: &CompiledModel,
    circuit: &Circuit,
    options: &SetupOptions,
) -> Result<Choice, ProveError> {
    Ok(choose_with_cost(model, circuit, options)?.0)
}

/// As [`choose_code`], with what it costs.
fn choose_with_cost(
    model: &CompiledModel,
    circuit: &Circuit,
    options: &SetupOptions,
) -> Result<(Choice, CodeCost), ProveError> {
    let search = Search::new(model, circuit, options)?;
    let candidates = search.candidates()?;
    if let (Some(code), true) = (&options.code, candidates.is_empty()) {
        return Err(ProveError::Malformed {
            place: "the code given to setup".into(),
            expected: "a tail with room for this model's randomness, and none for a public one".into(),
            found: format!("a tail of {} for {} opened columns", code.tail, code.queries),
        });
    }
    if let (true, Some(error)) = (candidates.is_empty(), search.refusal()) {
        return Err(error);
    }
    let mut best = 0f64;
    for candidate in candidates {
        match search.judge(&candidate) {
            Ok(()) => {
                let Candidate { choice, cost, .. } = search.without_surplus(candidate)?;
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
    let (choice, cost) = choose_with_cost(model, &lowered.circuit, options)?;
    Ok((choice.code, cost))
}

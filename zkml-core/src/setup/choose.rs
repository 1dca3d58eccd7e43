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
    if candidates.is_empty() && model.privacy.weights.is_private() {
        return Err(ProveError::Malformed {
            place: "proofs_per_key".into(),
            expected: "a number of proofs for whose randomness rows of these weights have room".into(),
            found: options.proofs_per_key.to_string(),
        });
    }
    let (mut too_large, candidates): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|candidate| candidate.excess.is_some() && options.code.is_none());
    let mut best = 0f64;
    let mut is_sound = |candidate: &Candidate| match search.judge(candidate) {
        Ok(()) => Ok(true),
        Err(ProveError::Insecure { found, .. }) => {
            best = best.max(found);
            Ok(false)
        }
        Err(error) => Err(error),
    };
    for candidate in candidates {
        if is_sound(&candidate)? {
            let Candidate { choice, cost, .. } = search.without_surplus(candidate)?;
            return Ok((choice, cost));
        }
    }
    // A code that is sound and was left out says that the model is too large, whatever the bits of the others.
    too_large.sort_by_key(|candidate| candidate.excess);
    for candidate in &too_large {
        if let (Some(excess), true) = (candidate.excess, is_sound(candidate)?) {
            return Err(excess.error());
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

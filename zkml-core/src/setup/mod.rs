//! Setup: chooses the code, commits to the weights, proves their range and padding, and makes both keys.

mod choose;
mod codes;
pub mod cost;
mod explain;
mod file;
mod lengths;
mod limits;
mod options;
mod search;

pub use choose::code_cost;
pub use explain::{ExplainError, explain, explain_with};
#[cfg(test)]
pub(crate) use file::{StoredLeaves, StoredParameter, StoredProvingKey};
pub use limits::MAXIMUM_WEIGHT_CELLS;
pub use options::SetupOptions;

use std::borrow::Cow;
use std::sync::Arc;

use tracing::info_span;

use crate::argument::Trace;
use crate::argument::{SECURITY_BITS, Statement, soundness};
use crate::circuit::Circuit;
use crate::keys::{
    Budget, Choice, Commitments, CompiledModel, Instance, NetworkSkeleton, ProveError, ProvingKey, Purpose,
    Secret, VerifyingKey, WeightsKey, weights,
};
use crate::lower::Filled;
use crate::pcs::MatrixOracle;
use crate::privacy::{Privacy, Visibility};
use crate::prove::{Occasion, prove_trace, trace_seed};
use crate::reduce::{Backend, Cpu};
use crate::verify::verify_setup;
use choose::choose_code;
use lengths::own_network;

/// Commits to a model's weights, proves that they are what the circuit assumes, and derives both keys.
///
/// # Errors
/// [`ProveError::Unsupported`] for a model without a circuit, [`ProveError::Insecure`] if no code is good enough,
/// [`ProveError::TooLarge`] for weights that do not fit in memory, [`ProveError::Malformed`] for a given code without room for this model's randomness.
pub fn setup(model: CompiledModel, options: &SetupOptions) -> Result<ProvingKey, ProveError> {
    setup_on(Cpu, model, options)
}

/// As [`setup`]; the key's commitments and proofs are made on a [`Backend`].
///
/// # Errors
/// As [`setup`]; [`ProveError::Commitment`] for a backend that fails.
pub fn setup_on<B: Backend>(
    backend: B,
    model: CompiledModel,
    options: &SetupOptions,
) -> Result<ProvingKey<B>, ProveError> {
    let _span = info_span!("setup").entered();
    let lowered = info_span!("lower").in_scope(|| model.lower())?;
    let choice = info_span!("choose the code").in_scope(|| choose_code(&model, &lowered.circuit, options))?;
    let secret = Secret::fresh(model.privacy.weights)?;
    checked(build(backend, model, lowered, choice, secret, None)?)
}

/// The key, if its setup proof verifies. As with any [proof](crate::prove::prove) it is checked before it is shown.
fn checked<B: Backend>(key: ProvingKey<B>) -> Result<ProvingKey<B>, ProveError> {
    info_span!("check the setup proof")
        .in_scope(|| verify_setup(&key.verifying.weights).map_err(ProveError::Invalid))?;
    Ok(key)
}

/// A new key for the weights of `old`, with the same code, the same number of proofs, and new randomness. Its setup
/// proof shows that both keys hold the same weights. This uses up an opening of `old`, whose last few are kept for it.
/// # Errors
/// [`ProveError::Malformed`] for public weights, which need no rotation; [`ProveError::Budget`] if `old` has no opening
/// left, not even those kept for rotation.
pub fn rotate<B: Backend>(old: &ProvingKey<B>) -> Result<ProvingKey<B>, ProveError> {
    if old.budget.is_none() {
        return Err(ProveError::Malformed {
            place: "rotation".into(),
            expected: "a key with private weights".into(),
            found: "one with public weights, which makes any number of proofs".into(),
        });
    }
    let model = old.model_of_key().clone();
    let lowered = model.lower()?;
    let secret = Secret::fresh(model.privacy.weights)?;
    let verifying = &old.verifying;
    checked(build(
        old.backend().clone(),
        model,
        lowered,
        Choice {
            code: verifying.weights.code.clone(),
            recursion: verifying.weights.recursion.clone(),
            weights: verifying.weights.commitments.clone(),
        },
        secret,
        Some(old),
    )?)
}

/// The keys of a model after the code and the number of commitments are chosen. The roots in `choice` are placeholders.
pub(crate) fn build<B: Backend>(
    backend: B,
    model: CompiledModel,
    lowered: Filled,
    choice: Choice,
    secret: Secret,
    old: Option<&ProvingKey<B>>,
) -> Result<ProvingKey<B>, ProveError> {
    let packing = weights::packing(&lowered, &choice.code)?;
    let (mut model, mut lowered) = (model, lowered);
    let cells = match old {
        // The same network and the same code fill the same rows.
        Some(old) => {
            let cells = old.commitments.cells.clone();
            weights::share(&mut model, &mut lowered, &packing, &cells)?;
            cells
        }
        None => weights::fill(&mut model, &mut lowered, &packing)?,
    };
    let commitments = Commitments::new(backend, secret, cells);
    let mut weights = choice.weights.clone();
    let previous = Some([0; 32]).filter(|_| old.is_some());
    let mut verifying = verifying_key(
        model.skeleton(),
        &model.privacy,
        &lowered.circuit,
        choice,
        previous,
    );
    judged(&verifying, &verifying.network, &lowered.circuit)?;
    let mut matrices = Vec::with_capacity(weights.roots.len() + 1);
    // If all codewords together are too large, none is kept, and the setup proof recomputes the columns that it opens.
    let keep = Commitments::<B>::keep_all(&verifying.weights);
    for number in 0..weights.roots.len() {
        let matrix = commitments.get_keeping(&verifying.weights, number, keep)?;
        weights.roots[number] = matrix.commitment().root;
        matrices.push(matrix);
    }
    verifying.weights.commitments = weights;
    if let Some(old) = old {
        let (opening, matrix) = old.next_commitment(Purpose::Rotation)?;
        verifying.weights.previous_opening = opening;
        verifying.weights.previous = Some(matrix.commitment().root);
        matrices.push(matrix);
    }
    refuse_insecure(&verifying, &verifying.network, &lowered.circuit)?;

    let made = matrices;
    let matrices: Vec<&B::Matrix> = made.iter().map(AsRef::as_ref).collect();
    verifying.weights.setup_proof = prove_setup(&commitments, &verifying.weights, &lowered, &matrices)?;
    drop(made);
    if keep != Commitments::<B>::keep(&verifying.weights) {
        commitments.forget();
        commitments.get(&verifying.weights, 0)?;
    }

    let budget = match model.privacy.weights {
        Visibility::Public => None,
        Visibility::Private => Some(Budget::in_memory(verifying.weights.commitments.budget(), 0)),
    };
    Ok(ProvingKey {
        model,
        general: None,
        network: own_network(&verifying.network)?,
        verifying,
        lowered,
        commitments: Arc::new(commitments),
        budget: budget.map(Arc::new),
        layers: Arc::default(),
    })
}

/// The setup proof of a key, over all commitments it speaks of.
fn prove_setup<B: Backend>(
    commitments: &Commitments<B>,
    key: &WeightsKey,
    lowered: &Filled,
    matrices: &[&B::Matrix],
) -> Result<Vec<u8>, ProveError> {
    let _span = info_span!("setup proof").entered();
    let statement = Statement::of_setup(key)?;
    let trace = Trace::of_weights(&statement, &lowered.parameters)?;
    let occasion = Occasion {
        opening: 0,
        context: b"",
        linked: None,
    };
    let seed = trace_seed(&commitments.secret, &statement, &trace, &occasion)?;
    let (backend, weights) = (&commitments.backend, (0, matrices));
    let prove = |_: &rayon::Scope<'_>| prove_trace(backend, &statement, &trace, weights, b"", seed, None);
    Ok(rayon::scope(prove)?.0.messages)
}

/// What is proved with a key whose network, at the lengths of a text, was lowered to this circuit.
fn judged<'k>(
    verifying: &'k VerifyingKey,
    network: &NetworkSkeleton,
    circuit: &'k Circuit,
) -> Result<Statement<'k>, ProveError> {
    Ok(Statement::lowered(verifying, network, Cow::Borrowed(circuit))?)
}

/// Refuses a proof and a setup proof whose errors add up to too much.
pub(crate) fn refuse_insecure(
    verifying: &VerifyingKey,
    network: &NetworkSkeleton,
    circuit: &Circuit,
) -> Result<(), ProveError> {
    let setup = soundness(&Statement::of_setup(&verifying.weights)?);
    let found = soundness(&judged(verifying, network, circuit)?).sum(&setup);
    if found.is_nan() || found < SECURITY_BITS {
        return Err(ProveError::Insecure {
            wanted: SECURITY_BITS,
            found,
        });
    }
    Ok(())
}

/// The verifying key that follows from a network and a choice, with the roots of the choice and without a setup proof.
pub(crate) fn verifying_key(
    network: NetworkSkeleton,
    privacy: &Privacy,
    circuit: &Circuit,
    choice: Choice,
    previous: Option<[u8; 32]>,
) -> VerifyingKey {
    let Choice {
        code,
        recursion,
        weights,
    } = choice;
    VerifyingKey {
        network,
        instance: Instance::of(privacy),
        weights: WeightsKey {
            columns: WeightsKey::columns_of(circuit),
            unpacked: circuit.unpacked,
            visibility: privacy.weights,
            code,
            recursion,
            commitments: weights,
            previous,
            previous_opening: 0,
            setup_proof: Vec::new(),
        },
    }
}

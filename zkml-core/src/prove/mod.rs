//! The prover: makes a proof by the six steps of [`crate::verify`]. Only the order of the work stands here.

mod argue;
pub mod link;
mod seed;

pub use link::{Input, TensorSecret};

use ndarray::ArrayD;
use tracing::info_span;

use crate::argument::{Answer, Statement, Trace};
use crate::circuit::Home;
use crate::keys::{ProveError, ProvingKey, Purpose};
use crate::pcs::{CommittedMatrix, MatrixOracle};
use crate::proof::{Proof, proof_from_bytes, to_bytes};
use crate::reduce::Backend;
use crate::transcript::VerifyError;
use crate::verify::check_answer;

pub(crate) use argue::prove_trace;
#[cfg(test)]
pub(crate) use argue::{argue, commit_tensors, replay};
pub(crate) use seed::{Occasion, trace_seed};

/// Proves what the model answers on `input` (quantized integers, in the shape of the model's input).
///
/// The key's [`Backend`] does the work. Private weights cost one of the key's openings, which is counted before
/// anything is committed. The answer is among the public values unless outputs are private: see [`prove_with_secrets`].
/// The proof is verified before it is returned.
///
/// # Errors
/// [`ProveError`]: an input that does not fit, a value outside a table's domain (named by layer), a key whose budget
/// is used up, [`ProveError::Invalid`] for a key that was altered meanwhile.
pub fn prove<B: Backend>(
    key: &ProvingKey<B>,
    input: &ArrayD<i64>,
    context: &[u8],
) -> Result<Proof, ProveError> {
    let proven = prove_with_secrets(key, Input::Values(input), context)?;
    Ok(proven.proof)
}

/// As [`prove`], for a model with several inputs, given in the model's order.
///
/// # Errors
/// As [`prove`]; also a wrong number of inputs.
pub fn prove_on<B: Backend>(
    key: &ProvingKey<B>,
    inputs: &[ArrayD<i64>],
    context: &[u8],
) -> Result<Proof, ProveError> {
    let proven = prove_with_secrets(key, Input::Several(inputs), context)?;
    Ok(proven.proof)
}

/// A proof and the prover's secrets.
#[derive(Debug)]
pub struct Proven<M = CommittedMatrix> {
    /// The proof, with the public values.
    pub proof: Proof,
    /// The input and the outputs, private ones included.
    pub answer: Answer,
    /// The secret of the committed input, for a proof that [links](link) to it. `None` if the model does not commit to
    /// its input, or if another proof made the commitment.
    pub input: Option<TensorSecret<M>>,
    /// The secret of the private outputs, for a proof that [links](link) to them.
    pub output: Option<TensorSecret<M>>,
}

/// As [`prove`], but the input may be a tensor that another proof committed to. Also returns the secrets that later
/// links need.
///
/// # Errors
/// As [`prove`]; [`ProveError::Link`] for a committed tensor that cannot be the input of this model.
pub fn prove_with_secrets<B: Backend>(
    key: &ProvingKey<B>,
    input: Input<'_, B::Matrix>,
    context: &[u8],
) -> Result<Proven<B::Matrix>, ProveError> {
    // On a thread of the pool a parallel loop starts at once; from outside it would cost two thread switches.
    rayon::scope(|_| {
        let _span = info_span!("prove").entered();
        let statement = info_span!("statement").in_scope(|| Statement::of_proving(key))?;
        let (trace, linked) = match input {
            Input::Values(values) => (Trace::generate(key, &statement, values)?, None),
            Input::Several(inputs) => (Trace::generate_on(key, &statement, inputs)?, None),
            Input::Committed(secret) => (
                linked_trace(key, &statement, &secret)?,
                Some(secret.into_matrix()),
            ),
        };
        let is_linked = linked.is_some();
        let (number, weights) =
            info_span!("count the opening").in_scope(|| key.next_commitment(Purpose::Proof))?;
        let occasion = Occasion {
            opening: number,
            context,
            linked: linked.as_ref().map(|matrix| matrix.commitment().root),
        };
        let seed = trace_seed(&key.commitments.secret, &statement, &trace, &occasion)?;
        let (backend, weights) = (key.backend(), (number, &[&*weights][..]));
        let (proof, tensors) = prove_trace(backend, &statement, &trace, weights, context, seed, linked)?;
        refuse_invalid(&statement, &proof, context)?;
        let (mut input, mut output) = (None, None);
        for (of, matrix) in statement.separate.iter().zip(tensors) {
            let secret = |matrix| TensorSecret::new(&statement, of, &trace, matrix);
            match of.home {
                // The tensor's randomness covers two openings, and this proof was the second.
                Home::Input if is_linked => {}
                Home::Input => input = Some(secret(matrix)),
                Home::Output => output = Some(secret(matrix)),
                Home::Trace => {}
            }
        }
        Ok(Proven {
            proof,
            answer: trace.answer,
            input,
            output,
        })
    })
}

/// Checks a proof before anyone else sees it. One that was made from weights other than the committed ones, as when the
/// file of the key is written to meanwhile, shows how the two differ: more than a valid proof ever shows.
fn refuse_invalid(statement: &Statement<'_>, proof: &Proof, context: &[u8]) -> Result<(), ProveError> {
    let encoded = to_bytes(proof).map_err(|error| VerifyError::Invariant {
        what: error.to_string(),
    })?;
    proof_from_bytes(&encoded, &statement.proof_limits()).map_err(|error| VerifyError::Invariant {
        what: format!("a verifier would not read the proof: {error}"),
    })?;
    info_span!("check the proof")
        .in_scope(|| check_answer(statement, proof, context).map_err(ProveError::Invalid))
}

/// The trace whose input is the committed tensor of another proof.
fn linked_trace<'a, B: Backend>(
    key: &'a ProvingKey<B>,
    statement: &'a Statement<'_>,
    secret: &TensorSecret<B::Matrix>,
) -> Result<Trace<'a>, ProveError> {
    let column = secret.fits_statement(statement)?;
    let circuit = statement.circuit();
    let shape = &circuit[column].shape;
    let cells = secret.cells();
    let graph = &key.model.network.graph;
    let input = link::integers(cells, shape, &graph[graph.input].fact.shape)?;
    Trace::generate_with(key, statement, &[input], Some((column, cells)))
}

#[cfg(test)]
mod tests;

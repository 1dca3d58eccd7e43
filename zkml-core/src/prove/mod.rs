//! The prover: orchestration only; the steps are those of [`crate::verify`].

mod budget;
mod check;
mod error;
mod key;
mod setup;
mod trace;

pub use budget::{Budget, BudgetError, Purpose};
pub use check::{Violation, check};
pub use error::ProveError;
pub use key::{CompiledModel, ProvingKey};
pub use setup::{SetupOptions, setup};
pub use trace::{Answer, Trace};

use ndarray::ArrayD;

use crate::circuit::ColumnKind;
use crate::field::K;
use crate::lookup;
use crate::pcs::{Claim, CommittedMatrix, prove_opening};
use crate::proof::{Proof, PublicValues};
use crate::reduce::{Claims, Point, ProverSide, challenge_point, coordinates, reduce};
use crate::transcript::{ProverChannel, ProverTranscript};
use crate::verify::{PROTOCOL, Statement, bindings};

/// Proves what the model answers on `input` (quantized integers, in the shape of the model's input).
///
/// Returns the public values, the answer among them, and the proof.
///
/// # Errors
/// [`ProveError`]: an input that does not fit, a value outside a table's domain (named by layer).
pub fn prove(
    key: &ProvingKey,
    input: &ArrayD<i64>,
    context: &[u8],
) -> Result<(PublicValues, Proof), ProveError> {
    // On a thread of the pool each parallel loop starts at once; from outside it would cost two thread switches.
    rayon::scope(|_| {
        let statement = Statement::new(&key.verifying)?;
        let trace = Trace::generate(key, &statement, input)?;
        let proof = prove_trace(&statement, &trace, &key.weights, context)?;
        Ok((trace.public, proof))
    })
}

/// The proof for a trace, whatever stands in it: with one that violates the circuit it will be rejected.
fn prove_trace(
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    weights: &CommittedMatrix,
    context: &[u8],
) -> Result<Proof, ProveError> {
    let mut transcript = ProverTranscript::new(PROTOCOL);
    for (label, bytes) in bindings(statement, &trace.public, context) {
        transcript.absorb(label, &bytes);
    }
    let committed = trace.commit(statement)?;
    transcript.send_digest("trace.root", &committed.commitment().root);
    transcript.harden("trace.harden", statement.key.hardening);
    argue(&mut transcript, statement, trace, &[&committed, weights])?;
    Ok(Proof {
        key: statement.digest,
        messages: transcript.into_proof(),
    })
}

/// Steps 3 to 6.
fn argue<C: ProverChannel>(
    channel: &mut C,
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    matrices: &[&CommittedMatrix],
) -> Result<(), ProveError> {
    let circuit = statement.circuit();
    let suffix = |point: &[K], variables: usize| challenge_point(&point[point.len() - variables..]);

    let looked_up = lookup::prove(channel, &statement.lookups, trace.lookup_witness(statement));
    let mut claims = Claims::<K>::new(circuit);
    for (lookup, values) in circuit.lookups.iter().zip(&looked_up.lookups) {
        for (&column, &value) in lookup.columns.iter().zip(values) {
            let point = suffix(&looked_up.point, circuit[column].shape.variables());
            let mut side = ProverSide::new(channel, circuit, &statement.schedule, &trace.values);
            claims.add(&mut side, circuit, column, point, value)?;
        }
    }
    let multiplicities: Vec<(Point, K)> = circuit
        .tables
        .iter()
        .zip(&looked_up.multiplicities)
        .map(|(table, &value)| (suffix(&looked_up.point, table.variables()), value))
        .collect();

    let variables = circuit
        .equalities
        .iter()
        .map(|equality| circuit[equality.left].shape.variables())
        .max();
    let point = channel.challenges("equality.point", variables.unwrap_or(0));
    for equality in &circuit.equalities {
        let point = suffix(&point, circuit[equality.left].shape.variables());
        let value = ProverSide::new(channel, circuit, &statement.schedule, &trace.values)
            .evaluate(equality.right, &coordinates(&point));
        if !matches!(circuit[equality.right].kind, ColumnKind::Public(_)) {
            channel.send_scalar("equality.value", value);
        }
        let mut side = ProverSide::new(channel, circuit, &statement.schedule, &trace.values);
        for column in [equality.left, equality.right] {
            claims.add(&mut side, circuit, column, point.clone(), value)?;
        }
    }

    let mut side = ProverSide::new(channel, circuit, &statement.schedule, &trace.values);
    reduce(&mut side, circuit, &statement.schedule, &mut claims)?;
    let opened: Vec<Claim> = statement
        .opening_claims(&claims, &multiplicities)?
        .into_iter()
        .map(|(point, value)| Claim { point, value })
        .collect();
    prove_opening(channel, &statement.key.code, matrices, &opened)?;
    Ok(())
}

#[cfg(test)]
mod tests;

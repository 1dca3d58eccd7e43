//! Setup: choose the code, commit the weights, write down the verifying key.

use super::{CompiledModel, ProveError, ProvingKey};
use crate::circuit::lower::Lowered;
use crate::circuit::{Circuit, ColumnId};
use crate::pcs::{CodeParameters, Commitment, CommittedMatrix, Packing, Rows, Seed};
use crate::verify::{SECURITY_BITS, Statement, VerifyingKey, required_hardening, soundness};

/// What setup may choose.
#[derive(Debug, Clone)]
pub struct SetupOptions {
    /// Bits of proof of work before the positions are drawn.
    pub grinding_bits: u32,
    /// Bits of soundness that the opened columns alone give.
    pub query_bits: f64,
    /// How many bytes of proof one encoded cell of prover work is worth.
    pub bytes_per_cell: f64,
}

impl Default for SetupOptions {
    fn default() -> Self {
        Self {
            grinding_bits: 12,
            query_bits: 104.0,
            bytes_per_cell: 0.06,
        }
    }
}

/// Commits a model's weights and derives both keys.
///
/// # Errors
/// [`ProveError::Unsupported`] for a model without a circuit, [`ProveError::Insecure`] if no code is good enough.
pub fn setup(model: CompiledModel, options: &SetupOptions) -> Result<ProvingKey, ProveError> {
    let lowered = model.lower()?;
    let code = choose_code(&model, &lowered, options)?;
    assemble(model, lowered, code, Seed::from_os()?)
}

/// The keys of a model whose code and seed are chosen.
pub(super) fn assemble(
    model: CompiledModel,
    lowered: Lowered,
    code: CodeParameters,
    seed: Seed,
) -> Result<ProvingKey, ProveError> {
    let weights = commit_weights(&lowered, &code, seed)?;
    let verifying = verifying_key(&model, &lowered, code, weights.commitment());
    let report = soundness(&Statement::new(&verifying)?);
    if report.bits < SECURITY_BITS {
        return Err(ProveError::Insecure {
            wanted: SECURITY_BITS,
            found: report.bits,
        });
    }
    Ok(ProvingKey {
        model,
        verifying,
        lowered,
        weights,
    })
}

/// The verifying key of a model, once its weights are committed.
pub(super) fn verifying_key(
    model: &CompiledModel,
    lowered: &Lowered,
    code: CodeParameters,
    weights: Commitment,
) -> VerifyingKey {
    VerifyingKey {
        name: model.name.clone(),
        circuit: lowered.circuit.clone(),
        interface: model.interface(),
        privacy: model.privacy,
        weights,
        hardening: required_hardening(&lowered.circuit),
        code,
    }
}

/// The commitment to the parameter columns, in the order of the circuit.
fn commit_weights(
    lowered: &Lowered,
    code: &CodeParameters,
    seed: Seed,
) -> Result<CommittedMatrix, ProveError> {
    let packing = Packing::new(
        &variables(&lowered.circuit, lowered.circuit.parameters()),
        code.log_row,
    )?;
    let columns: Vec<&[i8]> = lowered
        .parameters
        .iter()
        .map(|parameter| parameter.cells.as_slice())
        .collect();
    let rows = packing.fill(&columns);
    Ok(CommittedMatrix::commit(Rows::Int8(rows), code, seed)?)
}

pub(super) fn variables(circuit: &Circuit, columns: impl Iterator<Item = ColumnId>) -> Vec<usize> {
    columns.map(|id| circuit[id].shape.variables()).collect()
}

/// Row length and rate: a few bytes of proof against a little time of the prover, among those that are sound enough.
///
/// Proof bytes: the row combination, 16 a coordinate, and for each opened column its cells (8 bytes), its salt and
/// its part of the Merkle multiproof. Work: cells to encode.
fn choose_code(
    model: &CompiledModel,
    lowered: &Lowered,
    options: &SetupOptions,
) -> Result<CodeParameters, ProveError> {
    let circuit = &lowered.circuit;
    let mut trace = variables(circuit, circuit.committed());
    trace.extend(circuit.tables.iter().map(|table| table.variables()));
    let weights = variables(circuit, circuit.parameters());
    let mut candidates = Vec::new();
    for log_row in 6..=16u32 {
        let trace_rows = Packing::new(&trace, log_row)?.rows;
        let weight_rows = Packing::new(&weights, log_row)?.rows;
        for log_blowup in 2..=4u32 {
            let log_codeword = log_row + log_blowup;
            let bits = (options.grinding_bits, options.query_bits);
            let Ok(code) = CodeParameters::for_target(log_row, 0, log_codeword, bits.0, bits.1) else {
                continue;
            };
            let queries = code.queries as f64;
            let path = 32.0 * (f64::from(log_codeword) - queries.log2()).max(1.0);
            let bytes = 16.0 * f64::from(log_row).exp2()
                + queries * (8.0 * (trace_rows + weight_rows) as f64 + 2.0 * (32.0 + path));
            let cells = trace_rows as f64 * f64::from(log_codeword).exp2();
            candidates.push((bytes + cells * options.bytes_per_cell, code, weight_rows));
        }
    }
    candidates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut best = 0f64;
    for (_, code, rows) in candidates {
        // Soundness depends on sizes alone: any root will do.
        let key = verifying_key(model, lowered, code.clone(), Commitment { root: [0; 32], rows });
        let bits = soundness(&Statement::new(&key)?).bits;
        if bits >= SECURITY_BITS {
            return Ok(code);
        }
        best = best.max(bits);
    }
    Err(ProveError::Insecure {
        wanted: SECURITY_BITS,
        found: best,
    })
}

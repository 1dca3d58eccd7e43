//! Setup: choose the code, commit the weights, write down the verifying key.

use tracing::info_span;

use super::key::{Commitments, Secret};
use super::{Budget, CompiledModel, ProveError, ProvingKey, Purpose, Trace, prove_trace, trace_seed};
use crate::circuit::lower::Lowered;
use crate::pcs::{CodeParameters, CommittedMatrix, Keep, Packing, Rows, Seed, Tails};
use crate::privacy::{Privacy, Visibility};
use crate::verify::{
    ROTATION_RESERVE, SECURITY_BITS, Statement, VerifyingKey, WeightCommitments, needed_tail,
    required_hardening, soundness, trace_extents, weight_extents,
};

/// What setup may choose.
#[derive(Debug, Clone)]
pub struct SetupOptions {
    /// Bits of proof of work before the positions are drawn.
    pub grinding_bits: u32,
    /// Bits of soundness that the opened columns alone give.
    pub query_bits: f64,
    /// How many bytes of proof one encoded cell of prover work is worth.
    pub bytes_per_cell: f64,
    /// With private weights: how many proofs the key can make before it must be [rotated](rotate). At least.
    pub proofs_per_key: u32,
    /// How many bytes of proof one byte of setup proof is worth.
    pub setup_weight: f64,
    /// The code, such as that of another key: proofs of both can then be [linked](super::link). Chosen if none is given.
    pub code: Option<CodeParameters>,
}

impl Default for SetupOptions {
    fn default() -> Self {
        Self {
            grinding_bits: 12,
            query_bits: 104.0,
            bytes_per_cell: 0.06,
            proofs_per_key: 64,
            setup_weight: 1.0 / 64.0,
            code: None,
        }
    }
}

/// Commits a model's weights, proves that they are what the circuit takes for granted, and derives both keys.
///
/// # Errors
/// [`ProveError::Unsupported`] for a model without a circuit, [`ProveError::Insecure`] if no code is good enough,
/// [`ProveError::Malformed`] for a given code without room for this model's randomness.
pub fn setup(model: CompiledModel, options: &SetupOptions) -> Result<ProvingKey, ProveError> {
    let _span = info_span!("setup").entered();
    let lowered = info_span!("lower").in_scope(|| model.lower())?;
    let (code, weights) =
        info_span!("choose the code").in_scope(|| choose_code(&model, &lowered, options))?;
    build(model, lowered, code, weights, None)
}

/// A new key for the weights of `old`, with randomness of its own and as many proofs; its setup proof shows that both
/// hold the same weights. Uses up an opening of the old key, whose last few are kept for this.
///
/// # Errors
/// [`ProveError::Malformed`] for public weights, which need no rotation; [`ProveError::Budget`] if nothing is left of
/// the old key, not even of the openings kept for this.
pub fn rotate(old: &ProvingKey) -> Result<ProvingKey, ProveError> {
    if old.budget.is_none() {
        return Err(ProveError::Malformed {
            place: "rotation".into(),
            expected: "a key with private weights".into(),
            found: "one with public weights, which makes any number of proofs".into(),
        });
    }
    let model = old.model.clone();
    let lowered = model.lower()?;
    let verifying = &old.verifying;
    build(
        model,
        lowered,
        verifying.code.clone(),
        verifying.weights.clone(),
        Some(old),
    )
}

/// The keys of a model whose code and number of commitments are chosen; the roots in `weights` are made anew.
fn build(
    model: CompiledModel,
    lowered: Lowered,
    code: CodeParameters,
    mut weights: WeightCommitments,
    old: Option<&ProvingKey>,
) -> Result<ProvingKey, ProveError> {
    let commitments = Commitments::new(Secret::fresh(model.privacy.weights)?);
    let mut verifying = verifying_key(
        &model,
        &lowered,
        code,
        weights.clone(),
        Some([0; 32]).filter(|_| old.is_some()),
    );
    Statement::new(&verifying)?;
    let mut matrices = Vec::with_capacity(weights.roots.len() + 1);
    for number in 0..weights.roots.len() {
        let matrix = commitments.get(&lowered, &verifying, number)?;
        weights.roots[number] = matrix.commitment().root;
        matrices.push(matrix);
    }
    verifying.weights = weights;
    if let Some(old) = old {
        let (_, matrix) = old.next_commitment(Purpose::Rotation)?;
        verifying.previous = Some(matrix.commitment().root);
        matrices.push(matrix);
    }
    refuse_insecure(&verifying)?;

    let matrices: Vec<&CommittedMatrix> = matrices.iter().map(AsRef::as_ref).collect();
    verifying.setup_proof = prove_setup(&verifying, &lowered, &matrices)?;

    let budget = match model.privacy.weights {
        Visibility::Public => None,
        Visibility::Private => Some(Budget::in_memory(verifying.weights.budget(), 0)),
    };
    Ok(ProvingKey {
        model,
        verifying,
        lowered,
        commitments,
        budget,
        layers: Default::default(),
    })
}

/// The setup proof of a key, over all commitments it speaks of.
fn prove_setup(
    verifying: &VerifyingKey,
    lowered: &Lowered,
    matrices: &[&CommittedMatrix],
) -> Result<Vec<u8>, ProveError> {
    let _span = info_span!("setup proof").entered();
    let statement = Statement::of_setup(verifying)?;
    let trace = Trace::of_weights(statement.circuit(), &lowered.parameters)?;
    let prove =
        |_: &rayon::Scope<'_>| prove_trace(&statement, &trace, (0, matrices), b"", trace_seed(&statement)?);
    Ok(rayon::scope(prove)?.messages)
}

/// Bits of soundness of an answer, those of the setup proof counted in.
fn bits(verifying: &VerifyingKey) -> Result<f64, ProveError> {
    let setup = soundness(&Statement::of_setup(verifying)?);
    Ok(soundness(&Statement::new(verifying)?).sum(&setup))
}

pub(super) fn refuse_insecure(verifying: &VerifyingKey) -> Result<(), ProveError> {
    let found = bits(verifying)?;
    if found.is_nan() || found < SECURITY_BITS {
        return Err(ProveError::Insecure {
            wanted: SECURITY_BITS,
            found,
        });
    }
    Ok(())
}

/// The verifying key of a model, once its weights are committed; without a setup proof.
pub(super) fn verifying_key(
    model: &CompiledModel,
    lowered: &Lowered,
    code: CodeParameters,
    weights: WeightCommitments,
    previous: Option<[u8; 32]>,
) -> VerifyingKey {
    VerifyingKey {
        name: model.name.clone(),
        circuit: lowered.circuit.clone(),
        interface: model.interface(),
        privacy: model.privacy,
        weights,
        previous,
        hardening: required_hardening(&lowered.circuit),
        code,
        setup_proof: Vec::new(),
    }
}

/// A commitment to the parameter columns, in the order of the circuit.
pub(super) fn commit_weights(
    lowered: &Lowered,
    code: &CodeParameters,
    seed: Seed,
    tails: Tails,
) -> Result<CommittedMatrix, ProveError> {
    let packing = Packing::new(&weight_extents(&lowered.circuit), code.log_row)?;
    let columns: Vec<&[i8]> = lowered
        .parameters
        .iter()
        .map(|parameter| parameter.cells.as_slice())
        .collect();
    let rows = Rows::Int8(packing.fill(&columns));
    Ok(CommittedMatrix::commit_with(
        rows,
        code,
        seed,
        tails,
        Keep::Codeword,
    )?)
}

/// How many proofs a commitment is made for, in the order tried: more of them make each proof larger, fewer make the
/// verifying key larger.
const PROOFS_PER_COMMITMENT: [u32; 10] = [1, 2, 4, 6, 8, 12, 16, 32, 64, 128];

/// About how many scalars a proof hides; it grows with the depth of the network, and with the logarithm of its size.
const TYPICAL_PADS: usize = 600;

/// Most cells of encoded weights in all commitments of a key that setup chooses: 8 bytes each, kept by the prover.
const MAXIMUM_ENCODED_CELLS: u64 = 1 << 28;

/// Most commitments to the weights in one key.
const MAXIMUM_COMMITMENTS: usize = 256;

/// Row length, rate and number of commitments: a few bytes of proof against a little time of the prover, among those
/// that are sound enough.
///
/// Proof bytes: the row combination, 16 a coordinate, and for each opened column its cells (8 bytes), its salt and
/// its part of the Merkle multiproof. Work: cells to encode. The setup proof is paid once, for all proofs.
fn choose_code(
    model: &CompiledModel,
    lowered: &Lowered,
    options: &SetupOptions,
) -> Result<(CodeParameters, WeightCommitments), ProveError> {
    let circuit = &lowered.circuit;
    let (trace, weights) = (trace_extents(circuit), weight_extents(circuit));
    let private = model.privacy.weights.is_private();
    let plans: Vec<(u32, usize)> = match private {
        false => vec![(0, 1)],
        true => {
            let wanted = options.proofs_per_key.max(1).saturating_add(ROTATION_RESERVE as u32);
            PROOFS_PER_COMMITMENT
                .iter()
                .chain([&wanted])
                .map(|&each| (each.saturating_add(1), wanted.div_ceil(each) as usize))
                .filter(|(_, count)| *count <= MAXIMUM_COMMITMENTS)
                .collect()
        }
    };
    let (rows, blowups) = match &options.code {
        None => (6..=20, 2..=4),
        Some(code) => {
            code.validate()?;
            let blowup = code.log_codeword.saturating_sub(code.log_row);
            (code.log_row..=code.log_row, blowup..=blowup)
        }
    };
    let mut candidates = Vec::new();
    for log_row in rows {
        let masks = match model.privacy.zero_knowledge() {
            true => 4 * TYPICAL_PADS.div_ceil(1 << log_row) + 2,
            false => 0,
        };
        let trace_rows = Packing::new(&trace, log_row)?.rows + masks;
        let weight_rows = Packing::new(&weights, log_row)?.rows;
        for (log_blowup, &(openings, count)) in blowups
            .clone()
            .flat_map(|blowup| plans.iter().map(move |plan| (blowup, plan)))
        {
            let log_codeword = log_row + log_blowup;
            let commitments = WeightCommitments {
                roots: vec![[0; 32]; count],
                rows: weight_rows,
                openings,
            };
            let code = match &options.code {
                None => code_with_tail(log_row, log_codeword, &commitments, model.privacy, options),
                Some(code) => Some(code.clone()).filter(|code| has_room(code, model.privacy, &commitments)),
            };
            let Some(code) = code else {
                continue;
            };
            let encoded = (count * weight_rows) as u64 * code.codeword_length() as u64;
            if encoded > MAXIMUM_ENCODED_CELLS && options.code.is_none() {
                continue;
            }
            let queries = code.queries as f64;
            let path = 32.0 * (f64::from(log_codeword) - queries.log2()).max(1.0);
            let bytes = 16.0 * code.message_length() as f64
                + queries * (8.0 * (trace_rows + weight_rows) as f64 + 2.0 * (32.0 + path));
            let cells = trace_rows as f64 * f64::from(log_codeword).exp2();
            let setup = count as f64 * queries * (8.0 * weight_rows as f64 + 32.0 + path);
            let cost = bytes + cells * options.bytes_per_cell + setup * options.setup_weight;
            candidates.push((cost, code, commitments));
        }
    }
    if let (Some(code), true) = (&options.code, candidates.is_empty()) {
        return Err(ProveError::Malformed {
            place: "the code given to setup".into(),
            expected: "a tail with room for this model's randomness, and none for a public one".into(),
            found: format!("a tail of {} for {} opened columns", code.tail, code.queries),
        });
    }
    candidates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut best = 0f64;
    for (_, code, weights) in candidates {
        // Soundness depends on sizes alone: any root will do.
        let key = verifying_key(
            model,
            lowered,
            code.clone(),
            weights.clone(),
            Some([0; 32]).filter(|_| private),
        );
        let bits = bits(&key)?;
        if bits >= SECURITY_BITS {
            return Ok((code, weights));
        }
        best = best.max(bits);
    }
    Err(ProveError::Insecure {
        wanted: SECURITY_BITS,
        found: best,
    })
}

/// Is the tail of a given code long enough? A model without secrets has none.
fn has_room(code: &CodeParameters, privacy: Privacy, weights: &WeightCommitments) -> bool {
    let needed = needed_tail(&privacy, weights, code.queries);
    needed <= code.tail && (needed == 0) == (code.tail == 0)
}

/// The code with the fewest queries: the tail depends on their number, and lowers the rate's margin in turn.
fn code_with_tail(
    log_row: u32,
    log_codeword: u32,
    weights: &WeightCommitments,
    privacy: Privacy,
    options: &SetupOptions,
) -> Option<CodeParameters> {
    let mut tail = 0;
    for _ in 0..16 {
        let (grinding, bits) = (options.grinding_bits, options.query_bits);
        let code = CodeParameters::for_target(log_row, tail, log_codeword, grinding, bits).ok()?;
        let needed = needed_tail(&privacy, weights, code.queries);
        if needed == tail {
            return Some(code);
        }
        // It grows to its fixed point, or out of the row.
        tail = needed.max(tail);
    }
    None
}

//! The effect of each pass of the operation and circuit level on a network, measured.
//!
//! Each pass that ran is switched off alone, and the network is quantized and lowered again. The two circuits are
//! compared; for a pass that changes the code, the costs of the two codes.

use rayon::prelude::*;

use super::cost::CodeCost;
use super::{SetupOptions, code_cost};
use crate::circuit::CircuitError;
use crate::graph::Graph;
use crate::keys::{CompiledModel, ProveError};
use crate::lower::{Filled, lower_with};
use crate::ops::{Float, QuantizeError};
use crate::optimize::operation::equalization::Equalization;
use crate::optimize::operation::input_scales::InputScales;
use crate::optimize::{ChosenCode, Level, Outcome, Pass, PassReport, Work, all, sizes};
use crate::pcs::CodeParameters;
use crate::privacy::Privacy;
use crate::quant::{Calibration, QuantizeOptions, Quantized, quantize_unmeasured};

/// Why a network cannot be explained.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// It cannot be quantized.
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    /// It cannot be lowered.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
}

crate::debug_as_display!(ExplainError);

/// The reports of all passes of the operation and circuit level, in the order of the list. Networks without a pass are
/// made as `network` was, with the method of calibration and the bits that were chosen for it.
///
/// # Errors
/// [`ExplainError`] if the network does not compile with the given options.
pub fn explain(
    graph: &Graph<Float>,
    calibration: &Calibration,
    options: &QuantizeOptions,
    (network, privacy): (&Quantized, &Privacy),
) -> Result<Vec<PassReport>, ExplainError> {
    explain_with(graph, calibration, options, (network, privacy), || {})
}

/// As [`explain`]; calls `progress` after each pass that ran, from any thread.
///
/// # Errors
/// As [`explain`].
pub fn explain_with(
    graph: &Graph<Float>,
    calibration: &Calibration,
    options: &QuantizeOptions,
    (network, privacy): (&Quantized, &Privacy),
    progress: impl Fn() + Sync,
) -> Result<Vec<PassReport>, ExplainError> {
    let options = &QuantizeOptions {
        activation_bits: network.record.activation_bits,
        ..*options
    };
    let compiled = Compiled::new(network.clone(), privacy)?;
    let chosen = compiled.code_cost();
    // A network may be nearer to the floats without equalized channels; then the others have none either.
    let equalized = !network.record.equalized.is_empty() && options.switches.runs(&Equalization);
    let made = options.switches.with(&Equalization, equalized);
    let without = |pass: &dyn Pass| -> Result<Compiled, ExplainError> {
        let options = QuantizeOptions {
            switches: made.with(pass, false),
            ..*options
        };
        let network = match pass.acts_in().starts_with("quant/") {
            true => quantize_unmeasured(graph, calibration, &options, &network.record)?,
            // Quantization does not ask for it, so the network is the same.
            false => Quantized {
                lowering: options.switches.at(Level::Circuit),
                ..compiled.network.clone()
            },
        };
        Compiled::new(network, privacy)
    };
    let report = |pass: &'static dyn Pass| {
        if !options.switches.runs(pass) {
            return PassReport::off(pass);
        }
        let _span = tracing::info_span!("without a pass", pass = pass.name()).entered();
        let mut changes = compiled.changes(pass, chosen.as_ref().ok().map(|(code, _)| code));
        let (before, after) = match without(pass) {
            Ok(other) if pass.changes_code() => match (other.code_cost(), &chosen) {
                (Ok((_, before)), Ok((_, after))) => (before.sizes().to_vec(), after.sizes().to_vec()),
                (Err(error), _) => {
                    changes.push(format!("without it there is no code: {error}"));
                    Default::default()
                }
                (_, Err(error)) => {
                    changes.push(format!("there is no code: {error}"));
                    Default::default()
                }
            },
            Ok(other) => (other.sizes(), compiled.sizes()),
            Err(error) => {
                changes.push(format!("without it the network does not compile: {error}"));
                Default::default()
            }
        };
        progress();
        PassReport::ran(pass, changes, before, after)
    };
    let passes: Vec<&'static dyn Pass> = all().filter(|pass| pass.level() != Level::Model).collect();
    Ok(passes.into_par_iter().with_max_len(1).map(report).collect())
}

/// A network as it is proved.
struct Compiled {
    network: Quantized,
    lowered: Filled,
    privacy: Privacy,
}

impl Compiled {
    fn new(network: Quantized, privacy: &Privacy) -> Result<Self, ExplainError> {
        let skeleton = network.graph.skeleton();
        let lowered = lower_with(&skeleton, network.limb_bits, privacy, &network.lowering)?;
        Ok(Self {
            lowered: lowered.fill(&network.graph)?,
            network,
            privacy: *privacy,
        })
    }

    /// The code that setup would choose and its cost: for passes that change the code and not the circuit.
    fn code_cost(&self) -> Result<(CodeParameters, CodeCost), ProveError> {
        let model = CompiledModel::new("", self.network.clone()).with_privacy(self.privacy);
        code_cost(&model, &self.lowered, &SetupOptions::default())
    }

    fn sizes(&self) -> Vec<(&'static str, u64)> {
        sizes(&self.lowered.circuit).to_vec()
    }

    /// The changes that a pass reports. Passes of the model level reported when they ran.
    fn changes(&self, pass: &dyn Pass, code: Option<&CodeParameters>) -> Vec<String> {
        let chosen = |code: &CodeParameters| ChosenCode {
            row_length: code.row_length(),
            trace_row_length: code.narrow().row_length(),
            codeword_length: code.codeword_length(),
            queries: code.queries,
            grinding_bits: code.grinding_bits,
        };
        match pass.work() {
            Work::Nodes(_) | Work::Model(_) => Vec::new(),
            // These two leave no trace in the integer graph.
            Work::Operation(_) if pass.name() == Equalization.name() => self.network.record.equalized.clone(),
            Work::Operation(_) if pass.name() == InputScales.name() => self.network.mapped_inputs(),
            Work::Operation(changes) => changes(&self.network.graph),
            Work::Circuit(changes) => changes(&Outcome {
                circuit: &self.lowered.circuit,
                limb_bits: self.network.limb_bits,
                code: code.map(chosen),
            }),
        }
    }
}

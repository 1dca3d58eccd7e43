//! What the passes of the operation and circuit level did to one network, measured.
//!
//! Each pass that ran is switched off once, alone: the network is quantized and lowered again without it, and the two
//! circuits are compared.

use super::code_choice::{self, CodeCost};
use super::{SetupOptions, code_cost};
use crate::circuit::CircuitError;
use crate::graph::Graph;
use crate::keys::{CompiledModel, ProveError};
use crate::lower::{Filled, lower_with};
use crate::ops::Float;
use crate::ops::QuantizeError;
use crate::optimize::circuit::{
    CircuitOptions, layer_stacking, limb_width, shifted_convolution, sizes, table_sharing, trace_packing,
    virtual_values,
};
use crate::optimize::operation::{
    OperationOptions, activation_fusion, concat_scales, exact_multipliers, per_channel_scales,
};
use crate::optimize::{Level, PassReport};
use crate::pcs::CodeParameters;
use crate::privacy::Privacy;
use crate::quant::{Calibration, QuantizeOptions, Quantized, quantize};

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

/// The reports of all passes of the operation and circuit level, in the order of their levels.
///
/// # Errors
/// [`ExplainError`] if the network does not compile with the given options.
pub fn explain(
    graph: &Graph<Float>,
    calibration: &Calibration,
    options: &QuantizeOptions,
    privacy: &Privacy,
) -> Result<Vec<PassReport>, ExplainError> {
    let compiler = Compiler {
        graph,
        calibration,
        privacy,
    };
    let (network, lowered) = compiler.compile(options)?;
    let chosen = compiler.cost(&network, &lowered);
    let mut reports = Vec::new();
    let operations = OperationOptions::NAMES.map(|name| (Level::Operation, name));
    let circuits = CircuitOptions::NAMES.map(|name| (Level::Circuit, name));
    for (level, pass) in operations.into_iter().chain(circuits) {
        let without = options.without(pass).unwrap_or(*options);
        if without == *options {
            reports.push(PassReport::off(level, pass));
            continue;
        }
        let code = chosen.as_ref().ok().map(|(code, _)| code);
        let mut changes = changes(pass, &network, &lowered, code);
        let compared = match compiler.compare(pass, &without, &lowered, &chosen) {
            Ok(compared) => compared,
            Err(failed) => {
                changes.push(failed);
                Vec::new()
            }
        };
        reports.push(PassReport::ran(level, pass, changes, compared));
    }
    Ok(reports)
}

/// What a network is compiled from, again and again with other options.
struct Compiler<'a> {
    graph: &'a Graph<Float>,
    calibration: &'a Calibration,
    privacy: &'a Privacy,
}

/// The code that setup would choose, and what it costs.
type Chosen = Result<(CodeParameters, CodeCost), ProveError>;

/// What is counted, without a pass and with it.
type Compared = Vec<(&'static str, u64, u64)>;

impl Compiler<'_> {
    fn compile(&self, options: &QuantizeOptions) -> Result<(Quantized, Filled), ExplainError> {
        let network = quantize(self.graph, self.calibration, options)?;
        let skeleton = network.graph.skeleton();
        let lowered = lower_with(&skeleton, network.limb_bits, self.privacy, &network.lowering)?;
        let lowered = lowered.fill(&network.graph)?;
        Ok((network, lowered))
    }

    /// What setup would choose, for the passes that change it and not the circuit.
    fn cost(&self, network: &Quantized, lowered: &Filled) -> Chosen {
        let model = CompiledModel::new("", network.clone()).with_privacy(*self.privacy);
        code_cost(&model, lowered, &SetupOptions::default())
    }

    /// Sizes without a pass and with it, or why there are none.
    fn compare(
        &self,
        pass: &str,
        without: &QuantizeOptions,
        lowered: &Filled,
        chosen: &Chosen,
    ) -> Result<Compared, String> {
        let (network, other) = self
            .compile(without)
            .map_err(|error| format!("without it the network does not compile: {error}"))?;
        if !matches!(pass, trace_packing::NAME | code_choice::NAME) {
            return Ok(paired(sizes(&other.circuit), sizes(&lowered.circuit)));
        }
        match (self.cost(&network, &other), chosen) {
            (Ok((_, before)), Ok((_, after))) => Ok(paired(before.sizes(), after.sizes())),
            (Err(error), _) => Err(format!("without it there is no code: {error}")),
            (_, Err(error)) => Err(format!("there is no code: {error}")),
        }
    }
}

fn paired(
    before: impl IntoIterator<Item = (&'static str, u64)>,
    after: impl IntoIterator<Item = (&'static str, u64)>,
) -> Compared {
    let pairs = before.into_iter().zip(after);
    pairs
        .map(|((what, before), (_, after))| (what, before, after))
        .collect()
}

fn changes(pass: &str, network: &Quantized, lowered: &Filled, code: Option<&CodeParameters>) -> Vec<String> {
    let (graph, circuit) = (&network.graph, &lowered.circuit);
    match pass {
        activation_fusion::NAME => activation_fusion::changes(graph),
        per_channel_scales::NAME => per_channel_scales::changes(graph),
        exact_multipliers::NAME => exact_multipliers::changes(graph),
        concat_scales::NAME => concat_scales::changes(graph),
        limb_width::NAME => limb_width::changes(circuit, network.limb_bits),
        table_sharing::NAME => table_sharing::changes(circuit),
        virtual_values::NAME => virtual_values::changes(circuit),
        shifted_convolution::NAME => shifted_convolution::changes(circuit),
        layer_stacking::NAME => layer_stacking::changes(circuit),
        trace_packing::NAME => trace_packing::changes(circuit),
        code_choice::NAME => code.map(code_choice::changes).unwrap_or_default(),
        _ => Vec::new(),
    }
}

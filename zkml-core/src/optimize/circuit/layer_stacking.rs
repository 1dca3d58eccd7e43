//! Layers of one depth are reduced together.
//!
//! Contractions of one depth do not depend on each other. Whatever their shapes, they are instances of a single batched
//! sumcheck with common challenges ([`crate::circuit::Schedule`]). Between two activations every layer has the same
//! depth, however deep the network. Weights of equal shape then have claims at the same point, so the opening merges
//! fewer claims. Without this pass each layer has a sumcheck and challenges of its own.

use crate::circuit::schedule::has_sumcheck;
use crate::circuit::{Circuit, Schedule};
use crate::optimize::{Outcome, Switches, pass};

pass!(LayerStacking, "layer_stacking", Circuit(changes) in "lower/builder.rs",
    "reduces layers of one depth by one batched sumcheck");

/// Tells the circuit's [`Schedule`] whether layers are stacked.
pub(crate) fn apply(switches: &Switches, circuit: &mut Circuit) {
    circuit.unstacked = !switches.runs(&LayerStacking);
}

/// How many layers share how many sumchecks.
fn changes(outcome: &Outcome<'_>) -> Vec<String> {
    let circuit = outcome.circuit;
    let schedule = Schedule::new(circuit);
    let summed = |stage: &Vec<_>| {
        let layers = stage
            .iter()
            .filter(|&&id| has_sumcheck(circuit, id, &schedule.zero_padded));
        layers.count()
    };
    let layers: Vec<usize> = schedule
        .stages
        .iter()
        .map(summed)
        .filter(|&layers| layers > 0)
        .collect();
    if circuit.unstacked || layers.iter().all(|&layers| layers == 1) {
        return Vec::new();
    }
    vec![format!(
        "{} contractions and views in {} batched sumchecks, up to {} in one",
        layers.iter().sum::<usize>(),
        layers.len(),
        layers.iter().max().unwrap_or(&0)
    )]
}

//! The public tensors of a statement: which inputs and outputs a verifier knows, and how their integers read.

use super::NetworkSkeleton;
use crate::circuit::{Circuit, ColumnId, ColumnKind, Public};
use crate::graph::ChannelScales;

/// A public tensor of the circuit: its column, and how its values read.
#[derive(Debug, Clone, PartialEq)]
pub struct PublicTensor {
    /// The column.
    pub column: ColumnId,
    /// Which input or output of the model, from 0.
    pub index: u32,
    /// Smallest value.
    pub minimum: i64,
    /// Largest value.
    pub maximum: i64,
    /// What its integers stand for; 1 for an index.
    pub scales: ChannelScales,
}

/// The public inputs and the public outputs of a circuit that was lowered from `network`, each in ascending order.
pub(crate) fn public_tensors(
    network: &NetworkSkeleton,
    circuit: &Circuit,
) -> (Vec<PublicTensor>, Vec<PublicTensor>) {
    let (inputs, outputs) = (&network.input_scales, &network.output_scales);
    let (mut public_inputs, mut public_outputs) = (Vec::new(), Vec::new());
    for column in circuit.ids() {
        let (list, scales, index, minimum, maximum) = match circuit[column].kind {
            ColumnKind::Public(Public::Input {
                index,
                minimum,
                maximum,
            }) => (&mut public_inputs, inputs, index, minimum, maximum),
            ColumnKind::Public(Public::Output {
                index,
                minimum,
                maximum,
            }) => (&mut public_outputs, outputs, index, minimum, maximum),
            _ => continue,
        };
        let scales = usize::try_from(index).ok().and_then(|index| scales.get(index));
        list.push(PublicTensor {
            column,
            index,
            minimum,
            maximum,
            // The lowering numbers columns as the network does.
            scales: scales.cloned().unwrap_or(ChannelScales::one(f64::NAN)),
        });
    }
    public_outputs.sort_by_key(|output: &PublicTensor| output.index);
    public_inputs.sort_by_key(|input: &PublicTensor| input.index);
    (public_inputs, public_outputs)
}

//! An affine map of each feature in front of the network becomes the scales and offsets of the input.
//!
//! Example: a batch normalization of raw columns, one of years and one of rates. One scale for both would lose the
//! rates. But scale and offset of an input are public numbers that only say what its integers stand for, so each column
//! may have its own, and the integers are those of the normalized value:
//!
//! ```text
//! y = gain x + shift,    y = s q    hence    x = (s / gain) q - shift / gain
//! ```
//!
//! Nothing is computed for the map any more. Only where the input has no other user, and all gains are positive.

use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Int, Properties};
use crate::optimize::{Switches, pass};

pass!(InputScales, "input_scales", Operation(changes) in "quant/leading.rs",
    "makes an affine map of each feature of the input the scales and offsets of its integers");

/// The affine map behind an input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leading {
    pub(crate) input: NodeId,
    /// The input and the nodes between the two.
    pub(crate) before: Vec<NodeId>,
    /// The node of the mapped value.
    pub(crate) mapped: NodeId,
    /// For each channel, axis 1 of the input.
    pub(crate) gains: Vec<f64>,
    pub(crate) shifts: Vec<f64>,
}

/// The affine maps behind the inputs; none without the pass.
pub(crate) fn leading(graph: &Graph<Float>, switches: &Switches) -> Vec<Leading> {
    match switches.runs(&InputScales) {
        true => graph.inputs().filter_map(|input| behind(graph, input)).collect(),
        false => Vec::new(),
    }
}

/// The affine map behind an input, which reshapes may precede.
fn behind(graph: &Graph<Float>, input: NodeId) -> Option<Leading> {
    let (mut at, mut before_map) = (input, vec![input]);
    let layer = loop {
        if graph.outputs.contains(&at) {
            return None;
        }
        let mut users = graph
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.inputs.contains(&at));
        let (user, node) = users.next()?;
        if users.next().is_some() {
            return None;
        }
        let (room, before) = (node.op.room(), &graph[at].fact);
        at = NodeId(user);
        let same = before.iter().product::<usize>() == node.fact.iter().product::<usize>();
        match room.layer() {
            Some(layer) => break layer,
            None if room.has(Properties::SHAPES) && room.has(Properties::MOVES_VALUES) && same => {
                before_map.push(at)
            }
            None => return None,
        }
    };
    let (shape, image) = (&graph[input].fact, &graph[at].fact);
    let window = layer.window?;
    let one = window.kernel == [1, 1] && window.stride == [1, 1] && window.padding == [0, 0];
    let inner = |shape: &[usize]| shape.iter().skip(2).product::<usize>();
    let along = shape.get(1) == image.get(1) && inner(shape) == inner(image) && shape.len() > 1;
    let weight = &graph[layer.weight].values;
    if (layer.connected && image[1] > 1) || !one || !along || weight.len() != image[1] {
        return None;
    }
    let gains: Vec<f64> = weight.iter().map(|gain| f64::from(*gain)).collect();
    let shifts = match layer.bias {
        Some(bias) => graph[bias].values.iter().map(|shift| f64::from(*shift)).collect(),
        None => vec![0.0; gains.len()],
    };
    gains
        .iter()
        .all(|gain| gain.is_normal() && *gain > 0.0)
        .then_some(Leading {
            input,
            before: before_map,
            mapped: at,
            gains,
            shifts,
        })
}

/// The map is no part of the integer network; what the input's integers stand for shows it.
fn changes(_: &Graph<Int>) -> Vec<String> {
    Vec::new()
}

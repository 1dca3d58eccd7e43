//! Integer execution of `Graph<Int>`: the exact values a proof speaks about.
//!
//! [`execute()`] is what the prover runs; [`mod@reference`] is the slow oracle that defines the semantics.

pub mod error;
pub mod executor;
pub mod float;
mod float_convolution;
mod layers;
pub mod reference;
mod rescale;
mod wide;

use ndarray::{ArrayD, Dimension};

pub use error::ExecutionError;
pub use executor::{Executor, execute};
pub use layers::Layers;
pub use reference::execute_reference;

use crate::graph::{Graph, Int, NodeId};

/// All values of one execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The value of every node, by node index, in standard (row-major) layout.
    pub values: Vec<ArrayD<i64>>,
    /// For every rescale the rescaled accumulator `v = floor((acc * m + 2^(s-1)) / 2^s)` on which its table is looked
    /// up; `None` for other nodes.
    pub before_table: Vec<Option<ArrayD<i64>>>,
}

impl Execution {
    /// The value of a node.
    pub fn value(&self, id: NodeId) -> Option<&ArrayD<i64>> {
        self.values.get(id.0)
    }

    /// The values of the network's outputs.
    pub fn outputs<'a>(&'a self, graph: &'a Graph<Int>) -> impl Iterator<Item = &'a ArrayD<i64>> {
        graph.outputs.iter().filter_map(|id| self.value(*id))
    }
}

/// Refuses inputs of the wrong shape or with integers outside the input's range, naming the index.
pub(crate) fn check_input(graph: &Graph<Int>, input: &ArrayD<i64>) -> Result<(), ExecutionError> {
    let fact = &graph[graph.input].fact;
    if input.shape() != fact.shape {
        let (expected, found) = (fact.shape.clone(), input.shape().to_vec());
        return Err(ExecutionError::InputShape { expected, found });
    }
    let range = fact.range;
    match input
        .indexed_iter()
        .find(|(_, value)| !(range.0..=range.1).contains(*value))
    {
        None => Ok(()),
        Some((index, &value)) => Err(ExecutionError::InputRange {
            index: index.slice().to_vec(),
            value,
            range,
        }),
    }
}

/// Cells of a tensor that one task works on at least.
const PARALLEL_CELLS: usize = 1 << 14;

/// Planes `[n, groups, channels, height, width]` as bytes `x - low`, channels last:
/// `[n, height + 2 padding, width + 2 padding, groups, channels to the next multiple of four]`, zeros around and between
/// them.
fn bytes_of_channels(
    x: &[i64],
    [n, groups, channels, height, width]: [usize; 5],
    padding: [usize; 2],
    low: i64,
) -> Vec<u8> {
    let (full_height, full_width) = (height + 2 * padding[0], width + 2 * padding[1]);
    let stride = channels.next_multiple_of(4);
    let pixel = groups * stride;
    let mut bytes = vec![(-low) as u8; n * full_height * full_width * pixel];
    let images = bytes.chunks_exact_mut(full_height * full_width * pixel);
    for (image, planes) in images.zip(x.chunks_exact(groups * channels * height * width)) {
        let rows = image.chunks_exact_mut(full_width * pixel).skip(padding[0]);
        for (row, to) in rows.take(height).enumerate() {
            for (column, to) in to
                .chunks_exact_mut(pixel)
                .skip(padding[1])
                .take(width)
                .enumerate()
            {
                let mut from = planes[row * width + column..].iter().step_by(height * width);
                for to in to.chunks_exact_mut(stride) {
                    for (to, from) in to[..channels].iter_mut().zip(from.by_ref()) {
                        *to = (from - low) as u8;
                    }
                }
            }
        }
    }
    bytes
}

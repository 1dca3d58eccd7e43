//! Layers with their outputs on two machines, by the definition of a sum of products.

use ndarray::{ArrayD, ArrayView1, ArrayViewD, Axis};

use super::Machines;
use crate::graph::Window2d;
use crate::ops::IntegerLayer;
use crate::pcs::PcsError;

/// Neighbouring outputs of a layer on one machine.
struct Outputs {
    first: usize,
    weight: ArrayD<i32>,
    bias: Vec<i32>,
}

/// A layer on two machines.
pub(super) struct SplitLayer {
    parts: Vec<Outputs>,
    /// Outputs of both machines.
    count: usize,
    convolution: Option<(Window2d, usize)>,
}

impl SplitLayer {
    fn new(layer: &IntegerLayer<'_>) -> Self {
        let weight = layer.weight.to_array();
        let count = weight.shape()[0];
        let bias = layer.bias.map_or(vec![0; count], |bias| bias.to_vec());
        // The second machine has more outputs; of a single one it has all.
        let part = |outputs: core::ops::Range<usize>| Outputs {
            first: outputs.start,
            weight: weight.slice_axis(Axis(0), outputs.clone().into()).to_owned(),
            bias: bias[outputs].to_vec(),
        };
        Self {
            parts: vec![part(0..count / 3), part(count / 3..count)],
            count,
            convolution: layer.convolution,
        }
    }

    /// One cell of the result.
    fn cell(&self, x: &ArrayD<i64>, y: &[usize]) -> i64 {
        let (axis, groups) = match &self.convolution {
            Some((_, groups)) => (1, *groups),
            None => (y.len() - 1, 1),
        };
        let output = y[axis];
        let part = self
            .parts
            .iter()
            .rfind(|part| part.first <= output)
            .expect("a part");
        let own = output - part.first;
        let weight = part.weight.index_axis(Axis(0), own);
        let sum = match &self.convolution {
            Some((window, _)) => patch(x, y, weight, window, output / (self.count / groups)),
            None => {
                let leading = &y[..axis];
                let row = leading
                    .iter()
                    .fold(x.view(), |x, &at| x.index_axis_move(Axis(0), at));
                let row: ArrayView1<'_, i64> = row.into_dimensionality().expect("a row");
                let products = row
                    .iter()
                    .zip(&weight)
                    .map(|(&x, &w)| i128::from(x) * i128::from(w));
                products.sum()
            }
        };
        i64::try_from(sum + i128::from(part.bias[own])).expect("a sum within the range of the graph")
    }
}

/// `sum weight x` under the window of one output position.
fn patch(x: &ArrayD<i64>, y: &[usize], weight: ArrayViewD<'_, i32>, window: &Window2d, group: usize) -> i128 {
    let (channels, input) = (weight.shape()[0], [x.shape()[2], x.shape()[3]]);
    let product = |(at, &w): (ndarray::IxDyn, &i32)| {
        let source = window.source([y[2], y[3]], [at[1], at[2]], input);
        source.map_or(0, |[h, v]| {
            i128::from(w) * i128::from(x[[y[0], group * channels + at[0], h, v]])
        })
    };
    weight.indexed_iter().map(product).sum()
}

impl Machines {
    pub(super) fn lay_layers_out(
        &self,
        layers: &[IntegerLayer<'_>],
    ) -> Result<Vec<Option<SplitLayer>>, PcsError> {
        self.call("lay out")?;
        Ok(layers.iter().map(|layer| Some(SplitLayer::new(layer))).collect())
    }

    pub(super) fn multiply_layer(
        &self,
        layer: &SplitLayer,
        operand: &ArrayD<i64>,
        shape: &[usize],
    ) -> Result<Option<ArrayD<i64>>, PcsError> {
        self.call("multiply")?;
        let cell = |y: ndarray::IxDyn| layer.cell(operand, ndarray::Dimension::slice(&y));
        Ok(Some(ArrayD::from_shape_fn(shape, cell)))
    }
}

//! Convolution, linear layers and weighted sums: contractions, virtual from end to end.

use crate::circuit::{Axis, CircuitError, ColumnId, ColumnKind, Factor};
use crate::graph::range::{COMMITTED_BIAS_LIMIT, COMMITTED_WEIGHT_LIMIT};
use crate::graph::{IntTensor, NodeId, ParameterId, ParameterRole, Window2d};
use crate::int8::Int8Tensor;

use super::builder::{Builder, ParameterCells, check_bound, magnitude};

/// A bias has this many base-256 digits.
const BIAS_DIGITS: usize = 4;

impl Builder<'_> {
    /// `y[n, o, p] = sum_{c, d} W[o, c, d] x[n, c, p * stride + d * dilation - padding] + b[o]`.
    pub(crate) fn convolution(
        &mut self,
        id: NodeId,
        weight: ParameterId,
        bias: Option<ParameterId>,
        window: &Window2d,
        groups: usize,
    ) -> Result<ColumnId, CircuitError> {
        let node = self.node(id);
        let (x, fact) = self.operand(id, 0);
        let (n, channels) = (fact.shape[0], fact.shape[1]);
        let [out_n, out_channels, out_height, out_width] = rank4(&node.fact.shape);
        debug_assert_eq!(n, out_n);
        let [height, width] = window.kernel;
        let per_group = channels / groups;
        // The kernel comes first: its padding to a power of two is then whole rows, which are not stored.
        let weight_shape = [height, width, groups, out_channels / groups, per_group];
        let tensor_shape = [groups, out_channels / groups, per_group, height, width];
        let w = self.weight(weight, &weight_shape, &tensor_shape, &[3, 4, 0, 1, 2])?;
        let terms = per_group as i128 * height as i128 * width as i128;
        check_bound(
            &node.name,
            "accumulator",
            magnitude(fact.range) * i128::from(COMMITTED_WEIGHT_LIMIT) * terms
                + i128::from(COMMITTED_BIAS_LIMIT),
        )?;

        let windows = self.view(
            &format!("{}/windows", node.name),
            &[n, groups, per_group, height, width, out_height, out_width],
            x,
            vec![
                Factor::identity(0, 0),
                Factor::affine(&[(1, per_group as i64), (2, 1)], 0, 1),
                window_factor(window, 0, 3, 5, 2),
                window_factor(window, 1, 4, 6, 3),
            ],
        );
        let windows = match self.options.shifted_convolution {
            true => windows,
            false => self.laid_out(windows),
        };
        let grouped = self.contraction(
            &format!("{}/product", node.name),
            &[n, groups, out_channels / groups, out_height, out_width],
            w,
            windows,
            vec![
                Axis::free_right(0, 0),
                Axis::shared(2, 1, 1),
                Axis::free_left(3, 2),
                Axis::summed(4, 2),
                Axis::summed(0, 3),
                Axis::summed(1, 4),
                Axis::free_right(5, 3),
                Axis::free_right(6, 4),
            ],
        );
        let factors = vec![
            Factor::identity(0, 0),
            Factor {
                view_axes: vec![1],
                strides: vec![1],
                offset: 0,
                source_axes: vec![1, 2],
            },
            Factor::identity(2, 3),
            Factor::identity(3, 4),
        ];
        let product = self.view(
            &format!("{}/channels", node.name),
            &node.fact.shape,
            grouped,
            factors,
        );
        self.with_bias(id, product, bias, 1)
    }

    /// `y[.., o] = sum_i W[o, i] x[.., i] + b[o]`.
    pub(crate) fn linear(
        &mut self,
        id: NodeId,
        weight: ParameterId,
        bias: Option<ParameterId>,
    ) -> Result<ColumnId, CircuitError> {
        let node = self.node(id);
        let (x, fact) = self.operand(id, 0);
        let last = fact.shape.len() - 1;
        let shape = [node.fact.shape[last], fact.shape[last]];
        let w = self.weight(weight, &shape, &shape, &[0, 1])?;
        check_bound(
            &node.name,
            "accumulator",
            magnitude(fact.range) * i128::from(COMMITTED_WEIGHT_LIMIT) * shape[1] as i128
                + i128::from(COMMITTED_BIAS_LIMIT),
        )?;
        let mut axes: Vec<Axis> = (0..last).map(|axis| Axis::free_right(axis, axis)).collect();
        axes.push(Axis::free_left(0, last));
        axes.push(Axis::summed(1, last));
        let product = self.contraction(&format!("{}/product", node.name), &node.fact.shape, w, x, axes);
        self.with_bias(id, product, bias, last)
    }

    /// `sum_k coefficients[k] x_k`.
    pub(crate) fn weighted_sum(
        &mut self,
        id: NodeId,
        coefficients: &[i64],
    ) -> Result<ColumnId, CircuitError> {
        let node = self.node(id);
        let bound = (0..coefficients.len())
            .map(|k| magnitude(self.operand(id, k).1.range) * i128::from(coefficients[k]).abs())
            .sum();
        check_bound(&node.name, "sum", bound)?;
        let terms: Vec<(i64, ColumnId)> = (0..coefficients.len())
            .filter(|&k| coefficients[k] != 0)
            .map(|k| (coefficients[k], self.operand(id, k).0))
            .collect();
        Ok(self.integer_sum(&node.name, &node.fact.shape, &terms))
    }

    /// Adds a bias along `axis`: its digits are committed as int8, `bias = sum_k 256^k digit_k`.
    fn with_bias(
        &mut self,
        id: NodeId,
        product: ColumnId,
        bias: Option<ParameterId>,
        axis: usize,
    ) -> Result<ColumnId, CircuitError> {
        let Some(bias) = bias else { return Ok(product) };
        let node = self.node(id);
        let parameter = &self.graph[bias];
        if parameter.role != ParameterRole::Bias {
            return Err(role_error(&parameter.path, "a bias"));
        }
        let length = parameter.values.len();
        let mut cells = vec![0i8; BIAS_DIGITS * length];
        for (index, value) in parameter.values.to_vec().into_iter().enumerate() {
            let mut rest = i64::from(value);
            for digit in 0..BIAS_DIGITS {
                let low = rest as i8;
                cells[digit * length + index] = low;
                rest = (rest - i64::from(low)) >> 8;
            }
            if rest != 0 {
                return Err(CircuitError::Overflow {
                    layer: node.name.clone(),
                    quantity: format!("bias {index}"),
                    found: value.to_string(),
                    limit: "2^31 less one digit".into(),
                });
            }
        }
        let sizes = [BIAS_DIGITS, length];
        let cells = Int8Tensor::new(&sizes, cells).ok_or_else(|| role_error(&parameter.path, "a bias"))?;
        let digits = self.parameter_column(&parameter.path, &sizes, cells, None);
        let weights = self.constant(
            &[BIAS_DIGITS],
            (0..BIAS_DIGITS).map(|k| 1i64 << (8 * k)).collect(),
        );
        let bias = self.contraction(
            &format!("{}/bias", node.name),
            &[length],
            weights,
            digits,
            vec![Axis::free_right(1, 0), Axis::summed(0, 0)],
        );
        let shape = &node.fact.shape;
        let factors = (0..shape.len())
            .map(|a| {
                if a == axis {
                    Factor::identity(a, 0)
                } else {
                    Factor::broadcast(a)
                }
            })
            .collect();
        let spread = self.view(&format!("{}/bias_everywhere", node.name), shape, bias, factors);
        // The product comes last: its value is the one the equation determines, and nobody evaluates it.
        Ok(self.integer_sum(&node.name, shape, &[(1, spread), (1, product)]))
    }

    /// A weight tensor as a parameter column of the given shape: axis `i` of the column is axis `order[i]` of the tensor,
    /// once that has the sizes `split`.
    fn weight(
        &mut self,
        id: ParameterId,
        shape: &[usize],
        split: &[usize],
        order: &[usize],
    ) -> Result<ColumnId, CircuitError> {
        let parameter = &self.graph[id];
        let cells = match &parameter.values {
            IntTensor::Int8(tensor) if parameter.role == ParameterRole::Weight => tensor
                .reshaped(split)
                .and_then(|tensor| tensor.permuted(order))
                .filter(|cells| cells.shape() == shape),
            _ => None,
        };
        let cells = cells.ok_or_else(|| role_error(&parameter.path, "an int8 weight"))?;
        Ok(self.parameter_column(&parameter.path, shape, cells, Some((id, inverse(order)))))
    }

    fn parameter_column(
        &mut self,
        path: &str,
        shape: &[usize],
        cells: Int8Tensor,
        tensor: Option<(ParameterId, Vec<usize>)>,
    ) -> ColumnId {
        let column = self.column(path, shape, ColumnKind::Parameter { zero_padded: true });
        self.parameters.push(ParameterCells {
            column,
            cells,
            tensor,
        });
        column
    }
}

/// The order of axes that undoes `order`.
fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse: Vec<usize> = (0..order.len()).collect();
    inverse.sort_by_key(|&axis| order[axis]);
    inverse
}

fn role_error(path: &str, expected: &str) -> CircuitError {
    CircuitError::Malformed {
        place: format!("parameter `{path}`"),
        expected: expected.into(),
        found: "another role or a value out of range".into(),
    }
}

/// `source index = position * stride + offset * dilation - padding` along one axis of a window.
pub(crate) fn window_factor(
    window: &Window2d,
    axis: usize,
    offset_axis: usize,
    position_axis: usize,
    source_axis: usize,
) -> Factor {
    Factor::affine(
        &[
            (offset_axis, window.dilation[axis] as i64),
            (position_axis, window.stride[axis] as i64),
        ],
        -(window.padding[axis] as i64),
        source_axis,
    )
}

/// The dimensions of a `[N, C, H, W]` shape.
pub(crate) fn rank4(shape: &[usize]) -> [usize; 4] {
    let mut sizes = [1; 4];
    sizes
        .iter_mut()
        .zip(shape)
        .for_each(|(size, &given)| *size = given);
    sizes
}

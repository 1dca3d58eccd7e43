//! The cells of parameter columns, from the values of weights.

use core::ops::Range;

use super::{Lowered, ParameterCells, ParameterColumn};
use crate::circuit::{Circuit, CircuitError, ColumnId};
use crate::graph::{Graph, IntTensor, ParameterId};
use crate::int8::Int8Tensor;
use crate::ops::{BIAS_DIGITS, Int};
use crate::secret::Wiped;

/// A parameter column with its cells.
#[derive(Debug, Clone)]
pub struct FilledColumn {
    /// The column.
    pub column: ColumnId,
    /// Its cells, in the column's shape, and 0 on padding.
    pub cells: Int8Tensor,
    /// For a weight: the parameter, and for each axis of its (reshaped) tensor the axis of the column.
    pub tensor: Option<(ParameterId, Vec<usize>)>,
    /// As in [`ParameterColumn`].
    pub block: Vec<Range<usize>>,
}

/// A lowered network, and the cells of its parameters.
pub type Filled = Lowered<FilledColumn>;

impl Lowered {
    /// Fills the parameter columns from `graph`. `self` must be the lowering of the skeleton of `graph`.
    ///
    /// # Errors
    /// [`CircuitError::Malformed`] for a weight that is no int8, [`CircuitError::Overflow`] for a bias of more than
    /// four digits.
    pub fn fill(self, graph: &Graph<Int>) -> Result<Filled, CircuitError> {
        let columns = self.parameters.iter().map(|column| fill(graph, column));
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(self.with(columns))
    }

    /// Takes the cells of another lowering of the same network, at other lengths of the text; `None` if its parameter
    /// columns are others.
    pub fn filled_as(self, other: &Filled) -> Option<Filled> {
        let shape = |circuit: &Circuit, column| circuit[column].shape.clone();
        let same = |(own, of_other): (&ParameterColumn, &FilledColumn)| {
            let is_same = shape(&self.circuit, own.column) == shape(&other.circuit, of_other.column);
            is_same.then(|| FilledColumn {
                column: own.column,
                ..of_other.clone()
            })
        };
        let columns = self.parameters.iter().zip(&other.parameters).map(same);
        let columns: Vec<FilledColumn> = columns.collect::<Option<_>>()?;
        (columns.len() == self.parameters.len()).then(|| self.with(columns))
    }

    fn with(self, parameters: Vec<FilledColumn>) -> Filled {
        Lowered {
            parameters,
            circuit: self.circuit,
            nodes: self.nodes,
            input: self.input,
            outputs: self.outputs,
            hints: self.hints,
            blocks: self.blocks,
            bounds: self.bounds,
        }
    }
}

fn fill(graph: &Graph<Int>, column: &ParameterColumn) -> Result<FilledColumn, CircuitError> {
    let parameter = &graph[column.parameter];
    let malformed = |expected: &str| CircuitError::Malformed {
        place: format!("parameter `{}`", parameter.path),
        expected: expected.into(),
        found: "another role or a value out of range".into(),
    };
    let (cells, tensor) = match &column.cells {
        ParameterCells::Weight { split, order } => {
            let cells = weight(&parameter.values, (split, order), &column.block);
            let cells = cells.ok_or_else(|| malformed("an int8 weight"))?;
            (cells, Some((column.parameter, inverse(order))))
        }
        ParameterCells::BiasDigits => {
            let values = Wiped(parameter.values.to_vec());
            let cells = digits(&parameter.path, &values)?;
            let cells = Int8Tensor::new(&[BIAS_DIGITS, values.len()], cells);
            let cells = cells.and_then(|cells| cells.narrowed(&column.block));
            (cells.ok_or_else(|| malformed("a bias"))?, None)
        }
    };
    Ok(FilledColumn {
        column: column.column,
        cells,
        tensor,
        block: column.block.clone(),
    })
}

/// A block of a weight, in the order of its column: a view of the weight, unless that stands in other blocks.
fn weight(
    values: &IntTensor,
    (split, order): (&[usize], &[usize]),
    block: &[Range<usize>],
) -> Option<Int8Tensor> {
    let turned = |tensor: Int8Tensor| tensor.reshaped(split)?.permuted(order)?.narrowed(block);
    match values {
        IntTensor::Int8(tensor) => turned(tensor.clone()),
        IntTensor::Int8Blocks(tensor) => {
            let place = inverse(order).into_iter().map(|axis| block.get(axis).cloned());
            let place: Vec<Range<usize>> = place.collect::<Option<_>>()?;
            match tensor.block(&place).filter(|_| split == tensor.shape()) {
                Some(own) => own.permuted(order),
                None => turned(Int8Tensor::new(tensor.shape(), tensor.to_vec())?),
            }
        }
        IntTensor::Int32(_) => None,
    }
}

/// The digits of each value: `bias = sum_k 256^k digit_k`, each in `[-128, 127]`. Digit `k` of bias `i` lies at index
/// `k * len + i`. Example: 200 has the digits `-56, 1, 0, 0`.
fn digits(path: &str, values: &[i32]) -> Result<Vec<i8>, CircuitError> {
    let mut cells = vec![0i8; BIAS_DIGITS * values.len()];
    for (index, &value) in values.iter().enumerate() {
        let mut rest = i64::from(value);
        for digit in 0..BIAS_DIGITS {
            let low = rest as i8;
            cells[digit * values.len() + index] = low;
            rest = (rest - i64::from(low)) >> 8;
        }
        if rest != 0 {
            return Err(CircuitError::Overflow {
                layer: path.to_owned(),
                quantity: format!("bias {index}"),
                found: value.to_string(),
                limit: "2^31 less one digit".into(),
            });
        }
    }
    Ok(cells)
}

/// The order of axes that undoes `order`.
fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse: Vec<usize> = (0..order.len()).collect();
    inverse.sort_by_key(|&axis| order[axis]);
    inverse
}

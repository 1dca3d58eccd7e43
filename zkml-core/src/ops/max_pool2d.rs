//! `torch.nn.MaxPool2d`.

#[cfg(feature = "prover")]
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::pooling::{check_kernel, check_window, is_single_cell, pooled_up, pooling_options};
#[cfg(feature = "prover")]
use super::pooling::{pool, pool_reference};
use super::{FloatRoom, Hint, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntOp, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{
    CircuitError, ColumnId, ColumnKind, Factor, Function, FunctionTable, Table, check_bound,
};
use crate::graph::{OperandError, Shape, ShapeError, Site, Window2d, attempt, infer};

const NAME: &str = "max_pool2d";

pooling_options! {
    /// Hyper-parameters of a max-pool.
    MaxPool2dOptions {
        /// Cells on both sides that never win; 0.
        padding,
        step:
        /// Step inside a window; 1.
        dilation
    }, NAME, |x, window, ceil| maxima(x, window, ceil)
}

impl MaxPool2dOptions {
    /// The pooling that takes every `stride`-th row and column: windows of one cell.
    pub const fn subsample(stride: [usize; 2]) -> MaxPool2dOptions {
        MaxPool2dOptions {
            stride,
            ..MaxPool2dOptions::new([1, 1])
        }
    }
}

/// The shape of the result. Refuses a window that has no cell of the input.
const fn maxima(x: Shape, window: &Window2d, ceil: bool) -> Result<Shape, ShapeError> {
    let shape = attempt!(pooled_up(NAME, x, window, ceil));
    let input = [x.size(2), x.size(3)];
    if ceil {
        let rows = window.cut(shape.size(2) - 1, input[0], 0).1;
        let columns = window.cut(shape.size(3) - 1, input[1], 1).1;
        if rows > 0 && columns > 0 && (window.output(input).is_none() || window.touches_everywhere(input)) {
            return Ok(shape);
        }
    } else if window.touches_everywhere(input) {
        return Ok(shape);
    }
    Err(ShapeError::EmptyWindow {
        operation: NAME,
        window: window.kernel,
        padded: [
            input[0].saturating_add(window.padding[0].saturating_mul(2)),
            input[1].saturating_add(window.padding[1].saturating_mul(2)),
        ],
    })
}

/// Maximum over each window; padding is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaxPool2d {
    /// What slides.
    pub window: Window2d,
}

impl Room for MaxPool2d {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        Ok(maxima(site.one()?, &self.window, false)?)
    }

    fn properties(&self) -> Properties {
        Properties::SELECTS_VALUES | Properties::TAKES_MAXIMA
    }
}

impl FloatRoom for MaxPool2d {
    fn returns_operand(&self, _operand: &[usize], _shape: &[usize], _inputs: usize) -> bool {
        is_single_cell(&self.window)
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        pool(
            site.operand(0)?,
            &self.window,
            site.shape(),
            f32::NEG_INFINITY,
            f32::max,
        )
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.keep_scale(IntOp::MaxPool2d(self.clone()))
    }
}

impl IntegerRoom for MaxPool2d {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        site.hull()
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        self.window.to_string()
    }

    /// A tree of maxima of two, over one view for each cell of the kernel. A view is 0 where the window leaves the
    /// input. If that 0 could win against negative values, the input is first shifted to `x - minimum >= 0`.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape) = (lowering.name(), &lowering.fact().shape);
        check_kernel(name, &self.window)?;
        let (x, fact) = lowering.operand(0);
        let (minimum, maximum) = fact.range;
        let padded = self.window.padding != [0, 0];
        let lift = if padded && minimum < 0 { minimum } else { 0 };
        let source = if lift == 0 {
            x
        } else {
            let circuit = lowering.circuit();
            let ones = circuit.ones(&format!("{name}/input_ones"), &fact.shape);
            circuit.integer_sum(&format!("{name}/lifted"), &fact.shape, &[(1, x), (-lift, ones)])
        };
        // Range of the candidates, whose differences are looked up. With padding the zeros around the lifted input
        // count.
        let (low, high) = if padded {
            (0.min(minimum - lift), 0.max(maximum - lift))
        } else {
            (minimum, maximum)
        };
        let table = difference_table(name, (low, high))?;
        let table = lowering.circuit().table(table);
        let mut candidates = self.cells_of_windows(lowering, source);
        let mut round = 0;
        while candidates.len() > 1 {
            let mut winners = Vec::with_capacity(candidates.len().div_ceil(2));
            for (pair, columns) in candidates.chunks(2).enumerate() {
                winners.push(match columns {
                    [a, b] => maximum_of(lowering, &format!("{name}/max.{round}.{pair}"), *a, *b, table),
                    _ => columns[0],
                });
            }
            candidates = winners;
            round += 1;
        }
        let result = candidates.first().copied().unwrap_or(source);
        if lift == 0 {
            return Ok(result);
        }
        let circuit = lowering.circuit();
        let ones = circuit.ones(&format!("{name}/output_ones"), shape);
        Ok(circuit.integer_sum(name, shape, &[(1, result), (lift, ones)]))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        pool(site.operand(0)?, &self.window, site.shape(), i64::MIN, i64::max)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let largest = |values: &mut dyn Iterator<Item = i64>| values.max().unwrap_or(i64::MIN);
        Some(pool_reference(
            site.operand(0)?,
            &self.window,
            site.shape(),
            largest,
        ))
    }
}

impl MaxPool2d {
    /// One view for each cell of the kernel. It holds that cell of every window.
    fn cells_of_windows(&self, lowering: &mut dyn Lowering<'_>, source: ColumnId) -> Vec<ColumnId> {
        let (name, shape, window) = (lowering.name(), &lowering.fact().shape, &self.window);
        let [height, width] = window.kernel;
        let at = |axis: usize, offset: usize, position_axis: usize| {
            let start = (offset * window.dilation[axis]) as i64 - window.padding[axis] as i64;
            Factor::affine(
                &[(position_axis, window.stride[axis] as i64)],
                start,
                position_axis,
            )
        };
        let offsets = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        offsets
            .map(|(row, column)| {
                let places = [
                    Factor::identity(0, 0),
                    Factor::identity(1, 1),
                    at(0, row, 2),
                    at(1, column, 3),
                ];
                let view = format!("{name}/window.{row}.{column}");
                lowering.circuit().view(&view, shape, source, places.to_vec())
            })
            .collect()
    }
}

/// The table of `max(d, 0)` for differences of two values in a range.
fn difference_table(layer: &str, (low, high): (i64, i64)) -> Result<Table, CircuitError> {
    let spread = i128::from(high) - i128::from(low);
    check_bound(layer, "difference of two values", spread)?;
    let domain_bits = (128 - spread.leading_zeros()).max(1);
    if domain_bits > 17 {
        return Err(CircuitError::Unsupported {
            layer: layer.to_owned(),
            what: format!("max-pooling values that differ by up to {spread} (rescale them first)"),
        });
    }
    Ok(Table::Function(FunctionTable {
        function: Function::Relu,
        domain_bits,
        minimum: 0,
        maximum: (1i64 << domain_bits) - 1,
    }))
}

/// `max(a, b) = b + relu(a - b)`.
fn maximum_of(lowering: &mut dyn Lowering<'_>, name: &str, a: ColumnId, b: ColumnId, table: u32) -> ColumnId {
    let shape = &lowering.fact().shape;
    let circuit = lowering.circuit();
    let difference = circuit.integer_sum(&format!("{name}/difference"), shape, &[(1, a), (-1, b)]);
    let zero_padded = circuit.is_zero_padded(difference);
    let excess = circuit.column(&format!("{name}/excess"), shape, ColumnKind::trace(zero_padded));
    circuit.lookup(format!("{name}/excess"), vec![difference, excess], table);
    lowering.hint(Hint::Apply {
        table,
        input: difference,
        output: excess,
    });
    lowering
        .circuit()
        .integer_sum(name, shape, &[(1, b), (1, excess)])
}

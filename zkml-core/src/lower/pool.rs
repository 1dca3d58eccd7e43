//! Pooling: sums are contractions with ones; maxima are `max(a, b) = b + relu(a - b)`, pair by pair.

use crate::circuit::{Axis, CircuitError, ColumnId, ColumnKind, Factor, Function, FunctionTable, Table};
use crate::graph::{NodeId, Window2d};

use super::builder::{Builder, Hint, check_bound, magnitude};
use super::linear::{rank4, window_factor};

/// Largest number of cells of a pooling window: a maximum has a column for each.
const MAXIMUM_KERNEL: usize = 1 << 16;

fn check_kernel(layer: &str, window: &Window2d) -> Result<(), CircuitError> {
    let [height, width] = window.kernel;
    if height.saturating_mul(width) <= MAXIMUM_KERNEL {
        return Ok(());
    }
    let what = format!("a pooling window of {height} x {width} cells (at most {MAXIMUM_KERNEL})");
    Err(CircuitError::Unsupported {
        layer: layer.to_owned(),
        what,
    })
}

impl Builder<'_> {
    /// `y[n, c, p] = sum_d x[n, c, p * stride + d - padding]`.
    pub(crate) fn sum_pool(&mut self, id: NodeId, window: &Window2d) -> Result<ColumnId, CircuitError> {
        let node = self.node(id);
        let (x, fact) = self.operand(id, 0);
        let [n, channels, out_height, out_width] = rank4(&node.fact.shape);
        let [height, width] = window.kernel;
        check_kernel(&node.name, window)?;
        check_bound(
            &node.name,
            "sum",
            magnitude(fact.range) * height as i128 * width as i128,
        )?;
        let windows = self.view(
            &format!("{}/windows", node.name),
            &[n, channels, height, width, out_height, out_width],
            x,
            vec![
                Factor::identity(0, 0),
                Factor::identity(1, 1),
                window_factor(window, 0, 2, 4, 2),
                window_factor(window, 1, 3, 5, 3),
            ],
        );
        let ones = self.constant(&[height, width], vec![1; height * width]);
        let axes = vec![
            Axis::free_right(0, 0),
            Axis::free_right(1, 1),
            Axis::summed(0, 2),
            Axis::summed(1, 3),
            Axis::free_right(4, 2),
            Axis::free_right(5, 3),
        ];
        Ok(self.contraction(&node.name, &node.fact.shape, ones, windows, axes))
    }

    /// The maximum over each window. A view has 0 where the window leaves the input; where that could win against
    /// negative values the input is first shifted to `x - minimum >= 0`.
    pub(crate) fn max_pool(&mut self, id: NodeId, window: &Window2d) -> Result<ColumnId, CircuitError> {
        let node = self.node(id);
        let shape = node.fact.shape.clone();
        check_kernel(&node.name, window)?;
        let (x, fact) = self.operand(id, 0);
        let (minimum, maximum) = fact.range;
        let padded = window.padding != [0, 0];
        let lift = if padded && minimum < 0 { minimum } else { 0 };
        let source = if lift == 0 {
            x
        } else {
            let ones = self.ones(&format!("{}/input_ones", node.name), &fact.shape);
            self.integer_sum(
                &format!("{}/lifted", node.name),
                &fact.shape,
                &[(1, x), (-lift, ones)],
            )
        };
        // Differences lie in [-(maximum - minimum), maximum - minimum]; with padding zeros of the lifted input count.
        let (low, high) = if padded {
            (0.min(minimum - lift), 0.max(maximum - lift))
        } else {
            (minimum, maximum)
        };
        let spread = i128::from(high) - i128::from(low);
        check_bound(&node.name, "difference of two values", spread)?;
        let domain_bits = (128 - spread.leading_zeros()).max(1);
        if domain_bits > 17 {
            return Err(CircuitError::Unsupported {
                layer: node.name.clone(),
                what: format!("max-pooling values that differ by up to {spread} (rescale them first)"),
            });
        }
        let table = FunctionTable {
            function: Function::Relu,
            domain_bits,
            minimum: 0,
            maximum: (1i64 << domain_bits) - 1,
        };
        let table = self.table(Table::Function(table));

        let [height, width] = window.kernel;
        let mut candidates: Vec<ColumnId> = Vec::new();
        for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
            let at = |axis: usize, offset: usize, position_axis: usize| {
                let start = (offset * window.dilation[axis]) as i64 - window.padding[axis] as i64;
                Factor::affine(
                    &[(position_axis, window.stride[axis] as i64)],
                    start,
                    position_axis,
                )
            };
            let factors = vec![
                Factor::identity(0, 0),
                Factor::identity(1, 1),
                at(0, row, 2),
                at(1, column, 3),
            ];
            candidates.push(self.view(
                &format!("{}/window.{row}.{column}", node.name),
                &shape,
                source,
                factors,
            ));
        }
        let mut round = 0;
        while candidates.len() > 1 {
            let mut winners = Vec::with_capacity(candidates.len().div_ceil(2));
            for (pair, columns) in candidates.chunks(2).enumerate() {
                winners.push(match columns {
                    [a, b] => self.maximum(
                        &format!("{}/max.{round}.{pair}", node.name),
                        &shape,
                        *a,
                        *b,
                        table,
                    ),
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
        let ones = self.ones(&format!("{}/output_ones", node.name), &shape);
        Ok(self.integer_sum(&node.name, &shape, &[(1, result), (lift, ones)]))
    }

    /// `max(a, b) = b + relu(a - b)`.
    fn maximum(&mut self, name: &str, shape: &[usize], a: ColumnId, b: ColumnId, table: u32) -> ColumnId {
        let difference = self.integer_sum(&format!("{name}/difference"), shape, &[(1, a), (-1, b)]);
        let zero_padded = self.is_zero_padded(difference);
        let excess = self.column(&format!("{name}/excess"), shape, ColumnKind::trace(zero_padded));
        self.lookup(format!("{name}/excess"), vec![difference, excess], table);
        self.hints.push(Hint::Apply {
            table,
            input: difference,
            output: excess,
        });
        self.integer_sum(name, shape, &[(1, b), (1, excess)])
    }
}

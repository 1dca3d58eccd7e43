//! Shape inference: the shape of every operation's result, from the shapes of its operands and parameters.
//!
//! One rule per operation, shared by the floating-point and the integer stage. [`super::validate`] walks a whole
//! graph with them; [`super::GraphBuilder`] uses them to compute a new node's shape.

use super::{FloatOp, IntOp, IntParameter, Parameter, ParameterId, ParameterSpec, Window2d};

/// A parameter of any stage, as shape inference sees it.
pub trait ParameterShape {
    /// State-dict key.
    fn path(&self) -> &str;
    /// Shape of the tensor.
    fn shape(&self) -> &[usize];
}

impl ParameterShape for ParameterSpec {
    fn path(&self) -> &str {
        &self.path
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
}

impl ParameterShape for Parameter {
    fn path(&self) -> &str {
        &self.path
    }
    fn shape(&self) -> &[usize] {
        self.values.shape()
    }
}

impl ParameterShape for IntParameter {
    fn path(&self) -> &str {
        &self.path
    }
    fn shape(&self) -> &[usize] {
        self.values.shape()
    }
}

/// Why an operation does not fit its operands.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// Wrong number of operands.
    #[error("expected {expected} operand(s), found {found}")]
    Arity {
        /// How many the operation takes.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// Wrong number of dimensions.
    #[error("expected an operand with {expected} dimensions, found shape {found:?}")]
    Rank {
        /// Accepted ranks.
        expected: &'static str,
        /// The operand's shape.
        found: Vec<usize>,
    },
    /// The operand has another number of channels or features than the weight wants.
    #[error("expected {expected} input channels (or features), found {found}")]
    Channels {
        /// What the weight wants.
        expected: usize,
        /// What the operand has.
        found: usize,
    },
    /// `groups` is zero or divides not both channel counts.
    #[error("groups = {groups} must divide {inputs} input channels and {outputs} output channels")]
    Groups {
        /// The operation's groups.
        groups: usize,
        /// Input channels.
        inputs: usize,
        /// Output channels.
        outputs: usize,
    },
    /// The window is larger than the padded input, or degenerate.
    #[error("window {window:?} does not fit an input of height and width {input:?}")]
    Window {
        /// The window.
        window: Window2d,
        /// Height and width.
        input: [usize; 2],
    },
    /// A window of a max-pool lies wholly in the padding.
    #[error("a window of {window:?} lies wholly in the padding of an input of height and width {input:?}")]
    EmptyWindow {
        /// The window.
        window: Window2d,
        /// Height and width.
        input: [usize; 2],
    },
    /// A parameter has the wrong shape.
    #[error("parameter `{path}`: expected shape {expected:?}, found {found:?}")]
    Parameter {
        /// State-dict key.
        path: String,
        /// Shape that fits.
        expected: Vec<usize>,
        /// Shape it has.
        found: Vec<usize>,
    },
    /// A parameter has the wrong number of dimensions.
    #[error("parameter `{path}`: expected {expected} dimensions, found shape {found:?}")]
    ParameterRank {
        /// State-dict key.
        path: String,
        /// Number of dimensions that fits.
        expected: usize,
        /// Shape it has.
        found: Vec<usize>,
    },
    /// A parameter index beyond the graph's parameters.
    #[error("parameter number {index} does not exist")]
    UnknownParameter {
        /// The index.
        index: usize,
    },
    /// A reshape to another number of elements.
    #[error("cannot reshape {from:?} to {to:?}: {} elements to {}", from.iter().product::<usize>(), to.iter().product::<usize>())]
    Elements {
        /// Operand's shape.
        from: Vec<usize>,
        /// Wanted shape.
        to: Vec<usize>,
    },
    /// Not a permutation of the operand's axes.
    #[error("{order:?} is not a permutation of the axes of shape {found:?}")]
    Permutation {
        /// The order.
        order: Vec<usize>,
        /// Operand's shape.
        found: Vec<usize>,
    },
    /// An axis beyond the operand's rank.
    #[error("axis {axis} does not exist in shape {found:?}")]
    Axis {
        /// The axis.
        axis: usize,
        /// Operand's shape.
        found: Vec<usize>,
    },
    /// Operands whose shapes must agree (outside the axis of a concatenation) do not.
    #[error("operands must have the same shape{}: expected {expected:?}, found {found:?}",
        axis.map(|a| format!(" outside axis {a}")).unwrap_or_default())]
    Operands {
        /// Axis in which they may differ.
        axis: Option<usize>,
        /// Shape of the first operand.
        expected: Vec<usize>,
        /// Shape of the other.
        found: Vec<usize>,
    },
    /// One amount per axis was expected.
    #[error("expected {expected} entries (one per axis, operand or channel), found {found}")]
    Entries {
        /// How many are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A dimension of size zero, or more elements than can be counted.
    #[error("shape {found:?} has an empty dimension or too many elements")]
    Size {
        /// The shape.
        found: Vec<usize>,
    },
}

crate::debug_as_display!(ShapeError);

/// Looks parameters up by index: path and shape.
pub(super) type Parameters<'a> = dyn Fn(ParameterId) -> Option<(&'a str, &'a [usize])> + 'a;

/// The shape of `op`'s result. `declared` is the node's own shape: the answer for an input, the target of a reshape.
pub(super) fn infer_float<'a>(
    op: &FloatOp,
    operands: &[&[usize]],
    declared: &[usize],
    parameters: &Parameters<'a>,
) -> Result<Vec<usize>, ShapeError> {
    let shape = match op {
        FloatOp::Input => input(operands, declared)?,
        FloatOp::Conv2d {
            weight,
            bias,
            window,
            groups,
        } => conv2d(one(operands)?, (*weight, *bias), window, *groups, parameters)?,
        FloatOp::Linear { weight, bias } => linear(one(operands)?, (*weight, *bias), parameters)?,
        FloatOp::BatchNorm {
            weight,
            bias,
            running_mean,
            running_var,
            ..
        } => {
            let operand = one(operands)?;
            if !(2..=4).contains(&operand.len()) {
                return Err(ShapeError::Rank {
                    expected: "2 to 4",
                    found: operand.to_vec(),
                });
            }
            for id in [*weight, *bias, Some(*running_mean), Some(*running_var)]
                .into_iter()
                .flatten()
            {
                parameter(id, &[operand[1]], parameters)?;
            }
            operand.to_vec()
        }
        FloatOp::Relu | FloatOp::Relu6 => one(operands)?.to_vec(),
        FloatOp::MaxPool2d { window } => max_pool(one(operands)?, window)?,
        FloatOp::AvgPool2d { window } => pool(one(operands)?, window)?,
        FloatOp::GlobalAvgPool2d => {
            let [n, c, _, _] = image(one(operands)?)?;
            vec![n, c, 1, 1]
        }
        FloatOp::Reshape => reshape(one(operands)?, declared)?,
        FloatOp::Permute { order } => permute(one(operands)?, order)?,
        FloatOp::Concat { axis } => concat(operands, *axis)?,
        FloatOp::Pad { amounts } => pad(one(operands)?, amounts)?,
        FloatOp::Add => {
            if operands.len() != 2 {
                return Err(ShapeError::Arity {
                    expected: 2,
                    found: operands.len(),
                });
            }
            same(operands)?
        }
        FloatOp::Argmax { axis } => argmax(one(operands)?, *axis)?,
    };
    sized(shape)
}

/// As [`infer_float`], for the integer stage.
pub(super) fn infer_int<'a>(
    op: &IntOp,
    operands: &[&[usize]],
    declared: &[usize],
    parameters: &Parameters<'a>,
) -> Result<Vec<usize>, ShapeError> {
    let shape = match op {
        IntOp::Input => input(operands, declared)?,
        IntOp::Conv2d {
            weight,
            bias,
            window,
            groups,
        } => conv2d(one(operands)?, (*weight, *bias), window, *groups, parameters)?,
        IntOp::Linear { weight, bias } => linear(one(operands)?, (*weight, *bias), parameters)?,
        IntOp::WeightedSum { coefficients } => {
            if operands.is_empty() {
                return Err(ShapeError::Arity {
                    expected: coefficients.len().max(1),
                    found: 0,
                });
            }
            entries(operands.len(), coefficients.len())?;
            same(operands)?
        }
        IntOp::SumPool2d { window } => pool(one(operands)?, window)?,
        IntOp::Rescale {
            multipliers, axis, ..
        } => {
            let operand = one(operands)?;
            let size = *operand.get(*axis).ok_or(ShapeError::Axis {
                axis: *axis,
                found: operand.to_vec(),
            })?;
            if multipliers.len() != 1 {
                entries(size, multipliers.len())?;
            }
            operand.to_vec()
        }
        IntOp::MaxPool2d { window } => max_pool(one(operands)?, window)?,
        IntOp::Reshape => reshape(one(operands)?, declared)?,
        IntOp::Permute { order } => permute(one(operands)?, order)?,
        IntOp::Concat { axis } => concat(operands, *axis)?,
        IntOp::Pad { amounts } => pad(one(operands)?, amounts)?,
        IntOp::Argmax { axis } => argmax(one(operands)?, *axis)?,
    };
    sized(shape)
}

fn one<'a>(operands: &[&'a [usize]]) -> Result<&'a [usize], ShapeError> {
    match operands {
        [operand] => Ok(operand),
        _ => Err(ShapeError::Arity {
            expected: 1,
            found: operands.len(),
        }),
    }
}

fn input(operands: &[&[usize]], declared: &[usize]) -> Result<Vec<usize>, ShapeError> {
    if operands.is_empty() {
        Ok(declared.to_vec())
    } else {
        Err(ShapeError::Arity {
            expected: 0,
            found: operands.len(),
        })
    }
}

fn sized(shape: Vec<usize>) -> Result<Vec<usize>, ShapeError> {
    let elements = shape
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size));
    // Half the address space leaves room for every index computation and for elements of 8 bytes.
    if elements.is_some_and(|count| count > 0 && count <= isize::MAX as usize / 16) {
        Ok(shape)
    } else {
        Err(ShapeError::Size { found: shape })
    }
}

fn image(operand: &[usize]) -> Result<[usize; 4], ShapeError> {
    operand.try_into().map_err(|_| ShapeError::Rank {
        expected: "4",
        found: operand.to_vec(),
    })
}

fn entries(expected: usize, found: usize) -> Result<(), ShapeError> {
    if expected == found {
        Ok(())
    } else {
        Err(ShapeError::Entries { expected, found })
    }
}

fn find<'a>(id: ParameterId, parameters: &Parameters<'a>) -> Result<(&'a str, &'a [usize]), ShapeError> {
    parameters(id).ok_or(ShapeError::UnknownParameter { index: id.0 })
}

fn parameter(id: ParameterId, expected: &[usize], parameters: &Parameters<'_>) -> Result<(), ShapeError> {
    let (path, found) = find(id, parameters)?;
    if found == expected {
        return Ok(());
    }
    Err(ShapeError::Parameter {
        path: path.to_owned(),
        expected: expected.to_vec(),
        found: found.to_vec(),
    })
}

fn conv2d(
    operand: &[usize],
    (weight, bias): (ParameterId, Option<ParameterId>),
    window: &Window2d,
    groups: usize,
    parameters: &Parameters<'_>,
) -> Result<Vec<usize>, ShapeError> {
    let [n, channels, ..] = image(operand)?;
    let (path, found) = find(weight, parameters)?;
    let &[outputs, inputs, ..] = found else {
        return Err(ShapeError::ParameterRank {
            path: path.to_owned(),
            expected: 4,
            found: found.to_vec(),
        });
    };
    if groups == 0 || !channels.is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
        return Err(ShapeError::Groups {
            groups,
            inputs: channels,
            outputs,
        });
    }
    if Some(channels) != inputs.checked_mul(groups) {
        return Err(ShapeError::Channels {
            expected: inputs.saturating_mul(groups),
            found: channels,
        });
    }
    parameter(
        weight,
        &[outputs, inputs, window.kernel[0], window.kernel[1]],
        parameters,
    )?;
    if let Some(bias) = bias {
        parameter(bias, &[outputs], parameters)?;
    }
    let [height, width] = fitted(operand, window)?;
    Ok(vec![n, outputs, height, width])
}

fn linear(
    operand: &[usize],
    (weight, bias): (ParameterId, Option<ParameterId>),
    parameters: &Parameters<'_>,
) -> Result<Vec<usize>, ShapeError> {
    let (path, found) = find(weight, parameters)?;
    let &[outputs, inputs] = found else {
        return Err(ShapeError::ParameterRank {
            path: path.to_owned(),
            expected: 2,
            found: found.to_vec(),
        });
    };
    let Some((&features, leading)) = operand.split_last() else {
        return Err(ShapeError::Rank {
            expected: "1 or more",
            found: operand.to_vec(),
        });
    };
    if features != inputs {
        return Err(ShapeError::Channels {
            expected: inputs,
            found: features,
        });
    }
    if let Some(bias) = bias {
        parameter(bias, &[outputs], parameters)?;
    }
    Ok([leading, &[outputs]].concat())
}

/// Largest kernel, stride, padding and dilation.
const MAXIMUM_WINDOW: usize = 1 << 24;

fn fitted(operand: &[usize], window: &Window2d) -> Result<[usize; 2], ShapeError> {
    let [_, _, height, width] = image(operand)?;
    let input = [height, width];
    let numbers = [window.kernel, window.stride, window.padding, window.dilation];
    let unreasonable = numbers.iter().flatten().any(|&number| number > MAXIMUM_WINDOW);
    if window.dilation.contains(&0) || unreasonable {
        return Err(ShapeError::Window {
            window: *window,
            input,
        });
    }
    window.output(input).ok_or(ShapeError::Window {
        window: *window,
        input,
    })
}

fn pool(operand: &[usize], window: &Window2d) -> Result<Vec<usize>, ShapeError> {
    let [n, channels, ..] = image(operand)?;
    let [height, width] = fitted(operand, window)?;
    Ok(vec![n, channels, height, width])
}

fn max_pool(operand: &[usize], window: &Window2d) -> Result<Vec<usize>, ShapeError> {
    let shape = pool(operand, window)?;
    for axis in 0..2 {
        let (size, padding, dilation) = (operand[2 + axis], window.padding[axis], window.dilation[axis]);
        let touches = |start: usize| {
            // The first offset behind the padding, if there is one, must lie in the input.
            let first = padding.saturating_sub(start).div_ceil(dilation);
            first < window.kernel[axis] && start + first * dilation - padding < size
        };
        // Windows that start behind the padding touch the input if the last one does.
        let (steps, stride) = (shape[2 + axis], window.stride[axis]);
        let mut before = (0..steps).take_while(|step| step * stride < padding);
        if !before.all(|step| touches(step * stride)) || !touches((steps - 1) * stride) {
            return Err(ShapeError::EmptyWindow {
                window: *window,
                input: [operand[2], operand[3]],
            });
        }
    }
    Ok(shape)
}

fn reshape(operand: &[usize], declared: &[usize]) -> Result<Vec<usize>, ShapeError> {
    let target = sized(declared.to_vec())?;
    if operand.iter().product::<usize>() == target.iter().product::<usize>() {
        Ok(target)
    } else {
        Err(ShapeError::Elements {
            from: operand.to_vec(),
            to: target,
        })
    }
}

fn permute(operand: &[usize], order: &[usize]) -> Result<Vec<usize>, ShapeError> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if sorted.iter().copied().eq(0..operand.len()) {
        Ok(order.iter().map(|&axis| operand[axis]).collect())
    } else {
        Err(ShapeError::Permutation {
            order: order.to_vec(),
            found: operand.to_vec(),
        })
    }
}

fn same(operands: &[&[usize]]) -> Result<Vec<usize>, ShapeError> {
    let Some((first, others)) = operands.split_first() else {
        return Err(ShapeError::Arity {
            expected: 1,
            found: 0,
        });
    };
    match others.iter().find(|other| other != &first) {
        None => Ok(first.to_vec()),
        Some(other) => Err(ShapeError::Operands {
            axis: None,
            expected: first.to_vec(),
            found: other.to_vec(),
        }),
    }
}

fn concat(operands: &[&[usize]], axis: usize) -> Result<Vec<usize>, ShapeError> {
    let Some((first, others)) = operands.split_first() else {
        return Err(ShapeError::Arity {
            expected: 1,
            found: 0,
        });
    };
    if axis >= first.len() {
        return Err(ShapeError::Axis {
            axis,
            found: first.to_vec(),
        });
    }
    let mut shape = first.to_vec();
    for other in others {
        let agrees = other.len() == first.len()
            && other
                .iter()
                .zip(*first)
                .enumerate()
                .all(|(at, (a, b))| at == axis || a == b);
        if !agrees {
            return Err(ShapeError::Operands {
                axis: Some(axis),
                expected: first.to_vec(),
                found: other.to_vec(),
            });
        }
        shape[axis] = shape[axis].saturating_add(other[axis]);
    }
    Ok(shape)
}

fn pad(operand: &[usize], amounts: &[(usize, usize)]) -> Result<Vec<usize>, ShapeError> {
    entries(operand.len(), amounts.len())?;
    let padded = operand
        .iter()
        .zip(amounts)
        .map(|(&size, &(before, after))| size.saturating_add(before).saturating_add(after));
    Ok(padded.collect())
}

fn argmax(operand: &[usize], axis: usize) -> Result<Vec<usize>, ShapeError> {
    if axis >= operand.len() {
        return Err(ShapeError::Axis {
            axis,
            found: operand.to_vec(),
        });
    }
    let mut shape = operand.to_vec();
    shape.remove(axis);
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does every window of a max-pool hold a cell of the input? From the definition.
    fn by_definition(size: usize, window: &Window2d) -> Option<bool> {
        let steps = window.output([size, 1])?[0];
        let holds = |start: usize| {
            (0..window.kernel[0]).any(|k| {
                let at = start + k * window.dilation[0];
                at >= window.padding[0] && at - window.padding[0] < size
            })
        };
        Some((0..steps).all(|step| holds(step * window.stride[0])))
    }

    #[test]
    fn max_pools_with_a_window_in_the_padding_are_found() {
        let mut refused = 0;
        for size in 1..5 {
            for number in 0..5 * 4 * 6 * 4 {
                let (kernel, stride) = (1 + number % 5, 1 + number / 5 % 4);
                let (padding, dilation) = (number / 20 % 6, 1 + number / 120);
                let window = Window2d {
                    kernel: [kernel, 1],
                    stride: [stride, 1],
                    padding: [padding, 0],
                    dilation: [dilation, 1],
                };
                let Some(holds) = by_definition(size, &window) else {
                    continue;
                };
                let found = max_pool(&[1, 1, size, 1], &window);
                assert_eq!(found.is_ok(), holds, "{size} {window:?}: {found:?}");
                refused += usize::from(!holds);
            }
        }
        assert!(refused > 100, "{refused}");
    }

    #[test]
    fn windows_that_no_one_means_are_refused_at_once() {
        let window = Window2d {
            kernel: [1 << 62, 1],
            stride: [1, 1],
            padding: [1 << 61, 0],
            dilation: [1, 1],
        };
        let found = max_pool(&[1, 1, 3, 1], &window);
        assert!(matches!(found, Err(ShapeError::Window { .. })), "{found:?}");
        // Many windows, judged without walking through them.
        let window = Window2d {
            kernel: [2, 1],
            padding: [0, 0],
            ..window
        };
        assert!(max_pool(&[1, 1, 1 << 50, 1], &window).is_ok());
    }
}

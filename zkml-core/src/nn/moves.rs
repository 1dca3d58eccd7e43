//! Steps of functions and layers that are made of several operations. They move values, and record nothing where they
//! would change nothing.

use super::Tensor;
use super::trace::{Origin, record};
use crate::graph::{Shape, ShapeError};
use crate::ops::{self, PaddingMode};

/// Ends the trace with this error.
pub(super) fn refuse(origin: Origin<'_>, x: Tensor, error: ShapeError) -> Tensor {
    record(origin, &[x], Err(error), |_| ops::Add)
}

/// The shape with these sizes; they follow from the shape of `x`, which has been checked.
fn sized(operation: &'static str, x: Tensor, sizes: &[usize]) -> Result<Shape, ShapeError> {
    Shape::new(sizes).ok_or(ShapeError::Size {
        operation,
        of: x.shape,
    })
}

/// The values in row-major order under other sizes.
pub(super) fn reshaped(origin: Origin<'_>, x: Tensor, sizes: &[usize]) -> Tensor {
    if x.shape() == sizes {
        return x;
    }
    record(origin, &[x], sized("reshape", x, sizes), |_| ops::Reshape)
}

/// Axis `i` of the result is axis `order[i]` of `x`.
pub(super) fn permuted(origin: Origin<'_>, x: Tensor, order: Vec<usize>) -> Tensor {
    if order.iter().copied().eq(0..order.len()) {
        return x;
    }
    let shape = ops::permuted(x.shape, &order);
    record(origin, &[x], shape, |_| ops::Permute { order })
}

/// `x` repeated to `sizes` along axes of size 1.
pub(super) fn expanded(origin: Origin<'_>, x: Tensor, sizes: &[usize]) -> Tensor {
    if x.shape() == sizes {
        return x;
    }
    record(origin, &[x], sized("expand", x, sizes), |_| ops::Expand)
}

/// `length` indices from `start` on along `axis`.
pub(super) fn narrowed(origin: Origin<'_>, x: Tensor, axis: usize, start: usize, length: usize) -> Tensor {
    if start == 0 && length == x.size(axis) {
        return x;
    }
    let dim = isize::try_from(axis).unwrap_or(isize::MAX);
    let shape = ops::narrowed(x.shape, dim, start, length);
    record(origin, &[x], shape, |_| ops::Narrow { axis, start, length })
}

/// Tensors joined along `axis`; at least one.
pub(super) fn joined(origin: Origin<'_>, tensors: &[Tensor], axis: usize) -> Tensor {
    let Some((&first, others)) = tensors.split_first() else {
        return Tensor::POISONED;
    };
    if others.is_empty() {
        return first;
    }
    let dim = isize::try_from(axis).unwrap_or(isize::MAX);
    let mut shapes = others.iter().map(|tensor| tensor.shape);
    let shape = shapes.try_fold(first.shape, |joined, next| ops::joined(joined, next, dim));
    record(origin, tensors, shape, |_| ops::Concat { axis })
}

/// Zeros `(before, after)` each axis.
pub(super) fn zero_padded(origin: Origin<'_>, x: Tensor, amounts: Vec<(usize, usize)>) -> Tensor {
    if amounts.iter().all(|amount| *amount == (0, 0)) {
        return x;
    }
    let from_last: Vec<usize> = amounts
        .iter()
        .rev()
        .flat_map(|&(before, after)| [before, after])
        .collect();
    let shape = ops::padded(x.shape, &from_last);
    record(origin, &[x], shape, |_| ops::Pad { amounts })
}

/// Cells of this mode `(before, after)` each of the last axes of `x`, which the last of `amounts` is for.
pub(super) fn surrounded(
    origin: Origin<'_>,
    x: Tensor,
    amounts: &[(usize, usize)],
    mode: PaddingMode,
) -> Tensor {
    let first = x.shape.rank().saturating_sub(amounts.len());
    if mode == PaddingMode::Zeros {
        let mut all = vec![(0, 0); first];
        all.extend_from_slice(amounts);
        return zero_padded(origin, x, all);
    }
    let axes = amounts.iter().zip(first..);
    axes.fold(x, |x, (&(before, after), axis)| {
        let size = x.size(axis);
        let cell = |at: usize| narrowed(Origin::Part(&origin, "cell"), x, axis, at, 1);
        let mut parts = Vec::new();
        match mode {
            PaddingMode::Zeros => {}
            PaddingMode::Reflect => {
                parts.extend((1..=before).rev().map(&cell));
                parts.push(x);
                parts.extend((0..after).map(|k| cell(size.saturating_sub(2 + k))));
            }
            PaddingMode::Replicate => {
                let edge = |at: usize, times: usize| {
                    let mut sizes = x.shape().to_vec();
                    if let Some(size) = sizes.get_mut(axis) {
                        *size = times;
                    }
                    (times > 0).then(|| expanded(Origin::Part(&origin, "edge"), cell(at), &sizes))
                };
                parts.extend(edge(0, before));
                parts.push(x);
                parts.extend(edge(size.saturating_sub(1), after));
            }
            PaddingMode::Circular => {
                let part = |start, length| narrowed(Origin::Part(&origin, "part"), x, axis, start, length);
                if before > 0 {
                    parts.push(part(size.saturating_sub(before), before));
                }
                parts.push(x);
                if after > 0 {
                    parts.push(part(0, after));
                }
            }
        }
        joined(origin, &parts, axis)
    })
}

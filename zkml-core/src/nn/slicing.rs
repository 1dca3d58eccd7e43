//! Parts of tensors: `x[:, 1:5]`, `torch.chunk`, `split`, `unbind`, `select`, and axes of size 1.

use core::ops::{Bound, RangeBounds};

use super::Tensor;
use super::moves::{joined, narrowed, refuse, reshaped, zero_padded};
use super::trace::Origin;
use crate::graph::{MAX_RANK, Shape, ShapeError, attempt, resolve, sized};
use crate::ops;

/// The indices `range` along `dim` (negative: from the end): `slice(x, 1, 2..-1)` is Python's `x[:, 2:-1]`. Negative
/// bounds count from the end. Unlike Python's, bounds beyond the axis are an error.
pub fn slice(x: Tensor, dim: isize, range: impl RangeBounds<isize>) -> Tensor {
    slice_step(x, dim, range, 1)
}

/// Every `step`-th index of `range` along `dim`: `slice_step(x, 2, .., 2)` is Python's `x[:, :, ::2]`. See [`slice()`].
pub fn slice_step(x: Tensor, dim: isize, range: impl RangeBounds<isize>, step: usize) -> Tensor {
    let origin = Origin::Function("slice");
    let (axis, start, length) = match sliced(x.shape, dim, &range, step) {
        Ok(part) => part,
        Err(error) => return refuse(origin, x, error),
    };
    let x = narrowed(origin, x, axis, start, length);
    if step == 1 {
        return x;
    }
    // Rows of `step` indices, of which the first is taken; zeros fill the last row.
    let rows = length.div_ceil(step);
    let mut amounts = vec![(0, 0); x.shape.rank()];
    if let Some(amount) = amounts.get_mut(axis) {
        amount.1 = rows * step - length;
    }
    let mut sizes = x.shape().to_vec();
    let before: usize = sizes.iter().take(axis).product();
    let after: usize = sizes.iter().skip(axis + 1).product();
    if let Some(size) = sizes.get_mut(axis) {
        *size = rows;
    }
    let x = zero_padded(Origin::Part(&origin, "pad"), x, amounts);
    let x = reshaped(Origin::Part(&origin, "rows"), x, &[before, rows, step, after]);
    let x = narrowed(Origin::Part(&origin, "first"), x, 2, 0, 1);
    reshaped(Origin::Part(&origin, "reshape"), x, &sizes)
}

/// The axis, the first index and the number of indices of a slice.
fn sliced(
    x: Shape,
    dim: isize,
    range: &impl RangeBounds<isize>,
    step: usize,
) -> Result<(usize, usize, usize), ShapeError> {
    let axis = resolve("slice", dim, x)?;
    let size = x.size(axis);
    let from_start = |at: isize| match usize::try_from(at) {
        Ok(at) => Some(at),
        Err(_) => size.checked_sub(at.unsigned_abs()),
    };
    let bound = |bound: Bound<&isize>, (none, open): (usize, usize)| match bound {
        Bound::Included(&at) => from_start(at).map(|at| at.saturating_add(1 - open)),
        Bound::Excluded(&at) => from_start(at).map(|at| at.saturating_add(open)),
        Bound::Unbounded => Some(none),
    };
    // An inclusive start is the start, and an exclusive one lies before it. For the end it is the other way around.
    let start = bound(range.start_bound(), (0, 1));
    let end = bound(range.end_bound(), (size, 0));
    match (start, end) {
        (Some(start), Some(end)) if start < end && end <= size && step > 0 => Ok((axis, start, end - start)),
        (start, end) => {
            let start = start.unwrap_or(0);
            Err(ShapeError::Range {
                operation: "slice",
                start,
                length: end.unwrap_or(0).saturating_sub(start),
                size,
            })
        }
    }
}

/// Index `index` along `dim` (negative: from the end), which is removed: Python's `x[:, index]`.
pub fn select(x: Tensor, dim: isize, index: isize) -> Tensor {
    let origin = Origin::Function("select");
    match selected(x.shape, dim, index) {
        Ok((shape, axis, start)) => {
            let x = narrowed(origin, x, axis, start, 1);
            reshaped(Origin::Part(&origin, "reshape"), x, shape.sizes())
        }
        Err(error) => refuse(origin, x, error),
    }
}

/// The shape of [`select`], the axis, and the index from the start.
pub(super) const fn selected(
    x: Shape,
    dim: isize,
    index: isize,
) -> Result<(Shape, usize, usize), ShapeError> {
    let axis = attempt!(resolve("select", dim, x));
    let size = x.size(axis);
    let at = if index < 0 {
        index.saturating_add(size as isize)
    } else {
        index
    };
    if at < 0 || at >= size as isize {
        return Err(ShapeError::Range {
            operation: "select",
            start: index.unsigned_abs(),
            length: 1,
            size,
        });
    }
    Ok((attempt!(ops::without_axis(x, dim)), axis, at as usize))
}

/// Parts of these sizes along `dim` (negative: from the end), which together are as long as the axis.
pub fn split<const COUNT: usize>(x: Tensor, split_sizes: [usize; COUNT], dim: isize) -> [Tensor; COUNT] {
    let origin = Origin::Function("split");
    let checked = resolve("split", dim, x.shape).and_then(|axis| {
        let (size, found) = (
            x.size(axis),
            split_sizes
                .iter()
                .fold(0usize, |sum, size| sum.saturating_add(*size)),
        );
        match found == size {
            true => Ok(axis),
            false => Err(parts_of("split", size, COUNT, found)),
        }
    });
    let axis = match checked {
        Ok(axis) => axis,
        Err(error) => return [refuse(origin, x, error); COUNT],
    };
    let mut start = 0;
    split_sizes.map(|length| {
        start += length;
        narrowed(origin, x, axis, start - length, length)
    })
}

const fn parts_of(operation: &'static str, size: usize, parts: usize, found: usize) -> ShapeError {
    ShapeError::Parts {
        operation,
        size,
        parts,
        found,
    }
}

/// `COUNT` parts along `dim` (negative: from the end), all of the same size but perhaps the last:
/// `let [gate, value] = chunk(x, 1);` is PyTorch's `gate, value = x.chunk(2, 1)`.
pub fn chunk<const COUNT: usize>(x: Tensor, dim: isize) -> [Tensor; COUNT] {
    let origin = Origin::Function("chunk");
    let checked = resolve("chunk", dim, x.shape).and_then(|axis| {
        let size = x.size(axis);
        let each = size.div_ceil(COUNT.max(1));
        // PyTorch would make fewer parts.
        match COUNT > 0 && each * (COUNT - 1) < size {
            true => Ok((axis, size, each)),
            false => Err(parts_of("chunk", size, COUNT, each.saturating_mul(COUNT))),
        }
    });
    let (axis, size, each) = match checked {
        Ok(parts) => parts,
        Err(error) => return [refuse(origin, x, error); COUNT],
    };
    let mut start = 0;
    [(); COUNT].map(|()| {
        let length = each.min(size - start);
        start += length;
        narrowed(origin, x, axis, start - length, length)
    })
}

/// All indices along `dim` (negative: from the end), which is removed. There are `COUNT`.
pub fn unbind<const COUNT: usize>(x: Tensor, dim: isize) -> [Tensor; COUNT] {
    let origin = Origin::Function("unbind");
    let checked = resolve("unbind", dim, x.shape).and_then(|axis| match x.size(axis) {
        size if size == COUNT => ops::without_axis(x.shape, dim).map(|shape| (axis, shape)),
        size => Err(parts_of("unbind", size, COUNT, COUNT)),
    });
    let (axis, shape) = match checked {
        Ok(parts) => parts,
        Err(error) => return [refuse(origin, x, error); COUNT],
    };
    let mut index = 0;
    [(); COUNT].map(|()| {
        let part = narrowed(origin, x, axis, index, 1);
        index += 1;
        reshaped(Origin::Part(&origin, "reshape"), part, shape.sizes())
    })
}

/// An axis of size 1 before axis `dim` (negative: from the end of the result).
pub fn unsqueeze(x: Tensor, dim: isize) -> Tensor {
    let origin = Origin::Function("unsqueeze");
    match unsqueezed(x.shape, dim) {
        Ok(shape) => reshaped(origin, x, shape.sizes()),
        Err(error) => refuse(origin, x, error),
    }
}

pub(super) const fn unsqueezed(x: Shape, dim: isize) -> Result<Shape, ShapeError> {
    let rank = x.rank();
    let error = ShapeError::Axis {
        operation: "unsqueeze",
        axis: dim,
        of: x,
    };
    let at = if dim < 0 {
        dim.saturating_add(rank as isize + 1)
    } else {
        dim
    };
    if at < 0 || at > rank as isize || rank == MAX_RANK {
        return Err(error);
    }
    let (mut sizes, mut axis) = ([1; MAX_RANK], 0);
    while axis < rank {
        sizes[if axis < at as usize { axis } else { axis + 1 }] = x.size(axis);
        axis += 1;
    }
    sized("unsqueeze", x, sizes.split_at(rank + 1).0)
}

/// Axis `dim` (negative: from the end) is removed where its size is 1, as in PyTorch.
pub fn squeeze(x: Tensor, dim: isize) -> Tensor {
    let origin = Origin::Function("squeeze");
    match squeezed(x.shape, dim) {
        Ok(shape) => reshaped(origin, x, shape.sizes()),
        Err(error) => refuse(origin, x, error),
    }
}

pub(super) const fn squeezed(x: Shape, dim: isize) -> Result<Shape, ShapeError> {
    let axis = attempt!(resolve("squeeze", dim, x));
    if x.size(axis) != 1 {
        return Ok(x);
    }
    ops::without_axis(x, dim)
}

/// Tensors of one shape along a new axis `dim` (negative: from the end of the result).
pub fn stack<const COUNT: usize>(tensors: [Tensor; COUNT], dim: isize) -> Tensor {
    stacked(Origin::Function("stack"), &tensors, dim)
}

pub(super) fn stacked(origin: Origin<'_>, tensors: &[Tensor], dim: isize) -> Tensor {
    let Some(&first) = tensors.first() else {
        return refuse(
            origin,
            Tensor::POISONED,
            ShapeError::Nothing { operation: "stack" },
        );
    };
    let error = tensors.iter().find(|tensor| !tensor.shape.same(&first.shape));
    if let Some(other) = error {
        let (left, right) = (first.shape, other.shape);
        return refuse(origin, first, ShapeError::Unequal { left, right });
    }
    let shape = match unsqueezed(first.shape, dim) {
        Ok(shape) => shape,
        Err(error) => return refuse(origin, first, error),
    };
    let axis = if dim < 0 { dim + shape.rank() as isize } else { dim };
    let part = Origin::Part(&origin, "reshape");
    let parts: Vec<Tensor> = tensors
        .iter()
        .map(|&tensor| reshaped(part, tensor, shape.sizes()))
        .collect();
    joined(origin, &parts, usize::try_from(axis).unwrap_or(0))
}

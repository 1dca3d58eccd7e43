//! Means and sums over axes, `torch.mean` and `torch.sum`.
//!
//! They are average poolings over an axis that is as long as all axes together: the integers are exact sums.

use super::moves::{permuted, refuse, reshaped};
use super::tensor::{Extent, Tensor};
use super::trace::{Origin, record};
use crate::graph::{MAX_RANK, Shape, ShapeError, Window2d, attempt, resolve, sized};
use crate::ops;

/// Axes to reduce: one, or an array of them; negative ones count from the end.
pub trait Axes: Copy {
    /// The axes.
    fn axes(self) -> Vec<isize>;
}

impl<E: Extent> Axes for E {
    fn axes(self) -> Vec<isize> {
        vec![self.extent()]
    }
}

impl<E: Extent, const COUNT: usize> Axes for [E; COUNT] {
    fn axes(self) -> Vec<isize> {
        self.map(Extent::extent).to_vec()
    }
}

/// Mean over the axes `dim` (one or an array; negative: from the end), which are removed: `[N, C, H, W]` over `[2, 3]`
/// is `[N, C]`.
pub fn mean(x: Tensor, dim: impl Axes) -> Tensor {
    reduce("mean", x, &dim.axes(), false)
}

/// [`mean`] that keeps the axes with size 1: PyTorch's `keepdim = True`.
pub fn mean_keepdim(x: Tensor, dim: impl Axes) -> Tensor {
    reduce("mean", x, &dim.axes(), true)
}

/// Sum over the axes `dim` (one or an array; negative: from the end), which are removed.
pub fn sum(x: Tensor, dim: impl Axes) -> Tensor {
    reduce("sum", x, &dim.axes(), false)
}

/// [`sum`] that keeps the axes with size 1: PyTorch's `keepdim = True`.
pub fn sum_keepdim(x: Tensor, dim: impl Axes) -> Tensor {
    reduce("sum", x, &dim.axes(), true)
}

/// The shape of `x` with its axes `dims` removed, or 1 long.
///
/// # Errors
/// No axis, one that does not exist, or one that is named twice.
pub(super) const fn reduced(
    operation: &'static str,
    x: Shape,
    dims: &[isize],
    keepdim: bool,
) -> Result<Shape, ShapeError> {
    if dims.is_empty() {
        return Err(ShapeError::Axis {
            operation,
            axis: 0,
            of: x,
        });
    }
    let mut gone = [false; MAX_RANK];
    let mut i = 0;
    while i < dims.len() {
        let axis = attempt!(resolve(operation, dims[i], x));
        if gone[axis] {
            return Err(ShapeError::Twice { operation, of: x });
        }
        gone[axis] = true;
        i += 1;
    }
    let (mut sizes, mut rank, mut axis) = ([1; MAX_RANK], 0, 0);
    while axis < x.rank() {
        if !gone[axis] || keepdim {
            sizes[rank] = if gone[axis] { 1 } else { x.size(axis) };
            rank += 1;
        }
        axis += 1;
    }
    sized(operation, x, sizes.split_at(rank).0)
}

fn reduce(operation: &'static str, x: Tensor, dims: &[isize], keepdim: bool) -> Tensor {
    let origin = Origin::Function(operation);
    let to = match reduced(operation, x.shape, dims, keepdim) {
        Ok(shape) => shape,
        Err(error) => return refuse(origin, x, error),
    };
    let from_start = |dim: &isize| resolve(operation, *dim, x.shape).ok();
    let mut axes: Vec<usize> = dims.iter().filter_map(from_start).collect();
    axes.sort_unstable();
    let count: usize = axes.iter().map(|axis| x.size(*axis)).product();
    let part = Origin::Part(&origin, "reshape");
    if count == 1 {
        return reshaped(part, x, to.sizes());
    }
    let mean = averaged(origin, x, &axes, count);
    let mean = match operation {
        "sum" => record(Origin::Part(&origin, "scale"), &[mean], Ok(mean.shape), |_| {
            ops::Scale { factor: count as f32 }
        }),
        _ => mean,
    };
    reshaped(part, mean, to.sizes())
}

/// The means over `axes`, which are ascending and have `count` values together, in some shape.
fn averaged(origin: Origin<'_>, x: Tensor, axes: &[usize], count: usize) -> Tensor {
    let shape = x.shape();
    if let (&[batch, channels, _, _], [2, 3]) = (shape, axes) {
        let shape = Shape::new(&[batch, channels, 1, 1]).ok_or(ShapeError::Size {
            operation: "mean",
            of: x.shape,
        });
        return record(origin, &[x], shape, |_| ops::GlobalAvgPool2d);
    }
    let (first, last) = (
        axes.first().copied().unwrap_or(0),
        axes.last().copied().unwrap_or(0),
    );
    let adjacent = last - first + 1 == axes.len();
    let (x, before, after) = if adjacent {
        let before: usize = shape.iter().take(first).product();
        (x, before, shape.iter().skip(last + 1).product())
    } else {
        // The axes go to the end.
        let kept = (0..shape.len()).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
        let before = x.shape.elements() / count.max(1);
        (permuted(Origin::Part(&origin, "permute"), x, order), before, 1)
    };
    let x = reshaped(Origin::Part(&origin, "rows"), x, &[1, before, count, after]);
    let window = Window2d::new([count, 1], [count, 1], [0; 2], [1; 2]);
    let shape = ops::AvgPool2dOptions::new([count, 1]).shape(x.shape);
    record(origin, &[x], shape, |_| ops::AvgPool2d { window })
}

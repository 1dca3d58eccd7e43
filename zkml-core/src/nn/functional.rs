//! Operations without parameters, as `torch.nn.functional` has them.

use super::Pair;
use super::tensor::{Extent, Tensor};
use super::trace::{Origin, record};
use crate::graph::ShapeError;
use crate::ops::{self, AvgPool2dOptions, FloatOp, MaxPool2dOptions};

/// `max(x, 0)`.
pub fn relu(x: Tensor) -> Tensor {
    record(Origin::Function("relu"), &[x], Ok(x.shape), |_| ops::Relu)
}

/// `min(max(x, 0), 6)`.
pub fn relu6(x: Tensor) -> Tensor {
    record(Origin::Function("relu6"), &[x], Ok(x.shape), |_| ops::Relu6)
}

/// A pooling: its function, the one with all options, and the one that names its origin.
macro_rules! pooling {
    ($($(#[$doc:meta])* $name:ident; $(#[$with_doc:meta])* $with:ident($options:ident); $pool:ident: $op:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(x: Tensor, kernel_size: impl Into<Pair>) -> Tensor {
            $with(x, $options::new(kernel_size.into().0))
        }

        $(#[$with_doc])*
        pub fn $with(x: Tensor, options: $options) -> Tensor {
            $pool(Origin::Function(stringify!($name)), x, &options)
        }

        pub(super) fn $pool(origin: Origin<'_>, x: Tensor, options: &$options) -> Tensor {
            let window = options.window();
            record(origin, &[x], options.shape(x.shape), |_| ops::$op { window })
        }
    )*};
}

pooling! {
    /// Maximum over windows of `kernel_size` (a number or a pair), which is the stride too.
    max_pool2d;
    /// [`max_pool2d`] with stride, padding and dilation.
    max_pool2d_with(MaxPool2dOptions);
    pool_max: MaxPool2d;

    /// Mean over windows of `kernel_size` (a number or a pair), which is the stride too.
    avg_pool2d;
    /// [`avg_pool2d`] with stride and padding; padding counts as zeros.
    avg_pool2d_with(AvgPool2dOptions);
    pool_avg: AvgPool2d;
}

/// Every `stride`-th row and column, from the first on: `x[:, :, ::stride, ::stride]` (a number or a pair).
pub fn subsample2d(x: Tensor, stride: impl Into<Pair>) -> Tensor {
    // The maximum over windows of one cell.
    let options = MaxPool2dOptions::subsample(stride.into().0);
    pool_max(Origin::Function("subsample2d"), x, &options)
}

/// Mean over equal windows: `[N, C, H, W] -> [N, C, output_size, output_size]` (a number or a pair). The output size
/// divides height and width; if it equals them, the result is `x`.
pub fn adaptive_avg_pool2d(x: Tensor, output_size: impl Into<Pair>) -> Tensor {
    pool_adaptive(Origin::Function("adaptive_avg_pool2d"), x, output_size.into().0)
}

pub(super) fn pool_adaptive(origin: Origin<'_>, x: Tensor, output_size: [usize; 2]) -> Tensor {
    let shape = ops::AdaptiveAvgPool2dOptions::new(output_size).shape(x.shape);
    if shape.is_ok_and(|shape| shape.same(&x.shape)) {
        return x;
    }
    record(origin, &[x], shape, |_| {
        if output_size == [1, 1] {
            return FloatOp::from(ops::GlobalAvgPool2d);
        }
        let kernel = [x.size(2) / output_size[0], x.size(3) / output_size[1]];
        let window = AvgPool2dOptions::new(kernel).window();
        ops::AvgPool2d { window }.into()
    })
}

/// Joins the axes from `start_dim` (negative: from the end) to the last.
pub fn flatten(x: Tensor, start_dim: isize) -> Tensor {
    flatten_at(Origin::Function("flatten"), x, start_dim)
}

pub(super) fn flatten_at(origin: Origin<'_>, x: Tensor, start_dim: isize) -> Tensor {
    record(origin, &[x], ops::flattened(x.shape, start_dim), |_| ops::Reshape)
}

/// The same elements in row-major order under other sizes. One size may be -1: it follows from the others.
pub fn reshape<const RANK: usize>(x: Tensor, sizes: [impl Extent; RANK]) -> Tensor {
    let sizes = sizes.map(Extent::extent);
    record(
        Origin::Function("reshape"),
        &[x],
        ops::reshaped(x.shape, &sizes),
        |_| ops::Reshape,
    )
}

/// PyTorch's other name of [`reshape`].
pub fn view<const RANK: usize>(x: Tensor, sizes: [impl Extent; RANK]) -> Tensor {
    reshape(x, sizes)
}

/// Axis `i` of the result is axis `order[i]` of `x`.
pub fn permute<const RANK: usize>(x: Tensor, order: [usize; RANK]) -> Tensor {
    let shape = ops::permuted(x.shape, &order);
    record(Origin::Function("permute"), &[x], shape, |_| ops::Permute {
        order: order.to_vec(),
    })
}

/// Tensors joined along `axis` (negative: from the end); the other sizes are equal.
pub fn cat<const COUNT: usize>(tensors: [Tensor; COUNT], axis: isize) -> Tensor {
    let mut shapes = tensors.iter().map(|tensor| tensor.shape);
    let first = shapes.next().ok_or(ShapeError::Nothing { operation: "cat" });
    let joined =
        first.and_then(|first| shapes.try_fold(first, |joined, next| ops::joined(joined, next, axis)));
    let along = joined.map_or(0, |shape| {
        if axis < 0 {
            axis + shape.rank() as isize
        } else {
            axis
        }
    }) as usize;
    record(Origin::Function("cat"), &tensors, joined, |_| ops::Concat {
        axis: along,
    })
}

/// Zeros before and after each axis, from the last axis on, in the order of `torch.nn.functional.pad`:
/// `[left, right, top, bottom]`, then `front, back` of the channels.
pub fn pad<const COUNT: usize>(x: Tensor, amounts: [usize; COUNT]) -> Tensor {
    pad_at(Origin::Function("pad"), x, &amounts)
}

pub(super) fn pad_at(origin: Origin<'_>, x: Tensor, amounts: &[usize]) -> Tensor {
    record(origin, &[x], ops::padded(x.shape, amounts), |_| {
        ops::Pad::from_last(x.shape.rank(), amounts)
    })
}

/// Index of the first maximum along `axis` (negative: from the end), which is removed.
pub fn argmax(x: Tensor, axis: isize) -> Tensor {
    let along = if axis < 0 {
        axis + x.shape.rank() as isize
    } else {
        axis
    } as usize;
    record(
        Origin::Function("argmax"),
        &[x],
        ops::without_axis(x.shape, axis),
        |_| ops::Argmax { axis: along },
    )
}

//! Operations without parameters, as `torch.nn.functional` has them.

use super::Pair;
use super::moves::surrounded;
use super::pooling::{Taken, pool_adaptive, pool_avg, pool_max};
use super::tensor::{Extent, Tensor};
use super::trace::{Origin, record};
use crate::graph::{Shape, ShapeError};
use crate::ops::{self, AvgPool2dOptions, MaxPool2dOptions, PaddingMode};

/// `max(x, 0)`.
pub fn relu(x: Tensor) -> Tensor {
    record(Origin::Function("relu"), &[x], Ok(x.shape), |_| ops::Relu)
}

/// `min(max(x, 0), 6)`.
pub fn relu6(x: Tensor) -> Tensor {
    record(Origin::Function("relu6"), &[x], Ok(x.shape), |_| ops::Relu6)
}

/// A pooling: its function, and the one with all options.
macro_rules! pooling {
    ($($(#[$doc:meta])* $name:ident; $(#[$with_doc:meta])* $with:ident($options:ident); $pool:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(x: Tensor, kernel_size: impl Into<Pair>) -> Tensor {
            $with(x, $options::new(kernel_size.into().0))
        }

        $(#[$with_doc])*
        pub fn $with(x: Tensor, options: $options) -> Tensor {
            $pool(Origin::Function(stringify!($name)), x, &options)
        }
    )*};
}

pooling! {
    /// Maximum over windows of `kernel_size` (a number or a pair), which is the stride too.
    max_pool2d;
    /// [`max_pool2d`] with stride, padding, dilation and `ceil_mode`.
    max_pool2d_with(MaxPool2dOptions);
    pool_max;

    /// Mean over windows of `kernel_size` (a number or a pair), which is the stride too.
    avg_pool2d;
    /// [`avg_pool2d`] with stride, padding, `ceil_mode` and `count_include_pad`.
    avg_pool2d_with(AvgPool2dOptions);
    pool_avg;
}

/// Every `stride`-th row and column, from the first on: `x[:, :, ::stride, ::stride]` (a number or a pair).
pub fn subsample2d(x: Tensor, stride: impl Into<Pair>) -> Tensor {
    // The maximum over windows of one cell.
    let options = MaxPool2dOptions::subsample(stride.into().0);
    pool_max(Origin::Function("subsample2d"), x, &options)
}

/// Mean over windows: `[N, C, H, W] -> [N, C, output_size, output_size]` (a number or a pair). Windows overlap where
/// the output size does not divide the size of the input, as in PyTorch.
pub fn adaptive_avg_pool2d(x: Tensor, output_size: impl Into<Pair>) -> Tensor {
    let origin = Origin::Function("adaptive_avg_pool2d");
    pool_adaptive(origin, x, output_size.into().0, Taken::Mean)
}

/// [`adaptive_avg_pool2d`] with maxima in place of means.
pub fn adaptive_max_pool2d(x: Tensor, output_size: impl Into<Pair>) -> Tensor {
    let origin = Origin::Function("adaptive_max_pool2d");
    pool_adaptive(origin, x, output_size.into().0, Taken::Maximum)
}

/// `min(max(x, min), max)`; `-f64::INFINITY` and `f64::INFINITY` are no bounds.
pub fn clamp(x: Tensor, min: f64, max: f64) -> Tensor {
    clamp_at(Origin::Function("clamp"), x, min, max)
}

/// `torch.nn.functional.hardtanh`: another name of [`clamp`].
pub fn hardtanh(x: Tensor, min_val: f64, max_val: f64) -> Tensor {
    clamp_at(Origin::Function("hardtanh"), x, min_val, max_val)
}

pub(super) const fn clamp_of(min: f64, max: f64) -> ops::Clamp {
    ops::Clamp {
        least: min as f32,
        largest: max as f32,
    }
}

pub(super) fn clamp_at(origin: Origin<'_>, x: Tensor, min: f64, max: f64) -> Tensor {
    let clamp = clamp_of(min, max);
    record(origin, &[x], clamp.check().map(|()| x.shape), |_| clamp)
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

/// [`pad`] with cells of another mode: `"constant"` (zeros), `"reflect"`, `"replicate"` or `"circular"`.
pub fn pad_with<const COUNT: usize>(x: Tensor, amounts: [usize; COUNT], mode: &'static str) -> Tensor {
    let origin = Origin::Function("pad");
    let checked = surroundings(x.shape, &amounts, mode);
    match (checked, PaddingMode::named(mode)) {
        (Ok(amounts), Some(mode)) if mode != PaddingMode::Zeros => surrounded(origin, x, &amounts, mode),
        (Err(error), _) => super::moves::refuse(origin, x, error),
        _ => pad_at(origin, x, &amounts),
    }
}

/// The amounts `(before, after)` of the last axes, if they fit.
fn surroundings(x: Shape, amounts: &[usize], mode: &str) -> Result<Vec<(usize, usize)>, ShapeError> {
    ops::padded(x, amounts)?;
    PaddingMode::check("pad", mode)?;
    let pairs: Vec<(usize, usize)> = amounts
        .chunks_exact(2)
        .rev()
        .map(|pair| (pair[0], pair[1]))
        .collect();
    let first = x.rank() - pairs.len();
    for (axis, &(before, after)) in pairs.iter().enumerate() {
        PaddingMode::fits("pad", mode, x, first + axis, before, after)?;
    }
    Ok(pairs)
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

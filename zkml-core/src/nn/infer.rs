//! The shape rules of a `forward`, for the code that `#[zk_model]` generates.

pub use super::arguments::{Checked, Given, OptionsOf, has_fields, is_complete, is_module, takes};
pub use crate::graph::report_options;
use crate::graph::{Inferred, Operator, ShapeError};
use crate::ops::{self, AdaptiveAvgPool2dOptions, AvgPool2dOptions, MaxPool2dOptions};

macro_rules! known {
    ($value:expr) => {
        match $value {
            Inferred::Known(shape) => shape,
            other => return other.stale(),
        }
    };
}

/// See [`crate::nn::relu`].
pub const fn relu(x: Inferred) -> Inferred {
    x.stale()
}

/// See [`crate::nn::relu6`].
pub const fn relu6(x: Inferred) -> Inferred {
    x.stale()
}

/// See [`crate::nn::subsample2d`].
pub const fn subsample2d(x: Inferred, stride: [usize; 2]) -> Inferred {
    Inferred::of(MaxPool2dOptions::subsample(stride).shape(known!(x)))
}

/// See [`crate::nn::max_pool2d`].
pub const fn max_pool2d(x: Inferred, kernel_size: [usize; 2]) -> Inferred {
    Inferred::of(MaxPool2dOptions::new(kernel_size).shape(known!(x)))
}

/// See [`crate::nn::avg_pool2d`].
pub const fn avg_pool2d(x: Inferred, kernel_size: [usize; 2]) -> Inferred {
    Inferred::of(AvgPool2dOptions::new(kernel_size).shape(known!(x)))
}

/// See [`crate::nn::adaptive_avg_pool2d`].
pub const fn adaptive_avg_pool2d(x: Inferred, output_size: [usize; 2]) -> Inferred {
    Inferred::of(AdaptiveAvgPool2dOptions::new(output_size).shape(known!(x)))
}

/// See [`crate::nn::flatten`].
pub const fn flatten(x: Inferred, start_dim: isize) -> Inferred {
    Inferred::of(ops::flattened(known!(x), start_dim))
}

/// See [`crate::nn::reshape`].
pub const fn reshape(x: Inferred, sizes: &[isize]) -> Inferred {
    let shape = known!(x);
    let mut i = 0;
    while i < sizes.len() {
        if sizes[i] == UNKNOWN_SIZE {
            return Inferred::Unknown;
        }
        i += 1;
    }
    Inferred::of(ops::reshaped(shape, sizes))
}

/// The size of a tensor whose shape is unknown.
const UNKNOWN_SIZE: isize = isize::MIN;

/// See [`crate::nn::Tensor::size`]; for [`reshape`] alone.
pub const fn size(x: Inferred, axis: usize) -> isize {
    match x {
        Inferred::Known(shape) => shape.size(axis) as isize,
        _ => UNKNOWN_SIZE,
    }
}

/// See [`crate::nn::permute`].
pub const fn permute(x: Inferred, order: &[usize]) -> Inferred {
    Inferred::of(ops::permuted(known!(x), order))
}

/// See [`crate::nn::pad`].
pub const fn pad(x: Inferred, amounts: &[usize]) -> Inferred {
    Inferred::of(ops::padded(known!(x), amounts))
}

/// See [`crate::nn::argmax`].
pub const fn argmax(x: Inferred, axis: isize) -> Inferred {
    Inferred::of(ops::without_axis(known!(x), axis))
}

/// See [`crate::nn::softmax`].
pub const fn softmax(x: Inferred, dim: isize) -> Inferred {
    Inferred::of(ops::normalized(known!(x), dim))
}

/// See [`crate::nn::log_softmax`].
pub const fn log_softmax(x: Inferred, dim: isize) -> Inferred {
    softmax(x, dim)
}

/// See [`crate::nn::normalize`].
pub const fn normalize(x: Inferred, dim: isize) -> Inferred {
    softmax(x, dim)
}

/// See [`crate::nn::mean`] and [`crate::nn::sum`].
pub const fn reduced(operation: &'static str, x: Inferred, dims: &[isize], keepdim: bool) -> Inferred {
    Inferred::of(super::reduce::reduced(operation, known!(x), dims, keepdim))
}

/// See [`crate::nn::select`].
pub const fn select(x: Inferred, dim: isize, index: isize) -> Inferred {
    match super::slicing::selected(known!(x), dim, index) {
        Ok((shape, _, _)) => Inferred::Known(shape),
        Err(error) => Inferred::of(Err(error)),
    }
}

/// See [`crate::nn::unsqueeze`].
pub const fn unsqueeze(x: Inferred, dim: isize) -> Inferred {
    Inferred::of(super::slicing::unsqueezed(known!(x), dim))
}

/// See [`crate::nn::squeeze`].
pub const fn squeeze(x: Inferred, dim: isize) -> Inferred {
    Inferred::of(super::slicing::squeezed(known!(x), dim))
}

/// See [`crate::nn::interpolate`].
pub const fn interpolate(x: Inferred, scale_factor: [usize; 2]) -> Inferred {
    Inferred::of(super::UpsampleOptions::new(scale_factor).shape(known!(x)))
}

/// See [`crate::nn::pixel_shuffle`].
pub const fn pixel_shuffle(x: Inferred, upscale_factor: usize) -> Inferred {
    Inferred::of(super::PixelShuffleOptions::new(upscale_factor).shape(known!(x)))
}

/// See [`crate::nn::transpose`].
pub const fn transpose(x: Inferred, dim0: isize, dim1: isize) -> Inferred {
    Inferred::of(ops::transposed(known!(x), dim0, dim1))
}

/// See [`crate::nn::narrow`].
pub const fn narrow(x: Inferred, dim: isize, start: usize, length: usize) -> Inferred {
    Inferred::of(ops::narrowed(known!(x), dim, start, length))
}

/// See [`crate::nn::matmul`].
pub const fn matmul(left: Inferred, right: Inferred) -> Inferred {
    Inferred::of(ops::matrix_product(known!(left), known!(right)))
}

/// See [`crate::nn::scaled_dot_product_attention`].
pub const fn scaled_dot_product_attention(query: Inferred, key: Inferred, value: Inferred) -> Inferred {
    Inferred::of(ops::attended(known!(query), known!(key), known!(value)))
}

/// See [`crate::nn::cat`].
pub const fn cat(tensors: &[Inferred], axis: isize) -> Inferred {
    if tensors.is_empty() {
        return Inferred::of(Err(ShapeError::Nothing { operation: "cat" }));
    }
    let mut joined = known!(tensors[0]);
    let mut i = 1;
    while i < tensors.len() {
        joined = match ops::joined(joined, known!(tensors[i]), axis) {
            Ok(shape) => shape,
            Err(error) => return Inferred::of(Err(error)),
        };
        i += 1;
    }
    Inferred::Known(joined)
}

macro_rules! elementwise {
    ($($(#[$doc:meta])* $name:ident, $operator:ident);* $(;)?) => {$(
        $(#[$doc])*
        pub const fn $name(left: Inferred, right: Inferred) -> Inferred {
            if let Inferred::Failed(_) = right {
                return right.stale();
            }
            Inferred::of(ops::broadcast(Operator::$operator, known!(left), known!(right)))
        }
    )*};
}

elementwise! {
    /// The sum of two tensors.
    add, Add;
    /// The difference of two tensors.
    sub, Sub;
    /// The product of two tensors, element by element.
    mul, Mul;
}

/// A tensor and a number, or its negative.
pub const fn scalar(x: Inferred) -> Inferred {
    x.stale()
}

/// Functions of each value by itself keep the shape.
macro_rules! elementwise {
    ($($room:ident, $function:ident($($argument:ident),*), $layer:ident, $options:ident { $($field:ident: $kind:ident),* };)*) => {
        $(
            #[doc = concat!("See [`crate::nn::", stringify!($function), "`].")]
            pub const fn $function(x: Inferred) -> Inferred {
                x.stale()
            }
        )*
    };
}

include!("../ops/elementwise_list.rs");

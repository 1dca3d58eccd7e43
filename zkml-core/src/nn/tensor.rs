//! The tensor `forward` works on: a node of the graph being recorded.

use super::{Axes, functional, reduce, sequence, slicing};
use crate::graph::NodeId;
use crate::graph::{MAX_RANK, Shape};

/// A value in a model's `forward`. It has a shape but no numbers: those come when the traced graph is run.
#[derive(Debug, Clone, Copy)]
#[must_use = "operations do not change a tensor, they return a new one: `let x = relu(x);`"]
pub struct Tensor {
    pub(super) session: u64,
    /// `None` after an error, which the trace reports at its end.
    pub(super) node: Option<NodeId>,
    pub(super) shape: Shape,
}

/// A size along an axis, where -1 means that it follows from the other sizes.
pub trait Extent: Copy {
    /// As a signed number.
    fn extent(self) -> isize;
}

macro_rules! extent {
    ($($integer:ty),*) => {$(
        impl Extent for $integer {
            fn extent(self) -> isize {
                isize::try_from(self).unwrap_or(isize::MAX)
            }
        }
    )*};
}
extent!(usize, isize, i32, i64);

impl Tensor {
    pub(super) const POISONED: Tensor = Tensor {
        session: 0,
        node: None,
        shape: match Shape::new(&[]) {
            Some(shape) => shape,
            None => unreachable!(),
        },
    };

    /// The sizes, batch first.
    pub fn shape(&self) -> &[usize] {
        self.shape.sizes()
    }

    /// Size along `axis`; 1 beyond the last.
    pub fn size(&self, axis: usize) -> usize {
        self.shape.size(axis)
    }

    /// See [`functional::relu`].
    pub fn relu(self) -> Tensor {
        functional::relu(self)
    }

    /// See [`functional::flatten`].
    pub fn flatten(self, start_dim: isize) -> Tensor {
        functional::flatten(self, start_dim)
    }

    /// See [`functional::reshape`].
    pub fn reshape<const RANK: usize>(self, sizes: [impl Extent; RANK]) -> Tensor {
        functional::reshape(self, sizes)
    }

    /// See [`functional::reshape`].
    pub fn view<const RANK: usize>(self, sizes: [impl Extent; RANK]) -> Tensor {
        functional::reshape(self, sizes)
    }

    /// See [`functional::permute`].
    pub fn permute<const RANK: usize>(self, order: [usize; RANK]) -> Tensor {
        functional::permute(self, order)
    }

    /// See [`crate::nn::transpose`].
    pub fn transpose(self, dim0: isize, dim1: isize) -> Tensor {
        sequence::transpose(self, dim0, dim1)
    }

    /// See [`crate::nn::narrow`].
    pub fn narrow(self, dim: isize, start: usize, length: usize) -> Tensor {
        sequence::narrow(self, dim, start, length)
    }

    /// See [`crate::nn::softmax`].
    pub fn softmax(self, dim: isize) -> Tensor {
        sequence::softmax(self, dim)
    }

    /// See [`crate::nn::matmul`].
    pub fn matmul(self, right: Tensor) -> Tensor {
        sequence::matmul(self, right)
    }

    /// See [`crate::nn::log_softmax`].
    pub fn log_softmax(self, dim: isize) -> Tensor {
        sequence::log_softmax(self, dim)
    }

    /// See [`functional::clamp`].
    pub fn clamp(self, min: f64, max: f64) -> Tensor {
        functional::clamp(self, min, max)
    }

    /// See [`crate::nn::mean`].
    pub fn mean(self, dim: impl Axes) -> Tensor {
        reduce::mean(self, dim)
    }

    /// See [`crate::nn::mean_keepdim`].
    pub fn mean_keepdim(self, dim: impl Axes) -> Tensor {
        reduce::mean_keepdim(self, dim)
    }

    /// See [`crate::nn::sum`].
    pub fn sum(self, dim: impl Axes) -> Tensor {
        reduce::sum(self, dim)
    }

    /// See [`crate::nn::sum_keepdim`].
    pub fn sum_keepdim(self, dim: impl Axes) -> Tensor {
        reduce::sum_keepdim(self, dim)
    }

    /// See [`crate::nn::slice`].
    pub fn slice(self, dim: isize, range: impl core::ops::RangeBounds<isize>) -> Tensor {
        slicing::slice(self, dim, range)
    }

    /// See [`crate::nn::slice_step`].
    pub fn slice_step(self, dim: isize, range: impl core::ops::RangeBounds<isize>, step: usize) -> Tensor {
        slicing::slice_step(self, dim, range, step)
    }

    /// See [`crate::nn::select`].
    pub fn select(self, dim: isize, index: isize) -> Tensor {
        slicing::select(self, dim, index)
    }

    /// See [`crate::nn::chunk`].
    pub fn chunk<const COUNT: usize>(self, dim: isize) -> [Tensor; COUNT] {
        slicing::chunk(self, dim)
    }

    /// See [`crate::nn::split`].
    pub fn split<const COUNT: usize>(self, split_sizes: [usize; COUNT], dim: isize) -> [Tensor; COUNT] {
        slicing::split(self, split_sizes, dim)
    }

    /// See [`crate::nn::unbind`].
    pub fn unbind<const COUNT: usize>(self, dim: isize) -> [Tensor; COUNT] {
        slicing::unbind(self, dim)
    }

    /// See [`crate::nn::unsqueeze`].
    pub fn unsqueeze(self, dim: isize) -> Tensor {
        slicing::unsqueeze(self, dim)
    }

    /// See [`crate::nn::squeeze`].
    pub fn squeeze(self, dim: isize) -> Tensor {
        slicing::squeeze(self, dim)
    }

    /// See [`functional::argmax`].
    pub fn argmax(self, axis: isize) -> Tensor {
        functional::argmax(self, axis)
    }
}

const _: () = assert!(MAX_RANK >= 4);

//! Shapes of tensors, in a form that the compiler can compute with.
//!
//! The shape rule of an operation is a `const fn` in its room and is written once. Tracing calls it at run time. The
//! code that `#[zk_model]` generates calls it while the user's crate is compiled ([`Inferred`](super::Inferred)).

mod error;
mod rule;

pub use error::{Operator, ShapeError};
pub(crate) use rule::{
    attempt, choice, of_rank, one_of_first, positive, positive_pair, resolve, sized, unlike,
};

use super::Text;

/// Largest number of dimensions of a tensor.
pub const MAX_RANK: usize = 6;

/// The shape of a tensor: up to [`MAX_RANK`] dimensions, none of them 0, at most 2^48 elements.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    rank: usize,
    sizes: [usize; MAX_RANK],
}

impl Shape {
    /// The shape with these sizes; `None` when there are more than [`MAX_RANK`], one is 0, or their product
    /// exceeds 2^48.
    pub const fn new(sizes: &[usize]) -> Option<Shape> {
        if sizes.len() > MAX_RANK {
            return None;
        }
        let mut shape = Shape {
            rank: sizes.len(),
            sizes: [0; MAX_RANK],
        };
        let mut elements: usize = 1;
        let mut axis = 0;
        while axis < sizes.len() {
            shape.sizes[axis] = sizes[axis];
            elements = match elements.checked_mul(sizes[axis]) {
                Some(product) if product != 0 && product <= 1 << 48 => product,
                _ => return None,
            };
            axis += 1;
        }
        Some(shape)
    }

    /// Number of dimensions.
    pub const fn rank(&self) -> usize {
        self.rank
    }

    /// The sizes, outermost first.
    pub const fn sizes(&self) -> &[usize] {
        self.sizes.split_at(self.rank).0
    }

    /// Size along `axis`; 1 beyond the rank.
    pub const fn size(&self, axis: usize) -> usize {
        if axis < self.rank { self.sizes[axis] } else { 1 }
    }

    /// Number of elements.
    pub const fn elements(&self) -> usize {
        let mut product = 1;
        let mut axis = 0;
        while axis < self.rank {
            product *= self.sizes[axis];
            axis += 1;
        }
        product
    }

    /// Whether both are the same, in a `const fn`.
    pub const fn same(&self, other: &Shape) -> bool {
        if self.rank != other.rank {
            return false;
        }
        let mut axis = 0;
        while axis < self.rank {
            if self.sizes[axis] != other.sizes[axis] {
                return false;
            }
            axis += 1;
        }
        true
    }
}

impl core::fmt::Display for Shape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(Text::new().shape(*self).as_str())
    }
}

impl core::fmt::Debug for Shape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

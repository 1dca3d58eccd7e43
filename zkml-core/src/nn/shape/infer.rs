//! Shapes as far as they are known while the user's crate is compiled.
//!
//! `#[zk_model]` repeats the straight-line part of `forward` on [`Inferred`] values in constants. A mistake is
//! reported once, where it happens: what is computed from a failed value is stale and stays silent.

use super::{Shape, ShapeError, Text, rules};
use crate::nn::layers::{AvgPool2dOptions, MaxPool2dOptions};

const MAX_DEPTH: usize = 8;

/// A [`ShapeError`] and the layer it happened in.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    error: ShapeError,
    /// Names of the layers around it, innermost first.
    place: [&'static str; MAX_DEPTH],
    depth: usize,
    /// Whether it happened in the operation that produced this value, not before.
    fresh: bool,
}

/// The shape of a tensor at compile time.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "lives in the compiler, which has no heap"
)]
pub enum Inferred {
    /// Not followed by the macro.
    Unknown,
    /// Exactly this.
    Known(Shape),
    /// Cannot exist.
    Failed(Failure),
}

macro_rules! known {
    ($value:expr) => {
        match $value {
            Inferred::Known(shape) => shape,
            other => return other.stale(),
        }
    };
}

impl Inferred {
    /// The declared input of a model, if it declares one.
    pub const fn input(sizes: Option<&[usize]>) -> Inferred {
        match sizes {
            Some(sizes) => match Shape::new(sizes) {
                Some(shape) => Inferred::Known(shape),
                None => Inferred::Unknown,
            },
            None => Inferred::Unknown,
        }
    }

    /// The outcome of a rule of `rules`.
    pub const fn of(result: Result<Shape, ShapeError>) -> Inferred {
        match result {
            Ok(shape) => Inferred::Known(shape),
            Err(error) => Inferred::Failed(Failure {
                error,
                place: [""; MAX_DEPTH],
                depth: 0,
                fresh: true,
            }),
        }
    }

    /// Marks a failure as that of the layer `name`, inside which it may have happened earlier.
    pub const fn within(self, name: &'static str, input: Inferred) -> Inferred {
        if let Inferred::Failed(_) = input {
            return input.stale();
        }
        match self {
            Inferred::Failed(mut failure) => {
                failure.fresh = true;
                if failure.depth < MAX_DEPTH {
                    failure.place[failure.depth] = name;
                    failure.depth += 1;
                }
                Inferred::Failed(failure)
            }
            other => other,
        }
    }

    /// The first of `steps` that failed, or `result`.
    pub const fn first_failure(steps: &[Inferred], result: Inferred) -> Inferred {
        let mut i = 0;
        while i < steps.len() {
            if let Inferred::Failed(_) = steps[i] {
                return steps[i];
            }
            i += 1;
        }
        result
    }

    const fn stale(self) -> Inferred {
        match self {
            Inferred::Failed(mut failure) => {
                failure.fresh = false;
                Inferred::Failed(failure)
            }
            other => other,
        }
    }

    /// Stops the compilation when the operation that produced this value failed.
    #[track_caller]
    #[allow(
        clippy::panic,
        reason = "evaluated by the compiler only: this is how a constant reports an error"
    )]
    pub const fn report(self) {
        if let Inferred::Failed(failure) = self
            && failure.fresh
        {
            let mut text = Text::new();
            let mut level = failure.depth;
            while level > 0 {
                level -= 1;
                text = text
                    .str(failure.place[level])
                    .str(if level > 0 { "." } else { ": " });
            }
            panic!("{}", text.text(failure.error.message()).as_str());
        }
    }
}

/// Stops the compilation when the hyper-parameters of a layer make no sense.
#[track_caller]
#[allow(
    clippy::panic,
    reason = "evaluated by the compiler only: this is how a constant reports an error"
)]
pub const fn report_options(check: Result<(), ShapeError>) {
    if let Err(error) = check {
        panic!("{}", error.message().as_str());
    }
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
    Inferred::of(rules::max_pool2d(known!(x), &rules::single_cells(stride)))
}

/// See [`crate::nn::max_pool2d`].
pub const fn max_pool2d(x: Inferred, kernel_size: [usize; 2]) -> Inferred {
    Inferred::of(rules::max_pool2d(known!(x), &MaxPool2dOptions::new(kernel_size)))
}

/// See [`crate::nn::avg_pool2d`].
pub const fn avg_pool2d(x: Inferred, kernel_size: [usize; 2]) -> Inferred {
    Inferred::of(rules::avg_pool2d(known!(x), &AvgPool2dOptions::new(kernel_size)))
}

/// See [`crate::nn::adaptive_avg_pool2d`].
pub const fn adaptive_avg_pool2d(x: Inferred, output_size: [usize; 2]) -> Inferred {
    Inferred::of(rules::adaptive_avg_pool2d(known!(x), output_size))
}

/// See [`crate::nn::flatten`].
pub const fn flatten(x: Inferred, start_dim: isize) -> Inferred {
    Inferred::of(rules::flatten(known!(x), start_dim))
}

/// See [`crate::nn::reshape`].
pub const fn reshape(x: Inferred, sizes: &[isize]) -> Inferred {
    Inferred::of(rules::reshape(known!(x), sizes))
}

/// See [`crate::nn::permute`].
pub const fn permute(x: Inferred, order: &[usize]) -> Inferred {
    Inferred::of(rules::permute(known!(x), order))
}

/// See [`crate::nn::pad`].
pub const fn pad(x: Inferred, amounts: &[usize]) -> Inferred {
    Inferred::of(rules::pad(known!(x), amounts))
}

/// See [`crate::nn::argmax`].
pub const fn argmax(x: Inferred, axis: isize) -> Inferred {
    Inferred::of(rules::argmax(known!(x), axis))
}

/// See [`crate::nn::cat`].
pub const fn cat(tensors: &[Inferred], axis: isize) -> Inferred {
    if tensors.is_empty() {
        return Inferred::of(Err(ShapeError::Nothing { operation: "cat" }));
    }
    let mut joined = known!(tensors[0]);
    let mut i = 1;
    while i < tensors.len() {
        joined = match rules::cat(joined, known!(tensors[i]), axis) {
            Ok(shape) => shape,
            Err(error) => return Inferred::of(Err(error)),
        };
        i += 1;
    }
    Inferred::Known(joined)
}

/// The sum of two tensors.
pub const fn add(left: Inferred, right: Inferred) -> Inferred {
    if let Inferred::Failed(_) = right {
        return right.stale();
    }
    Inferred::of(rules::add(known!(left), known!(right)))
}

//! Shapes as far as they are known while the user's crate is compiled.
//!
//! `#[zk_model]` repeats the straight-line part of `forward` on [`Inferred`] values in constants. A mistake is
//! reported once, where it happens: what is computed from a failed value is stale and stays silent.

use super::{Shape, ShapeError, Text};

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

impl Inferred {
    /// The shape of input `index` among those that a model declares; unknown where it declares none.
    pub const fn input(shapes: &[&[usize]], index: usize) -> Inferred {
        if index >= shapes.len() {
            return Inferred::Unknown;
        }
        match Shape::new(shapes[index]) {
            Some(shape) => Inferred::Known(shape),
            None => Inferred::Unknown,
        }
    }

    /// The outcome of a room's shape rule.
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

    /// Adds the layer `name` to a failure inside it. If `input` had failed before, the result is stale.
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

    /// The same value; a failure counts as reported.
    pub(crate) const fn stale(self) -> Inferred {
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

/// `infer` of options whose rule is `$rule`. Options that make no sense are reported where they are written, so here
/// the result is only unknown.
macro_rules! infer {
    (|$self:ident, $shape:ident| $rule:expr) => {
        /// The shape rule, for the compiler.
        pub const fn infer(&$self, x: $crate::graph::Inferred) -> $crate::graph::Inferred {
            match ($self.check(), x) {
                (Ok(()), $crate::graph::Inferred::Known($shape)) => $crate::graph::Inferred::of($rule),
                (Ok(()), other) => other,
                (Err(_), _) => $crate::graph::Inferred::Unknown,
            }
        }
    };
}

pub(crate) use infer;

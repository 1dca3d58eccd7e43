//! What shape rules share.

use super::{Shape, ShapeError};

/// `?` for `const fn`.
macro_rules! attempt {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Err(error),
        }
    };
}

pub(crate) use attempt;

/// The shape with these sizes, made by `operation` from `of`.
pub(crate) const fn sized(operation: &'static str, of: Shape, sizes: &[usize]) -> Result<Shape, ShapeError> {
    match Shape::new(sizes) {
        Some(shape) => Ok(shape),
        None => Err(ShapeError::Size { operation, of }),
    }
}

/// `axis`, counted from the end when negative.
pub(crate) const fn resolve(operation: &'static str, axis: isize, of: Shape) -> Result<usize, ShapeError> {
    let rank = of.rank() as isize;
    let from_start = if axis < 0 { axis.saturating_add(rank) } else { axis };
    if from_start < 0 || from_start >= rank {
        return Err(ShapeError::Axis { operation, axis, of });
    }
    Ok(from_start as usize)
}

/// Requires that `axis` is one of the first `count` axes.
pub(crate) fn one_of_first(
    operation: &'static str,
    count: usize,
    axis: usize,
    of: Shape,
) -> Result<(), ShapeError> {
    if axis < count {
        return Ok(());
    }
    let axis = isize::try_from(axis).unwrap_or(isize::MAX);
    Err(ShapeError::Axis { operation, axis, of })
}

/// The error that `found` is not as `of` asks: "expected a key with the head size of `of`".
pub(crate) const fn unlike(
    operation: &'static str,
    expected: &'static str,
    of: Shape,
    found: Shape,
) -> ShapeError {
    ShapeError::Unlike {
        operation,
        expected,
        of,
        found,
    }
}

/// Requires that `x` has `rank` dimensions, which `expected` puts into words.
pub(crate) const fn of_rank(
    operation: &'static str,
    rank: usize,
    expected: &'static str,
    x: Shape,
) -> Result<(), ShapeError> {
    if x.rank() == rank {
        return Ok(());
    }
    Err(ShapeError::Rank {
        operation,
        expected,
        found: x,
    })
}

/// Refuses an option whose value does not hold what `expected` says.
pub(crate) const fn choice(
    operation: &'static str,
    name: &'static str,
    expected: &'static str,
    holds: bool,
) -> Result<(), ShapeError> {
    if holds {
        return Ok(());
    }
    Err(ShapeError::Choice {
        operation,
        name,
        expected,
    })
}

/// Refuses 0.
pub(crate) const fn positive(
    operation: &'static str,
    name: &'static str,
    value: usize,
) -> Result<(), ShapeError> {
    if value == 0 {
        return Err(ShapeError::Option {
            operation,
            name,
            expected: "of at least 1",
            found: value,
        });
    }
    Ok(())
}

/// Refuses 0 in a pair.
pub(crate) const fn positive_pair(
    operation: &'static str,
    name: &'static str,
    pair: [usize; 2],
) -> Result<(), ShapeError> {
    positive(operation, name, if pair[0] < pair[1] { pair[0] } else { pair[1] })
}

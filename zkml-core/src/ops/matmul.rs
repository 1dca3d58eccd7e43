//! `torch.matmul` of two tensors that are computed: `[..., I, J]` times `[..., J, K]` is `[..., I, K]`.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, ArrayView2, IxDyn};
use serde::{Deserialize, Serialize};

use super::lowering::cropped;
use super::range::magnitude;
use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{Axis, CircuitError, ColumnId};
#[cfg(feature = "prover")]
use crate::field::kernels::Backend;
#[cfg(feature = "prover")]
use crate::float::Matrix;
use crate::graph::{
    IntFact, MAX_RANK, OperandError, Operator, Shape, ShapeError, Site, attempt, sized, unlike,
};

const NAME: &str = "matmul";

/// Product of two batches of matrices; exact. Both have the same axes before the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matmul;

/// `[..., I, J]` and `[..., J, K]` give `[..., I, K]`. The axes before the last two are broadcast by PyTorch's rule.
///
/// # Errors
/// An operand of less than two dimensions; a right operand with another number of rows than the left has columns;
/// batches that do not fit.
pub const fn matrix_product(left: Shape, right: Shape) -> Result<Shape, ShapeError> {
    let batch = attempt!(common_batch(left, right));
    let (rows, columns) = (left.size(left.rank() - 2), right.size(right.rank() - 1));
    with_matrix(left, batch, [rows, columns])
}

/// The shapes that the operands are repeated to before they are multiplied.
///
/// # Errors
/// As [`matrix_product`].
pub const fn matrix_operands(left: Shape, right: Shape) -> Result<[Shape; 2], ShapeError> {
    let batch = attempt!(common_batch(left, right));
    let (rows, inner) = (left.size(left.rank() - 2), left.size(left.rank() - 1));
    let columns = right.size(right.rank() - 1);
    Ok([
        attempt!(with_matrix(left, batch, [rows, inner])),
        attempt!(with_matrix(right, batch, [inner, columns])),
    ])
}

/// The axes before the last two, of the product of operands whose matrices fit.
const fn common_batch(left: Shape, right: Shape) -> Result<Shape, ShapeError> {
    let (of_left, of_right) = (attempt!(batch(left)), attempt!(batch(right)));
    if left.size(left.rank() - 1) != right.size(right.rank() - 2) {
        return Err(unlike(NAME, "as many rows as the columns of", left, right));
    }
    match super::broadcast(Operator::Mul, of_left, of_right) {
        Ok(batch) => Ok(batch),
        Err(_) => Err(unlike(
            NAME,
            "axes before the last two that are equal to, or 1 in,",
            left,
            right,
        )),
    }
}

/// The axes before the last two.
const fn batch(x: Shape) -> Result<Shape, ShapeError> {
    if x.rank() < 2 {
        return Err(ShapeError::Rank {
            operation: NAME,
            expected: "2 dimensions or more [..., rows, columns]",
            found: x,
        });
    }
    sized(NAME, x, x.sizes().split_at(x.rank() - 2).0)
}

/// A batch of matrices of this shape, made from `of`.
const fn with_matrix(of: Shape, batch: Shape, matrix: [usize; 2]) -> Result<Shape, ShapeError> {
    let mut sizes = [1; MAX_RANK];
    let mut axis = 0;
    while axis < batch.rank() {
        sizes[axis] = batch.size(axis);
        axis += 1;
    }
    sizes[axis] = matrix[0];
    sizes[axis + 1] = matrix[1];
    sized(NAME, of, sizes.split_at(axis + 2).0)
}

impl Room for Matmul {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let &[left, right] = site.operands else {
            return Err(site.arity(2));
        };
        let [repeated, other] = matrix_operands(left, right)?;
        if !repeated.same(&left) || !other.same(&right) {
            // `nn::matmul` repeats the operands first.
            return Err(unlike(NAME, "the same axes before the last two as", left, right).into());
        }
        Ok(matrix_product(left, right)?)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES
    }
}

impl FloatRoom for Matmul {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let (left, right) = (site.operand(0)?, site.operand(1)?);
        let (&inner, &columns) = (left.shape().last()?, right.shape().last()?);
        let rows = *left.shape().get(left.ndim().checked_sub(2)?)?;
        let mut y = vec![0f32; site.shape().iter().product()];
        let lefts = left.as_slice()?.chunks_exact((rows * inner).max(1));
        let rights = right.as_slice()?.chunks_exact((inner * columns).max(1));
        for ((left, right), y) in lefts.zip(rights).zip(y.chunks_exact_mut((rows * columns).max(1))) {
            let matrix = Matrix::new(inner, columns, |k, o| right[k * columns + o]);
            let rows: Vec<&[f32]> = left.chunks_exact(inner.max(1)).collect();
            matrix.multiply(
                Backend::best(),
                &rows,
                None,
                y.chunks_exact_mut(columns.max(1)).collect(),
            );
        }
        ArrayD::from_shape_vec(site.shape(), y).ok()
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let (left, right) = (quantizing.activation(0)?, quantizing.activation(1)?);
        let scale = left.scale * right.scale;
        quantizing.accumulate((*self).into(), vec![left.node, right.node], scale)
    }
}

/// The values of all matrices of the batch, one after the other.
#[cfg(feature = "prover")]
fn products(left: &ArrayD<i64>, right: &ArrayD<i64>, shape: &[usize]) -> Option<ArrayD<i64>> {
    let &[.., rows, inner] = left.shape() else {
        return None;
    };
    let columns = *right.shape().last()?;
    let lefts = left.as_slice()?.chunks_exact((rows * inner).max(1));
    let rights = right.as_slice()?.chunks_exact((inner * columns).max(1));
    let mut y = Vec::with_capacity(shape.iter().product());
    for (left, right) in lefts.zip(rights) {
        let left = ArrayView2::from_shape((rows, inner), left).ok()?;
        let right = ArrayView2::from_shape((inner, columns), right).ok()?;
        y.extend(left.dot(&right));
    }
    ArrayD::from_shape_vec(shape, y).ok()
}

/// The largest magnitude of a sum of `J` products.
fn largest_sum(left: &IntFact, right: &IntFact) -> i128 {
    let terms = left.shape.last().copied().unwrap_or(0) as i128;
    magnitude(left.range)
        .saturating_mul(magnitude(right.range))
        .saturating_mul(terms)
}

impl IntegerRoom for Matmul {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let [left, right] = site.operands.as_slice() else {
            return Err(site.inconsistent());
        };
        let largest = largest_sum(left, right);
        site.accumulator((-largest, largest))
    }

    /// A contraction: the axes before the last two are shared, `J` is summed. Operands whose padding may be other than
    /// 0 are cropped, so that the sum has `J` terms, and is 0 on padding.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape) = (lowering.name(), &lowering.fact().shape);
        let ((left, left_fact), (right, right_fact)) = (lowering.operand(0), lowering.operand(1));
        lowering
            .circuit()
            .check_bound(name, "product of matrices", largest_sum(left_fact, right_fact))?;
        let left = cropped(lowering, &format!("{name}/left"), left);
        let right = cropped(lowering, &format!("{name}/right"), right);
        let (rows, columns) = (shape.len().saturating_sub(2), shape.len().saturating_sub(1));
        let mut axes: Vec<Axis> = (0..rows).map(|axis| Axis::shared(axis, axis, axis)).collect();
        axes.push(Axis::free_left(rows, rows));
        axes.push(Axis::free_right(columns, columns));
        axes.push(Axis::summed(columns, rows));
        Ok(lowering.circuit().contraction(name, shape, left, right, axes))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        products(site.operand(0)?, site.operand(1)?, site.shape())
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let (left, right) = (site.operand(0)?, site.operand(1)?);
        let (terms, last) = (*left.shape().last()?, left.ndim().checked_sub(1)?);
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |at| {
            let (mut of_left, mut of_right) = (at.clone(), at);
            let product = |term| {
                of_left[last] = term;
                of_right[last - 1] = term;
                i128::from(left[&of_left]) * i128::from(right[&of_right])
            };
            (0..terms).map(product).sum::<i128>() as i64
        }))
    }
}

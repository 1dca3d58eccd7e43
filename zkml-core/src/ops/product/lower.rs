//! Columns of sums of products.

use crate::circuit::{Axis, CircuitError, ColumnId, Factor};
use crate::graph::{ParameterId, Window2d};

use super::super::range::{COMMITTED_BIAS_LIMIT, largest_product};
use super::super::{BIAS_DIGITS, Lowering};

/// An error when a sum of `terms` products with weights, and a bias, may leave the field. The terms have that range,
/// and that norm if one is known.
pub(in super::super) fn check_products(
    lowering: &mut dyn Lowering<'_>,
    (range, norm): ((i64, i64), Option<i128>),
    terms: usize,
) -> Result<(), CircuitError> {
    let bound = largest_product(range, norm, terms);
    let bound = bound.saturating_add(i128::from(COMMITTED_BIAS_LIMIT));
    let name = lowering.name();
    lowering.circuit().check_bound(name, "accumulator", bound)
}

/// Adds a bias along `axis`: its digits are committed as int8, `bias = sum_k 256^k digit_k`.
pub(in super::super) fn add_bias(
    lowering: &mut dyn Lowering<'_>,
    product: ColumnId,
    bias: Option<ParameterId>,
    axis: usize,
) -> Result<ColumnId, CircuitError> {
    let Some(bias) = bias else { return Ok(product) };
    let (name, shape) = (lowering.name(), &lowering.fact().shape);
    let digits = lowering.bias_digits(bias)?;
    let circuit = lowering.circuit();
    let powers = (0..BIAS_DIGITS).map(|k| 1i64 << (8 * k)).collect();
    let weights = circuit.constant(&[BIAS_DIGITS], powers);
    let bias = circuit.contraction(
        &format!("{name}/bias"),
        &[shape[axis]],
        weights,
        digits,
        vec![Axis::free_right(1, 0), Axis::summed(0, 0)],
    );
    let along = |a: usize| {
        if a == axis {
            Factor::identity(a, 0)
        } else {
            Factor::broadcast(a)
        }
    };
    let factors = (0..shape.len()).map(along).collect();
    let spread = circuit.view(&format!("{name}/bias_everywhere"), shape, bias, factors);
    // The product comes last: its value is the one the equation determines, and nobody evaluates it.
    Ok(circuit.integer_sum(name, shape, &[(1, spread), (1, product)]))
}

/// `source index = position * stride + offset * dilation - padding` along one axis of a window.
pub(in super::super) fn window_factor(
    window: &Window2d,
    axis: usize,
    offset_axis: usize,
    position_axis: usize,
    source_axis: usize,
) -> Factor {
    Factor::affine(
        &[
            (offset_axis, window.dilation[axis] as i64),
            (position_axis, window.stride[axis] as i64),
        ],
        -(window.padding[axis] as i64),
        source_axis,
    )
}

/// The dimensions of a `[N, C, H, W]` shape.
pub(in super::super) fn rank4(shape: &[usize]) -> [usize; 4] {
    let mut sizes = [1; 4];
    sizes
        .iter_mut()
        .zip(shape)
        .for_each(|(size, &given)| *size = given);
    sizes
}

//! Row-major reshape, of which flatten is one.

#[cfg(feature = "prover")]
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntOp, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{CircuitError, ColumnId, Factor};
use crate::graph::{MAX_RANK, OperandError, Shape, ShapeError, Site, attempt, resolve, sized};

/// Row-major reshape to the node's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reshape;

/// Joins the axes from `start_dim` (negative: from the end) to the last: `[2, 3, 4]` from 1 on is `[2, 12]`.
///
/// # Errors
/// An axis that does not exist.
pub const fn flattened(x: Shape, start_dim: isize) -> Result<Shape, ShapeError> {
    let start = attempt!(resolve("flatten", start_dim, x));
    let mut sizes = [1; MAX_RANK];
    let mut axis = 0;
    while axis < x.rank() {
        let target = if axis < start { axis } else { start };
        sizes[target] *= x.size(axis);
        axis += 1;
    }
    sized("flatten", x, sizes.split_at(start + 1).0)
}

/// Row-major reshape; one size may be -1: `[2, 6]` to `[3, -1]` is `[3, 4]`.
///
/// # Errors
/// Sizes for another number of elements.
pub const fn reshaped(x: Shape, target: &[isize]) -> Result<Shape, ShapeError> {
    if target.len() > MAX_RANK {
        return Err(ShapeError::Size {
            operation: "reshape",
            of: x,
        });
    }
    let mut sizes = [1; MAX_RANK];
    let mut free = None;
    let mut elements: usize = 1;
    let mut axis = 0;
    while axis < target.len() {
        if target[axis] == -1 && free.is_none() {
            free = Some(axis);
        } else if target[axis] <= 0 {
            return Err(ShapeError::Sizes { of: x });
        } else {
            sizes[axis] = target[axis] as usize;
            elements = elements.saturating_mul(sizes[axis]);
        }
        axis += 1;
    }
    match free {
        Some(axis) if x.elements().is_multiple_of(elements) => sizes[axis] = x.elements() / elements,
        None if x.elements() == elements => {}
        _ => return Err(ShapeError::Elements { elements, of: x }),
    }
    sized("reshape", x, sizes.split_at(target.len()).0)
}

impl Room for Reshape {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let (x, target) = (site.one()?, site.declared()?);
        if x.elements() == target.elements() {
            return Ok(target);
        }
        let elements = target.elements();
        Err(ShapeError::Elements { elements, of: x }.into())
    }

    fn properties(&self) -> Properties {
        Properties::MOVES_VALUES | Properties::SHAPES
    }
}

impl FloatRoom for Reshape {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        Some(site.operand(0)?.to_shape(site.shape()).ok()?.into_owned())
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.keep_scale(IntOp::Reshape(*self))
    }
}

impl IntegerRoom for Reshape {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        site.hull()
    }

    /// One factor for each group of axes with the same product of sizes on both sides. Example: to `[2, 30]` from
    /// `[2, 5, 6]` the groups are 2 = 2 and 30 = 5 * 6.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let factors = reshape_factors(shape, &fact.shape);
        Ok(lowering.circuit().view(name, shape, x, factors))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        Some(site.operand(0)?.to_shape(site.shape()).ok()?.into_owned())
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let values = site.operand(0)?.iter().copied().collect();
        ArrayD::from_shape_vec(site.shape(), values).ok()
    }
}

/// The factors of a row-major reshape from `source` sizes to `view` sizes.
fn reshape_factors(view: &[usize], source: &[usize]) -> Vec<Factor> {
    let mut factors = Vec::new();
    let (mut v, mut s) = (0, 0);
    while v < view.len() || s < source.len() {
        let (view_start, source_start) = (v, s);
        let (mut view_product, mut source_product) = (1, 1);
        if v < view.len() {
            view_product = view[v];
            v += 1;
        }
        if s < source.len() {
            source_product = source[s];
            s += 1;
        }
        while view_product != source_product {
            if view_product < source_product && v < view.len() {
                view_product *= view[v];
                v += 1;
            } else if s < source.len() {
                source_product *= source[s];
                s += 1;
            } else {
                break;
            }
        }
        factors.push(Factor::reshape(view_start..v, view, source_start..s));
    }
    // A last axis of size 1 may have no partner on the other side: such an axis of the view is broadcast, one of the
    // source is fixed.
    for factor in &mut factors {
        if factor.source_axes.is_empty() {
            factor.strides.iter_mut().for_each(|stride| *stride = 0);
        }
    }
    factors
}

#[cfg(test)]
mod tests {
    use super::reshape_factors;

    #[test]
    fn reshape_groups_meet_at_equal_products() {
        let groups = |view: &[usize], source: &[usize]| -> Vec<(usize, usize)> {
            reshape_factors(view, source)
                .iter()
                .map(|f| (f.view_axes.len(), f.source_axes.len()))
                .collect()
        };
        assert_eq!(groups(&[2, 30], &[2, 5, 6]), [(1, 1), (1, 2)]);
        assert_eq!(groups(&[4, 3, 5], &[12, 5]), [(2, 1), (1, 1)]);
        assert_eq!(groups(&[2, 3, 1], &[2, 3]), [(1, 1), (1, 1), (1, 0)]);
        assert_eq!(groups(&[6], &[6, 1, 1]), [(1, 1), (0, 1), (0, 1)]);
    }
}

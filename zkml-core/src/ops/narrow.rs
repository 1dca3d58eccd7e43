//! `torch.narrow`: a range of indices along an axis.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Axis, IxDyn, Slice};
use serde::{Deserialize, Serialize};

use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{CircuitError, ColumnId, Factor};
use crate::graph::{MAX_RANK, OperandError, Resizing, Shape, ShapeError, Site, attempt, resolve, sized};

const NAME: &str = "narrow";

/// Indices `start` to `start + length` (not included) along `axis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrow {
    /// The axis.
    pub axis: usize,
    /// First index.
    pub start: usize,
    /// Number of indices; at least 1.
    pub length: usize,
}

/// `length` indices of `x` from `start` on, along `dim` (negative: from the end): `[2, 5]` along 1 is `[2, length]`.
///
/// # Errors
/// An axis that does not exist; a range that is empty or goes beyond the axis.
pub const fn narrowed(x: Shape, dim: isize, start: usize, length: usize) -> Result<Shape, ShapeError> {
    let axis = attempt!(resolve(NAME, dim, x));
    let size = x.size(axis);
    if length == 0 || length > size || start > size - length {
        return Err(ShapeError::Range {
            operation: NAME,
            start,
            length,
            size,
        });
    }
    let mut sizes = [1; MAX_RANK];
    let mut i = 0;
    while i < x.rank() {
        sizes[i] = if i == axis { length } else { x.size(i) };
        i += 1;
    }
    sized(NAME, x, sizes.split_at(x.rank()).0)
}

impl Room for Narrow {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let axis = isize::try_from(self.axis).unwrap_or(isize::MAX);
        Ok(narrowed(site.one()?, axis, self.start, self.length)?)
    }

    fn properties(&self) -> Properties {
        Properties::SELECTS_VALUES
    }
}

impl FloatRoom for Narrow {
    fn returns_operand(&self, operand: &[usize], shape: &[usize], _inputs: usize) -> bool {
        operand == shape
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        Some(part(site.operand(0)?, self))
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.keep_scale((*self).into())
    }
}

#[cfg(feature = "prover")]
fn part<T: Clone>(x: &ArrayD<T>, narrow: &Narrow) -> ArrayD<T> {
    let range = Slice::from(narrow.start..narrow.start + narrow.length);
    let part = x.slice_axis(Axis(narrow.axis), range);
    part.as_standard_layout().into_owned()
}

impl IntegerRoom for Narrow {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        site.hull()
    }

    fn resize(&mut self, resizing: &Resizing) {
        self.length = resizing.size(self.length);
        if let Ok(start) = u32::try_from(self.start) {
            self.start = resizing.position(start) as usize;
        }
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("dim={}, start={}, length={}", self.axis, self.start, self.length)
    }

    /// A view that begins at `start`; it is 0 on padding.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, _)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let from = |a: usize| if a == self.axis { self.start as i64 } else { 0 };
        let factors = (0..shape.len()).map(|a| Factor::affine(&[(a, 1)], from(a), a));
        Ok(lowering.circuit().view(name, shape, x, factors.collect()))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        Some(part(site.operand(0)?, self))
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let x = site.operand(0)?;
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |mut at| {
            at[self.axis] += self.start;
            x[at]
        }))
    }
}

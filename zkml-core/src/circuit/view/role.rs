//! Decides whether a factor of a view passes coordinates through or needs a sumcheck.

use super::Factor;
use crate::poly::PaddedShape;

/// How a factor acts on points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorRole {
    /// No view axes: the source's coordinates are the bits of a constant.
    Fixed,
    /// No source axes: a scalar, `sum_o eq(z, o)` over the logical range.
    Broadcast,
    /// The bits of the view's index are those of the source's index, so coordinates pass through: `[2, 4]` to `[8]`.
    Bitwise,
    /// The source is an aligned block of the view's axis: a scalar, `eq` of the high coordinates and the block's number;
    /// the low ones pass through. Cells 8 to 11 of `[13]` show a source of `[4]`.
    Block,
    /// The view is an aligned part of the source's axis: the high coordinates of the source are the bits of the part's
    /// number. A view of `[4]` shows cells 8 to 11 of `[13]`.
    Part,
    /// A sumcheck over the source axes.
    General,
}

impl Factor {
    /// How it acts on points, given the shapes and whether the source is forced to 0 on padding.
    pub fn role(&self, view: &PaddedShape, source: &PaddedShape, source_zero_padded: bool) -> FactorRole {
        if self.view_axes.is_empty() {
            return FactorRole::Fixed;
        }
        if self.source_axes.is_empty() {
            return FactorRole::Broadcast;
        }
        let (viewed, total) = (cells(&self.view_axes, view), cells(&self.source_axes, source));
        let bitwise = self.offset == 0
            && total == viewed
            && self.is_row_major(view)
            && has_exact_tail(&self.view_axes, view)
            && has_exact_tail(&self.source_axes, source)
            && (total.is_power_of_two() || source_zero_padded);
        if bitwise {
            FactorRole::Bitwise
        } else if self.block(view, source, source_zero_padded).is_some() {
            FactorRole::Block
        } else if self.part(view, source).is_some() {
            FactorRole::Part
        } else {
            FactorRole::General
        }
    }

    /// The number of the block of the view's axis that shows the source, all of it, and in blocks of its padded size.
    /// Nothing if the source may be other than 0 on padding: the view is 0 outside the source's shape.
    pub(crate) fn block(
        &self,
        view: &PaddedShape,
        source: &PaddedShape,
        source_zero_padded: bool,
    ) -> Option<usize> {
        let [axis, own] = self.along_one_axis()?;
        let (size, bits) = (source.size(own.into()), source.bits(own.into()));
        let start = usize::try_from(self.offset.checked_neg()?).ok()?;
        let inside = start.checked_add(size)? <= view.size(axis.into());
        let aligned = start.trailing_zeros() as usize >= bits;
        (inside && aligned && (size.is_power_of_two() || source_zero_padded)).then_some(start >> bits)
    }

    /// The number of the part of the source's axis that the view shows, in parts of the view's size, a power of two.
    /// Nothing if the part leaves the source.
    pub(crate) fn part(&self, view: &PaddedShape, source: &PaddedShape) -> Option<usize> {
        let [axis, own] = self.along_one_axis()?;
        let (size, bits) = (view.size(axis.into()), view.bits(axis.into()));
        let start = usize::try_from(self.offset).ok()?;
        let inside = start.checked_add(size)? <= source.size(own.into());
        let aligned = start.trailing_zeros() as usize >= bits;
        (inside && aligned && size.is_power_of_two()).then_some(start >> bits)
    }

    /// The axes of view and source, if there is one of each and their indices differ by the offset alone.
    fn along_one_axis(&self) -> Option<[u8; 2]> {
        match (
            self.view_axes.as_slice(),
            self.strides.as_slice(),
            self.source_axes.as_slice(),
        ) {
            (&[axis], [1], &[own]) => Some([axis, own]),
            _ => None,
        }
    }

    /// Are the strides those of the view's axes, flattened row-major?
    fn is_row_major(&self, view: &PaddedShape) -> bool {
        let mut expected = 1i64;
        let axes = self.view_axes.iter().zip(&self.strides).rev();
        axes.map(|(&axis, &stride)| (view.size(axis.into()), stride))
            .all(|(size, stride)| {
                // An axis of size 1 has index 0 alone: its stride does not matter.
                let fits = stride == expected || size == 1;
                expected = expected.saturating_mul(size as i64);
                fits
            })
    }
}

/// Logical cells along the axes.
fn cells(axes: &[u8], shape: &PaddedShape) -> usize {
    axes.iter().map(|&axis| shape.size(axis.into())).product()
}

/// Are all sizes powers of two, except perhaps that of the first axis longer than 1? Then the concatenated bits of the
/// axes are the bits of the flat index: in `[3, 4]`, cell `(2, 1)` has the bits `10` and `01`, and index `0b1001`.
fn has_exact_tail(axes: &[u8], shape: &PaddedShape) -> bool {
    axes.iter()
        .skip_while(|&&axis| shape.size(axis.into()) == 1)
        .skip(1)
        .all(|&axis| shape.size(axis.into()).is_power_of_two())
}

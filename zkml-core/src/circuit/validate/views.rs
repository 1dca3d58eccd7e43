//! Views: each dimension belongs to one factor, and indices stay small.

use super::expect::{expect, expect_permutation};
use crate::circuit::{Circuit, CircuitError, ColumnId, Factor, View};
use crate::poly::PaddedShape;

impl Circuit {
    pub(super) fn validate_view(&self, id: ColumnId, view: &View, place: &str) -> Result<(), CircuitError> {
        let (shape, source) = (&self[id].shape, &self[view.source].shape);
        let of_view: Vec<u8> = view
            .factors
            .iter()
            .flat_map(|factor| factor.view_axes.iter().copied())
            .collect();
        let of_source: Vec<u8> = view
            .factors
            .iter()
            .flat_map(|factor| factor.source_axes.iter().copied())
            .collect();
        expect_permutation(&of_view, shape.rank(), place)?;
        expect_permutation(&of_source, source.rank(), place)?;
        view.factors
            .iter()
            .try_for_each(|factor| validate_factor(factor, shape, source, place))
    }
}

/// A factor by itself: its axes, and the indices it reaches.
fn validate_factor(
    factor: &Factor,
    view: &PaddedShape,
    source: &PaddedShape,
    place: &str,
) -> Result<(), CircuitError> {
    expect(factor.strides.len() == factor.view_axes.len(), place, || {
        (
            format!("{} strides", factor.view_axes.len()),
            factor.strides.len().to_string(),
        )
    })?;
    expect(
        factor.view_axes.is_sorted() && factor.source_axes.windows(2).all(|w| w[0] + 1 == w[1]),
        place,
        || {
            (
                "axes in ascending order, those of the source consecutive".into(),
                format!("{factor:?}"),
            )
        },
    )?;
    let reach = factor
        .view_axes
        .iter()
        .zip(&factor.strides)
        .map(|(&axis, &stride)| stride.unsigned_abs() as u128 * view.size(axis.into()) as u128)
        .sum::<u128>()
        + factor.offset.unsigned_abs() as u128;
    expect(reach < 1 << 62, place, || {
        ("indices below 2^62".into(), reach.to_string())
    })?;
    validate_bound_factor(factor, source, place)
}

/// A broadcast has strides 0, and a fixed index lies inside the source.
fn validate_bound_factor(factor: &Factor, source: &PaddedShape, place: &str) -> Result<(), CircuitError> {
    if factor.source_axes.is_empty() {
        let constant = factor.offset == 0 && factor.strides.iter().all(|&stride| stride == 0);
        expect(constant, place, || {
            ("a broadcast with strides 0".into(), format!("{factor:?}"))
        })?;
    }
    if factor.view_axes.is_empty() {
        let size: usize = factor
            .source_axes
            .iter()
            .map(|&axis| source.size(axis.into()))
            .product();
        let inside = usize::try_from(factor.offset).is_ok_and(|index| index < size);
        expect(inside, place, || {
            (format!("an index below {size}"), factor.offset.to_string())
        })?;
    }
    Ok(())
}

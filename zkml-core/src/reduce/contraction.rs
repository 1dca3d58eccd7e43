//! The end of a contraction's sumcheck: the points of both operands, and the value of `eq` over shared axes.

use super::{Point, coordinates};
use crate::circuit::{Axis, AxisRole, Circuit, ColumnId, Contraction};
use crate::field::K;
use crate::poly::{self, Coordinate};

/// The points of a contraction's operands, once its sumcheck has ended at `challenges`.
pub(super) fn operand_points(
    circuit: &Circuit,
    contraction: &Contraction,
    out: ColumnId,
    z: &[Coordinate],
    challenges: &[K],
) -> [Point; 2] {
    let left_shape = &circuit[contraction.left].shape;
    let mut bound: Vec<(Axis, Vec<Coordinate>)> = Vec::new();
    let mut rest = challenges;
    for axis in contraction.bound() {
        let bits = axis.left.map_or(0, |left| left_shape.bits(left.into()));
        let (own, after) = rest.split_at(bits.min(rest.len()));
        bound.push((
            *axis,
            own.iter()
                .map(|&challenge| Coordinate::Challenge(challenge))
                .collect(),
        ));
        rest = after;
    }
    let point = |operand: ColumnId, of: fn(&Axis) -> Option<u8>| -> Point {
        let shape = &circuit[operand].shape;
        (0..shape.rank())
            .flat_map(|dimension| {
                let here = |axis: &Axis| of(axis).map(usize::from) == Some(dimension);
                if let Some((_, coordinates)) = bound.iter().find(|(axis, _)| here(axis)) {
                    return coordinates.clone();
                }
                let axis = contraction
                    .axes
                    .iter()
                    .find(|axis| here(axis))
                    .and_then(|axis| axis.out);
                axis.map_or(Vec::new(), |axis| {
                    z[circuit[out].shape.variable_range(axis.into())].to_vec()
                })
            })
            .collect()
    };
    [
        point(contraction.left, |axis| axis.left),
        point(contraction.right, |axis| axis.right),
    ]
}

/// `eq(z_h, r_h)` over the shared axes.
pub(super) fn shared_weight(
    circuit: &Circuit,
    contraction: &Contraction,
    out: ColumnId,
    z: &[Coordinate],
    challenges: &[K],
) -> K {
    let left_shape = &circuit[contraction.left].shape;
    let mut weight = K::from(1u64);
    let mut rest = challenges;
    for axis in contraction.bound() {
        let bits = axis.left.map_or(0, |left| left_shape.bits(left.into()));
        let (own, after) = rest.split_at(bits.min(rest.len()));
        rest = after;
        if let (AxisRole::Shared, Some(dimension)) = (axis.role(), axis.out) {
            let claimed = coordinates(&z[circuit[out].shape.variable_range(dimension.into())]);
            weight *= poly::eq_eval(&claimed, own);
        }
    }
    weight
}

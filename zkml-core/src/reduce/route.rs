//! A claim on a view becomes a claim on its source.

use super::{Claims, Instance, Point, Side, coordinates};
use crate::circuit::{Circuit, ColumnId, Factor, FactorRole, Schedule, View};
use crate::field::K;
use crate::poly::{self, Coordinate, PaddedShape};
use crate::transcript::Check;

/// The claim on the source that a claim on a view becomes.
pub(crate) struct Route {
    /// The product of the broadcast factors, and of `eq` of each block's number.
    pub(crate) scalar: K,
    /// Factors that need a sumcheck, in the order of their source axes.
    pub(crate) general: Vec<usize>,
    /// Coordinates of the source's point, variable by variable; `None` where the sumcheck decides.
    pub(crate) source: Vec<Option<Coordinate>>,
}

#[cfg(feature = "prover")]
impl Route {
    /// The source axes that the sumcheck keeps, in the order of the factors.
    pub(crate) fn kept(&self, view: &View) -> Vec<usize> {
        let axes = |&factor: &usize| view.factors[factor].source_axes.iter();
        self.general
            .iter()
            .flat_map(axes)
            .map(|&axis| usize::from(axis))
            .collect()
    }

    /// The source's point; 0 where the sumcheck decides.
    pub(crate) fn known(&self) -> Vec<K> {
        let value = |coordinate: &Option<Coordinate>| coordinate.map_or(K::from(0u64), Coordinate::value);
        self.source.iter().map(value).collect()
    }
}

impl Route {
    pub(crate) fn new(
        circuit: &Circuit,
        schedule: &Schedule,
        column: ColumnId,
        view: &View,
        point: &[Coordinate],
    ) -> Self {
        let (shape, source_shape) = (&circuit[column].shape, &circuit[view.source].shape);
        let zero_padded = schedule.zero_padded[view.source.index()];
        let mut route = Self {
            scalar: K::from(1u64),
            general: Vec::new(),
            source: vec![None; source_shape.variables()],
        };
        for (index, factor) in view.factors.iter().enumerate() {
            let through: Vec<Coordinate> = match factor.role(shape, source_shape, zero_padded) {
                FactorRole::General => {
                    route.general.push(index);
                    continue;
                }
                FactorRole::Broadcast => {
                    let z = coordinates(&Factor::restrict(&factor.view_axes, shape, point));
                    let weights = poly::eq_table(&z);
                    let mut sum = K::from(0u64);
                    factor.for_each_pair(shape, source_shape, |_, o, _| sum += weights[o]);
                    route.scalar *= sum;
                    continue;
                }
                FactorRole::Bitwise => Factor::restrict(&factor.view_axes, shape, point),
                FactorRole::Block => {
                    let z = Factor::restrict(&factor.view_axes, shape, point);
                    let low = factor.source_variables(source_shape).min(z.len());
                    let (high, low) = z.split_at(z.len() - low);
                    let number = factor.block(shape, source_shape, zero_padded).unwrap_or_default();
                    route.scalar *= poly::eq_at_index(&coordinates(high), number);
                    low.to_vec()
                }
                FactorRole::Fixed => fixed_bits(factor, source_shape),
                FactorRole::Part => {
                    let low = Factor::restrict(&factor.view_axes, shape, point);
                    let high = factor.source_variables(source_shape).saturating_sub(low.len());
                    let number = factor.part(shape, source_shape).unwrap_or_default();
                    let bit = |bit: usize| Coordinate::Bit(number >> bit & 1 == 1);
                    (0..high).rev().map(bit).chain(low).collect()
                }
            };
            let variables = factor
                .source_axes
                .iter()
                .flat_map(|&axis| source_shape.variable_range(axis.into()));
            for (variable, coordinate) in variables.zip(through) {
                route.source[variable] = Some(coordinate);
            }
        }
        route
            .general
            .sort_by_key(|&factor| view.factors[factor].source_axes.first().copied());
        route
    }

    /// Variables of the sumcheck.
    pub(super) fn variables(&self, circuit: &Circuit, view: &View) -> usize {
        let source = &circuit[view.source].shape;
        self.general
            .iter()
            .map(|&factor| view.factors[factor].source_variables(source))
            .sum()
    }

    /// The source's point, with the sumcheck's challenges filled in.
    pub(super) fn point(&self, challenges: &[K]) -> Point {
        let mut challenges = challenges.iter();
        self.source
            .iter()
            .map(|coordinate| {
                coordinate
                    .unwrap_or_else(|| Coordinate::Challenge(challenges.next().copied().unwrap_or_default()))
            })
            .collect()
    }
}

/// The bits of a fixed index, axis by axis.
fn fixed_bits(factor: &Factor, source: &PaddedShape) -> Vec<Coordinate> {
    let mut flat = factor.offset as usize;
    let mut bits = Vec::new();
    for &axis in factor.source_axes.iter().rev() {
        let (size, count) = (source.size(axis.into()), source.bits(axis.into()));
        let index = flat % size;
        flat /= size;
        bits.splice(
            0..0,
            (0..count).rev().map(|bit| Coordinate::Bit(index >> bit & 1 == 1)),
        );
    }
    bits
}

/// A claim on a view without general factors becomes a claim on its source, divided by the scalar. Where that is 0 the
/// view is 0 whatever its source is: at a fixed index outside a block, or where a challenge hits one of a few values
/// out of 2^122.
pub(super) fn pass_through<D: Side>(
    side: &mut D,
    circuit: &Circuit,
    claims: &mut Claims<D::Scalar>,
    column: ColumnId,
    view: &View,
    route: Route,
    value: D::Scalar,
) -> Result<(), D::Error> {
    let Some(inverse) = ark_ff::Field::inverse(&route.scalar) else {
        let check = Check {
            name: "reduce.outside",
            place: &circuit[column].name,
        };
        return side.constrain_zero(check, value);
    };
    claims.add(side, circuit, view.source, route.point(&[]), value * inverse)
}

/// `scalar * prod_f G_f(r_f)` at the end of a view's sumcheck.
pub(super) fn view_weight(
    circuit: &Circuit,
    view: &View,
    route: &Route,
    instance: &Instance,
    challenges: &[K],
) -> K {
    let (shape, source) = (&circuit[instance.column].shape, &circuit[view.source].shape);
    let mut rest = challenges;
    route.general.iter().fold(route.scalar, |weight, &index| {
        let factor = &view.factors[index];
        let (own, after) = rest.split_at(factor.source_variables(source).min(rest.len()));
        rest = after;
        let z = coordinates(&Factor::restrict(&factor.view_axes, shape, &instance.point));
        weight * factor.evaluate(shape, source, &z, own)
    })
}

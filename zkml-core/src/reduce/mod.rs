//! From claims on virtual columns to claims on given columns.
//!
//! ```text
//! claim            column(z) = y                                       z random, drawn after the commitment
//! linear           y = constant + sum_k c_k column_k(z)                the terms' values at z
//! view             y = scalar * source(z')                             when the map only renames bits
//!                  y = sum_j source(j) prod_f G_f(j_f)                 otherwise, by sumcheck
//! contraction      y = sum_{h,s} eq(z_h, h) left(z_l, h, s) right(z_r, h, s)
//! ```
//!
//! Prover and verifier take the same walk ([`reduce`]) over the circuit's [`Schedule`]; they differ in how they
//! come by a value ([`Side`]): the prover computes and sends it, the verifier reads it. Every claim that is made
//! on the way is carried on to its own reduction, none is dropped. At the end only committed and parameter
//! columns have claims; these are opened.
//!
//! Messages, per depth: for every linear column (users first) the values `reduce.term` of its terms that are not
//! known yet, except one (the last virtual one, if any), which the equation determines; then one batched sumcheck `reduce.stage`, and
//! for each of its instances `reduce.operand` for each operand that is not public.
//!
//! Checks: `reduce.linear` (a linear column all of whose terms were known), `reduce.duplicate` (two claims on one
//! column at one point), `reduce.public` (a claim on a public column), `reduce.stage` (end of a batched sumcheck).
//!
//! Soundness: a wrong claim on a virtual column stays wrong through an equation, and through a sumcheck except
//! with probability `degree * variables / |K|` and `1 / |K|` for the batching.

#[cfg(feature = "prover")]
mod fold;
#[cfg(feature = "prover")]
mod prover;
#[cfg(feature = "prover")]
mod tables;
#[cfg(feature = "prover")]
mod values;
mod verifier;

#[cfg(feature = "prover")]
pub use prover::ProverSide;
#[cfg(feature = "prover")]
pub use values::{Cells, Values};
pub use verifier::VerifierSide;

use std::sync::Arc;

use crate::circuit::{
    Axis, AxisRole, Circuit, ColumnId, ColumnKind, Contraction, Factor, FactorRole, Schedule, View,
};
use crate::field::K;
use crate::poly;
use crate::poly::Coordinate;
use crate::sumcheck::{Reduced, Shape};
use crate::transcript::{Check, Scalar, VerifyError};

/// A point at which a column is evaluated.
pub type Point = Arc<[Coordinate]>;

/// The values of a point's coordinates.
pub fn coordinates(point: &[Coordinate]) -> Vec<K> {
    point.iter().map(|coordinate| coordinate.value()).collect()
}

/// A point whose coordinates are all challenges.
pub fn challenge_point(challenges: &[K]) -> Point {
    challenges
        .iter()
        .map(|&challenge| Coordinate::Challenge(challenge))
        .collect()
}

/// What stands on one side of the argument: where values come from and what is done with equations.
pub trait Side {
    /// A value of this side.
    type Scalar: Scalar;

    /// The value of a column at a point, sent by the prover.
    fn value(&mut self, column: ColumnId, point: &Point) -> Result<Self::Scalar, VerifyError>;

    /// Runs the batched sumcheck of one depth.
    fn sumcheck(
        &mut self,
        instances: &[Instance],
        claims: &[Self::Scalar],
    ) -> Result<Reduced<Self::Scalar>, VerifyError>;

    /// The value of an operand at the end of the last batched sumcheck, sent by the prover.
    fn operand(&mut self, instance: usize, operand: Operand) -> Result<Self::Scalar, VerifyError>;

    /// The value of a public column.
    fn public(&self, column: ColumnId, point: &[Coordinate]) -> K;

    /// States that `value` is 0.
    fn constrain_zero(&mut self, check: Check<'_>, value: Self::Scalar) -> Result<(), VerifyError>;

    /// States that `linear + sum_k c_k a_k b_k` is 0.
    fn constrain_quadratic(
        &mut self,
        check: Check<'_>,
        products: &[(K, &Self::Scalar, &Self::Scalar)],
        linear: Self::Scalar,
    ) -> Result<(), VerifyError>;
}

/// Which operand of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// The left operand of a contraction, the source of a view.
    Left,
    /// The right operand of a contraction.
    Right,
}

/// One sumcheck instance: a claim on a contraction, or on a view that does more than rename bits.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The virtual column.
    pub column: ColumnId,
    /// Where it is claimed.
    pub point: Point,
    /// Its size.
    pub shape: Shape,
}

/// Claims by column.
#[derive(Debug, Clone)]
pub struct Claims<S> {
    by_column: Vec<Vec<(Point, S)>>,
    count: usize,
}

/// Most claims there may be at once: views of views at different points could otherwise multiply without end.
const MAXIMUM_CLAIMS: usize = 1 << 16;

impl<S: Scalar> Claims<S> {
    /// No claims.
    pub fn new(circuit: &Circuit) -> Self {
        Self {
            by_column: vec![Vec::new(); circuit.columns.len()],
            count: 0,
        }
    }

    /// The claims on a column, in the order they were made.
    pub fn of(&self, column: ColumnId) -> &[(Point, S)] {
        &self.by_column[column.index()]
    }

    fn find(&self, column: ColumnId, point: &Point) -> Option<&S> {
        self.of(column)
            .iter()
            .find(|(at, _)| Arc::ptr_eq(at, point) || at == point)
            .map(|(_, value)| value)
    }

    /// Adds a claim. A claim on a public column is checked at once; so is a second claim at the same point.
    pub fn add<D: Side<Scalar = S>>(
        &mut self,
        side: &mut D,
        circuit: &Circuit,
        column: ColumnId,
        point: Point,
        value: S,
    ) -> Result<(), VerifyError> {
        let place = &circuit[column].name;
        if matches!(circuit[column].kind, ColumnKind::Public(_)) {
            let difference = value - S::from(side.public(column, &point));
            return side.constrain_zero(
                Check {
                    name: "reduce.public",
                    place,
                },
                difference,
            );
        }
        match self.find(column, &point) {
            Some(known) => {
                let difference = value - known;
                side.constrain_zero(
                    Check {
                        name: "reduce.duplicate",
                        place,
                    },
                    difference,
                )
            }
            None => {
                if self.count == MAXIMUM_CLAIMS {
                    return Err(VerifyError::Key(format!(
                        "column `{place}`: more than {MAXIMUM_CLAIMS} claims"
                    )));
                }
                self.count += 1;
                self.by_column[column.index()].push((point, value));
                Ok(())
            }
        }
    }
}

/// Takes every claim on a virtual column down to committed and parameter columns.
pub fn reduce<D: Side>(
    side: &mut D,
    circuit: &Circuit,
    schedule: &Schedule,
    claims: &mut Claims<D::Scalar>,
) -> Result<(), VerifyError> {
    for (depth, stage) in schedule.stages.iter().enumerate() {
        let _span = tracing::debug_span!("reduce depth", depth).entered();
        let mut instances = Vec::new();
        let mut values = Vec::new();
        for &column in stage {
            for (point, value) in claims.of(column).to_vec() {
                let instance = |variables, degree| Instance {
                    column,
                    point: Arc::clone(&point),
                    shape: Shape { variables, degree },
                };
                match &circuit[column].kind {
                    ColumnKind::Linear(_) => split_linear(side, circuit, claims, column, &point, value)?,
                    ColumnKind::View(view) => {
                        let route = Route::new(circuit, schedule, column, view, &point);
                        if route.general.is_empty() {
                            pass_through(side, circuit, claims, column, view, route, value)?;
                        } else {
                            instances.push(instance(route.variables(circuit, view), 2));
                            values.push(value);
                        }
                    }
                    ColumnKind::Contraction(contraction) => {
                        let left = &circuit[contraction.left].shape;
                        instances.push(instance(contraction.variables(left), contraction.degree(left)));
                        values.push(value);
                    }
                    ColumnKind::Committed { .. } | ColumnKind::Parameter { .. } | ColumnKind::Public(_) => {}
                }
            }
        }
        if !instances.is_empty() {
            conclude_stage(side, circuit, schedule, claims, depth, &instances, &values)?;
        }
    }
    Ok(())
}

/// `y = constant + sum c_k column_k(z)`: known terms are used, all other values but one are sent, the last follows.
fn split_linear<D: Side>(
    side: &mut D,
    circuit: &Circuit,
    claims: &mut Claims<D::Scalar>,
    column: ColumnId,
    point: &Point,
    value: D::Scalar,
) -> Result<(), VerifyError> {
    let ColumnKind::Linear(linear) = &circuit[column].kind else {
        return Ok(());
    };
    let mut rest = value - D::Scalar::from(lift(linear.constant));
    let mut unknown = Vec::new();
    for term in &linear.terms {
        if matches!(circuit[term.column].kind, ColumnKind::Public(_)) {
            rest = rest - D::Scalar::from(side.public(term.column, point) * lift(term.coefficient));
        } else if let Some(known) = claims.find(term.column, point) {
            rest = rest - known.clone() * lift(term.coefficient);
        } else {
            unknown.push(term);
        }
    }
    // A virtual term is the one worth not evaluating.
    let is_virtual = |id: ColumnId| {
        !matches!(
            circuit[id].kind,
            ColumnKind::Committed { .. } | ColumnKind::Parameter { .. }
        )
    };
    let last = unknown
        .iter()
        .rposition(|term| is_virtual(term.column))
        .unwrap_or(unknown.len().saturating_sub(1));
    if unknown.is_empty() {
        return side.constrain_zero(
            Check {
                name: "reduce.linear",
                place: &circuit[column].name,
            },
            rest,
        );
    }
    let derived = unknown.remove(last);
    for term in unknown {
        // The same column may stand in two terms: its value is sent once.
        let sent = match claims.find(term.column, point) {
            Some(known) => known.clone(),
            None => {
                let sent = side.value(term.column, point)?;
                claims.add(side, circuit, term.column, Arc::clone(point), sent.clone())?;
                sent
            }
        };
        rest = rest - sent * lift(term.coefficient);
    }
    let Some(inverse) = ark_ff::Field::inverse(&derived.coefficient) else {
        return Err(VerifyError::Key(format!(
            "column `{}` has a term with coefficient 0",
            circuit[column].name
        )));
    };
    claims.add(
        side,
        circuit,
        derived.column,
        Arc::clone(point),
        rest * lift(inverse),
    )
}

fn lift(value: crate::field::M61) -> K {
    K::new(value, crate::field::M61::from(0u64))
}

/// Where a claim on a view goes.
pub(crate) struct Route {
    /// The product of the broadcast factors.
    pub(crate) scalar: K,
    /// Factors that need a sumcheck, in the order of their source axes.
    pub(crate) general: Vec<usize>,
    /// Coordinates of the source's point, variable by variable; `None` where the sumcheck decides.
    pub(crate) source: Vec<Option<Coordinate>>,
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
                FactorRole::Fixed => fixed_bits(factor, source_shape),
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
    fn variables(&self, circuit: &Circuit, view: &View) -> usize {
        let source = &circuit[view.source].shape;
        self.general
            .iter()
            .map(|&factor| view.factors[factor].source_variables(source))
            .sum()
    }

    /// The source's point, with the sumcheck's challenges filled in.
    fn point(&self, challenges: &[K]) -> Point {
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
fn fixed_bits(factor: &Factor, source: &crate::poly::PaddedShape) -> Vec<Coordinate> {
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

fn pass_through<D: Side>(
    side: &mut D,
    circuit: &Circuit,
    claims: &mut Claims<D::Scalar>,
    column: ColumnId,
    view: &View,
    route: Route,
    value: D::Scalar,
) -> Result<(), VerifyError> {
    // Zero only if a challenge hits one of a few values out of 2^122.
    let inverse = ark_ff::Field::inverse(&route.scalar).ok_or_else(|| {
        Check {
            name: "reduce.broadcast",
            place: &circuit[column].name,
        }
        .failed()
    })?;
    claims.add(side, circuit, view.source, route.point(&[]), value * inverse)
}

/// The points of a contraction's operands, once its sumcheck has ended at `challenges`.
fn operand_points(
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
fn shared_weight(
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

/// An operand's value: evaluated by both where public, sent and claimed otherwise.
enum OperandValue<S> {
    Public(K),
    Claimed(S),
}

fn conclude_stage<D: Side>(
    side: &mut D,
    circuit: &Circuit,
    schedule: &Schedule,
    claims: &mut Claims<D::Scalar>,
    depth: usize,
    instances: &[Instance],
    values: &[D::Scalar],
) -> Result<(), VerifyError> {
    let reduced = side.sumcheck(instances, values)?;
    let mut linear = -reduced.value.clone();
    let mut products: Vec<(K, D::Scalar, D::Scalar)> = Vec::new();
    let mut new_claims: Vec<(ColumnId, Point, D::Scalar)> = Vec::new();
    for (index, (instance, &coefficient)) in instances.iter().zip(&reduced.coefficients).enumerate() {
        let challenges = &reduced.point[reduced.point.len() - instance.shape.variables..];
        let mut operand = |side: &mut D, which, column: ColumnId, point: Point| {
            if matches!(circuit[column].kind, ColumnKind::Public(_)) {
                return Ok(OperandValue::Public(side.public(column, &point)));
            }
            // Instances of one stage often end at the same point of the same column: its value is sent once.
            let sent = new_claims
                .iter()
                .find(|(known, at, _)| *known == column && *at == point);
            if let Some((_, _, value)) = sent {
                return Ok(OperandValue::Claimed(value.clone()));
            }
            let value = side.operand(index, which)?;
            new_claims.push((column, point, value.clone()));
            Ok::<_, VerifyError>(OperandValue::Claimed(value))
        };
        match &circuit[instance.column].kind {
            ColumnKind::View(view) => {
                let route = Route::new(circuit, schedule, instance.column, view, &instance.point);
                let weight = view_weight(circuit, view, &route, instance, challenges) * coefficient;
                match operand(side, Operand::Left, view.source, route.point(challenges))? {
                    OperandValue::Public(value) => linear = linear + D::Scalar::from(value * weight),
                    OperandValue::Claimed(value) => linear = linear + value * weight,
                }
            }
            ColumnKind::Contraction(contraction) => {
                let z = &instance.point;
                let weight =
                    shared_weight(circuit, contraction, instance.column, z, challenges) * coefficient;
                let [left_point, right_point] =
                    operand_points(circuit, contraction, instance.column, z, challenges);
                let left = operand(side, Operand::Left, contraction.left, left_point)?;
                let right = operand(side, Operand::Right, contraction.right, right_point)?;
                use OperandValue::{Claimed, Public};
                match (left, right) {
                    (Public(left), Public(right)) => linear = linear + D::Scalar::from(left * right * weight),
                    (Public(public), Claimed(value)) | (Claimed(value), Public(public)) => {
                        linear = linear + value * (public * weight);
                    }
                    (Claimed(left), Claimed(right)) => products.push((weight, left, right)),
                }
            }
            _ => return Err(VerifyError::Key("a given column cannot be reduced".into())),
        }
    }
    let borrowed: Vec<_> = products
        .iter()
        .map(|(weight, left, right)| (*weight, left, right))
        .collect();
    let place = format!("depth {depth}");
    side.constrain_quadratic(
        Check {
            name: "reduce.stage",
            place: &place,
        },
        &borrowed,
        linear,
    )?;
    for (column, point, value) in new_claims {
        claims.add(side, circuit, column, point, value)?;
    }
    Ok(())
}

/// `scalar * prod_f G_f(r_f)` at the end of a view's sumcheck.
fn view_weight(circuit: &Circuit, view: &View, route: &Route, instance: &Instance, challenges: &[K]) -> K {
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

#[cfg(test)]
#[cfg(feature = "prover")]
mod tests;

//! The batched sumcheck of one depth, and the claims it ends in.

use super::claims::Value;
use super::contraction::{operand_points, shared_weight};
use super::route::{Route, view_weight};
use super::{Claims, Instance, Operand, Side};
use crate::circuit::{Circuit, ColumnKind, Schedule};
use crate::field::K;
use crate::transcript::{Check, Quadratic, Scalar, VerifyError};

/// The last equation of a stage, `linear + sum_k c_k a_k b_k = 0`.
struct Ending<S> {
    linear: S,
    products: Vec<(K, S, S)>,
}

/// Runs the sumcheck over `instances` with their claimed `values`, and adds the claims it ends in.
pub(super) fn conclude_stage<D: Side>(
    side: &mut D,
    circuit: &Circuit,
    schedule: &Schedule,
    claims: &mut Claims<D::Scalar>,
    depth: usize,
    instances: &[Instance],
    values: &[D::Scalar],
) -> Result<(), D::Error> {
    let reduced = side.sumcheck(instances, values)?;
    let mut ending = Ending {
        linear: -reduced.value.clone(),
        products: Vec::new(),
    };
    for (index, (instance, &coefficient)) in instances.iter().zip(&reduced.coefficients).enumerate() {
        let challenges = &reduced.point[reduced.point.len() - instance.shape.variables..];
        match &circuit[instance.column].kind {
            ColumnKind::View(view) => {
                let route = Route::new(circuit, schedule, instance.column, view, &instance.point);
                let weight = view_weight(circuit, view, &route, instance, challenges) * coefficient;
                let source = claims.value(side, circuit, view.source, &route.point(challenges), |side| {
                    side.operand(index, Operand::Left)
                })?;
                ending.add(source.scalar() * weight);
            }
            ColumnKind::Contraction(contraction) => {
                let z = &instance.point;
                let weight =
                    shared_weight(circuit, contraction, instance.column, z, challenges) * coefficient;
                let [left, right] = operand_points(circuit, contraction, instance.column, z, challenges);
                let left = claims.value(side, circuit, contraction.left, &left, |side| {
                    side.operand(index, Operand::Left)
                })?;
                let right = claims.value(side, circuit, contraction.right, &right, |side| {
                    side.operand(index, Operand::Right)
                })?;
                ending.add_product(weight, left, right);
            }
            _ => {
                let column = &circuit[instance.column].name;
                let what = format!("column `{column}` is given and cannot be reduced");
                return Err(VerifyError::Invariant { what }.into());
            }
        }
    }
    ending.state(side, depth)
}

impl<S: Scalar> Ending<S> {
    fn add(&mut self, value: S) {
        self.linear = self.linear.clone() + value;
    }

    fn add_product(&mut self, weight: K, left: Value<S>, right: Value<S>) {
        match (left, right) {
            (Value::Claimed(left), Value::Claimed(right)) => self.products.push((weight, left, right)),
            (Value::Public(public), other) | (other, Value::Public(public)) => {
                self.add(other.scalar() * (public * weight));
            }
        }
    }

    /// States the equation.
    fn state<D: Side<Scalar = S>>(&self, side: &mut D, depth: usize) -> Result<(), D::Error> {
        let products = self.products.iter();
        let borrowed: Vec<_> = products
            .map(|(weight, left, right)| (*weight, left, right))
            .collect();
        let place = format!("depth {depth}");
        let check = Check {
            name: "reduce.stage",
            place: &place,
        };
        let sum = Quadratic {
            linear: self.linear.clone(),
            products: &borrowed,
        };
        side.constrain_quadratic(check, sum)
    }
}

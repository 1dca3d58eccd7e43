//! The batched sumcheck of one depth, and the claims it ends in.

use super::contraction::{operand_points, shared_weight};
use super::route::{Route, view_weight};
use super::{Claims, Instance, Operand, Point, Side};
use crate::circuit::{Circuit, ColumnId, ColumnKind, Contraction, Schedule};
use crate::field::K;
use crate::transcript::{Check, Quadratic, VerifyError};

/// The value of an operand: both sides evaluate a public column; any other value is sent and becomes a claim.
enum OperandValue<S> {
    Public(K),
    Claimed(S),
}

/// The last equation of a stage, `linear + sum_k c_k a_k b_k = 0`, and the claims on its operands.
struct Ending<'a, D: Side> {
    circuit: &'a Circuit,
    linear: D::Scalar,
    products: Vec<(K, D::Scalar, D::Scalar)>,
    claims: Vec<(ColumnId, Point, D::Scalar)>,
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
        circuit,
        linear: -reduced.value.clone(),
        products: Vec::new(),
        claims: Vec::new(),
    };
    for (index, (instance, &coefficient)) in instances.iter().zip(&reduced.coefficients).enumerate() {
        let challenges = &reduced.point[reduced.point.len() - instance.shape.variables..];
        match &circuit[instance.column].kind {
            ColumnKind::View(view) => {
                let route = Route::new(circuit, schedule, instance.column, view, &instance.point);
                let weight = view_weight(circuit, view, &route, instance, challenges) * coefficient;
                let source = (view.source, route.point(challenges));
                ending.add_view(side, index, source, weight)?;
            }
            ColumnKind::Contraction(contraction) => {
                let z = &instance.point;
                let weight =
                    shared_weight(circuit, contraction, instance.column, z, challenges) * coefficient;
                let points = operand_points(circuit, contraction, instance.column, z, challenges);
                ending.add_contraction(side, index, contraction, points, weight)?;
            }
            _ => {
                let column = &circuit[instance.column].name;
                let what = format!("column `{column}` is given and cannot be reduced");
                return Err(VerifyError::Invariant { what }.into());
            }
        }
    }
    ending.state(side, depth)?;
    for (column, point, value) in ending.claims {
        claims.add(side, circuit, column, point, value)?;
    }
    Ok(())
}

impl<D: Side> Ending<'_, D> {
    /// The value of an operand of an instance.
    fn operand(
        &mut self,
        side: &mut D,
        instance: usize,
        which: Operand,
        (column, point): (ColumnId, Point),
    ) -> Result<OperandValue<D::Scalar>, D::Error> {
        if matches!(self.circuit[column].kind, ColumnKind::Public(_)) {
            return Ok(OperandValue::Public(side.public(column, &point)?));
        }
        // Instances of one stage often end at the same point of the same column: its value is sent once.
        let sent = self
            .claims
            .iter()
            .find(|(known, at, _)| *known == column && *at == point);
        if let Some((_, _, value)) = sent {
            return Ok(OperandValue::Claimed(value.clone()));
        }
        let value = side.operand(instance, which)?;
        self.claims.push((column, point, value.clone()));
        Ok(OperandValue::Claimed(value))
    }

    fn add(&mut self, value: D::Scalar) {
        self.linear = self.linear.clone() + value;
    }

    fn add_view(
        &mut self,
        side: &mut D,
        instance: usize,
        source: (ColumnId, Point),
        weight: K,
    ) -> Result<(), D::Error> {
        match self.operand(side, instance, Operand::Left, source)? {
            OperandValue::Public(value) => self.add(D::Scalar::from(value * weight)),
            OperandValue::Claimed(value) => self.add(value * weight),
        }
        Ok(())
    }

    fn add_contraction(
        &mut self,
        side: &mut D,
        instance: usize,
        contraction: &Contraction,
        [left_point, right_point]: [Point; 2],
        weight: K,
    ) -> Result<(), D::Error> {
        use OperandValue::{Claimed, Public};
        let left = self.operand(side, instance, Operand::Left, (contraction.left, left_point))?;
        let right = self.operand(side, instance, Operand::Right, (contraction.right, right_point))?;
        match (left, right) {
            (Public(left), Public(right)) => self.add(D::Scalar::from(left * right * weight)),
            (Public(public), Claimed(value)) | (Claimed(value), Public(public)) => {
                self.add(value * (public * weight));
            }
            (Claimed(left), Claimed(right)) => self.products.push((weight, left, right)),
        }
        Ok(())
    }

    /// States the equation.
    fn state(&self, side: &mut D, depth: usize) -> Result<(), D::Error> {
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

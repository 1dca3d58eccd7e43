//! Arithmetic on tensors, parameters and numbers, as PyTorch has it: `x * self.gain + 1.0`.
//!
//! Operands of different shapes are [broadcast](crate::ops::broadcast). Multiplication by a positive number changes
//! only the scale of the integers: the integer network has no operation for it.

use core::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::trace::{Origin, record};
use super::{Parameter, Tensor};
use crate::graph::{Operator, Shape, ShapeError};
use crate::ops::{self, FloatOp};

/// `x`, repeated to `shape`.
fn expand(x: Tensor, shape: Shape) -> Tensor {
    if x.shape.same(&shape) {
        return x;
    }
    record(Origin::Function("expand"), &[x], Ok(shape), |_| ops::Expand)
}

/// An operation on two operands, element by element, whose node is called `name`.
fn elementwise<O: Into<FloatOp>>(
    (operator, name): (Operator, &'static str),
    left: Tensor,
    right: Tensor,
    op: impl FnOnce(Tensor, Tensor) -> (O, [Tensor; 2]),
) -> Tensor {
    match ops::broadcast(operator, left.shape, right.shape) {
        Ok(shape) => {
            let (op, operands) = op(expand(left, shape), expand(right, shape));
            record(Origin::Function(name), &operands, Ok(shape), |_| op)
        }
        Err(error) => record(Origin::Function(name), &[left, right], Err(error), |_| ops::Add),
    }
}

/// A tensor of shape `[]` whose cell is the number.
fn constant(number: f64) -> Tensor {
    let value = number as f32;
    let shape = match (value.is_finite(), Shape::new(&[])) {
        (true, Some(shape)) => Ok(shape),
        _ => Err(ShapeError::Number {
            operation: "constant",
        }),
    };
    record(Origin::Function("constant"), &[], shape, |_| ops::Constant {
        values: vec![value],
    })
}

fn added(left: Tensor, right: Tensor) -> Tensor {
    elementwise((Operator::Add, "add"), left, right, |left, right| {
        (ops::Add, [left, right])
    })
}

fn subtracted(left: Tensor, right: Tensor) -> Tensor {
    elementwise((Operator::Sub, "sub"), left, right, |left, right| {
        (ops::Add, [left, negated(right)])
    })
}

fn multiplied(left: Tensor, right: Tensor) -> Tensor {
    elementwise((Operator::Mul, "mul"), left, right, |left, right| {
        (ops::Mul, [left, right])
    })
}

fn negated(x: Tensor) -> Tensor {
    record(Origin::Function("neg"), &[x], Ok(x.shape), |_| ops::Neg)
}

/// The product of `x` and a number.
fn scaled(x: Tensor, number: f64) -> Tensor {
    let factor = (number as f32).abs();
    if factor == 0.0 || !factor.is_finite() {
        // All zeros; or the number is not finite, which `constant` reports.
        return multiplied(x, constant(number));
    }
    let x = if number < 0.0 { negated(x) } else { x };
    if factor == 1.0 {
        return x;
    }
    record(Origin::Function("mul"), &[x], Ok(x.shape), |_| ops::Scale {
        factor,
    })
}

/// An operator on two operands, of which one may be a number.
macro_rules! operator {
    ($trait:ident::$method:ident, |$a:ident: $left:ty, $b:ident: $right:ty| $result:expr) => {
        impl $trait<$right> for $left {
            type Output = Tensor;
            fn $method(self, $b: $right) -> Tensor {
                let $a = self;
                $result
            }
        }
    };
}

macro_rules! operators {
    ($($left:ty, $right:ty);* $(;)?) => {$(
        operator!(Add::add, |a: $left, b: $right| added(a.into(), b.into()));
        operator!(Sub::sub, |a: $left, b: $right| subtracted(a.into(), b.into()));
        operator!(Mul::mul, |a: $left, b: $right| multiplied(a.into(), b.into()));
    )*};
}

operators! {
    Tensor, Tensor;
    Tensor, Parameter;
    Parameter, Tensor;
    Parameter, Parameter;
}

macro_rules! numbers {
    ($($tensor:ty),*) => {$(
        operator!(Add::add, |x: $tensor, number: f64| added(x.into(), constant(number)));
        operator!(Add::add, |number: f64, x: $tensor| added(constant(number), x.into()));
        operator!(Sub::sub, |x: $tensor, number: f64| added(x.into(), constant(-number)));
        operator!(Sub::sub, |number: f64, x: $tensor| subtracted(constant(number), x.into()));
        operator!(Mul::mul, |x: $tensor, number: f64| scaled(x.into(), number));
        operator!(Mul::mul, |number: f64, x: $tensor| scaled(x.into(), number));
        operator!(Div::div, |x: $tensor, number: f64| scaled(x.into(), number.recip()));
        impl Neg for $tensor {
            type Output = Tensor;
            fn neg(self) -> Tensor {
                negated(self.into())
            }
        }
    )*};
}

numbers!(Tensor, Parameter);

macro_rules! assigning {
    ($($trait:ident, $method:ident, $operator:tt, $right:ty);* $(;)?) => {$(
        impl $trait<$right> for Tensor {
            fn $method(&mut self, right: $right) {
                *self = *self $operator right;
            }
        }
    )*};
}

assigning! {
    AddAssign, add_assign, +, Tensor;
    AddAssign, add_assign, +, Parameter;
    AddAssign, add_assign, +, f64;
    SubAssign, sub_assign, -, Tensor;
    SubAssign, sub_assign, -, Parameter;
    SubAssign, sub_assign, -, f64;
    MulAssign, mul_assign, *, Tensor;
    MulAssign, mul_assign, *, Parameter;
    MulAssign, mul_assign, *, f64;
    DivAssign, div_assign, /, f64;
}

//! Entries whose function value is rational: rounded exactly, without an enclosure.

use num_bigint::BigInt;

use super::enclose::{Bounds, round};
use super::integer::{Integer, Wide};
use super::{CurveKind, decide};
use crate::circuit::table::Dyadic;

/// The entry, if the value is rational.
pub(super) fn value(kind: CurveKind, x: Wide, output: Dyadic, limits: (i64, i64)) -> Option<i64> {
    let rational = rational(kind, x)?;
    let ends = evaluated::<i128>(rational)
        .and_then(|bounds| round(&bounds, output))
        .or_else(|| round(&evaluated::<BigInt>(rational)?, output))?;
    decide(ends, limits)
}

/// The forms of rational values.
#[derive(Clone, Copy)]
enum Rational {
    /// The number itself.
    Number(Wide),
    /// `(x + 3) / 6`
    Ramp(Wide),
    /// `x (x + 3) / 6`
    Swish(Wide),
}

fn rational(kind: CurveKind, x: Wide) -> Option<Rational> {
    let number = |mantissa, exponent| Some(Rational::Number(Wide { mantissa, exponent }));
    let zero = number(0, 0);
    match kind {
        CurveKind::Sigmoid if x.mantissa == 0 => number(1, -1),
        CurveKind::Exp if x.mantissa == 0 => number(1, 0),
        CurveKind::Tanh | CurveKind::Gelu | CurveKind::GeluTanh | CurveKind::Silu if x.mantissa == 0 => zero,
        CurveKind::Sigmoid
        | CurveKind::Exp
        | CurveKind::Tanh
        | CurveKind::Gelu
        | CurveKind::GeluTanh
        | CurveKind::Silu => None,
        CurveKind::LeakyRelu { slope } if x.mantissa < 0 => Some(Rational::Number(x.times(slope))),
        CurveKind::LeakyRelu { .. } => Some(Rational::Number(x)),
        CurveKind::Elu { alpha } if x.mantissa < 0 => zero.filter(|_| alpha == Dyadic::ZERO),
        CurveKind::Elu { .. } => Some(Rational::Number(x)),
        CurveKind::Softplus { beta, threshold } => {
            x.times(beta).above(threshold).then_some(Rational::Number(x))
        }
        CurveKind::Abs => Some(Rational::Number(x.abs())),
        CurveKind::Hardsigmoid | CurveKind::Hardswish if !x.abs().exceeds(3) => Some(match kind {
            CurveKind::Hardswish => Rational::Swish(x),
            _ => Rational::Ramp(x),
        }),
        CurveKind::Hardsigmoid | CurveKind::Hardswish if x.mantissa < 0 => zero,
        CurveKind::Hardsigmoid => number(1, 0),
        CurveKind::Hardswish => Some(Rational::Number(x)),
    }
}

fn evaluated<T: Integer>(rational: Rational) -> Option<Bounds<T>> {
    let (value, exponent, divisor) = match rational {
        Rational::Number(x) => (T::from(x.mantissa), x.exponent, 1),
        Rational::Ramp(x) => {
            let (sum, exponent) = plus_three::<T>(x)?;
            (sum, exponent, 6)
        }
        Rational::Swish(x) => {
            let (sum, exponent) = plus_three::<T>(x)?;
            (sum.times(&T::from(x.mantissa))?, exponent + x.exponent, 6)
        }
    };
    Some(Bounds {
        low: value.clone(),
        high: value,
        exponent,
        divisor: T::from(divisor),
        exact: true,
    })
}

/// `x + 3`, and the exponent of its unit.
fn plus_three<T: Integer>(x: Wide) -> Option<(T, i32)> {
    let unit = x.exponent.min(0);
    let x = T::from(x.mantissa).up((x.exponent - unit).unsigned_abs())?;
    let three = T::from(3).up(unit.unsigned_abs())?;
    Some((x.plus(&three)?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps with mantissas of all bits, so that intermediate numbers are as long as they become.
    #[test]
    fn machine_words_and_long_integers_agree() {
        let slope = Dyadic::new((1 << 53) - 3, -54).unwrap();
        let kinds = [
            CurveKind::Hardswish,
            CurveKind::Hardsigmoid,
            CurveKind::LeakyRelu { slope },
            CurveKind::Abs,
        ];
        let mut decided = [0; 4];
        for (kind, decided) in kinds.into_iter().zip(&mut decided) {
            for exponent in -130i16..8 {
                let input = Dyadic::new((1 << 53) - 1, exponent).unwrap();
                for (mantissa, power) in [(1, -5), (1, -40), ((1 << 53) - 1, -58), (3, 20)] {
                    let output = Dyadic::new(mantissa, power).unwrap();
                    for v in (-1i64 << 12..1 << 12).step_by(37).chain(-8..8) {
                        let Some(form) = rational(kind, Wide::scaled(v, input)) else {
                            continue;
                        };
                        let words = evaluated::<i128>(form).and_then(|bounds| round(&bounds, output));
                        let long = evaluated::<BigInt>(form).and_then(|bounds| round(&bounds, output));
                        let limits = (-(1 << 58), 1 << 58);
                        if let Some(words) = words {
                            let entries = (decide(words, limits), decide(long.unwrap(), limits));
                            assert_eq!(
                                entries.0, entries.1,
                                "{kind} of {v} * {input} in steps of {output}"
                            );
                            *decided += 1;
                        }
                    }
                }
            }
        }
        assert!(decided.iter().all(|count| *count > 10_000), "{decided:?}");
    }
}

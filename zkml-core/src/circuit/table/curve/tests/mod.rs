//! Curves against mpmath, and the fast computation against the slow one.

mod kernels;

use serde::Deserialize;

use super::slow::Big;
use super::*;
use crate::circuit::table::{Function, FunctionTable, custom};

pub(super) fn number(value: f64) -> Dyadic {
    Dyadic::from_f64(value).unwrap()
}

/// Every function, with usual parameters.
pub(super) fn kinds() -> Vec<CurveKind> {
    vec![
        CurveKind::Sigmoid,
        CurveKind::Tanh,
        CurveKind::Gelu,
        CurveKind::GeluTanh,
        CurveKind::Silu,
        CurveKind::LeakyRelu { slope: number(0.01) },
        CurveKind::Elu { alpha: number(1.5) },
        CurveKind::Hardswish,
        CurveKind::Hardsigmoid,
        CurveKind::Softplus {
            beta: number(1.25),
            threshold: number(20.0),
        },
        CurveKind::Abs,
        CurveKind::Exp,
    ]
}

#[derive(Deserialize)]
struct Case {
    kind: String,
    parameters: std::collections::BTreeMap<String, (i64, i16)>,
    input: (i64, i16),
    output: (i64, i16),
    domain_bits: u32,
    minimum: i64,
    maximum: i64,
    digest: String,
    samples: Vec<i64>,
}

impl Case {
    fn kind(&self) -> CurveKind {
        let parameter = |name: &str| {
            let (mantissa, exponent) = self.parameters[name];
            Dyadic::new(mantissa, exponent).unwrap()
        };
        match self.kind.as_str() {
            "Sigmoid" => CurveKind::Sigmoid,
            "Tanh" => CurveKind::Tanh,
            "Gelu" => CurveKind::Gelu,
            "GeluTanh" => CurveKind::GeluTanh,
            "Silu" => CurveKind::Silu,
            "LeakyRelu" => CurveKind::LeakyRelu {
                slope: parameter("slope"),
            },
            "Elu" => CurveKind::Elu {
                alpha: parameter("alpha"),
            },
            "Hardswish" => CurveKind::Hardswish,
            "Hardsigmoid" => CurveKind::Hardsigmoid,
            "Softplus" => CurveKind::Softplus {
                beta: parameter("beta"),
                threshold: parameter("threshold"),
            },
            "Abs" => CurveKind::Abs,
            "Exp" => CurveKind::Exp,
            other => panic!("no function {other}"),
        }
    }

    fn curve(&self) -> Curve {
        let step = |(mantissa, exponent)| Dyadic::new(mantissa, exponent).unwrap();
        Curve::new(self.kind(), step(self.input), step(self.output)).unwrap()
    }
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

/// The fixture pins tables of every function with domains of 2^8 to 2^11 values; `scripts/reference_functions.py` made
/// it.
#[test]
fn every_entry_is_that_of_mpmath() {
    let cases = cases();
    for kind in kinds() {
        let name = format!("{kind:?}");
        let named = |case: &&Case| name.starts_with(&case.kind) && case.domain_bits == 10;
        assert!(cases.iter().any(|case| named(&case)), "{name}");
    }
    for case in cases {
        let curve = case.curve();
        let entries = curve
            .table(case.domain_bits, (case.minimum, case.maximum))
            .unwrap();
        let every = (entries.entries.len() / 8).max(1);
        let samples: Vec<i64> = entries.entries.iter().step_by(every).copied().collect();
        assert_eq!(samples, case.samples, "{curve}");
        let digest: String = custom::digest(&entries.entries)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(digest, case.digest, "{curve}");
        assert_eq!(entries.slow, 0, "{curve}");
    }
}

/// Entries on 2^17 values, in the order of [`kinds`]: they may never change. That of Hardswish, whose products fill 126
/// bits here, is the digest of entries computed with exact fractions in Python.
#[test]
fn digests_of_large_tables() {
    let digests = [
        "069d00c56ce0a6cb",
        "d39532c486c8cb38",
        "5208db0c70f53113",
        "3e803f5b683bb10a",
        "25616fc97c1a2720",
        "54c13532ab9e21f8",
        "8554c2c4bcc2118d",
        "1b188c8736d80a9f",
        "92008b2b67f58f07",
        "e63e2b6b37ae11a3",
        "7e2d1804e69fa5f4",
        "bf8d1db1290b0939",
    ];
    for (kind, expected) in kinds().into_iter().zip(digests) {
        let curve = Curve::new(kind, number(0.000244), number(0.000781)).unwrap();
        let table = curve.table(16, (-(1 << 20), 1 << 20)).unwrap();
        assert_eq!(table.slow, 0, "{curve}");
        let digest = custom::digest(&table.entries);
        let start: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(start, expected, "{curve}");
    }
}

fn slow_entry(curve: &Curve, v: i64, limits: (i64, i64), kernel: &Big) -> Option<i64> {
    let x = Wide::scaled(v, curve.input);
    let bounds = enclose(curve.kind, x, kernel)?;
    decide(round(&bounds, curve.output)?, limits)
}

#[test]
fn fast_entries_are_the_slow_ones() {
    let kernel = Big::new(320);
    let limits = (-(1 << 40), 1 << 40);
    let mut compared = 0;
    for (input, output) in [(number(0.0117), number(0.0003)), (number(0.25), number(0.5))] {
        for kind in kinds() {
            let curve = Curve::new(kind, input, output).unwrap();
            for v in -1024..1024 {
                // Rational values are in the fixture.
                if exact::value(kind, Wide::scaled(v, input), output, limits).is_none() {
                    let entry = slow_entry(&curve, v, limits, &kernel).unwrap();
                    assert_eq!(curve.entry(v, limits), Ok(entry), "{curve} at {v}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 2 * 2048 * 7, "{compared}");
}

#[test]
fn softplus_above_its_threshold_is_the_identity() {
    let limits = (-(1 << 40), 1 << 40);
    let kind = CurveKind::Softplus {
        beta: Dyadic::ONE,
        threshold: number(30.0),
    };
    let curve = Curve::new(kind, number(0.5), number(0.125)).unwrap();
    for v in 61..512 {
        assert_eq!(curve.entry(v, limits), Ok(4 * v));
        // ln(1 + e^x) would round to x as well.
        let bounds = enclose(kind, Wide::scaled(v, curve.input), &Fast).unwrap();
        assert_eq!(round(&bounds, curve.output), Some((4 * v, 4 * v)));
    }
}

#[test]
fn ties_go_up() {
    let half = number(0.5);
    let abs = Curve::new(CurveKind::Abs, half, Dyadic::ONE).unwrap();
    assert_eq!(abs.entry(3, (-9, 9)), Ok(2));
    let leaky = CurveKind::LeakyRelu { slope: Dyadic::ONE };
    let leaky = Curve::new(leaky, half, Dyadic::ONE).unwrap();
    assert_eq!(
        (leaky.entry(-3, (-9, 9)), leaky.entry(3, (-9, 9))),
        (Ok(-1), Ok(2))
    );
    // sigmoid(0) = 1/2; a little more stays there, a little less goes down.
    let tiny = Dyadic::new(1, -100).unwrap();
    let sigmoid = Curve::new(CurveKind::Sigmoid, tiny, Dyadic::ONE).unwrap();
    let entries = [-1, 0, 1].map(|v| sigmoid.entry(v, (-9, 9)));
    assert_eq!(entries, [Ok(0), Ok(1), Ok(1)]);
    // Limits that are never reached: 1 / 2 rounds down when it is less, however little.
    let two = Curve::new(CurveKind::Sigmoid, Dyadic::ONE, number(2.0)).unwrap();
    assert_eq!(two.entry(500_000, (-9, 9)), Ok(0));
    let gelu = Curve::new(CurveKind::Gelu, Dyadic::ONE, number(2.0)).unwrap();
    assert_eq!(gelu.entry(9_001, (-9_999, 9_999)), Ok(4_500));
    let silu = Curve::new(CurveKind::Silu, Dyadic::ONE, number(2.0)).unwrap();
    assert_eq!(silu.entry(9_001, (-9_999, 9_999)), Ok(4_500));
}

/// A step so small that every entry is next to a tie: refused, and soon.
#[test]
fn tables_of_near_ties_are_refused() {
    let tiny = Dyadic::new(1, -160).unwrap();
    for (kind, output) in [
        (CurveKind::Tanh, Dyadic::new(1, -159).unwrap()),
        (CurveKind::Exp, number(2.0)),
    ] {
        let curve = Curve::new(kind, tiny, output).unwrap();
        let outcome = curve.table(19, (-(1 << 59), 1 << 59)).map(drop);
        let function = curve.to_string();
        let limit = SLOW_ENTRIES;
        assert_eq!(outcome, Err(TableError::Ties { function, limit }));
        // One entry is no trouble.
        let slow = &mut Slow::default();
        assert!(curve.entry_with(3, (-9, 9), slow).is_ok());
    }
}

/// Whatever the parameters: no panic, and what is computed is right.
#[test]
fn parameters_over_all_their_bounds() {
    let kernel = Big::new(1280);
    let mut state = 0x1234_5678_9abc_def1u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..600 {
        let mut step = |positive: bool| {
            let mantissa = (random() >> (11 + random() % 53)) as i64 | 1;
            let sign = if positive || random() % 2 == 0 { 1 } else { -1 };
            // Half of the exponents are absurd, half are usual.
            let exponent = match random() % 2 {
                0 => (random() % 225) as i16 - 160,
                _ => (random() % 24) as i16 - 64 + mantissa.leading_zeros() as i16 - 11,
            };
            Dyadic::new(sign * mantissa, exponent.clamp(-160, 64)).unwrap()
        };
        let (input, output) = (step(true), step(true));
        let kind = match kinds()[round % 12] {
            CurveKind::LeakyRelu { .. } => CurveKind::LeakyRelu { slope: step(false) },
            CurveKind::Elu { .. } => CurveKind::Elu { alpha: step(false) },
            CurveKind::Softplus { .. } => CurveKind::Softplus {
                beta: step(true),
                threshold: step(false),
            },
            kind => kind,
        };
        let curve = Curve::new(kind, input, output).unwrap();
        let limits = (-(1 << 59), 1 << 59);
        for v in [-(1 << 19), -(1 << 10), -3, -1, 0, 1, 2, 77, (1 << 19) - 1] {
            let entry = curve.entry(v, limits).unwrap();
            if exact::value(kind, Wide::scaled(v, input), output, limits).is_none() {
                assert_eq!(
                    slow_entry(&curve, v, limits, &kernel),
                    Some(entry),
                    "{curve} at {v}"
                );
            }
        }
    }
}

#[test]
fn hostile_parameters_are_refused() {
    // As a file would bring them: mantissa and exponent of input and output, each a varint.
    let read = |bytes: &[u8]| postcard::from_bytes::<Curve>(bytes);
    let curve = Curve::new(CurveKind::Exp, number(0.5), number(0.25)).unwrap();
    let bytes = postcard::to_stdvec(&curve).unwrap();
    assert_eq!(bytes, [11, 2, 1, 2, 3]);
    assert_eq!(read(&bytes).unwrap(), curve);
    let hostile: [&[u8]; 6] = [
        // Steps 0, -1, 2 * 2^-1, and a zero that is written otherwise.
        &[11, 0, 0, 2, 3],
        &[11, 1, 1, 2, 3],
        &[11, 4, 1, 2, 3],
        &[11, 0, 1, 2, 3],
        // Exponents -161 and 65.
        &[11, 2, 0xc1, 0x02, 2, 3],
        &[11, 2, 1, 2, 0x82, 0x01],
    ];
    for bytes in hostile {
        let curve = read(bytes).unwrap();
        assert!(curve.validate().is_err(), "{curve:?}");
        let table = FunctionTable {
            function: Function::Curve(curve),
            domain_bits: 4,
            minimum: -8,
            maximum: 7,
        };
        assert!(matches!(table.cells(), Err(TableError::Parameter { .. })));
        assert!(matches!(table.apply(1), Err(TableError::Parameter { .. })));
    }
    assert!(read(&[12, 2, 1, 2, 3]).is_err(), "there is no such function");
    let step = Dyadic::ONE;
    for beta in [Dyadic::ZERO, number(-1.0)] {
        let kind = CurveKind::Softplus {
            beta,
            threshold: step,
        };
        assert!(Curve::new(kind, step, step).is_err());
    }
}

#[test]
fn curves_travel_and_are_shown() {
    for kind in kinds() {
        let curve = Curve::new(kind, number(0.01), number(0.125)).unwrap();
        let bytes = postcard::to_stdvec(&curve).unwrap();
        assert_eq!(postcard::from_bytes::<Curve>(&bytes).unwrap(), curve);
        // Nothing that was computed travels.
        curve.table(4, (-9, 9)).unwrap();
        assert_eq!(postcard::to_stdvec(&curve).unwrap(), bytes);
    }
    let curve = Curve::new(kinds()[9], number(0.5), number(0.125)).unwrap();
    assert_eq!(
        curve.to_string(),
        "softplus(beta 1.25, threshold 20.0) in steps of 0.5 to 0.125"
    );
}

#[test]
fn a_table_is_remembered_for_its_domain_and_limits() {
    let curve = Curve::new(CurveKind::Silu, number(0.1), number(0.1)).unwrap();
    let first = curve.clone().table(6, (-9, 9)).unwrap();
    let again = curve.table(6, (-9, 9)).unwrap();
    assert!(Arc::ptr_eq(&first.entries, &again.entries));
    let wider = curve.table(7, (-9, 9)).unwrap();
    assert_eq!(wider.entries.len(), 256);
    assert_eq!(wider.entries[64..192], first.entries[..]);
    let narrower = curve.table(6, (-1, 3)).unwrap();
    let clamped: Vec<i64> = first.entries.iter().map(|&entry| entry.clamp(-1, 3)).collect();
    assert_eq!(narrower.entries[..], clamped[..]);
}

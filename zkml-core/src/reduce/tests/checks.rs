//! Each check of the reduction alone: one value is false, and neither another check nor a claim that is left notices.
//! And what is known is not sent.

use crate::circuit::{
    Axis, Circuit, Column, ColumnId, ColumnKind, Contraction, Factor, Linear, Schedule, View,
};
use crate::circuit::{Public, Term};
use crate::field::{K, M61};
use crate::poly::{self, Coordinate};
use crate::reduce::{
    Cells, Claims, Columns, Cpu, Instance, Operand, Point, ProverSide, Side, Values, VerifierSide,
};
use crate::reduce::{challenge_point, coordinates, reduce};
use crate::sumcheck::Reduced;
use crate::transcript::{Check, ProverTranscript, Quadratic, VerifierTranscript, VerifyError};

const A: ColumnId = ColumnId(0);
const B: ColumnId = ColumnId(1);
const C: ColumnId = ColumnId(2);

/// A side without sumchecks that knows all cells, sends true values, and notes the checks that fail.
struct Noting<'v> {
    values: &'v Values<'v>,
    sent: Vec<ColumnId>,
    violated: Vec<&'static str>,
}

impl Side for Noting<'_> {
    type Scalar = K;
    type Error = VerifyError;

    fn challenges(&mut self, _: &'static str, _: usize) -> Vec<K> {
        unreachable!("nothing is drawn")
    }

    fn term(&mut self, column: ColumnId, point: &Point) -> Result<K, VerifyError> {
        self.sent.push(column);
        self.public(column, point)
    }

    fn sumcheck(&mut self, _: &[Instance], _: &[K]) -> Result<Reduced<K>, VerifyError> {
        unreachable!("nothing is summed")
    }

    fn operand(&mut self, _: usize, _: Operand) -> Result<K, VerifyError> {
        unreachable!("nothing is summed")
    }

    fn public(&self, column: ColumnId, point: &[Coordinate]) -> Result<K, VerifyError> {
        Ok(truth(self.values, column, point))
    }

    fn constrain_zero(&mut self, check: Check<'_>, value: K) -> Result<(), VerifyError> {
        if value != K::from(0u64) {
            self.violated.push(check.name);
        }
        Ok(())
    }

    fn constrain_quadratic(&mut self, _: Check<'_>, _: Quadratic<'_, K>) -> Result<(), VerifyError> {
        unreachable!("nothing is summed")
    }
}

fn truth(values: &Values<'_>, column: ColumnId, point: &[Coordinate]) -> K {
    poly::evaluate_base(&values.cells(column).to_base(), &coordinates(point))
}

/// A point of challenges.
fn challenges(count: u64) -> Point {
    let challenge = |k| K::new(M61::from(7 + k), M61::from(1000 - k));
    challenge_point(&(0..count).map(challenge).collect::<Vec<_>>())
}

fn circuit(columns: Vec<(&str, &[usize], ColumnKind)>) -> Circuit {
    let columns = columns.into_iter();
    let circuit = Circuit {
        columns: columns
            .map(|(name, shape, kind)| Column::new(name, shape, kind))
            .collect(),
        ..Circuit::default()
    };
    circuit.validate().expect("a valid circuit");
    circuit
}

/// Cells for the committed columns of a circuit.
fn filled(circuit: &Circuit) -> Values<'_> {
    let values = Values::new(circuit);
    for id in circuit.committed() {
        let cells = 0..circuit[id].shape.padded_len() as u64;
        values.set(
            id,
            Cells::Base(cells.map(|cell| M61::from(cell * cell + 3)).collect()),
        );
    }
    values
}

/// Reduces true claims on columns at points, but for what is added to their values. Every claim that is left is true.
/// Returns the checks that fail, and the columns of which values were sent.
fn reduced(
    circuit: &Circuit,
    claimed: &[(ColumnId, &Point, u64)],
) -> Result<(Vec<&'static str>, Vec<ColumnId>), VerifyError> {
    let values = filled(circuit);
    let mut side = Noting {
        values: &values,
        sent: vec![],
        violated: vec![],
    };
    let mut claims = Claims::new(circuit);
    for &(column, point, more) in claimed {
        let value = truth(&values, column, point) + K::from(more);
        claims.add(&mut side, circuit, column, Point::clone(point), value)?;
    }
    reduce(&mut side, circuit, &Schedule::new(circuit), &mut claims)?;
    for id in circuit.committed() {
        for (point, value) in claims.of(id) {
            assert_eq!(*value, truth(&values, id, point), "{}", circuit[id].name);
        }
    }
    Ok((side.violated, side.sent))
}

/// Columns `a` and `b`, and `a + 2 b`.
fn a_sum() -> Circuit {
    let term = |coefficient: u64, column| Term {
        coefficient: M61::from(coefficient),
        column,
    };
    let linear = Linear {
        terms: vec![term(1, A), term(2, B)],
        constant: M61::from(5u64),
    };
    circuit(vec![
        ("a", &[4], ColumnKind::trace(false)),
        ("b", &[4], ColumnKind::trace(false)),
        ("sum", &[4], ColumnKind::Linear(linear)),
    ])
}

/// A column, and a view of it along a new axis of three indices.
fn a_broadcast(source: ColumnKind) -> Circuit {
    let view = View {
        source: A,
        factors: vec![Factor::broadcast(0), Factor::identity(1, 0)],
    };
    circuit(vec![
        ("source", &[4], source),
        ("view", &[3, 4], ColumnKind::View(view)),
    ])
}

#[test]
fn a_sum_of_known_terms_is_checked() {
    let (circuit, z) = (a_sum(), challenges(2));
    for (more, violated) in [(0, vec![]), (1, vec!["reduce.linear"])] {
        let claimed = [(A, &z, 0), (B, &z, 0), (C, &z, more)];
        assert_eq!(reduced(&circuit, &claimed), Ok((violated, vec![])));
    }
}

#[test]
fn a_source_that_is_public_is_checked() {
    let circuit = a_broadcast(ColumnKind::Public(Public::Constant(vec![4, -1, 0, 9])));
    for (more, violated) in [(0, vec![]), (1, vec!["reduce.public"])] {
        assert_eq!(
            reduced(&circuit, &[(B, &challenges(4), more)]),
            Ok((violated, vec![]))
        );
    }
}

#[test]
fn a_source_that_is_claimed_is_checked() {
    let (circuit, z) = (a_broadcast(ColumnKind::trace(false)), challenges(4));
    let below: Point = z[2..].into();
    for (more, violated) in [(0, vec![]), (1, vec!["reduce.duplicate"])] {
        let claimed = [(A, &below, 0), (B, &z, more)];
        assert_eq!(reduced(&circuit, &claimed), Ok((violated, vec![])));
    }
}

#[test]
fn a_view_of_weight_zero_is_zero() {
    // The three indices of a broadcast weigh 1 - z_0 z_1 together.
    let broadcast = a_broadcast(ColumnKind::trace(false));
    let mut z: Vec<K> = coordinates(&challenges(4));
    z[1] = ark_ff::Field::inverse(&z[0]).expect("not 0");
    // Cells 4 and 5 of six are a block of two; cell 3 is outside.
    let block = View {
        source: A,
        factors: vec![Factor::affine(&[(0, 1)], -4, 0)],
    };
    let block = circuit(vec![
        ("a", &[2], ColumnKind::trace(false)),
        ("b", &[6], ColumnKind::View(block)),
    ]);
    let outside: Point = [false, true, true].map(Coordinate::Bit).into();
    for (circuit, z) in [(broadcast, challenge_point(&z)), (block, outside)] {
        for (value, violated) in [(0, vec![]), (1, vec!["reduce.outside"])] {
            assert_eq!(reduced(&circuit, &[(B, &z, value)]), Ok((violated, vec![])));
        }
    }
}

#[test]
fn one_term_of_a_sum_is_not_sent_and_none_that_is_known() {
    let (circuit, z) = (a_sum(), challenges(2));
    assert_eq!(reduced(&circuit, &[(C, &z, 0)]), Ok((vec![], vec![A])));
    assert_eq!(reduced(&circuit, &[(B, &z, 0), (C, &z, 0)]), Ok((vec![], vec![])));
}

#[test]
fn an_operand_that_is_claimed_is_not_sent() {
    let outer = Contraction {
        left: A,
        right: B,
        axes: vec![Axis::free_left(0, 0), Axis::free_right(0, 1)],
    };
    let circuit = circuit(vec![
        ("a", &[4], ColumnKind::trace(false)),
        ("b", &[2], ColumnKind::trace(false)),
        ("outer", &[4, 2], ColumnKind::Contraction(outer)),
    ]);
    let (schedule, values, z) = (Schedule::new(&circuit), filled(&circuit), challenges(3));
    let points: [Point; 2] = [z[..2].into(), z[2..].into()];
    // Neither operand, one of them, or both are claimed before.
    for known in 0..3 {
        let mut given = vec![(C, &z)];
        given.extend([A, B].into_iter().zip(&points).take(known));
        let claims = |more: u64| {
            let mut claims = Claims::<K>::new(&circuit);
            let mut side = Noting {
                values: &values,
                sent: vec![],
                violated: vec![],
            };
            for (index, &(column, point)) in given.iter().enumerate() {
                let more = if index + 1 == given.len() { more } else { 0 };
                let value = truth(&values, column, point) + K::from(more);
                let added = claims.add(&mut side, &circuit, column, Point::clone(point), value);
                added.expect("one claim each");
            }
            claims
        };
        let mut transcript = ProverTranscript::new("test");
        let columns = Columns {
            circuit: &circuit,
            schedule: &schedule,
            values: &values,
        };
        let mut side = ProverSide::new(&Cpu, &mut transcript, columns);
        reduce(&mut side, &circuit, &schedule, &mut claims(0)).expect("cells");
        let proof = transcript.into_proof();
        assert_eq!(proof.len(), 16 * (2 - known));
        for more in 0..2 {
            let mut claims = claims(more);
            let mut transcript = VerifierTranscript::new("test", &proof);
            let mut side = VerifierSide {
                channel: &mut transcript,
                public: &|_, _| unreachable!("nothing is public"),
            };
            match reduce(&mut side, &circuit, &schedule, &mut claims) {
                Ok(()) => assert_eq!(more, 0, "{known}"),
                Err(VerifyError::Check { name, .. }) => assert_eq!((name, more), ("reduce.stage", 1)),
                other => panic!("{other:?}"),
            }
            for (column, point) in [A, B].into_iter().zip(&points) {
                assert_eq!(claims.of(column).len(), 1);
                let same = claims.of(column)[0].1 == truth(&values, column, point);
                let altered = more == 1 && known > 0 && column == [A, B][known - 1];
                assert_eq!(same, !altered);
            }
        }
    }
}

//! The tape against the forms written out, and what it refuses.

use ark_ff::{AdditiveGroup, Field};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::tape::MAXIMUM_TAPE;
use super::{Constraint, Form, MaskedVerifier, Record, Replay, Tape, TapeSize};
use crate::field::{K, M61, P};
use crate::transcript::{Check, Quadratic, Scalar, VerifierChannel, VerifyError};

const CHECK: Check<'static> = Check {
    name: "test",
    place: "here",
};

fn random(rng: &mut StdRng, count: usize) -> Vec<K> {
    let mut part = || M61::from_raw(rng.gen_range(0..P));
    let mut element = || {
        let c0 = part();
        K::new(c0, part())
    };
    (0..count).map(|_| element()).collect()
}

/// A form with a coefficient for each pad.
#[derive(Clone)]
struct Written {
    constant: K,
    coefficients: Vec<K>,
}

impl Written {
    fn combined(&self, other: &Self, factor: K) -> Self {
        let pairs = self.coefficients.iter().zip(&other.coefficients);
        Self {
            constant: self.constant + factor * other.constant,
            coefficients: pairs.map(|(a, b)| *a + factor * b).collect(),
        }
    }

    /// Homogeneous: the linear part at `point`, and `xi` times the constant.
    fn at(&self, point: &[K], xi: K) -> K {
        let products = self.coefficients.iter().zip(point).map(|(c, x)| *c * x);
        products.sum::<K>() + self.constant * xi
    }
}

/// Random operations, twice: with forms on a tape, and with forms that are written out.
#[test]
fn a_tape_says_what_the_written_forms_say() {
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..50 {
        let scalars = rng.gen_range(1..6);
        let constants = random(&mut rng, scalars);
        let tape = Tape::default();
        let mut forms: Vec<Form<'_>> = tape.scalars(&constants).expect("room");
        let mut written: Vec<Written> = (0..scalars)
            .map(|index| Written {
                constant: constants[index],
                coefficients: (0..scalars)
                    .map(|pad| if pad == index { -K::ONE } else { K::ZERO })
                    .collect(),
            })
            .collect();
        let constant = random(&mut rng, 1)[0];
        forms.push(Form::from(constant));
        written.push(Written {
            constant,
            coefficients: vec![K::ZERO; scalars],
        });
        for _ in 0..20 {
            let [a, b] = [0; 2].map(|_: usize| rng.gen_range(0..forms.len()));
            let factor = random(&mut rng, 1)[0];
            let (form, sum) = match rng.gen_range(0..4) {
                0 => (forms[a] + forms[b], written[a].combined(&written[b], K::ONE)),
                1 => (forms[a] - forms[b], written[a].combined(&written[b], -K::ONE)),
                2 => (
                    forms[a] + -(forms[b] * factor),
                    written[a].combined(&written[b], -factor),
                ),
                _ => {
                    let scaled = forms[b] * factor;
                    (forms[a] + &scaled, written[a].combined(&written[b], factor))
                }
            };
            forms.push(form);
            written.push(sum);
        }
        let point = random(&mut rng, scalars + 1);
        let xi = random(&mut rng, 1)[0];
        let mut expected = Vec::new();
        for _ in 0..4 {
            let [l, a, b, c, d] = [0; 5].map(|_: usize| rng.gen_range(0..forms.len()));
            let f = random(&mut rng, 2);
            let sum = Quadratic {
                linear: forms[l],
                products: &[(f[0], &forms[a], &forms[b]), (f[1], &forms[c], &forms[d])],
            };
            tape.state(CHECK, sum).expect("room");
            let [l, a, b, c, d] = [l, a, b, c, d].map(|index| written[index].at(&point, xi));
            expected.push(l * xi + f[0] * a * b + f[1] * c * d);
        }
        let size = tape.size().expect("room");
        assert_eq!((size.scalars, size.constraints, size.products), (scalars, 4, 8));
        assert!(size.sums <= 20);
        let constraints = tape.into_constraints(&size, &point).expect("constraints");
        let found: Vec<K> = constraints.iter().map(|constraint| constraint.at(xi)).collect();
        assert_eq!(found, expected);
    }
}

/// Only the sum of two forms with linear parts takes an entry.
#[test]
fn multiples_and_constants_take_no_entries() {
    let tape = Tape::default();
    let forms = tape.scalars(&[K::ONE, K::ONE]).expect("room");
    let multiple = -(forms[0] * K::from(3u64)) + Form::from(K::ONE) - Form::zero();
    assert_eq!(tape.size().expect("room").sums, 0);
    let _ = multiple - forms[1];
    assert_eq!(tape.size().expect("room").sums, 1);
}

/// A tape of two scalars and their sum, which is stated to be 0.
fn short() -> (Tape, TapeSize) {
    let tape = Tape::default();
    let forms = tape.scalars(&[K::ONE, K::ONE]).expect("room");
    let linear = forms[0] + forms[1];
    let sum = Quadratic {
        linear,
        products: &[],
    };
    tape.state(CHECK, sum).expect("room");
    let size = tape.size().expect("room");
    (tape, size)
}

#[test]
fn a_tape_of_another_size_gives_no_constraints() {
    let (tape, size) = short();
    assert_eq!(
        tape.into_constraints(&size, &[K::ONE; 3]).expect("whole").len(),
        1
    );
    type Alter = fn(&mut TapeSize);
    let others: [Alter; 6] = [
        |size| size.scalars += 1,
        |size| size.sums += 1,
        |size| size.sums -= 1,
        |size| size.constraints += 1,
        |size| size.constraints -= 1,
        |size| size.products += 1,
    ];
    let broken = |result: Result<Vec<Constraint>, VerifyError>| {
        assert!(matches!(result, Err(VerifyError::Invariant { .. })));
    };
    for alter in others {
        let (tape, mut size) = short();
        alter(&mut size);
        broken(tape.into_constraints(&size, &vec![K::ONE; size.scalars + 1]));
    }
    for values in [0, 1, 2, 4] {
        let (tape, size) = short();
        broken(tape.into_constraints(&size, &vec![K::ONE; values]));
    }
}

/// What does not fit is an error at the next word on the channel, and at the end: never a constraint that says less.
#[test]
fn a_full_tape_is_an_error() {
    let full = |error: VerifyError| assert!(matches!(error, VerifyError::Key(_)), "{error}");
    let zero = || Quadratic {
        linear: Form::zero(),
        products: &[],
    };
    type Add = for<'t> fn(&'t Tape, &[Form<'t>]);
    let one_too_many: [Add; 3] = [
        |_, forms| {
            let _ = forms[0] + forms[1] + forms[0];
        },
        |tape, _| assert!(tape.scalars(&[K::ONE; 2]).is_err()),
        |tape, forms| {
            let products = &[(K::ONE, &forms[0], &forms[1])];
            let linear = Form::zero();
            assert!(tape.state(CHECK, Quadratic { linear, products }).is_err());
        },
    ];
    for add in one_too_many {
        let tape = Tape::default();
        let forms = tape.scalars(&vec![K::ONE; MAXIMUM_TAPE - 1]).expect("room");
        let size = tape.size().expect("room");
        add(&tape, &forms);
        full(tape.size().expect_err("full"));
        full(tape.scalars(&[]).expect_err("full"));
        full(tape.state(CHECK, zero()).expect_err("full"));
        full(tape.into_constraints(&size, &[]).expect_err("full"));
    }
    let tape = Tape::default();
    let _ = tape.scalars(&vec![K::ONE; MAXIMUM_TAPE - 1]).expect("room");
    tape.state(CHECK, zero()).expect("room for one");
    tape.size().expect("just full");
}

/// Nothing of a record may be left, and nothing may be heard that is not in it.
#[test]
fn a_record_is_heard_to_its_end() {
    let record = Record {
        scalars: vec![K::ONE; 2],
        challenges: vec![K::ONE],
        extension: vec![vec![K::ONE; 2]],
        digests: vec![[1; 32]],
    };
    type Hear = fn(&mut Replay<'_>) -> Result<(), VerifyError>;
    let all: [Hear; 4] = [
        |replay| replay.read_scalars("s", 2).map(|_| ()),
        |replay| {
            replay.challenge("c");
            Ok(())
        },
        |replay| replay.read_extension("e", 2).map(|_| ()),
        |replay| replay.read_node("d", 32).map(|_| ()),
    ];
    let broken = |result: Result<(), VerifyError>| {
        assert!(matches!(result, Err(VerifyError::Invariant { .. })));
    };
    let mut replay = Replay::new(&record);
    all.iter().for_each(|hear| hear(&mut replay).expect("recorded"));
    assert_eq!(replay.finish(), Ok(()));
    for missing in 0..all.len() {
        let mut replay = Replay::new(&record);
        let heard = all.iter().enumerate().filter(|(index, _)| *index != missing);
        heard.for_each(|(_, hear)| hear(&mut replay).expect("recorded"));
        broken(replay.finish());
    }
    // A second time there is nothing. For a challenge the end says so.
    for hear in all {
        let mut replay = Replay::new(&record);
        all.iter().for_each(|hear| hear(&mut replay).expect("recorded"));
        broken(hear(&mut replay).and_then(|()| replay.finish()));
    }
}

/// Scalars are counted as they are read, whatever they are under.
#[test]
fn padded_scalars_are_forms() {
    let record = Record {
        scalars: vec![K::from(5u64), K::from(7u64)],
        ..Record::default()
    };
    let tape = Tape::default();
    let mut replay = Replay::new(&record);
    let mut channel = MaskedVerifier::new(&mut replay, &tape);
    let value = channel.read_scalar("a").expect("a scalar");
    let other = channel.read_scalar("b").expect("a scalar");
    assert_eq!(format!("{value:?} {tape:?}"), "Form { .. } Tape { .. }");
    channel
        .constrain_zero(CHECK, value - other * K::from(2u64))
        .expect("stated");
    let size = tape.size().expect("room");
    let point = [2u64, 3, 100].map(K::from);
    let constraints = tape.into_constraints(&size, &point).expect("constraints");
    // (5 - d0) - 2 (7 - d1), at (2, 3) the linear part is -2 + 6.
    assert_eq!(
        constraints[0].coefficients,
        [K::ZERO, K::from(4u64), -K::from(9u64)]
    );
}
